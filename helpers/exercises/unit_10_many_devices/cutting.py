"""Unit 10: one model cut up, a layer among ranks, layers among stages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.reference.many_devices import micro_batches_kept, tensor_parallel_mlp

#: Bytes of a number in bf16.
WIDE = 2


def _mlp(tokens: int, width: int, hidden: int, ranks: int) -> dict[str, Any]:
    return dict(tensor_parallel_mlp(tokens, width, hidden, ranks))


def _sends(numbers: Callable[[int, int, int], int], all_reduces: int) -> Callable[..., Any]:
    """So many all-reduces of numbers(tokens, width, hidden)."""

    def gives(tokens: int, width: int, hidden: int, ranks: int) -> dict[str, int]:
        once = WIDE * numbers(tokens, width, hidden) * (ranks - 1)
        return {"sent": 2 * all_reduces * once // ranks}

    return gives


def _keeps(numbers: Callable[[int, int, int, int], int]) -> Callable[..., Any]:
    return lambda tokens, width, hidden, ranks: {
        "kept": WIDE * tokens * numbers(width, hidden, ranks, hidden // ranks)
    }


def _draw_mlps(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for ranks in (2, 4, 8):
        width = 64 * draw.randrange(4, 100)
        hidden = draw.choice([2, 3, 4]) * width
        cases.append((8 * draw.randrange(10, 2000), width, hidden, ranks))
    return cases


TENSOR_MLP = Exercise(
    points=2,
    topic="an MLP on tensor ranks: weights, kept activations, traffic",
    examples=[(4096, 8192, 32_768, 8), (2048, 4096, 11_008, 4), (1000, 512, 1536, 2)],
    hidden=_draw_mlps,
    reference=_mlp,
    known_slips={
        "hidden // ranks → hidden / ranks": "equivalent: ranks divides hidden",
        "2 * 2 * 2 * tokens * width * (ranks - 1) / ranks → "
        "2 * 2 * 2 * tokens * width * (ranks - 1) // ranks": "equivalent: ranks divides tokens",
    },
    misconceptions=(
        Misconception(
            "input shared",
            "every column of the first matrix meets the whole input: does a rank keep only part?",
            _keeps(lambda width, hidden, ranks, own: width // ranks + 2 * own),
        ),
        Misconception(
            "hidden features whole",
            "a rank makes the hidden features of its own columns only",
            _keeps(lambda width, hidden, ranks, own: width + 2 * hidden),
        ),
        Misconception(
            "hidden features kept once",
            "the activation function needs what goes in, the second matrix what comes out",
            _keeps(lambda width, hidden, ranks, own: width + own),
        ),
        Misconception(
            "input not kept",
            "the first matrix's gradient needs what was multiplied with it",
            _keeps(lambda width, hidden, ranks, own: 2 * own),
        ),
        Misconception(
            "output kept, too",
            "whoever comes next keeps the output, if it is needed: what do these two layers need?",
            _keeps(lambda width, hidden, ranks, own: 2 * width + 2 * own),
        ),
        Misconception(
            "forward only",
            "backward sums, too: the gradient of the input comes from all columns",
            _sends(lambda tokens, width, hidden: tokens * width, 1),
        ),
        Misconception(
            "a sum after each matrix",
            "columns first: does the activation function need other ranks' features?",
            _sends(lambda tokens, width, hidden: tokens * width, 4),
        ),
        Misconception(
            "hidden features sent",
            "hidden features stay where they were made: what has to be summed, and how wide is it?",
            _sends(lambda tokens, width, hidden: tokens * hidden, 2),
        ),
        Misconception(
            "weights sent",
            "weights stay where they are here: what is summed are activations",
            _sends(lambda tokens, width, hidden: 2 * width * hidden, 2),
        ),
        Misconception(
            "sent once, whole",
            "an all-reduce goes round twice, a chunk a step",
            lambda tokens, width, hidden, ranks: {"sent": 2 * WIDE * tokens * width},
        ),
        Misconception(
            "one chunk each",
            "that is one chunk for each all-reduce: how many steps has one?",
            lambda tokens, width, hidden, ranks: {"sent": 2 * WIDE * tokens * width // ranks},
        ),
        Misconception(
            "weights on every rank",
            "each rank has its own columns and rows: what share of the weights is that?",
            lambda tokens, width, hidden, ranks: {"weights": 2 * WIDE * width * hidden},
        ),
        Misconception(
            "one matrix only",
            "there are two matrices: up and down",
            lambda tokens, width, hidden, ranks: {"weights": WIDE * width * hidden // ranks},
        ),
    ),
)


def _idle(stages: int, micro_batches: int) -> float:
    return (stages - 1) / (micro_batches + stages - 1)


def _bubble(stages: int, micro_batches: int) -> dict[str, float]:
    return {"idle share": _idle(stages, micro_batches), "for a tenth": 9 * (stages - 1)}


PIPELINE_BUBBLE = Exercise(
    points=1,
    topic="the share of a pipeline's step that is waiting",
    examples=[(4, 8), (8, 8), (9, 3), (2, 1), (3, 20)],
    hidden=lambda draw: [(draw.randrange(3, 33), draw.randrange(2, 100)) for _ in range(5)],
    reference=_bubble,
    misconceptions=(
        Misconception(
            "over the micro-batches",
            "that is waiting against working: what share of the whole step is it?",
            lambda stages, micro_batches: {
                "idle share": (stages - 1) / micro_batches,
                "for a tenth": 10 * (stages - 1),
            },
        ),
        Misconception(
            "waits in one direction",
            "a stage waits in both directions: how many slots is that, of all of them?",
            lambda stages, micro_batches: {
                "idle share": _idle(stages, micro_batches) / 2,
                "for a tenth": 4 * (stages - 1),
            },
        ),
        Misconception(
            "one stage too many",
            "how long does the last stage wait for the first micro-batch?",
            lambda stages, micro_batches: {
                "idle share": stages / (micro_batches + stages),
                "for a tenth": 9 * stages,
            },
        ),
        Misconception(
            "over the sum of both",
            "of p stages and m micro-batches: in how many slots is a stage done, forward?",
            lambda stages, micro_batches: {"idle share": (stages - 1) / (micro_batches + stages)},
        ),
        Misconception(
            "the busy share",
            "that is the share in which a stage works",
            lambda stages, micro_batches: {"idle share": 1 - _idle(stages, micro_batches)},
        ),
        Misconception(
            "without a pipeline",
            "that is one micro-batch after the other through all stages: they can overlap",
            lambda stages, micro_batches: {"idle share": (stages - 1) / stages},
        ),
        Misconception(
            "in percent",
            "a share lies between 0 and 1",
            lambda stages, micro_batches: {"idle share": 100 * _idle(stages, micro_batches)},
        ),
    ),
)


def _schedules(
    stages: int, micro_batches: int, stage: int, ahead: int | None = None
) -> dict[str, int]:
    """`ahead`: how far 1F1B runs ahead, as it is often taken to be."""
    if ahead is None:
        return micro_batches_kept(stages, micro_batches, stage)
    return {"all forward first": micro_batches, "1F1B": ahead}


def _draw_stages(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for few in (False, False, True, True):
        stages = draw.randrange(4, 16)
        micro_batches = draw.randrange(2, stages - 1) if few else draw.randrange(stages, 64)
        # Of few a stage keeps all, as it would run further ahead.
        last = stages - micro_batches if few else stages - 1
        cases.append((stages, micro_batches, draw.randrange(1, last)))
    return [*cases, (stages, 40, 0), (stages, 40, stages - 1)]


KEPT_MICRO_BATCHES = Exercise(
    points=1,
    topic="micro-batches that a stage keeps, by schedule",
    examples=[(4, 8, 0), (4, 8, 3), (8, 32, 2), (8, 4, 1), (8, 4, 6), (6, 3, 3)],
    hidden=_draw_stages,
    reference=lambda stages, micro_batches, stage: _schedules(stages, micro_batches, stage),
    misconceptions=(
        Misconception(
            "1F1B: more than there are",
            "a stage cannot keep more micro-batches than there are",
            lambda stages, micro_batches, stage: _schedules(
                stages, micro_batches, stage, stages - stage
            ),
        ),
        Misconception(
            "1F1B: as many as stages",
            "the last stage can go back at once: does it keep as many as the first?",
            lambda stages, micro_batches, stage: _schedules(
                stages, micro_batches, stage, min(micro_batches, stages)
            ),
        ),
        Misconception(
            "1F1B: the first keeps least",
            "who waits longest for a gradient to come back, the first stage or the last?",
            lambda stages, micro_batches, stage: _schedules(
                stages, micro_batches, stage, min(micro_batches, stage + 1)
            ),
        ),
        Misconception(
            "1F1B: one too few",
            "the one that is in hand is kept as well",
            lambda stages, micro_batches, stage: _schedules(
                stages, micro_batches, stage, min(micro_batches, stages - stage - 1)
            ),
        ),
        Misconception(
            "1F1B: always one",
            "only the last stage gets its gradient back at once",
            lambda stages, micro_batches, stage: _schedules(stages, micro_batches, stage, 1),
        ),
        Misconception(
            "1F1B: all of them",
            "1F1B goes back as soon as it can, and lets go of what it kept",
            lambda stages, micro_batches, stage: _schedules(
                stages, micro_batches, stage, micro_batches
            ),
        ),
    ),
)
