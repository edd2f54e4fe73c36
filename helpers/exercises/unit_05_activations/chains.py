"""Unit 05: what inference of a chain of layers holds at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.reference import chain_activations, chain_peak_activations


def _alexnet(image_channels: int, classes: int, side: int = 224) -> dict[str, Any]:
    """Shapes of AlexNet's activations: outputs of convolutions, pools and linear layers."""
    return {
        "input": (image_channels, side, side),
        "conv1": (96, 55, 55),
        "pool1": (96, 27, 27),
        "conv2": (256, 27, 27),
        "pool2": (256, 13, 13),
        "conv3": (384, 13, 13),
        "conv4": (384, 13, 13),
        "conv5": (256, 13, 13),
        "pool5": (256, 6, 6),
        "fc6": 4096,
        "fc7": 4096,
        "fc8": classes,
    }


def _pools_left_out(image_channels: int, classes: int) -> dict[str, Any]:
    chain = {n: s for n, s in _alexnet(image_channels, classes).items() if n[:4] != "pool"}
    return {
        "total": chain_activations(chain).total,
        "peak": chain_peak_activations(chain).total,
    }


ALEXNET_ACTIVATIONS = Exercise(
    points=1,
    topic="AlexNet's activations, in all and at once",
    # With one channel the image is so small that the peak is one layer further on.
    examples=[(3, 1000), (12, 10), (1, 10)],
    hidden=lambda draw: [
        (1, draw.randrange(2, 5000)),
        *((draw.randrange(2, 48), draw.randrange(2, 5000)) for _ in range(2)),
    ],
    reference=lambda image_channels, classes: {
        "total": chain_activations(_alexnet(image_channels, classes)),
        "peak": chain_peak_activations(_alexnet(image_channels, classes)),
    },
    misconceptions=(
        Misconception(
            "image of 227",
            "the image here is 224 × 224, padded by 2: padding is not stored",
            lambda channels, classes: {
                "total": chain_activations(_alexnet(channels, classes, 227)),
                "peak": chain_peak_activations(_alexnet(channels, classes, 227)),
            },
        ),
        Misconception(
            "pools left out",
            "a pool writes a tensor, too, and the next layer reads that one",
            _pools_left_out,
        ),
        Misconception(
            "largest tensor only",
            "while a layer runs, is its output the only tensor there?",
            lambda channels, classes: {
                "peak": max(t.amount for t in chain_activations(_alexnet(channels, classes)).terms)
            },
        ),
        Misconception(
            "all at once",
            "this is everything that ever exists: what is still needed when conv2 runs?",
            lambda channels, classes: {
                "peak": chain_activations(_alexnet(channels, classes)).total
            },
        ),
        Misconception(
            "always at conv1",
            "is conv1 the largest layer for images of one channel, too?",
            lambda channels, classes: {"peak": channels * 224**2 + 96 * 55**2},
        ),
    ),
)

Layers = Sequence[Sequence[int]]


