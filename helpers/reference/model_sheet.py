"""What a model costs, worked out from its table of layers (`helpers.model_table`).

Tensors are fp32. Counted are tensors: what kernels take for themselves and give back is left out,
and so are running averages in the two peaks, and a text's ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from helpers.ledger import Ledger, Term
from helpers.model_table import INPUT, Row

FP32 = 4
#: Kinds with weights that multiply.
MULTIPLY = ("conv", "linear")
NORMS = ("batch norm", "layer norm")
#: Kinds that keep for backward what goes in, and what comes out.
KEEPS_INPUT = ("conv", "linear", *NORMS, "gelu", "attention", "causal attention", "max pool")
#: Kinds that give their gradient on as it is.
HANDS_ON = ("add", "positions")
KEEPS_OUTPUT = ("relu", "attention", "causal attention")


def _weights(row: Row) -> int:
    return row.channels_in * row.channels_out * row.kernel**2


def parameters(rows: Sequence[Row]) -> Ledger:
    """What a model learns; weights that two layers share once."""

    def total(*kinds: str) -> int:
        return sum(_weights(row) for row in rows if row.kind in kinds and row.shares < 0)

    def channels(*kinds: str) -> int:
        return sum(row.channels_out for row in rows if row.kind in kinds)

    positions = sum(row.channels_out * row.places_out for row in rows if row.kind == "positions")
    return Ledger(
        "parameters",
        (
            Term("convolutions", total("conv")),
            Term("linear layers", total("linear")),
            Term("biases", sum(row.channels_out for row in rows if row.bias)),
            Term("norms", channels(*NORMS), 2),
            Term("embedding", total("embedding")),
            Term("positions", positions),
        ),
    )


def parameter_count(rows: Sequence[Row]) -> int:
    """All of `parameters`."""
    return int(parameters(rows).total)


def attention_pairs(row: Row) -> int:
    """Pairs of a query and a key that it sees: with a mask, itself and those before it."""
    tokens = row.places_out
    return tokens * (tokens + 1) // 2 if row.kind == "causal attention" else tokens**2


def macs(rows: Sequence[Row], batch: int) -> Ledger:
    """Multiply-accumulates of a forward pass."""

    def total(kind: str) -> int:
        return sum(_weights(row) * row.places_out for row in rows if row.kind == kind)

    attention = [row for row in rows if row.kind in ("attention", "causal attention")]
    pairs = sum(attention_pairs(row) * row.channels_out for row in attention)
    return Ledger(
        "MAC",
        (
            Term("convolutions", total("conv"), batch),
            Term("linear layers", total("linear"), batch),
            Term("attention scores", pairs, batch),
            Term("weighted values", pairs, batch),
        ),
    )


def running_averages(rows: Sequence[Row]) -> int:
    """Numbers that batch norms store and do not learn: a mean and a variance for each channel."""
    return sum(2 * row.channels_out for row in rows if row.kind == "batch norm")


def weight_bytes(rows: Sequence[Row], bits: int) -> Ledger:
    """Bytes of what a model stores, at so many bits for each number."""
    return Ledger(
        "B",
        (
            Term("parameters", parameter_count(rows), bits / 8),
            Term("running averages", running_averages(rows), bits / 8),
        ),
    )


def numbers_of(rows: Sequence[Row], tensor: int) -> int:
    """Numbers in a row's output, or in what goes into the model, for one image or text."""
    if tensor != INPUT:
        return rows[tensor].channels_out * rows[tensor].places_out
    first = rows[0]
    return first.channels_in * first.places_in if first.kind == "conv" else 0


def last_readers(rows: Sequence[Row]) -> dict[int, int]:
    """The last row that reads each tensor. Who runs the model holds its input to the end."""
    last = {tensor: number for number, row in enumerate(rows) for tensor in row.reads}
    return {**last, INPUT: len(rows), len(rows) - 1: len(rows)}


def live_numbers(rows: Sequence[Row]) -> list[int]:
    """While each row runs: numbers in tensors that it or a later row reads, and in its output."""
    last = last_readers(rows)
    return [
        sum(numbers_of(rows, tensor) for tensor in range(INPUT, now + 1) if last[tensor] >= now)
        for now in range(len(rows))
    ]


def inference_peak(rows: Sequence[Row], batch: int) -> int:
    """Bytes at the highest moment of a forward pass: each tensor goes after its last reader."""
    return FP32 * (parameter_count(rows) + batch * max(live_numbers(rows)))


