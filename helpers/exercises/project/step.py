"""Project: the peak of a step with Adam, from a table of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import accumulate, pairwise, starmap
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.project.forward import (
    draw_batched,
    everything,
    forward_peak,
    highest,
    shared,
    weights,
)
from helpers.exercises.project.models import BANDS, EDGES, KNOWN, TINY
from helpers.model_table import INPUT, layers
from helpers.reference import model_sheet
from helpers.reference.model_sheet import FP32, Moment, numbers_of


@cache
def _moments(model: str, batch: int) -> tuple[Moment, ...]:
    return tuple(model_sheet.step_moments(layers(model), batch))


@cache
def _step(model: str, batch: int) -> int:
    return model_sheet.adam_peak(layers(model), batch)


def _without(*parts: str) -> Callable[..., Any]:
    """The highest moment where some parts of each are left out."""
    return lambda model, batch: max(
        moment.total - sum(getattr(moment, part) for part in parts)
        for moment in _moments(model, batch)
    )


def _at_the_loss(model: str, batch: int, outputs: int) -> int:
    """The highest moment where so many tensors as large as the output are there at the loss."""
    loss, *backward = (moment.total for moment in _moments(model, batch))
    return max(loss + (outputs - 3) * _logits(model, batch), *backward)


def _rows_hold(wrong: Callable[[Moment, Moment], int]) -> Callable[..., Any]:
    """The highest moment where a row's backward holds `wrong` of its moment and the next one."""

    def gives(model: str, batch: int) -> int:
        loss, *backward = _moments(model, batch)
        images = FP32 * batch * numbers_of(layers(model), INPUT)
        end = replace(backward[-1], kept=images, notes=0, handed=0)
        return max(loss.total, *starmap(wrong, pairwise((*backward, end))))

    return gives


def _looked_early(now: Moment, then: Moment) -> int:
    return now.total - now.tensor_gradients + now.handed


def _freed_early_in_backward(now: Moment, then: Moment) -> int:
    return now.total - now.kept - now.notes + then.kept + then.notes


def _looked_late(now: Moment, then: Moment) -> int:
    return _freed_early_in_backward(now, then) - now.tensor_gradients + then.handed


def _gradients_stay(model: str, batch: int) -> int:
    loss, *backward = _moments(model, batch)
    made = accumulate(moment.tensor_gradients - moment.handed for moment in backward)
    return max(
        loss.total,
        *(
            moment.total - moment.tensor_gradients + _logits(model, batch) + each
            for moment, each in zip(backward, made, strict=True)
        ),
    )


def _every_row_makes(model: str, batch: int) -> int:
    """The highest moment where additions make gradients, one for each tensor that they read."""
    rows = layers(model)
    loss, *backward = _moments(model, batch)
    there, most = {len(rows) - 1}, loss.total
    for moment in backward:
        there |= {tensor for tensor in rows[moment.row].reads if tensor != INPUT}
        gradients = FP32 * batch * sum(numbers_of(rows, tensor) for tensor in there)
        most = max(most, moment.total - moment.tensor_gradients + gradients)
        there.remove(moment.row)
    return most


def _features(model: str, batch: int) -> int:
    """Bytes that are kept at the end of the forward pass."""
    return FP32 * batch * model_sheet.kept_numbers(layers(model))


def _more_kept(numbers: Callable[[str], int]) -> Callable[..., Any]:
    """The highest moment where so many numbers more are kept to the end, for each image or text."""
    return lambda model, batch: _step(model, batch) + FP32 * batch * numbers(model)


@cache
def _not_kept(model: str) -> int:
    rows = layers(model)
    kept = {INPUT, len(rows) - 1, *model_sheet.kept(rows)}
    return sum(numbers_of(rows, tensor) for tensor in range(len(rows)) if tensor not in kept)


@cache
def _kept_again(model: str) -> int:
    """Numbers in tensors that several rows keep, once less than they are kept."""
    rows = layers(model)
    keeps = [tensor for row in rows if row.kind in model_sheet.KEEPS_INPUT for tensor in row.reads]
    keeps += [n for n, row in enumerate(rows) if row.kind in model_sheet.KEEPS_OUTPUT]
    return sum(numbers_of(rows, t) for t in keeps) - sum(numbers_of(rows, t) for t in set(keeps))


def _small_parts(model: str, batch: int) -> tuple[int, ...]:
    """Bytes of the notes, of the loss's logarithms, and of both."""
    notes = FP32 * batch * sum(row.notes for row in layers(model))
    return notes, _logits(model, batch), notes + _logits(model, batch)


def _without_a_small_part(times: int, model: str, batch: int) -> OneOf:
    """So many times the weights and what flows between rows, less one of the small parts."""
    whole = times * weights(model) + _features(model, batch)
    return OneOf(tuple(whole - less for less in _small_parts(model, batch)))


def _never_freed(model: str, batch: int) -> OneOf:
    """With the loss's logarithms, and without, once it is done."""
    loss, *backward = _moments(model, batch)
    beside = max(moment.total - moment.kept - moment.notes for moment in backward)
    kept = beside + _features(model, batch)
    return OneOf((max(loss.total, kept), max(loss.total, kept - _logits(model, batch))))


def _logits(model: str, batch: int) -> int:
    rows = layers(model)
    return FP32 * batch * numbers_of(rows, len(rows) - 1)


#: Of those at the edges, the one in which gradients that are handed on count most.
_LIKE_YOURS = ("vit 5 x 192, 3 heads, 256 px -> 1000", 16)

