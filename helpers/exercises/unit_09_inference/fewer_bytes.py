"""Unit 09: fewer bits a weight, fewer weights a token, more tokens a step."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.reference.inference import (
    experts_touched,
    quantized_bytes,
    speculative_speedup,
    speculative_tokens,
)


def _sized(rows: int, columns: int, numbers_bits: float, scale_bytes: float) -> dict[str, float]:
    total = rows * columns * numbers_bits / 8 + scale_bytes
    return {"bytes": total, "bits a weight": 8 * total / (rows * columns)}


def _quantized(rows: int, columns: int, bits: int, group: int) -> dict[str, Any]:
    ledger = quantized_bytes(rows, columns, bits, group)
    return {"bytes": ledger, "bits a weight": 8 * ledger.total / (rows * columns)}


def _draw_matrices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for bits, group in ((4, 128), (8, 64), (4, 32), (2, 100)):
        # Whole bytes in a row, and a last group that is not full.
        columns = 4 * draw.randrange(80, 900) + 4
        columns += 4 if columns % group == 0 else 0
        cases.append((draw.randrange(100, 3000), columns, bits, group))
    return cases


QUANTIZED_BYTES = Exercise(
    points=1,
    topic="bytes of a matrix in int4, in groups with a scale",
    examples=[(4096, 4096, 4, 128), (4096, 11_008, 8, 128), (10, 300, 4, 128), (7, 200, 4, 64)],
    hidden=_draw_matrices,
    reference=_quantized,
    known_slips={
        "rows * columns * bits / 8 → rows * columns * bits // 8": (
            "equivalent: the rows that are asked for take whole bytes"
        )
    },
    misconceptions=(
        Misconception(
            "no scales",
            "what turns an int4 back into a weight has to be read, too",
            lambda rows, columns, bits, group: _sized(rows, columns, bits, 0),
        ),
        Misconception(
            "the last group without a scale",
            "a row of 300 numbers in groups of 128: how many groups are begun?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 2 * rows * (columns // group)
            ),
        ),
        Misconception(
            "part of a scale",
            "a group that is not full has a whole scale all the same",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 2 * rows * columns / group
            ),
        ),
        Misconception(
            "groups across rows",
            "groups lie along a row: does one go on in the next row?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 2 * ceil(rows * columns / group)
            ),
        ),
        Misconception(
            "groups along columns",
            "along a row lie as many numbers as there are columns",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 2 * columns * ceil(rows / group)
            ),
        ),
        Misconception(
            "one scale for each row",
            "a row has a scale for each of its groups: how many groups are that?",
            lambda rows, columns, bits, group: _sized(rows, columns, bits, 2 * rows),
        ),
        Misconception(
            "scales in fp32",
            "the scales are fp16: how many bytes has each?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 4 * rows * ceil(columns / group)
            ),
        ),
        Misconception(
            "scales of one byte",
            "the scales are fp16: how many bytes has each?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, rows * ceil(columns / group)
            ),
        ),
        Misconception(
            "bits of a scale for its bytes",
            "the 16 of fp16 are bits: how many bytes has a scale?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 16 * rows * ceil(columns / group)
            ),
        ),
        Misconception(
            "scales of one row",
            "these are the scales of one row: how many rows are there?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, bits, 2 * ceil(columns / group)
            ),
        ),
        Misconception(
            "bits of a weight for its bytes",
            "a weight takes bits, not bytes: how many of them make a byte?",
            lambda rows, columns, bits, group: _sized(
                rows, columns, 8 * bits, 2 * rows * ceil(columns / group)
            ),
        ),
        Misconception(
            "bytes of a scale for its bits",
            "a scale has 2 bytes: how many bits is that, shared by the weights of its group?",
            lambda rows, columns, bits, group: {"bits a weight": bits + 2 / group},
        ),
        Misconception(
            "bits for bytes",
            "eight bits make a byte",
            lambda *sizes: {"bytes": 8 * _quantized(*sizes)["bytes"].total},
        ),
        Misconception(
            "bytes a weight",
            "this is in bytes: how many bits are that?",
            lambda *sizes: {"bits a weight": _quantized(*sizes)["bits a weight"] / 8},
        ),
    ),
)


def _draw_routers(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for batch in (draw.randrange(2, 6), draw.randrange(6, 30), draw.randrange(30, 200)):
        experts = draw.choice([8, 16, 64, 128, 256])
        cases.append((experts, draw.choice([2, 4, 6]), batch))
    return cases


EXPERTS_TOUCHED = Exercise(
    points=1,
    topic="experts that a batch touches",
    examples=[(8, 2, 1), (8, 2, 4), (256, 8, 1), (256, 8, 64)],
    hidden=_draw_routers,
    reference=experts_touched,
    misconceptions=(
        Misconception(
            "all different",
            "two tokens may choose the same expert: then it is read once",
            lambda experts, chosen, batch: chosen * batch,
        ),
        Misconception(
            "all different, at most all",
            "two tokens may choose the same expert, long before all have been chosen",
            lambda experts, chosen, batch: min(experts, chosen * batch),
        ),
        Misconception(
            "those of one token",
            "each token of the batch chooses for itself",
            lambda experts, chosen, batch: chosen,
        ),
        Misconception(
            "those left alone",
            "these are the experts that nobody chose",
            # Not a difference: of 8 − 8 nothing would be left.
            lambda experts, chosen, batch: experts * (1 - chosen / experts) ** batch,
        ),
        Misconception(
            "chosen by every token",
            "that is the chance that every token chooses it: and with which does none?",
            lambda experts, chosen, batch: experts * (1 - (chosen / experts) ** batch),
        ),
        Misconception(
            "a share",
            "this is a chance, between 0 and 1: of how many experts?",
            lambda *args: experts_touched(*args) / args[0],
        ),
        Misconception(
            "one expert a token",
            "a token leaves an expert alone with a chance of 1 − k/E: where is k?",
            lambda experts, chosen, batch: experts_touched(experts, 1, batch),
        ),
        Misconception(
            "k draws, one after the other",
            "a token's experts are all different: with what chance is a given one among them?",
            lambda experts, chosen, batch: experts * (1 - (1 - 1 / experts) ** (chosen * batch)),
        ),
    ),
)


def _speculation(accepted: float, drafted: int, draft_cost: float) -> dict[str, float]:
    return {
        "tokens a step": speculative_tokens(accepted, drafted),
        "speedup": speculative_speedup(accepted, drafted, draft_cost),
    }


def _yielding(tokens: Any) -> Any:
    """A wrong `_speculation`: another mean of tokens a step, and the speedup that follows."""

    def gives(accepted: float, drafted: int, draft_cost: float) -> dict[str, float]:
        found = tokens(accepted, drafted)
        return {"tokens a step": found, "speedup": found / (1 + drafted * draft_cost)}

    return gives


def _lasting(steps: Any) -> Any:
    """A wrong speedup: a round takes another number of the large model's steps."""
    return lambda accepted, drafted, cost: {
        "speedup": speculative_tokens(accepted, drafted) / steps(drafted, cost)
    }


