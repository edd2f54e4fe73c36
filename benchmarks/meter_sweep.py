"""Counts every architecture of timm, forward and backward, and compares with PyTorch's counter.

    python benchmarks/meter_sweep.py --out sweep.jsonl [--backward] [--models 'resnet*'] [--every 7]

Writes one line of JSON for each model as it goes; what is there already is not counted again, so a
run can be stopped and started. `benchmarks/meter.py report` makes tables of it.
"""

from __future__ import annotations

import argparse
import json
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import timm
import torch
from rich.progress import track
from torch.utils.flop_counter import FlopCounterMode

from helpers.meter import count


def corrected_convolution_gradient(
    gradient: Any, x: Any, weights: Any, *args: Any, out_shape: Any = None, **kwargs: Any
) -> int:
    """PyTorch's registry, with the gradient of grouped weights divided by the groups it forgets.

    Written from the shapes of the two results, not as the meter does it.
    """
    transposed, groups, wanted = args[4], args[6], args[7]
    spatial = x[2:] if transposed else gradient[2:]
    kernel = 1
    for size in (*spatial, *weights[2:]):
        kernel *= size
    one = 2 * x[0] * x[1] * gradient[1] // groups * kernel
    return one * (wanted[0] + wanted[1])


def pytorch_flops(model: torch.nn.Module, x: torch.Tensor, backward: bool) -> int:
    """FLOP by `FlopCounterMode` on the meta device."""
    mapping = {torch.ops.aten.convolution_backward: corrected_convolution_gradient}
    counter = FlopCounterMode(display=False, custom_mapping=mapping)
    with counter:
        out = model(x)
        if backward:
            outputs = [y for y in _tensors(out) if y.requires_grad]
            torch.autograd.backward(outputs, [torch.empty_like(y) for y in outputs])
    return counter.get_total_flops()


def _tensors(out: Any) -> list[torch.Tensor]:
    if isinstance(out, torch.Tensor):
        return [out]
    parts = out.values() if isinstance(out, dict) else out
    return [tensor for part in parts for tensor in _tensors(part)]


def count_one(name: str, backward: bool, compare: bool) -> dict[str, Any]:
    """What the meter and, to `compare`, PyTorch's counter say about one model, and their times."""
    result: dict[str, Any] = {"model": name, "backward": backward}
    start = time.perf_counter()
    with torch.device("meta"):
        model = timm.create_model(name).train(backward)
    result["build_s"] = time.perf_counter() - start
    x = torch.empty(1, *model.pretrained_cfg["input_size"], device="meta")
    if backward:
        x = x.expand(2, -1, -1, -1).contiguous()  # a batch norm needs more than one value
    result["input"] = list(x.shape)
    for key, run in (("course", _ours), ("pytorch", _pytorch))[: 2 if compare else 1]:
        start = time.perf_counter()
        try:
            result |= run(model, x, backward)
        except Exception as error:
            result[f"{key}_error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"
        result[f"{key}_s"] = time.perf_counter() - start
    if not backward and "course_error" not in result:
        result["timm_macs"] = count(model, x, convention="timm").macs
    return result


def _ours(model: torch.nn.Module, x: torch.Tensor, backward: bool) -> dict[str, Any]:
    counted = count(model, x, backward=backward)
    return {
        "macs": counted.macs,
        "flops": counted.flops,
        "parameters": counted.parameters,
        "bytes_moved": counted.bytes_moved,
        "bytes_unfused": counted.bytes_unfused,
        "unknown": [operation.operation for operation in counted.unknown],
        "assumptions": list(counted.assumptions),
    }


def _pytorch(model: torch.nn.Module, x: torch.Tensor, backward: bool) -> dict[str, Any]:
    try:
        with torch.set_grad_enabled(backward):
            return {"pytorch_flops": pytorch_flops(model, x, backward)}
    except AssertionError:  # its module tracker fails on some models when no gradient is wanted
        with torch.enable_grad():
            return {"pytorch_flops": pytorch_flops(model, x, False), "tracker_failed": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--backward", action="store_true")
    parser.add_argument("--models", default="*")
    parser.add_argument("--every", type=int, default=1, help="compare every so many models only")
    options = parser.parse_args()
    done = set()
    if options.out.exists():
        done = {json.loads(line)["model"] for line in options.out.read_text().splitlines()}
    every = timm.list_models()
    names = [n for n in every if fnmatch(n, options.models) and n not in done]
    with options.out.open("a") as file:
        for name in track(names, description="counting"):
            compare = every.index(name) % options.every == 0
            try:
                result = count_one(name, options.backward, compare)
            except Exception as error:
                result = {"model": name, "build_error": f"{type(error).__name__}: {error}"[:300]}
            file.write(json.dumps(result) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
