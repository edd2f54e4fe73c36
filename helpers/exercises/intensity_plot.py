"""The intensity of a block plotted against the batch: asked in unit 04 and the homework.

A block does `flop` FLOP and moves `moved` bytes for each sample; `once` bytes (weights) it reads
once for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from helpers.exercises.exercise import Misconception

#: FLOP and bytes of a sample, bytes of a batch, largest batch.
Block = tuple[float, float, float, int]


@cache
def _intensities(flop: float, moved: float, once: float, largest: int) -> tuple[float, ...]:
    # Asked for many times.
    return tuple(batch * flop / (once + batch * moved) for batch in range(1, largest + 1))


def right_plot(flop: float, moved: float, once: float, largest: int) -> dict[str, Any]:
    """Batches, intensities in FLOP/B and named axes."""
    return {
        "batch sizes": list(range(1, largest + 1)),
        "intensity": list(_intensities(flop, moved, once, largest)),
        "axes named": "both",
    }


def _changed(change: Callable[[float, float, float, float], float]) -> Callable[..., Any]:
    """A wrong curve: `change(batch, flop, moved, once)` for each batch."""

    def gives(flop: float, moved: float, once: float, largest: int) -> dict[str, Any]:
        batches = range(1, largest + 1)
        return {"intensity": [change(batch, flop, moved, once) for batch in batches]}

    return gives


def _with_batches(batches: Callable[[int], list[int]]) -> Callable[..., Any]:
    return lambda flop, moved, once, largest: {"batch sizes": batches(largest)}


def _exchanged(*block: Any) -> dict[str, Any]:
    right = right_plot(*block)
    return {
        "batch sizes": right["intensity"],
        "intensity": right["batch sizes"],
        "axes named": "exchanged",
    }


def _shorter(flop: float, moved: float, once: float, largest: int) -> dict[str, Any]:
    right = right_plot(flop, moved, once, largest - 1)
    return {part: right[part] for part in ("batch sizes", "intensity")}


def _powers(flop: float, moved: float, once: float, largest: int) -> dict[str, Any]:
    batches = [2**power for power in range(largest.bit_length())]
    right = _intensities(flop, moved, once, largest)
    return {"batch sizes": batches, "intensity": [right[batch - 1] for batch in batches]}


def plot_misconceptions(of: Callable[..., Block] | None = None) -> tuple[Misconception, ...]:
    """Wrong plots, of a question whose arguments are a `Block`, or become one by `of`."""

    def known(name: str, hint: str, gives: Callable[..., Any]) -> Misconception:
        return Misconception(name, hint, gives if of is None else lambda *args: gives(*of(*args)))

    def named(what: str) -> Callable[..., Any]:
        return lambda *block: {"axes named": what}

    return (
        known(
            "labels exchanged",
            "your labels stand at each other's axes: what runs along x?",
            named("exchanged"),
        ),
        known(
            "axes exchanged",
            "the batch runs along x and the intensity up y: yours are the other way round",
            _exchanged,
        ),
        known(
            "traffic without the weights",
            "a curve that does not rise: the weights are missing in the traffic, which are read "
            "once for the whole batch",
            _changed(lambda batch, flop, moved, once: flop / moved),
        ),
        known(
            "intensity of one sample times the batch",
            "a straight line through the origin: is the traffic of a batch that of one sample?",
            _changed(lambda batch, flop, moved, once: batch * flop / (once + moved)),
        ),
        known(
            "weights read for every sample",
            "a level line: are the weights read again for every sample?",
            _changed(lambda batch, flop, moved, once: flop / (once + moved)),
        ),
        known(
            "one sample's FLOP",
            "the intensity falls with the batch: are the FLOP those of one sample?",
            _changed(lambda batch, flop, moved, once: flop / (once + batch * moved)),
        ),
        known(
            "bytes for each FLOP",
            "intensity is FLOP for each byte: which of the two is divided by the other?",
            _changed(lambda batch, flop, moved, once: (once + batch * moved) / (batch * flop)),
        ),
        known(
            "MAC for FLOP",
            "half of what it should be everywhere: MAC for FLOP, or something counted twice "
            "among the bytes?",
            _changed(lambda batch, flop, moved, once: batch * flop / (once + batch * moved) / 2),
        ),
        known(
            "FLOP for each number",
            "four times too much everywhere: FLOP for each byte, not for each fp32 number",
            _changed(lambda batch, flop, moved, once: 4 * batch * flop / (once + batch * moved)),
        ),
        known(
            "FLOP alone",
            "these are the FLOP: intensity divides them by the bytes",
            _changed(lambda batch, flop, moved, once: batch * flop),
        ),
        known(
            "bytes alone",
            "these are the bytes: intensity is FLOP for each of them",
            _changed(lambda batch, flop, moved, once: once + batch * moved),
        ),
        known(
            "powers of two only",
            "every batch belongs on the curve, not only the powers of two",
            _powers,
        ),
        known(
            "one batch too few",
            "the last batch is missing: does Python's range reach its end?",
            _shorter,
        ),
        known(
            "from 0",
            "your curve begins at a batch of 0: the smallest batch is 1",
            _with_batches(lambda largest: list(range(largest + 1))),
        ),
        known(
            "one batch too many",
            "your curve goes one batch too far",
            _with_batches(lambda largest: list(range(1, largest + 2))),
        ),
        known(
            "y axis not named",
            "only the x axis is named: FLOP/B belongs at the y axis",
            named("only x"),
        ),
        known(
            "x axis not named",
            "only the y axis is named: the word batch belongs at the x axis",
            named("only y"),
        ),
        known(
            "axes not named",
            "name both axes: the word batch at the x axis, the unit FLOP/B at the y axis",
            named("neither"),
        ),
    )
