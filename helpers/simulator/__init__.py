"""Runs CUDA kernels without a GPU and counts what they read and write, as the GPU puzzles do.

A kernel is a plain function written as for `numba.cuda.jit`. `launch` runs it in this process, one
thread at a time and always in the same order; `launch_in_numba` runs it on Numba's CUDA simulator.
They share nothing but the counting, so what both say is the kernel's doing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.simulator.counting import CountedArray, Counts
    from helpers.simulator.grid import launch
    from helpers.simulator.numba_cuda import launch_in_numba
    from helpers.simulator.races import KernelError

__all__ = ["CountedArray", "Counts", "KernelError", "launch", "launch_in_numba"]

_PLACES = {
    "CountedArray": "counting",
    "Counts": "counting",
    "KernelError": "races",
    "launch": "grid",
    "launch_in_numba": "numba_cuda",
}


def __getattr__(name: str) -> Any:
    """A name when it is first asked for: the ring of devices runs where there is no NumPy."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
