"""The intensity of PReLU → Linear plotted against the batch: asked in unit 04 and the homework."""

from __future__ import annotations

from functools import cache
from typing import Any

from helpers.exercises.exercise import Misconception, OneOf
from helpers.exercises.prelu_linear import block_intensity, intensity_without_weights

BATCHES = tuple(range(1, 65))


def right_plot(in_features: int, out_features: int) -> dict[str, Any]:
    """Batches, intensities in FLOP/B and named axes."""
    return {
        "batch sizes": list(BATCHES),
        "intensity": list(_intensities(in_features, out_features)),
        "axes named": "yes",
    }


@cache
def _intensities(in_features: int, out_features: int) -> tuple[float, ...]:
    # The right answer is asked for many times, and is always the same.
    return tuple(block_intensity(b, in_features, out_features).values[0] for b in BATCHES)


def plot_misconceptions(in_features: int, out_features: int) -> tuple[Misconception, ...]:
    """Wrong curves."""

    def without_weights() -> OneOf:
        sizes = in_features, out_features
        by_batch = [intensity_without_weights(batch, *sizes).values for batch in BATCHES]
        return OneOf(tuple(map(list, zip(*by_batch, strict=True))))

    def of_one_sample() -> list[float]:
        first = right_plot(in_features, out_features)["intensity"][0]
        return [batch * first for batch in BATCHES]

    return (
        Misconception(
            "traffic without the weights",
            "a curve that does not rise: the weights are missing in the traffic",
            lambda: {"intensity": without_weights()},
        ),
        Misconception(
            "intensity of one sample times the batch",
            "a straight line through the origin: is the traffic of a batch that of one sample?",
            lambda: {"intensity": of_one_sample()},
        ),
    )