SHEET_ADAM = Exercise(
    points=4,
    topic="peak of a step with Adam, from a table of layers",
    bands=BANDS,
    examples=[*zip((*TINY, *KNOWN), (4, 8, 4, 8, 8, 4), strict=True), _LIKE_YOURS],
    spare=[each for each in EDGES if each != _LIKE_YOURS],
    hidden=draw_batched,
    reference=_step,
    known_slips={
        **dict.fromkeys(
            (
                "held -= 4 * batch * row.notes → pass",
                "4 * batch * row.notes → 4 * batch",
                "4 * batch * row.notes → row.notes",
                "4 * batch → 4",
                "4 * batch → batch",
                "4 → 5",
                "4 → 3",
            ),
            "most notes are pooling's, and go when little else is left",
        ),
        "t != INPUT and first[t] == number → first[t] == number": (
            "equivalent: the first row lets the input go, and nothing comes after it"
        ),
    },
    misconceptions=(
        Misconception(
            "sum of parts",
            "a sum of parts takes all of them as if they were there at once: are they ever? And "
            "what flows between rows is in no part",
            lambda model, batch: 4 * weights(model) + _features(model, batch),
        ),
        Misconception(
            "end of the forward pass",
            "from the end of the forward pass on, does it only get less?",
            lambda model, batch: 3 * weights(model) + _features(model, batch),
        ),
        Misconception(
            "a part of the end of the forward pass",
            "at the end of the forward pass row.notes are there, too, and the loss's logarithms; "
            "and from there, does it only get less?",
            partial(_without_a_small_part, 3),
        ),
        Misconception(
            "a sum of some parts",
            "row.notes and the loss's logarithms are kept, too; and are all parts of a sum ever "
            "there at once?",
            partial(_without_a_small_part, 4),
        ),
        Misconception(
            "what a forward pass holds",
            "without gradients a tensor goes after its last reader: which of them does backward "
            "want again?",
            lambda model, batch: OneOf(
                (
                    *(n * weights(model) + forward_peak(model, batch) for n in (2, 3)),
                    4 * forward_peak(model, batch),
                )
            ),
        ),
        Misconception(
            "all outputs",
            "not every row needs its input or its output again: which kinds do not?",
            lambda model, batch: 4 * weights(model) + FP32 * batch * highest(model, everything),
        ),
        Misconception(
            "only the loss",
            "this is the moment of the loss: backward then frees and takes, and may climb higher",
            lambda model, batch: _moments(model, batch)[0].total,
        ),
        Misconception(
            "weights of every image",
            "weights, m, v and gradients lie there once, however many images or texts come",
            lambda model, batch: OneOf(
                (
                    4 * batch * weights(model) + _features(model, batch),
                    batch * _step(model, 1),
                    max(
                        moment.total + (batch - 1) * moment.weight_gradients
                        for moment in _moments(model, batch)
                    ),
                )
            ),
        ),
        Misconception(
            "shared weights twice",
            "two rows share weights: how often do weights, m and v of them lie there?",
            lambda model, batch: _step(model, batch) + 3 * shared(model),
        ),
        Misconception(
            "m and v forgotten",
            "what does Adam remember of every weight, all the time?",
            lambda model, batch: _step(model, batch) - 2 * weights(model),
        ),
        Misconception(
            "one of weights, m and v",
            "weights, m and v lie there all the time: is one of the three missing?",
            lambda model, batch: _step(model, batch) - weights(model),
        ),
        Misconception(
            "no gradients of weights",
            "as backward goes on, each row leaves the gradients of its weights behind",
            _without("weight_gradients"),
        ),
        Misconception(
            "all gradients from the start",
            "the gradients of a row's weights come when backward reaches it, not before",
            lambda model, batch: max(
                moment.total - moment.weight_gradients + weights(model)
                for moment in _moments(model, batch)
            ),
        ),
        Misconception(
            "no gradients between rows",
            "between two rows a gradient is handed back, as large as the tensor that it belongs to",
            _without("tensor_gradients"),
        ),
        Misconception(
            "no notes",
            "some rows write numbers down for backward beside their tensors: row.notes",
            _without("notes"),
        ),
        Misconception(
            "the loss keeps nothing",
            "the loss keeps its logarithms, and takes gradients of them and of the output",
            lambda model, batch: _at_the_loss(model, batch, 0),
        ),
        Misconception(
            "another number of outputs at the loss",
            "what is as large as the output, at the loss? Count what is kept, what goes, and the "
            "gradients that come",
            lambda model, batch: OneOf(
                tuple(_at_the_loss(model, batch, outputs) for outputs in (2, 4))
            ),
        ),
        Misconception(
            "looked before a row makes gradients",
            "when is a row's moment highest: before or after it has made its gradients?",
            _rows_hold(_looked_early),
        ),
        Misconception(
            "kept tensors go first",
            "a row's backward needs what it kept: what goes with this row is still there at its "
            "moment",
            _rows_hold(_freed_early_in_backward),
        ),
        Misconception(
            "looked when a row is done",
            "when is a row's moment highest: before or after it lets go?",
            _rows_hold(_looked_late),
        ),
        Misconception(
            "gradients between rows stay",
            "when a row's backward is done, nobody wants its output's gradient any more",
            _gradients_stay,
        ),
        Misconception(
            "additions make gradients",
            "an addition hands on the gradient that it got: one tensor, however many have it",
            _every_row_makes,
        ),
        Misconception(
            "everything kept",
            "not every row needs its input or its output again: which kinds do not?",
            _more_kept(_not_kept),
        ),
        Misconception(
            "kept twice",
            "what one row hands to the next may be kept by both, and is one tensor in memory",
            _more_kept(_kept_again),
        ),
        Misconception(
            "never freed",
            "when a row's backward is done, what only it has kept goes",
            _never_freed,
        ),
        Misconception(
            "a root for every weight",
            "fused Adam holds nothing more while it updates",
            lambda model, batch: 5 * weights(model) + _features(model, batch),
        ),
    ),
)
