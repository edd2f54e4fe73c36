"""Unit 06: what is kept for every parameter, whatever the batch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Ledger, Term
from helpers.reference import training_state_bytes

FP32 = 4  # bytes

#: Numbers that an optimizer keeps for each parameter.
_STATES = {"sgd": 0, "momentum": 1, "adam": 2}


#: As they are often taken to be.
_TOO_FEW = (
    {"sgd": 0, "momentum": 0, "adam": 2},
    {"sgd": 0, "momentum": 0, "adam": 1},
    {"sgd": 1, "momentum": 1, "adam": 2},
    {"sgd": 0, "momentum": 2, "adam": 2},
)


def _optimizer(parameters: int, optimizer: str) -> dict[str, float]:
    return {
        "weights": FP32 * parameters,
        "gradients": FP32 * parameters,
        "states": FP32 * _STATES[optimizer] * parameters,
    }


def _draw_optimizers(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(draw.randrange(10**6, 10**9), optimizer) for optimizer in _STATES]


OPTIMIZER_LEDGER = Exercise(
    points=1,
    topic="weights, gradients and states of three optimizers",
    examples=[(197_956_840, "adam"), (11_689_512, "momentum"), (11_689_512, "sgd")],
    hidden=_draw_optimizers,
    reference=_optimizer,
    gate="states",
    misconceptions=(
        Misconception(
            "Adam keeps one number",
            "Adam averages the gradients, and something else: how many numbers is that?",
            lambda p, optimizer: {"states": FP32 * p * min(_STATES[optimizer], 1)},
        ),
        Misconception(
            "Adam's two for every optimizer",
            "three optimizers, three rules: what must each remember from step to step?",
            lambda p, optimizer: {"states": 2 * FP32 * p},
        ),
        Misconception(
            "gradients among the states",
            "the gradients have an entry of their own: what is kept beside them?",
            lambda p, optimizer: {"states": FP32 * (_STATES[optimizer] + 1) * p},
        ),
        Misconception(
            "everything among the states",
            "weights and gradients have entries of their own: what is kept beside them?",
            lambda p, optimizer: {"states": FP32 * (_STATES[optimizer] + 2) * p},
        ),
        Misconception(
            "Adam's step counted",
            "a few bytes too many: `step` is one number for a whole tensor, and left out here",
            lambda p, optimizer: {
                "states": FP32 * (_STATES[optimizer] * p + (optimizer == "adam"))
            },
        ),
        Misconception(
            "gradients left out of the ledger",
            "what does backward write, whatever the optimizer?",
            lambda p, optimizer: {"gradients": 0},
        ),
        Misconception(
            "one state too few",
            "what must each optimizer remember of a weight from step to step?",
            lambda p, optimizer: {
                "states": OneOf(tuple(FP32 * p * n[optimizer] for n in _TOO_FEW))
            },
        ),
        Misconception(
            "None for nothing",
            "where an optimizer keeps nothing, that is 0 bytes",
            lambda p, optimizer: {"states": FP32 * _STATES[optimizer] * p or None},
        ),
        Misconception(
            "two bytes a number",
            "how many bytes does a number of fp32 take?",
            lambda p, optimizer: {
                part: amount / 2 for part, amount in _optimizer(p, optimizer).items()
            },
        ),
        Misconception(
            "numbers for bytes",
            "this is how many numbers there are: how many bytes does one of fp32 take?",
            lambda p, optimizer: {"weights": p, "gradients": p, "states": _STATES[optimizer] * p},
        ),
    ),
)

#: Bytes of one weight, gradient, master weight, m, v.
_WIDTHS = {"fp32": (4, 4, 0, 4, 4), "bf16": (2, 2, 0, 2, 2), "mixed": (2, 2, 4, 4, 4)}
_PARTS = ("weights", "gradients", "master weights", "m", "v")


def _precision(parameters: int, precision: str) -> Ledger:
    widths = zip(_PARTS, _WIDTHS[precision], strict=True)
    return Ledger("B", tuple(Term(part, parameters, width) for part, width in widths))


PRECISION_BYTES = Exercise(
    points=1,
    topic="Adam in fp32, in bf16 and in mixed precision",
    examples=[
        (7_000_000_000, "fp32"),
        (7_000_000_000, "bf16"),
        (7_000_000_000, "mixed"),
        (1_300_000, "mixed"),
    ],
    hidden=lambda draw: [(draw.randrange(10**6, 10**9), precision) for precision in _WIDTHS],
    reference=_precision,
    misconceptions=(
        Misconception(
            "mixed halves everything",
            "mixed is not bf16: which of its tensors have 32 bits, and is there one more?",
            lambda p, precision: p * (16 if precision == "fp32" else 8),
        ),
        Misconception(
            "always 16",
            "one of the three does take fewer bytes: which has nothing in 32 bits?",
            lambda p, precision: 16 * p,
        ),
        Misconception(
            "12 bytes in mixed precision",
            "for mixed: the passes run on one copy of the weights, and the update changes which?",
            lambda p, precision: p * {"fp32": 16, "bf16": 8, "mixed": 12}[precision],
        ),
        Misconception(
            "gradients in fp32",
            "for mixed: in which format are the gradients kept here?",
            lambda p, precision: p * {"fp32": 16, "bf16": 8, "mixed": 18}[precision],
        ),
        Misconception(
            "m and v in fp32 with bf16",
            "for bf16: everything has 16 bits. In which format have you m and v?",
            lambda p, precision: p * {"fp32": 16, "bf16": 12, "mixed": 16}[precision],
        ),
        Misconception(
            "one number too few everywhere",
            "weights, gradients, m and v: which of them is missing?",
            lambda p, precision: p * {"fp32": 12, "bf16": 6, "mixed": 12}[precision],
        ),
        Misconception(
            "one number too few in fp32 and bf16",
            "weights, gradients, m and v: which of them is missing in fp32 and in bf16?",
            lambda p, precision: p * {"fp32": 12, "bf16": 6, "mixed": 16}[precision],
        ),
        Misconception(
            "gradients in both formats",
            "for mixed: is something held in 16 bits and in 32, beside the weights?",
            lambda p, precision: p * {"fp32": 16, "bf16": 8, "mixed": 20}[precision],
        ),
        Misconception(
            "14 bytes in mixed precision",
            "for mixed: is there a 16-bit tensor beside those of 32 bits that you left out?",
            lambda p, precision: p * {"fp32": 16, "bf16": 8, "mixed": 14}[precision],
        ),
    ),
)


def _adam_8bit(parameters: int) -> Ledger:
    return training_state_bytes(parameters, "adam8bit")


ADAM_8BIT_STEP = Exercise(
    points=1,
    topic="8-bit Adam with a scale for each block",
    # A last block that is full, and one of a single number: with it, blocks over m and v together
    # would be fewer.
    examples=[(256,), (257,), (1000,), (197_956_840,)],
    hidden=lambda draw: [
        (256 * draw.randrange(10, 10**5) + rest,)
        for rest in (0, draw.randrange(1, 129), draw.randrange(129, 256))
    ],
    reference=_adam_8bit,
    misconceptions=(
        Misconception(
            "whole blocks only",
            "the last block may be shorter than 256: does it need a scale?",
            lambda p: 10 * p + 2 * 4 * (p // 256),
        ),
        Misconception(
            "scales of one state, or of 16 bits",
            "four bytes for each block: m and v have a scale each, and a scale is fp32",
            lambda p: 10 * p + 4 * -(-p // 256),
        ),
        Misconception(
            "blocks over both states",
            "m and v have blocks of their own: neither lends the other the rest of a block",
            lambda p: 10 * p + 4 * -(-2 * p // 256),
        ),
        Misconception(
            "no scales",
            "8 bits alone say little: what has every block beside its numbers?",
            lambda p: 10 * p,
        ),
        Misconception(
            "one scale in all",
            "a scale serves a block of 256: how many blocks are there?",
            lambda p: OneOf((10 * p + 8, 10 * p + 4)),
        ),
        Misconception(
            "blocks of a broken size",
            "the last block has a whole scale, however short it is",
            lambda p: 10 * p + 8 * p / 256,
        ),
        Misconception(
            "scales of one byte",
            "a scale is fp32: how many bytes is that?",
            lambda p: OneOf((10 * p + 2 * -(-p // 256), 10 * p + -(-p // 256))),
        ),
        Misconception(
            "weights and gradients in 16 bits",
            "weights and gradients stay fp32",
            lambda p: OneOf(tuple(k * p + 8 * -(-p // 256) for k in (6, 8))),
        ),
        Misconception(
            "a scale for each number",
            "a scale serves a whole block, not one number",
            lambda p: 10 * p + 2 * 4 * p,
        ),
        Misconception(
            "everything in 8 bits",
            "only m and v are quantized: what of weights and gradients?",
            lambda p: 4 * p + 2 * 4 * -(-p // 256),
        ),
    ),
)
