"""Lets one counter count all cases, in a process of its own; `benchmarks/meter.py` starts it.

    python benchmarks/meter_tool.py TOOL [FIRST]

Prints one line of JSON for each case: MAC as the tool has them (FLOP halved where it counts two for
a MAC), seconds to build and count (the faster of two), the error if there was one; last, the memory
that all cases together added to what importing took. It ends at an error, because some tools leave
PyTorch changed behind them then: start it again with the number of the next case.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

Tool = Callable[[Any, tuple[int, ...]], float]


def course(model: Any, shape: tuple[int, ...]) -> float:
    from helpers.meter import count

    return count(model, shape).macs


def pytorch(model: Any, shape: tuple[int, ...]) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        model(torch.empty(shape, device="meta"))
    return counter.get_total_flops() / 2


def fvcore(model: Any, shape: tuple[int, ...]) -> float:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, torch.randn(shape))
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def flopco(model: Any, shape: tuple[int, ...]) -> float:
    from flopco import FlopCo

    return FlopCo(model, img_size=shape, device="cpu").total_macs


def thop(model: Any, shape: tuple[int, ...]) -> float:
    from thop import profile

    return profile(model, inputs=(torch.randn(shape),), verbose=False)[0]


def ptflops(model: Any, shape: tuple[int, ...]) -> float:
    from ptflops import get_model_complexity_info

    macs, _ = get_model_complexity_info(
        model,
        shape[1:],
        as_strings=False,
        print_per_layer_stat=False,
        backend="aten",
        input_constructor=lambda _: torch.randn(shape),
    )
    return macs


def torchinfo(model: Any, shape: tuple[int, ...]) -> float:
    from torchinfo import summary

    return summary(model, input_data=torch.randn(shape), verbose=0).total_mult_adds


def calflops(model: Any, shape: tuple[int, ...]) -> float:
    from calflops import calculate_flops

    _, macs, _ = calculate_flops(
        model, args=[torch.randn(shape)], print_results=False, output_as_string=False
    )
    return macs


def torchlens(model: Any, shape: tuple[int, ...]) -> float:
    from torchlens import trace

    return int(trace(model, torch.randn(shape)).total_macs_forward)


TOOLS: dict[str, Tool] = {
    "course": course,
    "FlopCounterMode": pytorch,
    "fvcore": fvcore,
    "flopco-pytorch": flopco,
    "thop": thop,
    "ultralytics-thop": thop,
    "ptflops": ptflops,
    "torchinfo": torchinfo,
    "calflops": calflops,
    "TorchLens": torchlens,
}
ON_META = ("course", "FlopCounterMode")


def peak() -> int:
    """Most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    name, first = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    tool = TOOLS[name]
    warnings.simplefilter("ignore")
    from meter_cases import CASES

    shape = (1, 3, 32, 32)
    small = torch.nn.Conv2d(3, 4, 3, device="meta" if name in ON_META else "cpu")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        tool(small, shape)  # imports the tool
    before = peak()
    for case in CASES[first:]:
        line: dict[str, Any] = {"tool": name, "case": case.name}
        try:
            for _ in range(2):
                start = time.perf_counter()
                with torch.device("meta" if name in ON_META else "cpu"):
                    model = case.build().eval()
                with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
                    line["macs"] = tool(model, case.shape)
                line["seconds"] = min(
                    line.get("seconds", float("inf")), time.perf_counter() - start
                )
        except Exception as error:
            line["error"] = f"{type(error).__name__}: {str(error).strip()[:200]}"
        print(json.dumps(line), flush=True)
        if "error" in line:
            break
    print(json.dumps({"tool": name, "base_memory": before, "added_memory": peak() - before}))


if __name__ == "__main__":
    main()
