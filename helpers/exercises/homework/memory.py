"""Homework, task 7: parameters, saved activations and the memory of a step with Adam."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import BITS_FOR_BYTES, WEIGHTS_STILL_IN_IT
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
        last_per_image: bytes of each image in the last storage of activations that it saves.
        buffers: numbers that are kept, but not learned.
        tensors: how many tensors the parameters are.
    """

    parameters: int
    kept_per_image: int
    kept_once: int
    weights_kept: int
    repeated_per_image: int
    last_per_image: int
    buffers: int
    tensors: int


MODELS: dict[str, ModelFacts] = {
    "convnextv2_large": ModelFacts(
        197956840, 544480432, 0, 790728960, 112425984, 6144, buffers=0, tensors=380
    ),
    "convnextv2_atto": ModelFacts(
        3708400, 48336296, 0, 14753600, 9562880, 1280, buffers=0, tensors=140
    ),
    "resnet18": ModelFacts(
        11689512, 22179840, 76800, 46734848, 10536960, 2048, buffers=9620, tensors=62
    ),
    "resnet10t": ModelFacts(
        5435488, 22129664, 46976, 21726208, 10336256, 2048, buffers=5886, tensors=44
    ),
    "vgg11": ModelFacts(132863336, 48719872, 0, 531405568, 29720576, 16384, buffers=0, tensors=22),
    "vgg13": ModelFacts(133047848, 67987456, 0, 532142848, 48988160, 16384, buffers=0, tensors=26),
    "vgg16": ModelFacts(138357544, 73205760, 0, 553376512, 54206464, 16384, buffers=0, tensors=32),
}


