"""What `course count` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence

from helpers.conventions import dtype_name, format_bytes, format_count
from helpers.meter.command_inputs import Given, given
from helpers.meter.flops.count import count
from helpers.meter.flops.result import Count
from helpers.meter.models import TORCH_DTYPES, build

#: TF32 is a way of multiplying: its tensors lie in memory as fp32.
_DTYPES = {**TORCH_DTYPES, "tf32": TORCH_DTYPES["fp32"]}


def count_command(
    model: str,
    input: str | Sequence[str] = (),
    device: str | None = None,
    dtype: str = "fp32",
    backward: bool = False,
    convention: str = "course",
    as_json: bool = False,
    tokens: int | None = None,
    batch: int | None = None,
    depth: int = 1,
) -> None:
    """Counts a model and prints a table, or JSON.

    `model` is as `models.build` takes it; `input`, `tokens` and `batch` are as
    `command_inputs.given` takes them. `depth`: how many names deep modules are shown. With a
    `device` it adds the time that the layers take at least. Raises ValueError, in one line, for
    what does not exist or does not fit.
    """
    from helpers.hardware import device as named_device

    where = named_device(device) if device else None
    width = dtype_name(dtype)
    if width not in _DTYPES:
        raise ValueError(f"a model is counted in one of {', '.join(_DTYPES)}, not {dtype}")
    if where is not None:
        where.peak_at(width)
    built = build(model, backward, _DTYPES[width])
    if depth < 1:
        raise ValueError(f"a depth is a whole number ≥ 1, not {depth}")
    named = [input] if isinstance(input, str) else list(input)
    inputs = given(built, named, tokens, batch, _DTYPES[width])
    counted = count(
        built, *inputs.positional, convention=convention, backward=backward, **inputs.named
    )
    bound = _time_bound(counted, device, width) if device else None
    if as_json:
        data = {"model": model, "input": inputs.sizes(), "dtype": width, **counted.to_dict()}
        print(json.dumps({**data, **({"time_bound": bound} if bound else {})}, indent=2))
        return
    _print(model, inputs, width, counted, depth)
    if bound:
        print(
            f"{device} in {width}: at least {bound['seconds'] * 1e3:.3g} ms, layer after layer;"
            f" memory bounds {bound['memory_share']:.0%} of that time"
        )


def _time_bound(counted: Count, device: str, dtype: str) -> dict[str, float]:
    from helpers.roofline import points

    layers = points(counted.layers(), device, dtype)
    total = sum(layer.time for layer in layers)
    memory = sum(layer.time for layer in layers if layer.bound == "memory")
    return {"seconds": total, "memory_share": memory / total if total else 0.0}


def _print(model: str, inputs: Given, dtype: str, counted: Count, depth: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{model}, input {inputs}, {dtype}", title_justify="left")
    heads, *rows = counted.rows(depth)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    # A table is as wide as its numbers, also where a terminal is not: digits are never cut.
    natural = Console(width=1000).measure(table).maximum
    console = Console(width=max(Console().width, natural))
    console.print(table)
    trainable = counted.parameters - counted.frozen
    kept = f" ({format_count(trainable)} trainable)" if counted.frozen else ""
    console.print(
        f"{format_count(counted.parameters)} parameters{kept},"
        f" {format_count(counted.macs, 'MAC')},"
        f" {format_count(counted.flops, 'FLOP')}; bytes moved: {format_bytes(counted.bytes_moved)}"
        f" ideally, {format_bytes(counted.bytes_unfused)} unfused"
    )
    for note in counted.notes():
        console.print(note)
