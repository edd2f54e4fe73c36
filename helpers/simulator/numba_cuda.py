"""Runs a kernel on Numba's CUDA simulator, with counting arrays, in a process of its own.

Numba decides between a GPU and its simulator when it is imported (NUMBA_ENABLE_CUDASIM), and the
process that asks has mostly imported it already. `numba_process` is that other process.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.simulator.counting import Counts

#: Seconds after which a launch is given up.
PATIENCE = 120.0


def launch_in_numba(
    kernel: Callable[..., None],
    blocks: int | tuple[int, ...],
    threads: int | tuple[int, ...],
    *args: Any,
) -> Counts:
    """Runs a kernel on Numba's simulator and says what it read and wrote in global memory.

    Args:
        kernel: as for `launch`. Its source is sent, with the plain numbers among the globals it
            names; `cuda`, `numba`, `math`, `numpy` and `np` are there.
        blocks, threads: as for `launch`.
        args: numpy arrays, which are changed in place, and numbers.

    Threads really run at the same time here: what a kernel with a race gives can differ from run
    to run. Shared memory and barriers are Numba's own and are not counted.

    Raises RuntimeError, with the last line of what Numba said, when the kernel fails.
    """
    plain = getattr(kernel, "py_func", kernel)
    used = ((name, plain.__globals__.get(name)) for name in plain.__code__.co_names)
    task = {
        "source": _source(plain),
        "name": plain.__name__,
        "constants": {name: value for name, value in used if isinstance(value, int | float)},
        "blocks": blocks,
        "threads": threads,
        "args": [
            {"dtype": arg.dtype.name, "shape": arg.shape, "values": arg.ravel().tolist()}
            if isinstance(arg, np.ndarray)
            else arg
            for arg in args
        ],
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "helpers.simulator.numba_process"],
            input=json.dumps(task),
            env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"Numba's simulator did not end within {PATIENCE:.0f} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word"]
        raise RuntimeError(f"Numba's simulator: {said[-1]}")
    answer = json.loads(done.stdout)
    for arg, values in zip(args, answer["arrays"], strict=True):
        if isinstance(arg, np.ndarray):
            arg[...] = np.array(values, arg.dtype).reshape(arg.shape)
    return Counts(answer["reads"], answer["writes"])


def _source(kernel: Callable[..., None]) -> str:
    """A kernel's text without decorators, one statement a line: Numba's simulator tells shared
    arrays apart by the line that asks for them."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(kernel))).body
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list = []
    return ast.unparse(function)
