"""How long a run takes, to the end of what it started on a GPU.

A GPU works on while Python goes on: a call returns when the work is queued, not when it is done. So
a clock has to wait for the GPU twice: before the run, for what is still queued, and after it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any


def seconds(run: Callable[..., Any], *args: Any) -> float:
    """Seconds of one run of `run(*args)`, until the GPU, if PyTorch uses one, is done, too."""
    _wait_for_gpu()
    start = time.perf_counter()
    run(*args)
    _wait_for_gpu()
    return time.perf_counter() - start


def best_of(run: Callable[..., Any], *args: Any, runs: int = 5, patience: float = 0.0) -> float:
    """Seconds of the fastest of several runs: what else a machine does can only add to it.

    Args:
        run: called with `args` each time.
        runs: how many at least.
        patience: more runs until they have taken so many seconds in all.
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1, not {runs}")
    taken: list[float] = []
    while len(taken) < runs or sum(taken) < patience:
        taken.append(seconds(run, *args))
    return min(taken)


def _wait_for_gpu() -> None:
    # Without a loaded PyTorch that has begun to use a GPU nothing is waited for, and none is woken.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()
