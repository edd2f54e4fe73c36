"""Unit 05: what inference holds at once, in chains, blocks and with ReLU in place."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.reference import chain_activations, chain_peak_activations

UNIT = "05_activations"


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
    name="alexnet_activations",
    unit=UNIT,
    points=1,
    topic="AlexNet's activations, in all and at once",
    parameters=("image_channels", "classes"),
    examples=[(3, 1000), (12, 10)],
    # With one channel the image is so small that the peak is one layer further on.
    hidden=lambda draw: [
        (1, draw.randrange(2, 5000)),
        *((draw.randrange(2, 12), draw.randrange(2, 5000)) for _ in range(2)),
    ],
    reference=lambda channels, classes: {
        "total": chain_activations(_alexnet(channels, classes)),
        "peak": chain_peak_activations(_alexnet(channels, classes)),
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


def _most(elements: Sequence[int]) -> int:
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
    name="cnn_peak",
    unit=UNIT,
    points=1,
    topic="peak of a small CNN",
    parameters=("channels", "size", "layers"),
    examples=[
        (3, 96, THIRD_TOO_LARGE),
        (1, 28, [[8, 5, 1], [16, 3, 2]]),
        # The two largest tensors do not meet; an odd side shows how it is rounded.
        (40, 33, [[8, 5, 2], [16, 3, 1]]),
    ],
    hidden=_draw_cnns,
    reference=lambda *cnn: _most(_outputs(*cnn)),
    misconceptions=(
        Misconception(
            "padding left out",
            "the padding is kernel // 2: what size comes out at stride 1?",
            lambda *cnn: _most(_outputs(*cnn, side=lambda size, k, s: (size - k) // s + 1)),
        ),
        Misconception(
            "stride left out",
            "a stride of 2 halves both sides of what comes out",
            lambda *cnn: _most(_outputs(*cnn, side=lambda size, k, s: _side(size, k, 1))),
        ),
        Misconception(
            "+ 1 left out",
            "the first place of the kernel counts, too: look at the end of the formula",
            lambda *cnn: _most(_outputs(*cnn, side=lambda size, k, s: _side(size, k, s) - 1)),
        ),
        Misconception(
            "+ 1 before the division",
            "the + 1 comes after the division, not before it",
            lambda *cnn: _most(
                _outputs(*cnn, side=lambda size, k, s: (size + 2 * (k // 2) - k + 1) // s)
            ),
        ),
        Misconception(
            "one side",
            "an image has a height and a width",
            lambda *cnn: _most(_outputs(*cnn, sides=1)),
        ),
        Misconception(
            "outputs only",
            "a layer cannot run without its input: is that counted?",
            lambda *cnn: max(_outputs(*cnn)),
        ),
        Misconception(
            "the two largest tensors",
            "are the two largest tensors there at the same moment?",
            lambda *cnn: sum(sorted(_outputs(*cnn))[-2:]),
        ),
        Misconception(
            "all layers at once",
            "this adds up all tensors: which of them are needed at the same moment?",
            lambda *cnn: sum(_outputs(*cnn)),
        ),
        Misconception(
            "image left out",
            "the first layer has an input, too: the image",
            lambda *cnn: _most([0, *_outputs(*cnn)[1:]]),
        ),
    ),
)


def _alive(sizes: Sequence[int]) -> list[int]:
    """Elements alive during each layer of a block whose input waits for the sum at its end."""
    first, *others = pairwise(sizes)
    return [sum(first), *(sizes[0] + a + b for a, b in others)]


def _draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def some(low: int, high: int) -> int:
        return 1000 * draw.randrange(low, high)

    wide, narrow = some(400, 900), some(50, 200)
    plain, shrinking, expanded = some(100, 500), some(500, 900), some(300, 900)
    return [
        ([wide, narrow, narrow, wide],),
        ([plain, plain, plain],),
        ([shrinking, some(300, 450), some(50, 200), shrinking],),
        ([narrow, expanded, expanded, narrow],),
    ]


BLOCK_PEAK = Exercise(
    name="block_peak",
    unit=UNIT,
    points=1,
    topic="a skip connection that waits",
    parameters=("sizes",),
    examples=[([800, 300, 100, 800],), ([75, 450, 450, 75],)],
    hidden=_draw_blocks,
    reference=lambda sizes: {"convolutions": _most(sizes), "with the skip": max(_alive(sizes))},
    misconceptions=(
        Misconception(
            "skip forgotten",
            "the block's input is needed once more, at the end: where is it in the meantime?",
            lambda sizes: {"with the skip": _most(sizes)},
        ),
        Misconception(
            "waiting in the last layer only",
            "the input waits while the middle layers run, too",
            lambda sizes: {
                "with the skip": max(_most(sizes), sizes[0] + sizes[-2] + sizes[-1]),
            },
        ),
        Misconception(
            "input twice in the first layer",
            "what the first layer reads is the tensor that waits: one tensor, counted once",
            lambda sizes: {"with the skip": sizes[0] + _most(sizes)},
        ),
        Misconception(
            "a new tensor for the sum",
            "the sum is written over the block's output",
            lambda sizes: {"with the skip": max(*_alive(sizes), 3 * sizes[0])},
        ),
        Misconception(
            "all at once",
            "this adds up all tensors of the block: the middle ones are freed on the way",
            lambda sizes: {"convolutions": sum(sizes), "with the skip": sum(sizes)},
        ),
        Misconception(
            "outputs only",
            "a layer cannot run without its input: is that counted?",
            lambda sizes: {"convolutions": max(sizes)},
        ),
    ),
)


def _relu_peak(sizes: Sequence[int]) -> dict[str, int]:
    return {"in place": _most(sizes), "new tensor": max(_most(sizes), 2 * max(sizes[1:]))}


def _draw_chains(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    chains = [[draw.randrange(100, 10_000) for _ in range(draw.randrange(3, 6))] for _ in range(3)]
    # An image so large that ReLU does not matter.
    return [*((chain,) for chain in chains), ([draw.randrange(9000, 10_000), 4000, 1000],)]


RELU_PEAK = Exercise(
    name="relu_peak",
    unit=UNIT,
    points=1,
    topic="peak with ReLU in place and not",
    parameters=("sizes",),
    examples=[([150, 800, 200, 400],), ([1000, 400, 100],)],
    hidden=_draw_chains,
    reference=_relu_peak,
    misconceptions=(
        Misconception(
            "no difference",
            "a ReLU that writes a new tensor has an input and an output of one size",
            lambda sizes: {"new tensor": _most(sizes)},
        ),
        Misconception(
            "the convolution's input kept",
            "when ReLU runs, the convolution is done: is its input still needed?",
            lambda sizes: {"new tensor": max(a + 2 * b for a, b in pairwise(sizes))},
        ),
        Misconception(
            "two peaks added",
            "when ReLU runs, the convolution is done: do their peaks come at the same moment?",
            lambda sizes: {"new tensor": _most(sizes) + max(sizes[1:])},
        ),
        Misconception(
            "a ReLU on the image",
            "each convolution is followed by a ReLU: is the image, too?",
            lambda sizes: {"new tensor": max(_most(sizes), 2 * max(sizes))},
        ),
        Misconception(
            "only the ReLUs",
            "the convolutions run, too: each holds its input and its output",
            lambda sizes: {"new tensor": 2 * max(sizes[1:])},
        ),
        Misconception(
            "outputs only",
            "in place, ReLU needs one tensor, but the convolution before it needs two",
            lambda sizes: {"in place": max(sizes[1:])},
        ),
    ),
)
