"""The questions of the homework: 22 points and a bonus of 2.

Eighteen of the 22 are judged here; one is read by a person (see source/homework). Each
misconception was seen in the wild; the general ones (a term left out, a price taken as 1, MAC for
FLOP) need no entry, `helpers.diagnosis` finds them in the ledger.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference import (
    batch_norm_flops,
    conv2d_flops,
    conv2d_macs,
    softmax_flops,
)

UNIT = "homework"
FP32 = 4  # bytes


# 1 -------------------------------------------------------------------------------------------


def own_number(name: str) -> int:
    """A number of bytes for a name: the first ten hex digits of its SHA-256, below 2⁴⁰."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:10], 16)


_NAMES = ("Ada", "Alan", "Barbara", "Claude", "Edsger", "Frances", "Grace", "Ken", "Lynn", "Radia")


def _draw_names(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(f"{draw.choice(_NAMES)} {draw.randrange(10**6)}",) for _ in range(4)]


OWN_BYTES = Exercise(
    name="own_bytes",
    unit=UNIT,
    points=1,
    topic="bytes in GB and GiB",
    parameters=("name",),
    examples=[("Ada Lovelace",), ("Alan Turing",)],
    hidden=_draw_names,
    reference=lambda name: {"GB": own_number(name) / 1000**3, "GiB": own_number(name) / 1024**3},
    tolerance=1e-3,
    misconceptions=(
        Misconception(
            "GB and GiB swapped",
            "which of the two units is the larger one? The number in front of it is the smaller",
            lambda name: {"GB": own_number(name) / 1024**3, "GiB": own_number(name) / 1000**3},
        ),
        Misconception(
            "MB for GB",
            "count the steps: B → kB → MB → GB are three",
            lambda name: {"GB": own_number(name) / 1000**2, "GiB": own_number(name) / 1024**2},
        ),
    ),
)


# 2 -------------------------------------------------------------------------------------------


def _draw_padding(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(6):
        kernel, padding = draw.choice([1, 3, 5, 7]), draw.randrange(4)
        size_in = draw.randrange(8, 64)
        cases.append((size_in, size_in + 2 * padding - kernel + 1, kernel))
    return cases


PADDING = Exercise(
    name="padding",
    unit=UNIT,
    points=1,
    topic="padding for a given output size",
    parameters=("size_in", "size_out", "kernel"),
    examples=[(11, 9, 3), (11, 11, 3), (32, 32, 5)],
    hidden=_draw_padding,
    reference=lambda size_in, size_out, kernel: (size_out - size_in + kernel - 1) // 2,
    misconceptions=(
        Misconception(
            "padding that keeps the size",
            "this padding keeps the output as large as the input: is that what is asked for?",
            lambda size_in, size_out, kernel: (kernel - 1) // 2,
        ),
        Misconception(
            "padding of both sides together",
            "padding is added on both sides: p is what one side gets",
            lambda size_in, size_out, kernel: size_out - size_in + kernel - 1,
        ),
    ),
)


def _draw_convolutions(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 65), draw.randrange(2, 65), draw.randrange(9, 57), draw.choice([3, 5]))
        for _ in range(5)
    ]


def _convolution(in_channels: int, out_channels: int, size: int, kernel: int, padding: int = 0):
    sizes = (1, in_channels, out_channels, size, size, kernel)
    return {
        "MAC": conv2d_macs(*sizes, padding=padding, bias=False),
        "FLOP": conv2d_flops(*sizes, padding=padding, bias=False),
    }


def _totals(ledgers: dict[str, Ledger]) -> dict[str, float]:
    return {part: ledger.total for part, ledger in ledgers.items()}


_PADDED = "the output is smaller than the input here: no padding"

