"""Unit 01: what a neuron gives, and the shapes of what layers give."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import prod
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.reference import conv2d_output_size, receptive_field


def _weighted_sum(inputs: list[float], weights: list[float]) -> float:
    return sum(w * x for w, x in zip(weights, inputs, strict=True))


def _draw_neurons(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def halves(count: int) -> list[float]:
        return [draw.randrange(-8, 9) / 2 for _ in range(count)]

    cases: list[tuple[Any, ...]] = []
    while len(cases) < 6:
        synapses = len(cases) + 1
        inputs, weights = halves(synapses), halves(synapses)
        bias = draw.choice([-1, 1]) * draw.randrange(1, 9) / 2
        # Sums of both signs, so that neither f nor the bias can be left out unseen.
        if (_weighted_sum(inputs, weights) + bias > 0) == (len(cases) % 2 == 0):
            cases.append((inputs, weights, bias))
    return cases


NEURON_OUTPUT = Exercise(
    points=1,
    topic="a neuron with ReLU",
    examples=[
        ([1.0, 2.0], [0.5, 1.0], -1.0),
        ([1.0, 2.0], [0.5, -1.0], -0.5),
        # Three inputs, and more than the 6 at which another function stops.
        ([4.0, -2.0, 3.0], [2.0, 1.0, 1.5], 0.5),
    ],
    hidden=_draw_neurons,
    reference=lambda inputs, weights, bias: max(0.0, _weighted_sum(inputs, weights) + bias),
    known_slips={"zip(weights, inputs) → zip(inputs, weights)": "equivalent: the product is one"},
    misconceptions=(
        Misconception(
            "no activation function",
            "what does f do to a sum below zero?",
            lambda inputs, weights, bias: _weighted_sum(inputs, weights) + bias,
        ),
        Misconception(
            "bias left out",
            "the sum of wᵢxᵢ is not all that goes into f: what else does the formula add?",
            lambda inputs, weights, bias: max(0.0, _weighted_sum(inputs, weights)),
        ),
        Misconception(
            "bias added after the activation",
            "is the bias inside f or outside? Read the formula from the inside out",
            lambda inputs, weights, bias: max(0.0, _weighted_sum(inputs, weights)) + bias,
        ),
        Misconception(
            "activation function on every product",
            "how often does f act: on each product, or once on their sum?",
            lambda inputs, weights, bias: max(
                0.0,
                sum(max(0.0, w * x) for w, x in zip(weights, inputs, strict=True)) + bias,
            ),
        ),
    ),
)


def _linear(batch: int, in_features: int, out_features: int) -> dict[str, Any]:
    return {
        "weight": [out_features, in_features],
        "output": [batch, out_features],
        "parameters": in_features * out_features + out_features,
    }


LINEAR_SHAPES = Exercise(
    points=1,
    topic="shapes and parameters of a linear layer",
    examples=[(1, 4, 3), (32, 784, 10)],
    hidden=lambda draw: [
        (draw.randrange(2, 65), draw.randrange(2, 999), draw.randrange(2, 999)) for _ in range(5)
    ],
    reference=_linear,
    misconceptions=(
        Misconception(
            "weight as (in, out)",
            "how does PyTorch store the weight? Look at the shapes printed above",
            lambda batch, i, o: {"weight": [i, o]},
        ),
        Misconception(
            "bias left out",
            "every output has one more number of its own: which?",
            lambda batch, i, o: {"parameters": i * o},
        ),
        Misconception(
            "parameters for each sample",
            "are there more weights when more samples come in?",
            lambda batch, i, o: {"parameters": batch * (i * o + o)},
        ),
        Misconception(
            "weights for each sample, biases once",
            "are there more weights when more samples come in?",
            lambda batch, i, o: {"parameters": batch * i * o + o},
        ),
        Misconception(
            "a bias for each input",
            "find the bias in what is printed above: is it as long as the input or the output?",
            lambda batch, i, o: {"parameters": i * o + i},
        ),
    ),
    library="a layer of PyTorch tells its own parameters, as the text shows",
)


def _draw_windows(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    for stride in (1, 2, 2, 3, 3, 4):
        kernel = draw.choice([2, 3, 5, 7])
        cases.append((draw.randrange(16, 225), kernel, stride, draw.randrange(1, 4)))
    return cases


OUTPUT_SIZE = Exercise(
    points=1,
    topic="output size of a convolution",
    examples=[(4, 2, 1, 0), (11, 3, 1, 1), (224, 7, 2, 3), (22, 5, 4, 2)],
    hidden=_draw_windows,
    reference=conv2d_output_size,
    misconceptions=(
        Misconception(
            "the first place forgotten",
            "count the places of a kernel of 2 over 4 pixels on your fingers: the first one, too",
            lambda h, k, s, p: (h + 2 * p - k) // s,
        ),
        Misconception(
            "+ 1 before the division",
            "the + 1 is the first place: does it stand inside the brackets of the formula?",
            lambda h, k, s, p: (h + 2 * p - k + 1) // s,
        ),
        Misconception(
            "output padded instead of input",
            "it is the input that is padded, before the kernel slides: what does a stride do then?",
            lambda h, k, s, p: (h - k) // s + 1 + 2 * p,
        ),
        Misconception(
            "padding on one side",
            "padding goes on both sides of the input",
            lambda h, k, s, p: (h + p - k) // s + 1,
        ),
        Misconception(
            "rounded up",
            "a last step that leads beyond the edge is not taken: which way is it rounded?",
            lambda h, k, s, p: -(-(h + 2 * p - k) // s) + 1,
        ),
        Misconception(
            "not rounded",
            "can a kernel stand at half a place? Look at the brackets of the formula",
            lambda h, k, s, p: (h + 2 * p - k) / s + 1,
        ),
    ),
    library="a layer of PyTorch tells it, built and run: more to write than the formula",
)


def _padding(size_in: int, size_out: int, kernel: int) -> int | None:
    both_sides = size_out - size_in + kernel - 1
    return None if both_sides < 0 or both_sides % 2 else both_sides // 2


def _padding_below(end: int, size_in: int, size_out: int, kernel: int) -> int | None:
    """What a search from 0 finds that stops before `end`."""
    padding = _padding(size_in, size_out, kernel)
    return None if padding is None or padding >= end else padding


def _draw_paddings(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = []
    # No whole padding, none, some, as much as a kernel and more, and less than none.
    wide = draw.choice([3, 4, 5, 6, 7])
    for both_sides, kernel in (
        (draw.randrange(4) * 2 + 1, draw.choice([3, 4, 5, 6, 7])),
        (0, draw.choice([3, 4, 5, 6, 7])),
        (2 * draw.randrange(1, 4), draw.choice([4, 6])),
        (2 * wide, wide),
        (2 * draw.randrange(20, 50), 3),
        (-2 * draw.randrange(1, 4), 7),
    ):
        size_in = draw.randrange(16, 64)
        cases.append((size_in, size_in + both_sides - kernel + 1, kernel))
    return cases


PADDING_NEEDED = Exercise(
    points=1,
    topic="padding for a given output size",
    examples=[(11, 9, 3), (11, 11, 3), (32, 32, 5), (32, 32, 4), (11, 7, 3), (4, 30, 3)],
    hidden=_draw_paddings,
    reference=_padding,
    known_slips={
        "0 → -1": "equivalent: -1 is odd",
        "both_sides // 2 → both_sides / 2": "equivalent: both_sides is even",
    },
    misconceptions=(
        Misconception(
            "padding that keeps the size",
            "this keeps the output as large as the input: does every case ask for that?",
            lambda size_in, size_out, kernel: (kernel - 1) // 2,
        ),
        Misconception(
            "padding that keeps the size, half columns included",
            "this keeps the output as large as the input: does every case ask for that?",
            lambda size_in, size_out, kernel: (kernel - 1) / 2,
        ),
        Misconception(
            "padding of both sides together",
            "padding is what one side gets: how many sides are there?",
            lambda size_in, size_out, kernel: size_out - size_in + kernel - 1,
        ),
        Misconception(
            "half a column rounded away",
            "put your padding into the formula of the output size: does the size come out for "
            "an even kernel, too?",
            lambda size_in, size_out, kernel: (size_out - size_in + kernel - 1) // 2,
        ),
        Misconception(
            "half a column of padding",
            "can half a column be added? The docstring says what to return then",
            lambda size_in, size_out, kernel: (size_out - size_in + kernel - 1) / 2,
        ),
        Misconception(
            "padding below zero",
            "padding adds columns: can it make an output smaller than it is without any?",
            lambda size_in, size_out, kernel: (
                None if (both := size_out - size_in + kernel - 1) % 2 else both // 2
            ),
        ),
        Misconception(
            "no more padding than the kernel",
            "nothing in the formula says that the padding is smaller than the kernel: does your "
            "search end too early?",
            lambda size_in, size_out, kernel: _padding_below(kernel, size_in, size_out, kernel),
        ),
    ),
)


def _cnn(batch: int, size: int) -> dict[str, list[int]]:
    pooled = conv2d_output_size(size, 2, stride=2)
    last = conv2d_output_size(pooled, 3, stride=2)
    return {
        "pool": [batch, 16, pooled, pooled],
        "conv2": [batch, 32, last, last],
        "flatten": [batch, 32 * last * last],
    }


def _cnn_padded(batch: int, size: int) -> dict[str, list[int]]:
    pooled = conv2d_output_size(size, 2, stride=2)
    last = conv2d_output_size(pooled, 3, stride=2, padding=1)
    return {"conv2": [batch, 32, last, last], "flatten": [batch, 32 * last * last]}


def _channels_last(batch: int, size: int) -> dict[str, list[int]]:
    right = _cnn(batch, size)
    return {name: [n, h, w, c] for name, (n, c, h, w) in list(right.items())[:2]}


def _conv2_slipped(batch: int, last: int) -> dict[str, list[int]]:
    return {"conv2": [batch, 32, last, last], "flatten": [batch, 32 * last * last]}


CNN_SHAPES = Exercise(
    points=1,
    topic="every shape in a small network",
    # Pooled to an even and an odd side, from an even and an odd one.
    examples=[(1, 28), (8, 33), (2, 30)],
    hidden=lambda draw: [
        (draw.randrange(2, 33), 4 * draw.randrange(4, 25) + rest) for rest in (0, 1, 2, 3)
    ],
    reference=_cnn,
    misconceptions=(
        Misconception(
            "batch flattened, too",
            "are the images of a batch one long vector after flatten, or one vector each?",
            lambda batch, size: {"flatten": [prod(_cnn(batch, size)["conv2"])]},
        ),
        Misconception(
            "channels last",
            "in which order does PyTorch hold channels, height and width?",
            _channels_last,
        ),
        Misconception(
            "padding where there is none",
            "does the second convolution pad its input?",
            _cnn_padded,
        ),
        Misconception(
            "batch left out",
            "a batch goes through: which number comes first in each of these shapes?",
            lambda batch, size: {name: shape[1:] for name, shape in _cnn(batch, size).items()},
        ),
        Misconception(
            "stride of conv2 left out",
            "the second convolution steps over every second place: look at its stride",
            lambda batch, size: _conv2_slipped(batch, size // 2 - 2),
        ),
        Misconception(
            "the first place forgotten",
            "put the pooled size into the formula of the output size, its + 1 included",
            lambda batch, size: _conv2_slipped(batch, (size // 2 - 3) // 2),
        ),
    ),
)


def _field_with_stride_too_early(kernels: Sequence[int], strides: Sequence[int]) -> int:
    field, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        jump *= stride
        field += (kernel - 1) * jump
    return field


def _field_with_only_the_stride_before(kernels: Sequence[int], strides: Sequence[int]) -> int:
    steps = zip(kernels, [1, *strides[:-1]], strict=True)
    return 1 + sum((kernel - 1) * stride for kernel, stride in steps)


def _field_with_only_its_own_stride(kernels: Sequence[int], strides: Sequence[int]) -> int:
    return 1 + sum((kernel - 1) * s for kernel, s in zip(kernels, strides, strict=True))


def _draw_stacks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (
            [draw.choice([3, 5, 7]) for _ in range(depth)],
            # A stride at both ends: one that widens, one that widens nothing any more.
            [2, *(draw.choice([1, 2, 3]) for _ in range(depth - 2)), draw.choice([2, 3])],
        )
        for depth in (2, 3, 3, 4, 5)
    ]


RECEPTIVE_FIELD = Exercise(
    points=1,
    topic="receptive field of a stack",
    examples=[
        *(([3, 3], [1, 1]), ([3, 3, 3], [2, 1, 1]), ([3, 3], [1, 2])),
        ([5, 3, 7], [2, 3, 1]),
    ],
    hidden=_draw_stacks,
    reference=receptive_field,
    misconceptions=(
        Misconception(
            "strides ignored",
            "behind a layer of stride 2, how far apart in the input are two neighbours?",
            lambda kernels, strides: receptive_field(kernels),
        ),
        Misconception(
            "a stride widens its own layer",
            "a stride spreads its outputs: does its own kernel see more, or only the layers after?",
            _field_with_stride_too_early,
        ),
        Misconception(
            "only the stride of the layer before",
            "does a stride stretch the steps of the next layer only, or of all layers after it?",
            _field_with_only_the_stride_before,
        ),
        Misconception(
            "only the layer's own stride",
            "which strides lie between a layer's input and the image? Is its own one of them?",
            _field_with_only_its_own_stride,
        ),
        Misconception(
            "kernels added",
            "two kernels of 3 over one another: do they see 6 inputs? Neighbours share some",
            lambda kernels, strides: sum(kernels),
        ),
        Misconception(
            "begun at 0",
            "with no layer at all, how many inputs does an output see? Begin there",
            lambda kernels, strides: receptive_field(kernels, strides) - 1,
        ),
    ),
)
