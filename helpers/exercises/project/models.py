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
#: Of the models that are drawn, with their batches, those at the edges: where weights count most
#: and least, and what comes out. The first has more classes than all else beside its weights.
EDGES = (
    ("vit 2 x 8, 2 heads, 64 px -> 1000", 2),
    ("resnet 3-4-6-3 x 56, 128 px -> 1000", 8),
    ("resnet 1-1-1-1 x 56, 128 px -> 1000", 8),
    ("resnet 3-4-6-3 x 32, 192 px -> 100", 16),
    ("resnet 1-1-1-1 x 32, 192 px -> 100", 16),
    ("resnet 1-1-1-1 x 48, 192 px -> 100", 10),
    ("vit 5 x 320, 5 heads, 160 px -> 1000", 8),
    ("vit 10 x 320, 5 heads, 160 px -> 100", 8),
    ("vit 10 x 192, 3 heads, 256 px -> 100", 16),
    ("vit 5 x 192, 3 heads, 256 px -> 1000", 16),
    ("gpt 10 x 320, 5 heads, 128 of 500", 8),
    ("gpt 5 x 192, 3 heads, 320 of 1000", 16),
)
FAMILIES = ("resnet", "vit", "gpt")


def draw_models(draw: random.Random) -> Iterator[str]:
    """A model of each family."""
    return (draw_model(draw, family) for family in FAMILIES)
