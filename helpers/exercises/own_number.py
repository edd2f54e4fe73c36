"""A number of bytes for every student: two questions ask for it in other units."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

_NAMES = ("Ada", "Alan", "Barbara", "Claude", "Edsger", "Frances", "Grace", "Ken", "Lynn", "Radia")


def own_number(name: str) -> int:
    """A number of bytes for a name: the first ten hex digits of its SHA-256, below 2⁴⁰."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:10], 16)


def draw_names(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Names that no list of answers holds, as arguments of four cases. Their numbers have at least
    a digit before the point in GiB, so that two behind it are enough."""
    names: list[str] = []
    while len(names) < 4:
        name = f"{draw.choice(_NAMES)} {draw.randrange(10**6)}"
        if own_number(name) >= 2**31:
            names.append(name)
    return [(name,) for name in names]
