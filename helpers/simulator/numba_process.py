"""One launch on Numba's CUDA simulator: a task comes as JSON, an answer goes as JSON.

    NUMBA_ENABLE_CUDASIM=1 python -m helpers.simulator.numba_process < TASK

`numba_cuda` writes the task and reads the answer.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys

import numba
import numpy as np
from numba import cuda

from helpers.simulator.counting import CountedArray


def main() -> None:
    # Threads wait for each other by polling: hand over more often than every 5 ms.
    sys.setswitchinterval(1e-4)
    task = json.load(sys.stdin)
    names = {"cuda": cuda, "numba": numba, "math": math, "numpy": np, "np": np}
    names |= task["constants"]
    exec(compile(task["source"], "kernel", "exec"), names)
    args = [
        CountedArray(np.array(arg["values"], arg["dtype"]).reshape(arg["shape"]))
        if isinstance(arg, dict)
        else arg
        for arg in task["args"]
    ]
    blocks, threads = (
        tuple(task[each]) if isinstance(task[each], list) else task[each]
        for each in ("blocks", "threads")
    )
    with contextlib.redirect_stdout(sys.stderr):
        cuda.jit(names[task["name"]])[blocks, threads](*args)
    arrays = [
        arg.values.ravel().tolist() if isinstance(arg, CountedArray) else None for arg in args
    ]
    counted = [arg for arg in args if isinstance(arg, CountedArray)]
    answer = {
        "arrays": arrays,
        "reads": sum(array.reads for array in counted),
        "writes": sum(array.writes for array in counted),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