def kept(rows: Sequence[Row]) -> dict[int, int]:
    """Each tensor that is kept for backward, and the first row that keeps it, whose backward is the
    last to need it."""
    keeper: dict[int, int] = {}
    for number, row in enumerate(rows):
        if row.kind in KEEPS_INPUT:
            keeper.setdefault(row.reads[0], number)
        if row.kind in KEEPS_OUTPUT:
            keeper.setdefault(number, number)
    return keeper


def kept_numbers(rows: Sequence[Row]) -> int:
    """Numbers that are kept of one image or text: tensors, notes, and the loss's logarithms."""
    tensors = sum(numbers_of(rows, tensor) for tensor in {INPUT, *kept(rows)})
    return tensors + sum(row.notes for row in rows) + numbers_of(rows, len(rows) - 1)


@dataclass(frozen=True)
class Moment:
    """What a step holds while a row's backward runs, in bytes.

    Attributes:
        row: -1 at the loss, before any.
        kept, notes: tensors of the forward pass that are still needed, and what rows wrote down.
        handed: gradients of tensors between rows that are there before the row makes its own.
        tensor_gradients: those and what it makes.
    """

    row: int
    states: int
    weight_gradients: int
    kept: int
    notes: int
    handed: int
    tensor_gradients: int

    @property
    def total(self) -> int:
        """All of it."""
        gradients = self.weight_gradients + self.tensor_gradients
        return self.states + self.kept + self.notes + gradients


def step_moments(rows: Sequence[Row], batch: int) -> list[Moment]:
    """A steady step with cross entropy and Adam, which keeps m and v, from the end of the forward
    pass on. Backward goes through the rows from the last to the first, as units 06 and 07 do it.

    Left out is what PyTorch holds for an instant to add a gradient to one that is there.
    """

    def size(tensor: int) -> int:
        return FP32 * batch * numbers_of(rows, tensor)

    end = len(rows) - 1
    done: dict[int, int] = defaultdict(int)
    for tensor, first in kept(rows).items():
        done[first] += size(tensor) if tensor != INPUT else 0
    states, weight_gradients = 12 * parameter_count(rows), 0
    notes = FP32 * batch * sum(row.notes for row in rows)
    held = FP32 * batch * kept_numbers(rows) - notes
    # The gradients of the loss's logarithms and of the model's output.
    moments = [Moment(-1, states, 0, held, notes, 0, 2 * size(end))]
    held -= size(end)
    # Of each tensor whose gradient is there, whose gradient it lies in.
    place = {end: end}
    for number in range(end, INPUT, -1):
        row = rows[number]
        weight_gradients += FP32 * _parameters_of(row)
        handed = sum(map(size, set(place.values())))
        for tensor in row.reads:
            if row.kind in HANDS_ON:
                place[tensor] = place[number]
            elif tensor != INPUT:
                place.setdefault(tensor, tensor)
        gradients = sum(map(size, set(place.values())))
        moments.append(Moment(number, states, weight_gradients, held, notes, handed, gradients))
        del place[number]
        held -= done[number]
        notes -= FP32 * batch * row.notes
    return moments


def _learned(rows: Sequence[Row], number: int) -> int:
    """Parameters that a row uses, its own or another's."""
    return _parameters_of(rows[number]._replace(shares=-1))


@cache
def _parameters_of(row: Row) -> int:
    return parameter_count([row])


def adam_peak(rows: Sequence[Row], batch: int) -> int:
    """Bytes at the highest moment of a step. The update, with fused Adam, adds nothing."""
    return max(moment.total for moment in step_moments(rows, batch))


def row_bytes(rows: Sequence[Row], number: int) -> int:
    """Bytes that a row reads and writes for one image or text: weights, inputs, output."""
    row = rows[number]
    looked_up = row.kind == "embedding"
    weights = numbers_of(rows, number) if looked_up else _learned(rows, number)
    tensors = sum(numbers_of(rows, tensor) for tensor in (*row.reads, number))
    return FP32 * (weights + tensors)


def seconds(rows: Sequence[Row], peak: float, bandwidth: float) -> float:
    """Time of one image or text: each row takes as long as its arithmetic or its traffic does.

    Args:
        rows: of the model.
        peak: FLOP/s.
        bandwidth: bytes/s.
    """
    return sum(
        max(2 * macs([row], 1).total / peak, row_bytes(rows, number) / bandwidth)
        for number, row in enumerate(rows)
    )


def largest_batch(rows: Sequence[Row], memory: int) -> int:
    """The largest batch whose step with Adam fits into so many bytes; 0 where none does."""
    fits, too_large = 0, 1
    while adam_peak(rows, too_large) <= memory:
        fits, too_large = too_large, 2 * too_large
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if adam_peak(rows, middle) <= memory:
            fits = middle
        else:
            too_large = middle
    return fits