def _saved_bytes(model: str, batch: int) -> Ledger:
    facts = MODELS[model]
    return Ledger(
        "B",
        (
            Term("activations of every image", batch * facts.kept_per_image // FP32, FP32),
            Term("statistics", facts.kept_once // FP32, FP32),
        ),
    )


_IMAGE = 3 * 224 * 224 * FP32


MODEL_SIZE = Exercise(
    known_slips={
        "parameters * bits / 8 → parameters * bits // 8": "equivalent: whole bytes in these models"
    },
    points=2,
    topic="parameters and bytes of a timm model",
    # Models that are made in hundredths of a second: a class is graded on them. One of those shown
    # has batch norms, whose buffers are no parameters.
    examples=[("vgg11", 32), ("resnet10t", 16), ("vgg11", 4)],
    hidden=lambda draw: [(draw.choice(["resnet18", "vgg13", "vgg16"]), draw.choice([4, 8]))],
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
        Misconception(
            "buffers among the parameters",
            "a state dict holds buffers, too, which nobody learns: count the parameters alone",
            lambda model, bits: {
                "parameters": MODELS[model].parameters + MODELS[model].buffers,
                "bytes": (MODELS[model].parameters + MODELS[model].buffers) * bits / 8,
            },
        ),
        Misconception(
            "tensors counted",
            "this is how many tensors there are: how many numbers has each of them?",
            lambda model, bits: {"parameters": MODELS[model].tensors},
        ),
        Misconception(
            "bits for a parameter, whole bytes",
            "half a byte is half a byte: 4 bits are not rounded to one byte, or to none",
            lambda model, bits: {
                "bytes": OneOf(
                    (
                        MODELS[model].parameters * (bits // 8),
                        MODELS[model].parameters * -(-bits // 8),
                    )
                )
            },
        ),
    ),
    library="the question is how to ask a model of timm",
)

SAVED_BYTES = Exercise(
    points=1,
    topic="bytes that autograd keeps, profiled",
    # One of them has batch norms, which save their statistics, whatever the batch.
    examples=[("vgg11", 1), ("resnet10t", 2)],
    hidden=lambda draw: [(draw.choice(["vgg13", "vgg16"]), draw.randrange(2, 6))],
    slow=True,
    reference=_saved_bytes,
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
        Misconception(
            "images left out",
            "the images are saved, too, by the first layer: the task counts them",
            lambda model, batch: _saved_bytes(model, batch).total - batch * _IMAGE,
        ),
        Misconception(
            "statistics left out",
            "batch norm saves its statistics: everything but the parameters counts",
            lambda model, batch: batch * MODELS[model].kept_per_image,
        ),
        Misconception(
            "one image",
            "is this one image of the batch?",
            lambda model, batch: _saved_bytes(model, 1),
        ),
        Misconception(
            "one storage in all",
            "on the meta device every data_ptr() is 0: tell storages apart as in the cell above",
            lambda model, batch: OneOf((0, batch * MODELS[model].last_per_image)),
        ),
    ),
)


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
    known_slips={"linear in peak, parameters, batch": "so it is: what each takes is asked"},
    misconceptions=(
        Misconception(
            *WEIGHTS_STILL_IN_IT,
            lambda peak, parameters, batch: peak - batch * _IMAGE,
        ),
        Misconception(
            "input still in it",
            "the batch of images lies in that memory, too: the task asks for the rest",
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
        Misconception(
            "pixels for bytes",
            "the images are fp32, too: how many bytes does a pixel take?",
            lambda peak, parameters, batch: peak - FP32 * parameters - batch * _IMAGE // FP32,
        ),
        Misconception(
            "images of one channel",
            "how many channels has an image?",
            lambda peak, parameters, batch: peak - FP32 * parameters - batch * _IMAGE // 3,
        ),
        Misconception(
            "all that Adam keeps taken off",
            "this is a forward pass: what beside weights and images does the task name?",
            lambda peak, parameters, batch: peak - 16 * parameters - batch * _IMAGE,
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
    examples=[(197_956_840, 544_480_432), (1_234_567, 7_654_321)],
    hidden=lambda draw: [
        (draw.randrange(10**6, 10**9), draw.randrange(10**6, 10**10)) for _ in range(4)
    ],
    known_slips={"linear in parameters, activation_bytes": "so it is: what each takes is asked"},
    reference=_adam_bytes,
    misconceptions=(
        Misconception(
            "only the weights",
            "4 bytes a parameter is one tensor in fp32: what else is kept for every parameter?",
            lambda parameters, activation_bytes: 4 * parameters + activation_bytes,
        ),
        Misconception(
            "numbers for bytes",
            "four numbers are kept for each parameter: how many bytes does one take?",
            lambda parameters, activation_bytes: 4 * parameters + activation_bytes / 4,
        ),
        Misconception(
            "parameters counted as bytes",
            "the activations are in bytes: how many bytes does a parameter take?",
            lambda parameters, activation_bytes: OneOf(
                tuple(k * parameters + activation_bytes for k in (1, 2, 3))
            ),
        ),
        Misconception(
            "activations four times",
            "activation_bytes are bytes already",
            lambda parameters, activation_bytes: 16 * parameters + 4 * activation_bytes,
        ),
        Misconception(
            "activations twice",
            "the activations are held once: which of your terms has them again?",
            lambda parameters, activation_bytes: 16 * parameters + 2 * activation_bytes,
        ),
        Misconception(
            "something more for each parameter",
            "weights, gradients, m and v: what else is in your sum?",
            lambda parameters, activation_bytes: OneOf(
                tuple(k * parameters + activation_bytes for k in (18, 20, 24))
            ),
        ),
    ),
)


def _largest_batch(
    parameters: int, activation_bytes: int, memory: int, per_parameter: float = 16
) -> int:
    return max(0, int((memory - per_parameter * parameters) // activation_bytes))


def _draw_devices(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Devices for some images and for thousands, one that is full to its last byte, and one where
    not even the weights fit."""

    def model(image: tuple[int, int]) -> tuple[int, int]:
        return draw.randrange(5, 40) * 10**7, draw.randrange(*image) + draw.randrange(10**5)

    cases = []
    for gib, image in ((14.75, 60 * 10**6), (23.64, 10**7), (79.15, 3 * 10**6)):
        cases.append((*model((image // 2, image)), int(gib * 2**30)))
    parameters, image = model((2 * 10**6, 6 * 10**7))
    cases.append((parameters, image, 16 * parameters + draw.randrange(2, 90) * image))
    cases.append((10**9 + parameters, image, int(14.75 * 2**30)))
    return cases


LARGEST_BATCH = Exercise(
    points=1,
    topic="largest batch for a device",
    examples=[
        (197_956_840, 544_480_432, 15_837_691_904),
        (197_956_840, 544_480_432, 84_986_665_369),
        (10**7, 10**6, 960 * 10**6),
        (10**9, 10**8, 8 * 10**9),
    ],
    hidden=_draw_devices,
    reference=lambda parameters, activation_bytes, memory: _largest_batch(
        parameters, activation_bytes, memory
    ),
    misconceptions=(
        Misconception(
            "only the weights taken off",
            "what else than weights has to lie in memory for a step with Adam?",
            lambda p, a, memory: _largest_batch(p, a, memory, per_parameter=4),
        ),
        Misconception(
            "gradients left out",
            "weights, m and v are there: what does backward write?",
            lambda p, a, memory: _largest_batch(p, a, memory, per_parameter=12),
        ),
        Misconception(
            "Adam's states left out",
            "weights and gradients are there: what does Adam remember of each parameter?",
            lambda p, a, memory: _largest_batch(p, a, memory, per_parameter=8),
        ),
        Misconception(
            "nothing taken off",
            "before the first image, what lies in memory?",
            lambda p, a, memory: _largest_batch(p, a, memory, per_parameter=0),
        ),
        Misconception(
            "numbers for bytes",
            "how many bytes does a parameter take, with all that is kept for it?",
            lambda p, a, memory: OneOf(
                tuple(_largest_batch(p, a, memory, per_parameter=each) for each in (1, 2))
            ),
        ),
        Misconception(
            "the images taken off",
            "the sum of parts has no images in it: what do you take off for each sample?",
            lambda p, a, memory: max(0, (memory - 16 * p) // (a + _IMAGE)),
        ),
        Misconception(
            "a full device does not count",
            "a batch that fills the memory to its last byte fits",
            lambda p, a, memory: _largest_batch(p, a, memory - 1),
        ),
        Misconception(
            "a part of a sample",
            "a batch is a whole number: what is left over does not fit",
            lambda p, a, memory: max(0, (memory - 16 * p) / a),
        ),
        Misconception(
            "a part of a sample, and below zero",
            "a batch is a whole number, and never less than 0",
            lambda p, a, memory: (memory - 16 * p) / a,
        ),
        Misconception(
            "rounded up",
            "the last sample has to fit whole",
            lambda p, a, memory: max(0, -((16 * p - memory) // a)),
        ),
        Misconception(
            "below zero",
            "a batch cannot be negative: what is the answer where not even the weights fit?",
            lambda p, a, memory: (memory - 16 * p) // a,
        ),
        Misconception(
            "1 at least",
            "where not even one sample fits, the answer is 0",
            lambda p, a, memory: max(1, _largest_batch(p, a, memory)),
        ),
        Misconception(
            "a power of two",
            "a batch may have any size: try those between the powers of two",
            lambda p, a, memory: (1 << _largest_batch(p, a, memory).bit_length()) >> 1,
        ),
    ),
)
