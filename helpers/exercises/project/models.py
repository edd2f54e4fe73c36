"""The models that the project's questions are asked of, and how near is near enough."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from helpers.model_table import EXAMPLES, draw_model

#: Of a sheet a part may be 1 % off; farther off it earns less.
BANDS: Mapping[float, float] = {0.01: 1, 0.05: 0.5, 0.2: 0.25}

#: Tiny ones, in which nothing is too small to be seen, and three that are known.
TINY = (
    "resnet 1-1-1-1 x 2, 64 px -> 20",
    "vit 12 x 8, 2 heads, 128 px -> 10",
    "gpt 12 x 4, 2 heads, 8 of 20",
)
KNOWN = EXAMPLES
FAMILIES = ("resnet", "vit", "gpt")


def draw_models(draw: random.Random) -> Iterator[str]:
    """A model of each family."""
    return (draw_model(draw, family) for family in FAMILIES)
