"""Unit 05: a model on the meta device, and what a measured peak says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.mistakes import BITS_FOR_BYTES, WEIGHTS_STILL_IN_IT

#: timm's ConvNeXt V2: channels of the first stage (they double with each) and blocks a stage.
VARIANTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "convnextv2_atto": (40, (2, 2, 6, 2)),
    "convnextv2_femto": (48, (2, 2, 6, 2)),
    "convnextv2_pico": (64, (2, 2, 6, 2)),
    "convnextv2_nano": (80, (2, 2, 8, 2)),
    "convnextv2_tiny": (96, (3, 3, 9, 3)),
    "convnextv2_large": (192, (3, 3, 27, 3)),
}
CLASSES = 1000


def _stage(model: str, number: int) -> int:
    """Parameters of a stage, 0 to 3. Woo et al., ConvNeXt V2, 2023: a block has a depthwise 7 × 7
    convolution, LayerNorm, two linear layers d → 4d → d and global response norm between them.
    """
    first, blocks = VARIANTS[model]
    d = first * 2**number
    block = (49 * d + d) + 2 * d + (4 * d * d + 4 * d) + 2 * 4 * d + (4 * d * d + d)
    # LayerNorm and a 2 × 2 convolution lead from one stage to the next.
    down = 2 * (d // 2) + 4 * (d // 2) * d + d if number else 0
    return down + blocks[number] * block


def _whole(model: str) -> int:
    """Parameters with stem (4 × 4 convolution, LayerNorm) and head (LayerNorm, linear layer)."""
    first, blocks = VARIANTS[model]
    last = first * 2 ** (len(blocks) - 1)
    stem = 3 * 16 * first + first + 2 * first
    head = 2 * last + last * CLASSES + CLASSES
    return stem + sum(_stage(model, number) for number in range(len(blocks))) + head


def _size(model: str, stage: int, bits: int) -> dict[str, float]:
    whole = _whole(model)
    return {"parameters": whole, "bytes": whole * bits / 8, "in the stage": _stage(model, stage)}


def _draw_models(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    small = [model for model in VARIANTS if model != "convnextv2_large"]
    # Half a byte is always among them.
    models, widths = draw.sample(small, 2), draw.sample([4, draw.choice([8, 16, 32])], 2)
    return [(model, draw.randrange(4), bits) for model, bits in zip(models, widths, strict=True)]


CONVNEXT_SIZE = Exercise(
    points=1,
    topic="parameters and bytes of convnextv2_large, and where they sit",
    slow=True,
    examples=[("convnextv2_large", 2, 32), ("convnextv2_atto", 0, 4), ("convnextv2_atto", 1, 8)],
    hidden=_draw_models,
    reference=_size,
    known_slips={
        "parameters * bits / 8 → parameters * bits // 8": "less than a byte in a million",
    },
    misconceptions=(
        Misconception(
            *BITS_FOR_BYTES,
            lambda model, stage, bits: {"bytes": _whole(model) * bits},
        ),
        Misconception(
            "always four bytes",
            "the width is an argument: not every number takes 32 bits",
            lambda model, stage, bits: {"bytes": _whole(model) * 4},
        ),
        Misconception(
            "half a byte lost",
            "4 bits are half a byte: what does your division make of them?",
            lambda model, stage, bits: {"bytes": _whole(model) * (bits // 8)},
        ),
        Misconception(
            "bytes of the stage",
            "of the stage, parameters are asked for, not bytes",
            lambda model, stage, bits: {"in the stage": _stage(model, stage) * bits / 8},
        ),
        Misconception(
            "stages counted from one",
            "model.stages[0] is stage 0",
            lambda model, stage, bits: {"in the stage": _stage(model, (stage - 1) % 4)},
        ),
        Misconception(
            "whole model for the stage",
            "model.stages is a list of modules, and each module has parameters() of its own",
            lambda model, stage, bits: {"in the stage": _whole(model)},
        ),
    ),
    library="the question is how to ask a model of timm",
)


def _per_image(
    peak: int,
    parameters: int,
    batch: int,
    side: int,
    width: int,
    gradients: bool,
    *,
    copies: int | None = None,
    images: bool = True,
) -> float:
    copies = (2 if gradients else 1) if copies is None else copies
    rest = peak - copies * width * parameters - (batch * 3 * side**2 * width if images else 0)
    return rest / batch


def _draw_peaks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            draw.randrange(4, 12) * 10**9,
            draw.randrange(10**6, 3 * 10**8),
            draw.randrange(2, 65),
            draw.choice([160, 192, 224, 384]),
            width,
            gradients,
        )
        for width, gradients in ((4, False), (2, True), (2, False), (4, True))
    ]


ACTIVATIONS_PER_IMAGE = Exercise(
    points=1,
    topic="activations of one image, deduced from a peak",
    examples=[
        (401_555_968, 3_708_400, 8, 224, 4, False),
        (1_000_000_000, 25_000_000, 16, 160, 2, True),
        (10_000, 100, 2, 8, 4, False),
    ],
    hidden=_draw_peaks,
    reference=_per_image,
    known_slips={
        "(peak - weights - images) / batch → (peak - weights - images) // batch": (
            "less than a byte in a million"
        ),
    },
    misconceptions=(
        Misconception(
            "images of one channel",
            "an image has three channels",
            lambda peak, p, batch, side, width, gradients: (
                _per_image(peak, p, batch, side, width, gradients) + 2 * side**2 * width
            ),
        ),
        Misconception(
            "gradients still in it",
            "a gradient is as large as its weight: were there any when the peak was read?",
            lambda *args: _per_image(*args, copies=1),
        ),
        Misconception(
            *WEIGHTS_STILL_IN_IT,
            lambda *args: _per_image(*args, copies=0),
        ),
        Misconception(
            "images still in it",
            "the batch of images lies in memory, too, and is no activation here",
            lambda *args: _per_image(*args, images=False),
        ),
        Misconception(
            "the whole batch",
            "this is the whole batch: how much is it for one image?",
            lambda peak, parameters, batch, *rest: (
                batch * _per_image(peak, parameters, batch, *rest)
            ),
        ),
        Misconception(
            "always four bytes",
            "the width is an argument, for weights and for images",
            lambda peak, parameters, batch, side, width, gradients: _per_image(
                peak, parameters, batch, side, 4, gradients
            ),
        ),
        Misconception(
            "numbers for bytes",
            "a parameter and a number of an image take `width` bytes each",
            lambda peak, parameters, batch, side, width, gradients: _per_image(
                peak, parameters, batch, side, 1, gradients
            ),
        ),
        Misconception(
            "gradients whether or not",
            "were there gradients in every case? An argument says so",
            lambda *args: _per_image(*args, copies=2),
        ),
        Misconception(
            "one image taken off",
            "the peak holds the whole batch of images, not one",
            lambda peak, parameters, batch, side, width, gradients: (
                _per_image(peak, parameters, batch, side, width, gradients, images=False)
                - 3 * side**2 * width / batch
            ),
        ),
        Misconception(
            "divided too early",
            "the weights lie there once, whatever the batch: what of the peak belongs to images?",
            lambda peak, parameters, batch, side, width, gradients: _per_image(
                peak, batch * parameters, batch, side, width, gradients
            ),
        ),
    ),
)


def _line(batch_1: int, peak_1: int, batch_2: int, peak_2: int) -> dict[str, float]:
    slope = (peak_2 - peak_1) / (batch_2 - batch_1)
    return {"each image": slope, "fixed": peak_1 - batch_1 * slope}


def _draw_pairs(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        fixed, each = draw.randrange(10**7, 10**9), draw.randrange(10**6, 10**8)
        first, second = draw.sample(range(1, 33), 2)
        cases.append((first, fixed + first * each, second, fixed + second * each))
    return cases


TWO_PEAKS = Exercise(
    points=1,
    topic="what grows with the batch, from two peaks",
    examples=[(1, 150, 3, 250), (2, 111_514_192, 8, 401_555_968)],
    hidden=_draw_pairs,
    reference=_line,
    known_slips={
        "(peak_2 - peak_1) / (batch_2 - batch_1) → (peak_2 - peak_1) // (batch_2 - batch_1)": (
            "less than a byte in a million"
        ),
    },
    misconceptions=(
        Misconception(
            "peak divided by the batch",
            "not all of a peak belongs to the images: what changes from one peak to the other?",
            lambda b1, p1, b2, p2: {"each image": p2 / b2},
        ),
        Misconception(
            "first peak divided by its batch",
            "not all of a peak belongs to the images: what changes from one peak to the other?",
            lambda b1, p1, b2, p2: {"each image": p1 / b1},
        ),
        Misconception(
            "difference of the peaks",
            "this is what several images add: how many more are in the second batch?",
            lambda b1, p1, b2, p2: {"each image": p2 - p1},
        ),
        Misconception(
            "first peak for the fixed part",
            "there are images in the first peak, too",
            lambda b1, p1, b2, p2: {"fixed": p1},
        ),
        Misconception(
            "one image taken off",
            "how many images are in the first peak?",
            lambda b1, p1, b2, p2: {"fixed": p1 - _line(b1, p1, b2, p2)["each image"]},
        ),
        Misconception(
            "images of the other batch taken off",
            "how many images are in the first peak?",
            lambda b1, p1, b2, p2: {"fixed": p1 - b2 * _line(b1, p1, b2, p2)["each image"]},
        ),
    ),
)
