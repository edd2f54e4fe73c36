"""How long a run takes, to the end of what it started on a GPU; and how long it may take.

A GPU works on while Python goes on: a call returns when the work is queued, not when it is done. So
a clock has to wait for the GPU twice: before the run, for what is still queued, and after it.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

#: What one call of an answer may take in a notebook, as when it is graded.
CALL_SECONDS = 10.0

#: On a busy machine a call may wait for a processor, so long that it takes so many times as long.
MOST_TIMES = 3


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


def in_time(answer: Any) -> Any:
    """The same function, with TimeoutError in place of a call that takes too long. Signals stop it,
    which are for the main thread: elsewhere, and in a browser, nothing does."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    if not callable(answer) or not on_main_thread or not hasattr(signal, "setitimer"):
        return answer

    def call(*args: Any) -> Any:
        began, used = time.perf_counter(), time.process_time()

        def stop(*_: Any) -> None:
            left = CALL_SECONDS - (time.process_time() - used)
            if left <= 0 or time.perf_counter() - began >= MOST_TIMES * CALL_SECONDS:
                raise TimeoutError(f"took longer than {CALL_SECONDS:g} s")
            signal.setitimer(signal.ITIMER_REAL, left)

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
        try:
            return answer(*args)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return call
