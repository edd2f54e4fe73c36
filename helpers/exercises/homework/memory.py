"""Homework, task 7: parameters, saved activations and the memory of a step with Adam."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import BITS_FOR_BYTES, MEMORY_AS_GIB, WEIGHTS_STILL_IN_IT
from helpers.ledger import Ledger, Term

FP32 = 4  # bytes


class ModelFacts(NamedTuple):
    """What a timm model holds and keeps, at 224², in training; a test recounts every one.

    Attributes:
        parameters: learned numbers.
        kept_per_image: bytes of activations that autograd saves for each image of a batch.
        kept_once: bytes that it saves whatever the batch (statistics of BatchNorm).
        weights_kept: bytes of parameters among what it saves.
        repeated_per_image: bytes that are counted more when tensors are counted, not storages.
    """

    parameters: int
    kept_per_image: int
    kept_once: int
    weights_kept: int
    repeated_per_image: int


MODELS: dict[str, ModelFacts] = {
    "convnextv2_large": ModelFacts(197956840, 544480432, 0, 790728960, 112425984),
    "convnextv2_atto": ModelFacts(3708400, 48336296, 0, 14753600, 9562880),
    "resnet18": ModelFacts(11689512, 22179840, 76800, 46734848, 10536960),
    "resnet10t": ModelFacts(5435488, 22129664, 46976, 21726208, 10336256),
    "vgg11": ModelFacts(132863336, 48719872, 0, 531405568, 29720576),
    "vgg13": ModelFacts(133047848, 67987456, 0, 532142848, 48988160),
    "vgg16": ModelFacts(138357544, 73205760, 0, 553376512, 54206464),
}
#: Made in a hundredth of a second, as a class is graded on them.
QUICK = ("resnet10t", "resnet18", "vgg11", "vgg13", "vgg16")


def _saved_bytes(model: str, batch: int) -> Ledger:
    facts = MODELS[model]
    return Ledger(
        "B",
        (
            Term("activations of every image", batch * facts.kept_per_image // FP32, FP32),
            Term("statistics", facts.kept_once // FP32, FP32),
        ),
    )


MODEL_SIZE = Exercise(
    points=2,
    topic="parameters and bytes of a timm model",
    examples=[("convnextv2_large", 32), ("resnet18", 16)],
    hidden=lambda draw: [
        (model, bits)
        for model, bits in zip(draw.sample(QUICK, 2), draw.sample([4, 8, 16], 2), strict=True)
    ],
    slow=True,
    reference=lambda model, bits: {
        "parameters": MODELS[model].parameters,
        "bytes": MODELS[model].parameters * bits / 8,
    },
    misconceptions=(
        Misconception(
            *BITS_FOR_BYTES,
            lambda model, bits: {"bytes": MODELS[model].parameters * bits},
        ),
        Misconception(
            "always four bytes",
            "the width is an argument: a parameter of 16 bits does not take four bytes",
            lambda model, bits: {"bytes": MODELS[model].parameters * 4},
        ),
    ),
)

SAVED_BYTES = Exercise(
    points=1,
    topic="bytes that autograd keeps, profiled",
    examples=[("convnextv2_atto", 1), ("resnet18", 2)],
    hidden=lambda draw: [
        (model, draw.randrange(2, 6)) for model in draw.sample(["vgg11", "vgg13", "vgg16"], 2)
    ],
    slow=True,
    reference=_saved_bytes,
    # The input image may be counted or not: it is under 2 % of what these models keep.
    tolerance=3e-2,
    misconceptions=(
        Misconception(
            "tensors for storages, weights among them",
            "two saved tensors can share one storage, and some of them are weights, not "
            "activations: count each storage once, leave the parameters out",
            lambda model, batch: (
                _saved_bytes(model, batch).total
                + MODELS[model].weights_kept
                + batch * MODELS[model].repeated_per_image
            ),
        ),
        Misconception(
            "weights among the activations",
            "autograd saves weights as well: they are there already, leave them out",
            lambda model, batch: _saved_bytes(model, batch).total + MODELS[model].weights_kept,
        ),
        Misconception(
            "tensors for storages",
            "two saved tensors can share one storage: count each storage once",
            lambda model, batch: (
                _saved_bytes(model, batch).total + batch * MODELS[model].repeated_per_image
            ),
        ),
    ),
)

_IMAGE = 3 * 224 * 224 * FP32


def _from_peak(peak: int, parameters: int, batch: int) -> int:
    return peak - FP32 * parameters - batch * _IMAGE


ACTIVATIONS_FROM_PEAK = Exercise(
    points=1,
    topic="activations deduced from a measured peak",
    examples=[(5_400_000_000, 197_956_840, 8), (600_000_000, 11_689_512, 16)],
    hidden=lambda draw: [
        (draw.randrange(4, 12) * 10**9, draw.randrange(10**6, 3 * 10**8), draw.randrange(1, 33))
        for _ in range(4)
    ],
    reference=_from_peak,
    misconceptions=(
        Misconception(
            *WEIGHTS_STILL_IN_IT,
            lambda peak, parameters, batch: peak - batch * _IMAGE,
        ),
        Misconception(
            "input still in it",
            "the batch of images lies in memory, too, and is no activation",
            lambda peak, parameters, batch: peak - FP32 * parameters,
        ),
        Misconception(
            "parameters for bytes",
            "the peak is in bytes: how many does one fp32 parameter take?",
            lambda peak, parameters, batch: peak - parameters - batch * _IMAGE,
        ),
        Misconception(
            "one image",
            "the whole batch lies in memory, not one image",
            lambda peak, parameters, batch: peak - FP32 * parameters - _IMAGE,
        ),
    ),
)


def _adam_bytes(parameters: int, activation_bytes: int) -> Ledger:
    return Ledger(
        "B",
        (
            Term("weights", parameters, FP32),
            Term("gradients", parameters, FP32),
            Term("Adam m", parameters, FP32),
            Term("Adam v", parameters, FP32),
            Term("saved activations", activation_bytes),
        ),
    )


ADAM_BYTES = Exercise(
    points=1,
    topic="memory of a training step with Adam",
    examples=[(197_956_840, 544_480_432), (1_000_000, 0)],
    hidden=lambda draw: [
        (draw.randrange(10**6, 10**9), draw.randrange(10**6, 10**10)) for _ in range(4)
    ],
    reference=_adam_bytes,
    misconceptions=(
        Misconception(
            "only the weights",
            "4 bytes a parameter is one tensor in fp32: what else is kept for every parameter?",
            lambda parameters, activation_bytes: 4 * parameters + activation_bytes,
        ),
    ),
)


def _largest_batch(
    parameters: int, activation_bytes: int, memory_gb: float, per_parameter: int = 16, giga=10**9
) -> int:
    free = int(memory_gb * giga) - per_parameter * parameters
    return max(0, free // activation_bytes)


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            draw.randrange(5, 40) * 10**7,
            draw.randrange(2, 60) * 10**6,
            draw.choice([16, 24, 40, 80]),
        )
        for _ in range(5)
    ]


LARGEST_BATCH = Exercise(
    points=1,
    topic="largest batch for a device",
    examples=[(197_956_840, 544_480_432, 16), (197_956_840, 544_480_432, 80), (10**9, 10**8, 8)],
    hidden=_draw_devices,
    reference=_largest_batch,
    misconceptions=(
        Misconception(
            "only the weights taken off",
            "what else than weights has to lie in memory for a step with Adam?",
            lambda p, a, gb: _largest_batch(p, a, gb, per_parameter=4),
        ),
        Misconception(
            "gradients left out",
            "weights, m and v are there: what does backward write?",
            lambda p, a, gb: _largest_batch(p, a, gb, per_parameter=12),
        ),
        Misconception(
            "Adam's states left out",
            "weights and gradients are there: what does Adam remember of each parameter?",
            lambda p, a, gb: _largest_batch(p, a, gb, per_parameter=8),
        ),
        Misconception(
            *MEMORY_AS_GIB,
            lambda p, a, gb: _largest_batch(p, a, gb, giga=1024**3),
        ),
        Misconception(
            "a part of a sample",
            "a batch is a whole number: what is left over does not fit",
            lambda p, a, gb: max(0, (gb * 10**9 - 16 * p) / a),
        ),
        Misconception(
            "below zero",
            "a batch cannot be negative: what is the answer where not even the weights fit?",
            lambda p, a, gb: (int(gb * 10**9) - 16 * p) // a,
        ),
    ),
)
