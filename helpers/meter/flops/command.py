"""What `course count` prints."""

from __future__ import annotations

import json
import re

import torch

from helpers.conventions import dtype_name, format_bytes, format_count
from helpers.meter.flops.count import count
from helpers.meter.flops.result import Count
from helpers.meter.models import TORCH_DTYPES, build, default_input

#: TF32 is a way of multiplying: its tensors lie in memory as fp32.
_DTYPES = {**TORCH_DTYPES, "tf32": torch.float32}


def count_command(
    model: str,
    input: str | None = None,
    device: str | None = None,
    dtype: str = "fp32",
    backward: bool = False,
    convention: str = "course",
    as_json: bool = False,
) -> None:
    """Counts a model and prints a table, or JSON.

    `model` is a timm name or `module:factory`, `input` sizes such as "8x3x224x224" (the model's
    own input, a batch of one, if not given). With a `device` it adds the time that the layers take
    at least. Raises ValueError, in one line, for what does not exist or does not fit.
    """
    from helpers.hardware import device as named_device

    where = named_device(device) if device else None
    width = dtype_name(dtype)
    if width not in _DTYPES:
        raise ValueError(f"a model is counted in one of {', '.join(_DTYPES)}, not {dtype}")
    if where is not None:
        where.peak_at(width)
    built = build(model, backward, _DTYPES[width])
    sizes = _sizes(input) if input else tuple(default_input(built).shape)
    x = torch.empty(sizes, dtype=_DTYPES[width], device="meta")
    counted = count(built, x, convention=convention, backward=backward)
    bound = _time_bound(counted, device, width) if device else None
    if as_json:
        data = {"model": model, "input": list(sizes), "dtype": width, **counted.to_dict()}
        print(json.dumps({**data, **({"time_bound": bound} if bound else {})}, indent=2))
        return
    _print(model, sizes, width, counted)
    if bound:
        print(
            f"{device} in {width}: at least {bound['seconds'] * 1e3:.3g} ms, layer after layer;"
            f" memory bounds {bound['memory_share']:.0%} of that time"
        )


def _sizes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", text):
        raise ValueError(f"input sizes are whole numbers joined by x, 8x3x224x224, not {text!r}")
    return tuple(map(int, text.split("x")))


def _time_bound(counted: Count, device: str, dtype: str) -> dict[str, float]:
    from helpers.roofline import points

    layers = points(counted.layers(), device, dtype)
    total = sum(layer.time for layer in layers)
    memory = sum(layer.time for layer in layers if layer.bound == "memory")
    return {"seconds": total, "memory_share": memory / total if total else 0.0}


def _print(model: str, sizes: tuple[int, ...], dtype: str, counted: Count) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = " × ".join(map(str, sizes))
    table = Table(title=f"{model}, input {shown}, {dtype}", title_justify="left")
    heads, *rows = counted.rows()
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(
        f"{format_count(counted.parameters)} parameters, {format_count(counted.macs, 'MAC')},"
        f" {format_count(counted.flops, 'FLOP')}; bytes moved: {format_bytes(counted.bytes_moved)}"
        f" ideally, {format_bytes(counted.bytes_unfused)} unfused"
    )
    for note in counted.notes():
        console.print(note)
