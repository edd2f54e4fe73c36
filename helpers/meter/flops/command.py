"""What `course count` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from helpers.conventions import dtype_name, format_bytes, format_count
from helpers.meter.command_inputs import Given, given, refuse_too_long
from helpers.meter.flops.count import count
from helpers.meter.flops.decoding import Decoding, decoding
from helpers.meter.flops.result import Count
from helpers.meter.flops.rules import RuleOfThumb, rule_of_thumb, utilization
from helpers.meter.models import TORCH_DTYPES, build, run_built
from helpers.meter.printing import show

#: TF32 is a way of multiplying: its tensors lie in memory as fp32.
_DTYPES = {**TORCH_DTYPES, "tf32": TORCH_DTYPES["fp32"]}


@dataclass(frozen=True)
class _Counted:
    """A model's count with what it was counted on, and what else was asked."""

    model: str
    inputs: str
    sizes: Any
    dtype: str
    count: Count
    decoding: Decoding | None
    rule: RuleOfThumb | None
    device: str | None
    bound: dict[str, float] | None
    mfu: float | None


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
    decode: int | None = None,
    seconds: float | None = None,
) -> None:
    """Counts a model and prints a table, or JSON.

    `model` is as `models.build` takes it; `input`, `tokens` and `batch` are as
    `command_inputs.given` takes them. `depth`: how many names deep modules are shown. With a
    `device` it adds the time that the layers take at least, and with the `seconds` that were
    measured the share of its peak. `decode`: one token of a language model, after so many. Raises
    ValueError, in one line, for what does not exist or does not fit.
    """
    from helpers.hardware import device as named_device

    where = named_device(device) if device is not None else None
    width = dtype_name(dtype)
    if width not in _DTYPES:
        raise ValueError(f"a model is counted in one of {', '.join(_DTYPES)}, not {dtype}")
    if where is not None:
        where.peak_at(width)
    if seconds is not None and where is None:
        raise ValueError("a measured time says a share of a device's peak: name it by --device")
    if depth < 1:
        raise ValueError(f"a depth is a whole number ≥ 1, not {depth}")
    if decode is not None and (input or tokens or backward):
        raise ValueError("--decode counts one token forward: give no --input, --tokens, --backward")
    if decode is not None:
        built = build(model, backward, _DTYPES[width])
        refuse_too_long(built, decode + 1)
        step = decoding(built, decode, batch or 1, convention)
        counted, inputs, sizes = step.count, f"a token after {decode}, batch {batch or 1}", None
        rule: RuleOfThumb | None = rule_of_thumb(counted, batch or 1)
    else:
        named = [input] if isinstance(input, str) else list(input)

        def run(built: nn.Module) -> tuple[Given, Count]:
            taken = given(built, named, tokens, batch, _DTYPES[width])
            by_name: dict[str, Any] = {**taken.named}
            return taken, count(
                built, *taken.positional, convention=convention, backward=backward, **by_name
            )

        taken, counted = run_built(model, backward, _DTYPES[width], run)
        step, inputs, sizes = None, f"input {taken}", taken.sizes()
        rule = rule_of_thumb(counted, taken.tokens) if taken.tokens else None
    found = _Counted(
        *(model, inputs, sizes, width, counted, step, rule, device),
        bound=_time_bound(counted, device, width) if device else None,
        mfu=utilization(counted, seconds, where, width) if seconds is not None and where else None,
    )
    if as_json:
        print(json.dumps(_data(found), indent=2))
    else:
        _print(found, depth)


def _time_bound(counted: Count, device: str, dtype: str) -> dict[str, float]:
    from helpers.roofline import points

    layers = points(counted.layers(), device, dtype)
    total = sum(layer.time for layer in layers)
    memory = sum(layer.time for layer in layers if layer.bound == "memory")
    return {"seconds": total, "memory_share": memory / total if total else 0.0}


def _data(found: _Counted) -> dict[str, Any]:
    """Plain data, for JSON."""
    data: dict[str, Any] = {"model": found.model, "input": found.sizes, "dtype": found.dtype}
    data |= found.count.to_dict()
    if found.decoding:
        step = found.decoding
        data["decode"] = {
            "before": step.before,
            "cache": step.cache,
            "cache_after": step.cache_after,
            "bytes_moved": step.bytes_moved,
        }
    if found.rule:
        data["rule_of_thumb"] = {"tokens": found.rule.tokens, "flops": found.rule.flops}
    if found.bound:
        data["time_bound"] = found.bound
    if found.mfu is not None:
        data["mfu"] = found.mfu
    return data


def _print(found: _Counted, depth: int) -> None:
    from rich.table import Table

    title = f"{found.model}, {found.inputs}, {found.dtype}"
    table = Table(title=title, title_justify="left")
    heads, *rows = found.count.rows(depth)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    show(table, _lines(found))


def _lines(found: _Counted) -> Iterator[str]:
    """What stands below the table."""
    counted = found.count
    trainable = counted.parameters - counted.frozen
    kept = f" ({format_count(trainable)} trainable)" if counted.frozen else ""
    yield (
        f"{format_count(counted.parameters)} parameters{kept},"
        f" {format_count(counted.macs, 'MAC')}, {format_count(counted.flops, 'FLOP')};"
        f" bytes moved: {format_bytes(counted.bytes_moved)} ideally,"
        f" {format_bytes(counted.bytes_unfused)} unfused"
    )
    if found.decoding:
        step = found.decoding
        yield (
            f"the cache: {format_bytes(step.cache)} of {step.before:,} tokens,"
            f" {format_bytes(step.cache_after - step.cache)} more with this one;"
            f" read once, with the weights: {format_bytes(step.bytes_moved)}"
        )
    if found.rule:
        yield str(found.rule)
    yield from counted.notes()
    if found.bound:
        yield (
            f"{found.device} in {found.dtype}: at least {found.bound['seconds'] * 1e3:.3g} ms,"
            f" layer after layer; memory bounds {found.bound['memory_share']:.0%} of that time"
        )
    if found.mfu is not None:
        yield (
            f"in the time measured {found.mfu:.1%} of {found.device}'s peak in {found.dtype} (MFU,"
            " of products alone)"
        )
