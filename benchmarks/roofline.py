"""The time bound of ten layers against the time they take, on this machine's own measured roof.

    python benchmarks/roofline.py

A bound is right if nothing is faster, and useful if a layer that does what its formula says comes
near. Uses a GPU if there is one, else the CPU. Writes
benchmarks/results/roofline.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from torch import nn

from helpers.conventions import format_bytes, format_count
from helpers.hardware import measure
from helpers.meter import count
from helpers.roofline import point

LAYERS: tuple[tuple[str, Callable[[], nn.Module], tuple[int, ...]], ...] = (
    ("linear, 1 row", lambda: nn.Linear(4096, 4096), (1, 4096)),
    ("linear, 512 rows", lambda: nn.Linear(2048, 2048), (512, 2048)),
    ("convolution 3 × 3", lambda: nn.Conv2d(128, 128, 3, padding=1), (8, 128, 56, 56)),
    ("convolution 1 × 1", lambda: nn.Conv2d(256, 256, 1), (8, 256, 56, 56)),
    ("depthwise 3 × 3", lambda: nn.Conv2d(256, 256, 3, padding=1, groups=256), (8, 256, 56, 56)),
    ("ReLU", nn.ReLU, (16, 256, 56, 56)),
    ("GELU", nn.GELU, (16, 256, 56, 56)),
    ("batch norm, eval", lambda: nn.BatchNorm2d(256), (16, 256, 56, 56)),
    ("layer norm", lambda: nn.LayerNorm(1024), (8, 1024, 1024)),
    ("softmax", lambda: nn.Softmax(-1), (8, 1024, 1024)),
)


def best_time(layer: nn.Module, x: torch.Tensor, seconds: float = 1.5) -> float:
    """The fastest of as many runs as fit into `seconds`, in seconds."""
    best, end = float("inf"), time.perf_counter() + seconds
    with torch.inference_mode():
        layer(x)
        while time.perf_counter() < end:
            start = time.perf_counter()
            layer(x)
            if x.is_cuda:
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    where = "cuda" if torch.cuda.is_available() else "cpu"
    roof = measure("fp32", refresh=True)
    # The fastest layer is compared with the fastest that the machine did, not with its median.
    machine = replace(
        roof.as_device(), peak={"fp32": roof.flop_spread[1]}, bandwidth=roof.bandwidth_spread[1]
    )
    report = [
        "# Time bounds against measured times",
        "",
        f"{date.today()}, {roof.name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads,"
        f" torch {torch.__version__}, fp32.",
        f"Measured roof: {format_count(roof.flop_spread[1], 'FLOP/s')}, the fastest matrix product"
        f" (median {format_count(roof.flop_rate)}), and"
        f" {format_bytes(roof.bandwidth_spread[1], 'decimal')}/s, the fastest copy"
        f" (median {format_bytes(roof.bandwidth, 'decimal')}/s).",
        "Measured is the fastest run in 1.5 s; ratio is measured over bound. Under 1 is a tensor",
        "that stays in the cache from run to run, or a roof that was measured while the machine",
        f"did other work: its load was {os.getloadavg()[0]:.1f}.",
        "",
        "| layer | FLOP | bytes | FLOP/B | bound by | bound, ms | measured, ms | ratio |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for name, build, shape in LAYERS:
        layer = build().eval()
        counted = count(layer, shape)
        bound = point(name, counted.flops, counted.bytes_moved, machine, "fp32")
        measured = best_time(layer.to(where), torch.randn(shape, device=where))
        report.append(
            f"| {name} | {format_count(counted.flops)} | {format_bytes(counted.bytes_moved)}"
            f" | {counted.intensity:.1f} | {bound.bound} | {bound.time * 1e3:.3f}"
            f" | {measured * 1e3:.3f} | {measured / bound.time:.2f} |"
        )
    path = Path(__file__).parent / "results" / "roofline.md"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text("\n".join([*report, ""]))
    unfinished.replace(path)
    print(path.read_text())


if __name__ == "__main__":
    main()
