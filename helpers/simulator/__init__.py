"""Runs CUDA kernels without a GPU and counts what they read and write, as the GPU puzzles do.

A kernel is a plain function written as for `numba.cuda.jit`. `launch` runs it in this process, one
thread at a time and always in the same order; `launch_in_numba` runs it on Numba's CUDA simulator.
They share nothing but the counting, so what both say is the kernel's doing.
"""
# ruff: noqa: F401 (these names are for others)

from helpers.simulator.counting import CountedArray, Counts
from helpers.simulator.grid import launch
from helpers.simulator.numba_cuda import launch_in_numba
from helpers.simulator.races import KernelError