def _side(size: int, kernel: int, stride: int) -> int:
    return (size + 2 * (kernel // 2) - kernel) // stride + 1


def _outputs(
    channels: int,
    size: int,
    layers: Layers,
    *,
    side: Callable[[int, int, int], int] = _side,
    sides: int = 2,
) -> list[int]:
    """Elements of the input and of every output of a stack of convolutions."""
    elements = [channels * size**sides]
    for out, kernel, stride in layers:
        size = side(size, kernel, stride)
        elements.append(out * size**sides)
    return elements


def largest_pair(elements: Sequence[int]) -> int:
    """Input and output of the layer where they are most."""
    return max(a + b for a, b in pairwise(elements))


#: Two layers that fit into 256 kB at one byte a number, and a third that does not.
THIRD_TOO_LARGE = [[32, 3, 2], [32, 3, 1], [96, 1, 1], [24, 3, 2]]


def _draw_cnns(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(3):
        layers = [
            [8 * draw.randrange(1, 9), draw.choice([3, 5]), draw.choice([1, 2])]
            for _ in range(draw.randrange(2, 4))
        ]
        cases.append((draw.randrange(1, 4), draw.randrange(32, 129), [[16, 3, 2], *layers]))
    # The image is the largest tensor, and the last layer's output is the next.
    return [*cases, (40, draw.randrange(33, 80), [[8, 5, 2], [8, 3, 1], [16, 3, 1]])]


CNN_PEAK = Exercise(
    points=1,
    topic="peak of a small CNN",
    examples=[
        (3, 96, THIRD_TOO_LARGE),
        (1, 28, [[8, 5, 1], [32, 3, 1]]),
        # The two largest tensors do not meet; an odd side shows how it is rounded.
        (40, 33, [[8, 5, 2], [16, 3, 1]]),
    ],
    hidden=_draw_cnns,
    reference=lambda channels, size, layers: largest_pair(_outputs(channels, size, layers)),
    known_slips={
        "0 → 1": "equivalent: any small number may stand for the most so far",
        "0 → -1": "equivalent, as above",
    },
    misconceptions=(
        Misconception(
            "padding left out",
            "the padding is kernel // 2: what size comes out at stride 1?",
            lambda *cnn: largest_pair(_outputs(*cnn, side=lambda size, k, s: (size - k) // s + 1)),
        ),
        Misconception(
            "padding not rounded down",
            "kernel // 2 is a whole number on each side: how much is twice that for a kernel of 3?",
            lambda *cnn: largest_pair(_outputs(*cnn, side=lambda size, k, s: size // s + 1)),
        ),
        Misconception(
            "stride left out",
            "a stride of 2 halves both sides of what comes out",
            lambda *cnn: largest_pair(_outputs(*cnn, side=lambda size, k, s: _side(size, k, 1))),
        ),
        Misconception(
            "+ 1 left out",
            "the first place of the kernel counts, too: look at the end of the formula",
            lambda *cnn: largest_pair(
                _outputs(*cnn, side=lambda size, k, s: _side(size, k, s) - 1)
            ),
        ),
        Misconception(
            "+ 1 before the division",
            "an odd side at stride 2: is it divided and rounded down before the + 1 is added?",
            lambda *cnn: largest_pair(
                _outputs(*cnn, side=lambda size, k, s: (size + 2 * (k // 2) - k + 1) // s)
            ),
        ),
        Misconception(
            "one side",
            "an image has a height and a width",
            lambda *cnn: OneOf(
                (
                    largest_pair(_outputs(*cnn, sides=1)),
                    # The image alone has both.
                    largest_pair([cnn[0] * cnn[1] ** 2, *_outputs(*cnn, sides=1)[1:]]),
                )
            ),
        ),
        Misconception(
            "the image into every layer",
            "a layer reads what the one before has written: is its input always the image?",
            lambda *cnn: _outputs(*cnn)[0] + max(_outputs(*cnn)[1:]),
        ),
        Misconception(
            "the last layer",
            "this is the last layer: is it there that input + output are most?",
            lambda *cnn: sum(_outputs(*cnn)[-2:]),
        ),
        Misconception(
            "outputs only",
            "a layer cannot run without its input: is that counted?",
            lambda *cnn: OneOf((max(_outputs(*cnn)), max(_outputs(*cnn)[1:]))),
        ),
        Misconception(
            "the two largest tensors",
            "are the two largest tensors there at the same moment?",
            lambda *cnn: sum(sorted(_outputs(*cnn))[-2:]),
        ),
        Misconception(
            "all layers at once",
            "this adds up all tensors: which of them are needed at the same moment?",
            lambda *cnn: OneOf((sum(_outputs(*cnn)), sum(_outputs(*cnn)[1:]))),
        ),
        Misconception(
            "image left out",
            "the first layer has an input, too: the image",
            lambda *cnn: largest_pair([0, *_outputs(*cnn)[1:]]),
        ),
    ),
)