CONV_COST = Exercise(
    name="conv_cost",
    unit=UNIT,
    points=1,
    topic="MAC and FLOP of a convolution",
    parameters=("in_channels", "out_channels", "size", "kernel"),
    examples=[(16, 16, 11, 3), (3, 8, 9, 5)],
    hidden=_draw_convolutions,
    reference=_convolution,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda ci, co, size, kernel: _totals(
                _convolution(ci, co, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            "MAC and FLOP taken for the same",
            "one MAC is a multiply and an add: FLOP and MAC are not the same number",
            lambda ci, co, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), conv2d_macs(1, ci, co, size, size, kernel, bias=False).total
            ),
        ),
        Misconception(
            "input channels forgotten",
            "every output sums over all input channels: where are they?",
            lambda ci, co, size, kernel: {
                part: total // ci
                for part, total in _totals(_convolution(ci, co, size, kernel)).items()
            },
        ),
    ),
)


def _depthwise(channels: int, size: int, kernel: int, padding: int = 0):
    sizes = (1, channels, channels, size, size, kernel)
    return {
        "MAC": conv2d_macs(*sizes, padding=padding, groups=channels, bias=False),
        "FLOP": conv2d_flops(*sizes, padding=padding, groups=channels, bias=False),
    }


DEPTHWISE_COST = Exercise(
    name="depthwise_cost",
    unit=UNIT,
    points=1,
    topic="MAC and FLOP of a depthwise convolution",
    parameters=("channels", "size", "kernel"),
    examples=[(16, 11, 3), (32, 9, 5)],
    hidden=lambda draw: [
        (draw.randrange(2, 129), draw.randrange(9, 57), draw.choice([3, 5])) for _ in range(5)
    ],
    reference=_depthwise,
    misconceptions=(
        Misconception(
            "padding 1",
            _PADDED,
            lambda channels, size, kernel: _totals(
                _depthwise(channels, size, kernel, padding=(kernel - 1) // 2)
            ),
        ),
        Misconception(
            "counted as a standard convolution",
            "in a depthwise convolution an output sees one input channel, not all of them",
            lambda channels, size, kernel: _totals(_convolution(channels, channels, size, kernel)),
        ),
        Misconception(
            "MAC and FLOP taken for the same",
            "one MAC is a multiply and an add: FLOP and MAC are not the same number",
            lambda channels, size, kernel: dict.fromkeys(
                ("MAC", "FLOP"), _depthwise(channels, size, kernel)["MAC"].total
            ),
        ),
    ),
)


# 3 -------------------------------------------------------------------------------------------


def _batch_norm_dividing_per_element(batch: int, channels: int, height: int, width: int) -> Ledger:
    """One mean and variance a channel, but divided once for each (channel, row, column)."""
    right = batch_norm_flops(batch, channels, height, width)
    divisions = 2 * channels * height * width
    return Ledger(
        "FLOP",
        tuple(
            replace(term, count=divisions) if term.name.startswith("divisions of") else term
            for term in right.terms
        ),
    )


def _draw_images(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (draw.randrange(2, 33), draw.randrange(2, 65), draw.randrange(3, 57), draw.randrange(3, 57))
        for _ in range(5)
    ]


_PER_CHANNEL = (
    "how many means are there? BatchNorm has one mean and one variance for each channel, "
    "and divides once for each of them"
)

BATCH_NORM_FLOPS = Exercise(
    name="batch_norm_flops",
    unit=UNIT,
    points=2,
    topic="FLOP of BatchNorm in training",
    parameters=("batch", "channels", "height", "width"),
    examples=[(4, 3, 220, 220), (2, 8, 5, 5)],
    hidden=_draw_images,
    reference=batch_norm_flops,
    misconceptions=(
        Misconception(
            "statistics per element",
            _PER_CHANNEL,
            lambda b, c, h, w: batch_norm_flops(b, c * h * w, 1, 1),
        ),
        Misconception("divided per element", _PER_CHANNEL, _batch_norm_dividing_per_element),
        Misconception(
            "9N: only the normalisation",
            "this counts what is done to each element once mean and variance are known: "
            "what do they cost?",
            lambda b, c, h, w: 9 * b * c * h * w,
        ),
    ),
)


# 4 -------------------------------------------------------------------------------------------


def _draw_activations(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    def row() -> list[float]:
        # Zeros among them: PReLU multiplies for x ≤ 0.
        return [draw.choice([0.0, round(draw.uniform(-2, 2), 2)]) for _ in range(8)]

    return [([row() for _ in range(draw.randrange(1, 6))],) for _ in range(5)]


def _nonpositive(rows: list[list[float]]) -> Ledger:
    count = sum(value <= 0 for row in rows for value in row)
    return Ledger("FLOP", (Term("multiplications where x ≤ 0", count),))


def _elements(rows: list[list[float]]) -> int:
    return sum(len(row) for row in rows)


PRELU_FLOPS = Exercise(
    name="prelu_flops",
    unit=UNIT,
    points=1,
    topic="FLOP of PReLU, which depend on the data",
    parameters=("x",),
    examples=[([[1.0, -2.0, 0.5, 3.0]],), ([[0.0, -1.0], [-0.5, 2.0]],)],
    hidden=_draw_activations,
    reference=_nonpositive,
    misconceptions=(
        Misconception(
            "two operations for every element",
            "which elements are multiplied at all? A comparison is free, and x > 0 passes through",
            lambda x: 2 * _elements(x),
        ),
        Misconception(
            "a multiplication for every element",
            "is every element multiplied? Look at what PReLU does where x > 0",
            _elements,
        ),
        Misconception(
            "zero left out",
            "what happens at x = 0 exactly? Read the definition once more",
            lambda x: sum(value < 0 for row in x for value in row),
        ),
        Misconception(
            "counted where x > 0",
            "on which side of zero does PReLU multiply?",
            lambda x: sum(value > 0 for row in x for value in row),
        ),
    ),
)


# 5 -------------------------------------------------------------------------------------------

SOFTMAX_FLOPS = Exercise(
    name="softmax_flops",
    unit=UNIT,
    points=2,
    topic="FLOP of softmax",
    parameters=("batch", "n"),
    examples=[(4, 32), (1, 10)],
    hidden=lambda draw: [(draw.randrange(2, 65), draw.randrange(3, 2000)) for _ in range(5)],
    reference=softmax_flops,
    misconceptions=(
        Misconception(
            "two operations for every element",
            "an exponential and a division are not one FLOP each: look at the price list, "
            "and do not forget the sum",
            lambda batch, n: 2 * batch * n,
        ),
    ),
)


# 6 -------------------------------------------------------------------------------------------

IN, OUT = 64, 32


def _block_flops(batch: int) -> Ledger:
    return Ledger(
        "FLOP",
        (
            Term("PReLU multiplications", batch * IN),
            Term("Linear multiply-accumulates", batch * IN * OUT, 2),
        ),
    )


_SLOPE = Alternative("the one slope of PReLU stays in a register", 0, FP32)


def _block_bytes(batch: int) -> Ledger:
    return Ledger(
        "B",
        (
            Term("read PReLU input", batch * IN, FP32),
            Term("read PReLU slope", 1, FP32, (_SLOPE,)),
            Term("write PReLU output", batch * IN, FP32),
            Term("read Linear input", batch * IN, FP32),
            Term("read weights", IN * OUT, FP32),
            Term("write Linear output", batch * OUT, FP32),
        ),
    )


def _fused_bytes(batch: int) -> Ledger:
    unfused = _block_bytes(batch)
    between = ("write PReLU output", "read Linear input")
    return Ledger("B", tuple(term for term in unfused.terms if term.name not in between))


def _intensity(batch: int, traffic: Ledger) -> OneOf:
    flops = _block_flops(batch).total
    canonical, *others = (flops / total for _, total in traffic.derivations())
    return OneOf((canonical, *others))


def _without_weights(batch: int) -> float:
    return _block_flops(batch).total / (_block_bytes(batch).total - IN * OUT * FP32)


def _draw_batches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(batch,) for batch in draw.sample(range(2, 513), 4)]


BLOCK_FLOPS = Exercise(
    name="block_flops",
    unit=UNIT,
    points=1,
    topic="FLOP of PReLU → Linear",
    parameters=("batch",),
    examples=[(1,), (16,)],
    hidden=_draw_batches,
    reference=_block_flops,
    misconceptions=(
        Misconception(
            "MAC for FLOP",
            "a MAC is two FLOP: the Linear layer is counted by half",
            lambda batch: batch * IN * OUT + batch * IN,
        ),
        Misconception(
            "a bias that is not there",
            "this Linear layer has no bias",
            lambda batch: 2 * batch * IN * OUT + batch * OUT + batch * IN,
        ),
    ),
)

BLOCK_BYTES = Exercise(
    name="block_bytes",
    unit=UNIT,
    points=1,
    topic="bytes moved by PReLU → Linear",
    parameters=("batch",),
    examples=[(1,), (16,)],
    hidden=_draw_batches,
    reference=_block_bytes,
    misconceptions=(
        Misconception(
            "weights read for every sample",
            "the weights are read once for the whole batch, not once for each sample",
            lambda batch: batch * _block_bytes(1).total,
        ),
    ),
)


def _bound_of(intensity: float, ridge: float) -> str:
    return "compute" if intensity >= ridge else "memory"


def _ridge(peak_tflops: float, bandwidth_gb: float) -> float:
    return peak_tflops * 1e12 / (bandwidth_gb * 1e9)


def _bound(batch: int, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    intensity = _intensity(batch, _block_bytes(batch))
    ridge = _ridge(peak_tflops, bandwidth_gb)
    bound = _bound_of(intensity.values[0], ridge)
    return {"intensity": intensity, "ridge": ridge, "bound": bound}


def _bound_with_gib(batch: int, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    right = _bound(batch, peak_tflops, bandwidth_gb)
    ridge = peak_tflops * 1e12 / (bandwidth_gb * 1024**3)
    return {**right, "ridge": ridge}


def _bound_without_weights(batch: int, peak_tflops: float, bandwidth_gb: float) -> dict[str, Any]:
    intensity, ridge = _without_weights(batch), _ridge(peak_tflops, bandwidth_gb)
    return {"intensity": intensity, "ridge": ridge, "bound": _bound_of(intensity, ridge)}


def _draw_bounds(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    # Small processors with a ridge near 1 FLOP/B and large ones: both bounds occur.
    small = [(draw.randrange(16, 512), 0.001, draw.choice([1.0, 2.0])) for _ in range(2)]
    return [*small, (draw.randrange(1, 512), 312, 2039), (draw.randrange(1, 512), 8.1, 320)]


BLOCK_BOUND = Exercise(
    name="block_bound",
    unit=UNIT,
    points=1,
    topic="intensity, ridge and what bounds PReLU → Linear",
    parameters=("batch", "peak_tflops", "bandwidth_gb"),
    examples=[(1, 19.5, 2039), (64, 0.002, 1.0)],
    hidden=_draw_bounds,
    reference=_bound,
    tolerance=5e-3,
    misconceptions=(
        Misconception(
            "GB taken as GiB",
            "a bandwidth in GB/s counts in steps of 1000, not of 1024",
            _bound_with_gib,
        ),
        Misconception(
            "traffic without the weights",
            "the traffic lacks its largest part: the weights are read from memory, too",
            _bound_without_weights,
        ),
    ),
)

BATCHES = tuple(range(1, 65))


def _read_plot(picture: Any) -> dict[str, Any]:
    """What the plot question asks for, from the data of a figure (see `helpers.figures`)."""
    if not isinstance(picture, dict) or not picture.get("axes"):
        raise ValueError(
            "no figure arrived: return the figure, or draw it with plt and return None"
        )
    curves = [
        (curve, axes)
        for axes in picture["axes"]
        for curve in [*axes.get("lines", ()), *axes.get("points", ())]
        if len(curve["x"]) > 1
    ]
    if not curves:
        raise ValueError("the figure has no curve: plot the intensity against the batch size")
    curve, axes = max(curves, key=lambda found: len(found[0]["x"]))
    named = "batch" in axes.get("xlabel", "").lower() and "flop" in axes.get("ylabel", "").lower()
    return {
        "batch sizes": list(curve["x"]),
        "intensity": list(curve["y"]),
        "axes named": "yes" if named else "no",
    }


def _plotted() -> dict[str, Any]:
    canonical = [_block_flops(b).total / _block_bytes(b).total for b in BATCHES]
    return {"batch sizes": list(BATCHES), "intensity": canonical, "axes named": "yes"}


PLOT_INTENSITY = Exercise(
    name="plot_intensity",
    unit=UNIT,
    points=2,
    topic="intensity against batch size, plotted",
    parameters=(),
    examples=[()],
    hidden=lambda draw: [],
    reference=_plotted,
    read=_read_plot,
    # Two derivations (slope read or not) differ by 0.04 %: both are on the curve.
    tolerance=2e-3,
    misconceptions=(
        Misconception(
            "traffic without the weights",
            "a curve that does not rise: the weights are missing in the traffic",
            lambda: {"intensity": [_without_weights(b) for b in BATCHES]},
        ),
        Misconception(
            "intensity of one sample times the batch",
            "a straight line through the origin: is the traffic of a batch that of one sample?",
            lambda: {"intensity": [b * _plotted()["intensity"][0] for b in BATCHES]},
        ),
    ),
)


def _best_batch(in_features: int, out_features: int, ridge: float) -> int | None:
    """Smallest b with 2·b·m·n / (4·(m·n + b·(m + n))) ≥ ridge: the inequality solved for b."""
    weights, vectors = in_features * out_features, in_features + out_features
    gain = 2 * weights - FP32 * Fraction(ridge) * vectors
    return math.ceil(FP32 * Fraction(ridge) * weights / gain) if gain > 0 else None


def _best_batch_without_weights(in_features: int, out_features: int, ridge: float) -> int | None:
    intensity = 2 * in_features * out_features / (FP32 * (in_features + out_features))
    return 1 if intensity >= ridge else None


def _draw_layers(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    reachable = [
        (
            draw.choice([512, 768, 1024]),
            draw.choice([1024, 3072, 4096]),
            draw.randrange(5, 100) + 0.3,
        )
        for _ in range(4)
    ]
    return [*reachable, (draw.choice([16, 32, 64]), 32, draw.randrange(10, 200) + 0.3)]


BEST_BATCH = Exercise(
    name="best_batch",
    unit=UNIT,
    points=1,
    topic="smallest batch that is compute bound",
    parameters=("in_features", "out_features", "ridge"),
    examples=[(64, 32, 9.6), (768, 3072, 20.3)],
    hidden=_draw_layers,
    reference=_best_batch,
    misconceptions=(
        Misconception(
            "traffic without the weights",
            "a batch of 1 is never enough here: is the reading of the weights in your traffic?",
            _best_batch_without_weights,
        ),
        Misconception(
            "one batch too few",
            "at the batch you give, is the intensity at the ridge or still just below it?",
            lambda i, o, ridge: (
                None if _best_batch(i, o, ridge) is None else (_best_batch(i, o, ridge) or 0) - 1
            ),
        ),
    ),
)

FUSED = Exercise(
    name="fused",
    unit=UNIT,
    points=2,
    topic="what fusing PReLU into Linear saves",
    parameters=("batch",),
    examples=[(1,), (64,)],
    hidden=_draw_batches,
    reference=lambda batch: {
        "bytes": _fused_bytes(batch),
        "intensity": _intensity(batch, _fused_bytes(batch)),
    },
    tolerance=1e-3,
    bonus=True,
    misconceptions=(
        Misconception(
            "nothing saved",
            "this is the traffic without fusion: which tensor need not go to memory any more?",
            lambda batch: {
                "bytes": _block_bytes(batch).total,
                "intensity": _block_flops(batch).total / _block_bytes(batch).total,
            },
        ),
        Misconception(
            "only one way saved",
            "the tensor between the layers was written and read: both fall away",
            lambda batch: {
                "bytes": _fused_bytes(batch).total + batch * IN * FP32,
                "intensity": _block_flops(batch).total
                / (_fused_bytes(batch).total + batch * IN * FP32),
            },
        ),
    ),
)


# 7 -------------------------------------------------------------------------------------------


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
    "convnextv2_tiny": ModelFacts(28635496, 169428520, 0, 114267264, 34426368),
    "convnextv2_atto": ModelFacts(3708400, 48336296, 0, 14753600, 9562880),
    "resnet18": ModelFacts(11689512, 22179840, 76800, 46734848, 10536960),
    "resnet50": ModelFacts(25557032, 85909504, 424960, 102117888, 44455936),
    "mobilenetv2_100": ModelFacts(3504872, 78204416, 272896, 13947264, 0),
    "efficientnet_b0": ModelFacts(5288548, 88188896, 336128, 21028800, 35840),
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


MODEL_SIZE = Exercise(
    name="model_size",
    unit=UNIT,
    points=2,
    topic="parameters and bytes of a timm model",
    parameters=("model", "bits"),
    examples=[("convnextv2_large", 32), ("resnet18", 16)],
    hidden=lambda draw: [
        (model, draw.choice([4, 8, 16, 32])) for model in draw.sample(sorted(MODELS), 3)
    ],
    reference=lambda model, bits: {
        "parameters": MODELS[model].parameters,
        "bytes": MODELS[model].parameters * bits / 8,
    },
    misconceptions=(
        Misconception(
            "bits for bytes",
            "eight bits make a byte",
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
    name="saved_bytes",
    unit=UNIT,
    points=1,
    topic="bytes that autograd keeps, profiled",
    parameters=("model", "batch"),
    examples=[("convnextv2_atto", 1), ("resnet18", 2)],
    hidden=lambda draw: [
        (draw.choice(["convnextv2_atto", "resnet18", "mobilenetv2_100"]), draw.randrange(2, 6))
        for _ in range(2)
    ],
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
    name="activations_from_peak",
    unit=UNIT,
    points=1,
    topic="activations deduced from a measured peak",
    parameters=("peak", "parameters", "batch"),
    examples=[(5_400_000_000, 197_956_840, 8), (600_000_000, 11_689_512, 16)],
    hidden=lambda draw: [
        (draw.randrange(4, 12) * 10**9, draw.randrange(10**6, 3 * 10**8), draw.randrange(1, 33))
        for _ in range(4)
    ],
    reference=_from_peak,
    misconceptions=(
        Misconception(
            "weights still in it",
            "the weights lie in memory during the pass, too",
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
    name="adam_bytes",
    unit=UNIT,
    points=1,
    topic="memory of a training step with Adam",
    parameters=("parameters", "activation_bytes"),
    examples=[(197_956_840, 544_480_432), (1_000_000, 0)],
    hidden=lambda draw: [
        (draw.randrange(10**6, 10**9), draw.randrange(10**6, 10**10)) for _ in range(4)
    ],
    reference=_adam_bytes,
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
    name="largest_batch",
    unit=UNIT,
    points=1,
    topic="largest batch for a device",
    parameters=("parameters", "activation_bytes", "memory_gb"),
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
            "GB taken as GiB",
            "a memory in GB counts in steps of 1000, not of 1024",
            lambda p, a, gb: _largest_batch(p, a, gb, giga=1024**3),
        ),
        Misconception(
            "below zero",
            "a batch cannot be negative: what is the answer where not even the weights fit?",
            lambda p, a, gb: (int(gb * 10**9) - 16 * p) // a,
        ),
    ),
)

EXERCISES = (
    OWN_BYTES,
    PADDING,
    CONV_COST,
    DEPTHWISE_COST,
    BATCH_NORM_FLOPS,
    PRELU_FLOPS,
    SOFTMAX_FLOPS,
    BLOCK_FLOPS,
    BLOCK_BYTES,
    BLOCK_BOUND,
    PLOT_INTENSITY,
    BEST_BATCH,
    FUSED,
    MODEL_SIZE,
    SAVED_BYTES,
    ACTIVATIONS_FROM_PEAK,
    ADAM_BYTES,
    LARGEST_BATCH,
)