def _draw_drafts(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(40, 96) / 100, drafted, draw.randrange(2, 20) / 100)
        for drafted in draw.sample(range(2, 9), 4)
    ]


SPECULATION = Exercise(
    points=1,
    topic="tokens a step with speculative decoding",
    examples=[(0.8, 4, 0.05), (0.5, 1, 0.1), (0.6, 8, 0.2)],
    hidden=_draw_drafts,
    reference=_speculation,
    misconceptions=(
        Misconception(
            "each token counted alone",
            "after the first token that is refused, the rest is thrown away, right or wrong",
            _yielding(lambda a, k: 1 + a * k),
        ),
        Misconception(
            "each token counted alone, none of the pass",
            "after the first refusal the rest is thrown away; and the pass itself yields a token",
            _yielding(lambda a, k: a * k),
        ),
        Misconception(
            "no token of the pass itself",
            "where a draft is refused, the large model has said what stands there instead: one "
            "token more",
            _yielding(lambda a, k: speculative_tokens(a, k) - 1),
        ),
        Misconception(
            "one token too few",
            "all accepted: k tokens, and the one that the pass says comes next",
            _yielding(lambda a, k: speculative_tokens(a, k - 1)),
        ),
        Misconception(
            "drafted for ever",
            "this is right for an endless draft: after k tokens it ends",
            _yielding(lambda a, k: 1 / (1 - a)),
        ),
        Misconception(
            "only if all are accepted",
            "the first two of four are worth something, even if the third is refused",
            _yielding(lambda a, k: 1 + k * a**k),
        ),
        Misconception(
            "drafts for nothing",
            "the small model takes its time, too: for each token that it drafts",
            _lasting(lambda k, cost: 1),
        ),
        Misconception(
            "one draft's time",
            "the small model writes one token after the other: how many?",
            _lasting(lambda k, cost: 1 + cost),
        ),
        Misconception(
            "only what is kept is paid",
            "what is drafted takes its time, whether it is kept or not: how many are drafted?",
            lambda a, k, cost: {
                "speedup": speculative_tokens(a, k) / (1 + speculative_tokens(a, k) * cost)
            },
        ),
        Misconception(
            "the pass for nothing",
            "the large model's own pass takes a step, too",
            _lasting(lambda k, cost: k * cost),
        ),
        Misconception(
            "one draft too many",
            "k tokens are drafted, and then one pass verifies them",
            _lasting(lambda k, cost: 1 + (k + 1) * cost),
        ),
    ),
)
