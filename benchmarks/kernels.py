"""Unit 08's orderings on this machine: parallel against serial, fused against separate, tiles.

    python benchmarks/kernels.py

The loops and kernels are those of the unit's text. What is compared runs in turn within one round,
many rounds, so that what disturbs the machine disturbs both. Writes benchmarks/results/kernels.md;
exit code 1 if an ordering does not hold, as parallel against serial cannot where other programs
have all cores.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numba
import numpy as np
from numba import cuda, njit, prange

from helpers.hardware import measure
from helpers.simulator import CountedArray, launch, launch_in_numba

ROUNDS = 25
TILE = 4
#: What of the unit is run here.
NAMES = (
    "row_bells",
    "parallel_row_bells",
    "separate",
    "together",
    "naive_kernel",
    "tiled_kernel",
)


def kernels_of_the_unit() -> SimpleNamespace:
    """Every function of unit 08's text that the benchmark runs, by name."""
    path = Path(__file__).parents[1] / "source" / "08_kernels" / "kernels.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", "") in NAMES]
    names = {"numpy": np, "numba": numba, "cuda": cuda, "prange": prange, "TILE": TILE}
    exec(compile(tree, path, "exec"), names)
    return SimpleNamespace(**{name: names[name] for name in NAMES})


def in_turn(runs: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Milliseconds of each run in each round, after one that compiles."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for each_round in range(ROUNDS + 1):
        for name, run in runs.items():
            # After a parallel loop its threads spin for a while, in the next run's way.
            time.sleep(0.02)
            start = time.perf_counter()
            run()
            if each_round:
                times[name].append(1e3 * (time.perf_counter() - start))
    return times


def time_rows(times: Mapping[str, list[float]], base: str) -> list[str]:
    """A table of medians, spreads, and how much faster than `base` each is."""
    rows = ["| | median, ms | fastest to slowest, ms | times as fast | faster in rounds |"]
    rows.append("|---|---:|---:|---:|---:|")
    for name, measured in times.items():
        won = sum(mine < other for mine, other in zip(measured, times[base], strict=True))
        rows.append(
            f"| {name} | {median(measured):.2f} | {min(measured):.2f} to {max(measured):.2f}"
            f" | {median(times[base]) / median(measured):.2f}"
            f" | {'' if name == base else f'{won} of {ROUNDS}'} |"
        )
    return rows


def clearly_faster(mine: list[float], other: list[float]) -> bool:
    """Faster in three quarters of the rounds and in the median."""
    won = sum(a < b for a, b in zip(mine, other, strict=True))
    return won >= 0.75 * len(mine) and median(mine) < median(other)


def counted_bytes(loop: Callable[..., None], arrays: int, numbers: int) -> int:
    """Bytes that a loop over fp32 arrays reads and writes, counted element by element."""
    counting = [CountedArray(np.ones(numbers, np.float32)) for _ in range(arrays)]
    loop(2.0, *counting)
    return 4 * sum(array.reads + array.writes for array in counting)


def parallel_section(unit: SimpleNamespace, report: list[str]) -> bool:
    x, out = np.random.default_rng(0).random((4000, 2000)), np.zeros(4000)
    functions = {
        "range": njit(unit.row_bells),
        "prange": njit(unit.parallel_row_bells),
        "prange, parallel=True": njit(parallel=True)(unit.parallel_row_bells),
    }
    times = in_turn({name: lambda f=f: f(x, out) for name, f in functions.items()})
    report += [
        "## Rows of 2000 exponentials, 4000 of them, float64",
        "",
        *time_rows(times, "range"),
    ]
    return clearly_faster(times["prange, parallel=True"], times["range"])


def fusion_section(unit: SimpleNamespace, report: list[str]) -> bool:
    n, scale = 2**24, np.float32(2)
    x, r, t, u, out = np.random.default_rng(0).random((5, n), dtype=np.float32)
    loops = {"separate": njit(unit.separate), "fused": njit(unit.together)}
    times = in_turn(
        {
            "separate": lambda: loops["separate"](scale, x, r, t, u, out),
            "fused": lambda: loops["fused"](scale, x, r, out),
        }
    )
    sample = 4096
    moved = {
        "separate": counted_bytes(unit.separate, 5, sample) * n // sample,
        "fused": counted_bytes(unit.together, 3, sample) * n // sample,
    }
    report += [
        f"## Scale, ReLU, residual on {n:,} fp32 numbers, one core",
        "",
        *time_rows(times, "separate"),
        "",
        f"Bytes, counted element by element on {sample} numbers and scaled: separate"
        f" {moved['separate']:,}, fused {moved['fused']:,}, ratio"
        f" {moved['separate'] / moved['fused']:.2f}; times"
        f" {median(times['separate']) / median(times['fused']):.2f}.",
    ]
    return clearly_faster(times["fused"], times["separate"]) and moved["fused"] < moved["separate"]


def tiles_section(unit: SimpleNamespace, report: list[str]) -> bool:
    report += [
        f"## Global reads of an n × n product, tiles of {TILE}",
        "",
        "Counted twice: by the stand-in `launch`, and on Numba's CUDA simulator in a process of"
        " its own.",
        "",
        "| n | kernel | expected | launch | Numba | product right |",
        "|---:|---|---:|---:|---:|---|",
    ]
    holds = True
    for n in (4, 8, 16):
        a, b = np.random.default_rng(n).integers(-9, 10, (2, n, n)).astype(float)
        reads = {}
        for kernel, expected in (
            (unit.naive_kernel, 2 * n**3),
            (unit.tiled_kernel, 2 * n**3 // TILE),
        ):
            counted, right = [], True
            for run in (launch, launch_in_numba):
                out = np.zeros((n, n))
                grid = (n // TILE, n // TILE)
                counted.append(run(kernel, grid, (TILE, TILE), a, b, out).global_reads)
                right = right and np.array_equal(out, a @ b)
            reads[kernel.__name__] = counted
            holds = holds and right and counted == [expected, expected]
            report.append(
                f"| {n} | {kernel.__name__.removesuffix('_kernel')} | {expected:,}"
                f" | {counted[0]:,} | {counted[1]:,} | {'yes' if right else 'no'} |"
            )
        holds = holds and max(reads["tiled_kernel"]) < min(reads["naive_kernel"])
    return holds


def main() -> int:
    load_before = os.getloadavg()[0]
    unit = kernels_of_the_unit()
    sections: list[str] = []
    orderings = {}
    for claim, section in (
        ("parallel is faster than serial", parallel_section),
        ("fused moves fewer bytes and is faster", fusion_section),
        ("tiles read less, exactly as expected", tiles_section),
    ):
        orderings[claim] = section(unit, sections)
        sections.append("")
    report = [
        "# Kernels: orderings",
        "",
        f"{date.today()}, {measure(seconds=0.3).name}, {os.cpu_count()} cores,"
        f" {numba.get_num_threads()} Numba threads ({numba.threading_layer()}),"
        f" Python {sys.version.split()[0]}, Numba {numba.__version__}, NumPy {np.__version__}.",
        f"Load when it began {load_before:.1f}, when it ended {os.getloadavg()[0]:.1f}, niceness"
        f" {os.nice(0)}: what is above this benchmark's own load is other programs.",
        f"{ROUNDS} rounds; in each, what is compared runs in turn.",
        "",
        "| ordering | holds |",
        "|---|---|",
        *(f"| {claim} | {'yes' if holds else 'NO'} |" for claim, holds in orderings.items()),
        "",
        *sections,
        "No GPU was at hand: the kernels' times on one are not in this file.",
        "",
    ]
    path = Path(__file__).parent / "results" / "kernels.md"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text("\n".join(report))
    unfinished.replace(path)
    print(path.read_text())
    return 0 if all(orderings.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
