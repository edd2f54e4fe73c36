"""What `course memory` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import nn

from helpers.conventions import format_bytes
from helpers.meter.command_inputs import Given, given, training_options
from helpers.meter.memory.predict import Memory, training_memory
from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.memory.timeline import Timeline
from helpers.meter.models import run_built
from helpers.meter.printing import show

_BLOCKS = " ▁▂▃▄▅▆▇█"


def memory_command(
    model: str,
    batch: int | None = None,
    optimizer: str = "adam",
    device: str | None = None,
    dtype: str = "fp32",
    autocast: str | None = None,
    as_json: bool = False,
    input: Sequence[str] = (),
    tokens: int | None = None,
    checkpoint: bool = False,
    fused: bool = False,
    data: int | None = None,
    zero: int | None = None,
    rank: int = 0,
    tensor: int | None = None,
) -> None:
    """Predicts a training step and prints a table, or JSON.

    `model` is as `models.build` takes it; `input`, `tokens` and `batch` are as
    `command_inputs.given` takes them; a language model trains on its tokens, by its own loss.
    `data`, `zero`, `tensor`, `rank`: of `data` groups of ranks, which share what that stage of ZeRO
    says, each of `tensor` ranks, which share every layer, this one.
    `device`: a GPU's name, which adds whether the step fits; without one the step is that of a CPU.
    Raises ValueError, in one line, for what does not exist or does not fit.
    """
    from helpers.hardware import device as named_device

    where = named_device(device) if device is not None else None
    plan = _plan(data, zero, rank, tensor)

    def run(built: nn.Module) -> tuple[Given, Memory]:
        inputs = given(built, input, tokens, batch)
        named: dict[str, Any] = {**inputs.named, **training_options(built, inputs)}
        return inputs, training_memory(
            built,
            *inputs.positional,
            **named,
            checkpoint=checkpoint,
            fused=fused,
            optimizer=optimizer,
            device="cuda" if where else "cpu",
            dtype=dtype,
            autocast=autocast,
            plan=plan,
        )

    inputs, memory = run_built(model, False, None, run)
    if as_json:
        said: dict[str, object] = {
            "model": model,
            "input": inputs.sizes(),
            "optimizer": optimizer,
        }
        if plan:
            said.update(data=plan.data, zero=plan.stage, tensor=plan.tensor, rank=plan.rank)
        said.update(memory.to_dict())
        if where:
            said.update(capacity=int(where.usable), fits=memory.fits(where.usable))
        print(json.dumps(said, indent=2))
        return
    _print(memory, f"{model}, {inputs}, {dtype}, {optimizer}{_shared(plan) if plan else ''}")
    if where:
        verdict = "fits" if memory.fits(where.usable) else "does not fit"
        print(
            f"{verdict} on {where.name}, {format_bytes(where.usable)}: the allocator would reserve "
            f"{format_bytes(memory.reserved)}, the context takes about "
            f"{format_bytes(memory.context)}"
        )


def _plan(data: int | None, zero: int | None, rank: int, tensor: int | None) -> Plan | None:
    if data is None and zero is not None:
        raise ValueError("--zero says what data-parallel ranks share: give --data")
    if data is None and tensor is None:
        if rank:
            raise ValueError("--rank is one of several: give --data or --tensor")
        return None
    groups, cut = (1 if given is None else given for given in (data, tensor))
    return Plan(zero or 0, groups, rank, tensor=cut)


def _shared(plan: Plan) -> str:
    said = f", rank {plan.rank} of {plan.ranks}"
    said += f", ZeRO {plan.stage}" if plan.data > 1 else ""
    return said + (f", {plan.tensor} cut each layer" if plan.tensor > 1 else "")


def _print(memory: Memory, title: str) -> None:
    from rich.table import Table

    at = memory.timeline.peak_at
    operation = memory.timeline.operations[at].removeprefix("aten.")
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column("at the peak", footer="peak")
    table.add_column("", justify="right", footer=format_bytes(memory.peak))
    table.add_column("share", justify="right", footer="100 %")
    for term in memory.ledger.terms:
        share = f"{100 * term.amount / memory.peak:.1f} %"
        table.add_row(term.name, format_bytes(term.amount), share)
    lines = [f"peak in {operation}, {memory.timeline.phases[at]}", _sketch(memory.timeline)]
    for term in memory.sent.terms:
        lines.append(f"sends {format_bytes(term.amount)} by {term.name}")
    if memory.cut:
        lines.append(str(memory.cut))
    if memory.asked:
        asked = ", ".join(
            name.removeprefix("aten.").removesuffix(".default") for name in memory.asked
        )
        lines.append(f"run alone on this CPU, to see what they take: {asked}")
    if memory.uncertain:
        more = format_bytes(memory.uncertain)
        lines.append(f"kernels of this CPU may take up to {more} more: not known here")
    if memory.ran:
        lines.append(memory.ran)
    show(table, lines)


def _sketch(timeline: Timeline, width: int = 64) -> str:
    """The step as one line of bars, a mark below each phase: how much is held, from 0 up."""
    count, peak = len(timeline.total), max(timeline.total)
    cuts = [round(column * count / width) for column in range(width + 1)]
    spans = [slice(a, max(b, a + 1)) for a, b in pairwise(cuts)]
    tops = [max(timeline.total[span], default=0) for span in spans]
    bars = "".join(_BLOCKS[round(top / peak * (len(_BLOCKS) - 1))] for top in tops)
    marks = "".join(timeline.phases[min(span.start, count - 1)][0] for span in spans)
    return f"{bars}\n{marks}\n(f)orward, (b)ackward, (o)ptimizer"
