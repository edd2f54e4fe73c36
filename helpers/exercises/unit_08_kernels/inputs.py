"""Unit 08: the numbers that kernels are run on, the same for the same seed."""

from __future__ import annotations

import random


def whole_numbers(seed: int, *sizes: int) -> list[list[float]]:
    """A list of whole numbers from -9 to 9 for each size; the unit's function draws the same."""
    draw = random.Random(seed)
    return [[float(draw.randrange(-9, 10)) for _ in range(size)] for size in sizes]
