"""Unit 09: sizes of models that were published, and devices, for the cases that students see."""

from __future__ import annotations

import random
from typing import Any, NamedTuple


class Decoder(NamedTuple):
    """Sizes of a decoder; `kv_heads` of `heads`, each `width` ÷ `heads` wide."""

    vocabulary: int
    width: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_width


#: Touvron et al., arXiv:2307.09288, and Grattafiori et al., arXiv:2407.21783.
LLAMA_2_7B = Decoder(32_000, 4096, 32, 11_008, 32, 32)
LLAMA_3_8B = Decoder(128_256, 4096, 32, 14_336, 32, 8)
#: Weights that multiply: all but the table.
LLAMA_2_7B_MULTIPLY, LLAMA_3_8B_MULTIPLY = 6_607_077_376, 7_504_658_432

#: Bandwidth in GB/s, memory in GB (see `helpers.hardware.DEVICES`).
H100, A100, L4 = (3350, 80), (2039, 80), (300, 24)


def draw_decoder(draw: random.Random) -> Decoder:
    """A decoder of sizes that nobody has published, no two of them equal."""
    heads = draw.choice([16, 24, 40, 48])
    head_width = draw.choice([64, 80, 96, 112])
    return Decoder(
        vocabulary=1000 * draw.randrange(30, 200),
        width=heads * head_width,
        layers=draw.randrange(18, 90),
        hidden=64 * draw.randrange(60, 400),
        heads=heads,
        # Not the root of `heads`: else the size of a group would be their number.
        kv_heads=draw.choice([2, 8]),
    )


def draw_service(draw: random.Random) -> tuple[Any, ...]:
    """Bytes of weights and of a sequence's cache, and a bandwidth in GB/s."""
    weights = 10**6 * draw.randrange(500, 60_000)
    return weights, 10**6 * draw.randrange(20, 900), draw.randrange(250, 8000)
