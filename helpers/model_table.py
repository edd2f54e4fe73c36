"""Models as tables of layers: ResNets, vision transformers and GPTs of any size, one for each name.

    >>> layers("vit 12 x 192, 3 heads, 224 px -> 1000")[0]
    Row(kind='conv', reads=(-1,), channels_in=3, channels_out=192, places_in=50176, …)

What a model costs can be worked out from its rows; no formula for it is here, since students' code
sees this file. The first two families are torchvision's ResNet with basic blocks and timm's vision
transformer with an average in the place of a class token; the third is GPT-2.
"""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import NamedTuple

#: In `Row.reads`: what goes into the model, images or a text.
INPUT = -1


class Row(NamedTuple):
    """A layer. A tensor has `channels` numbers at each of its `places`: pixels of a map, or tokens.

    Attributes:
        kind: "conv", "linear", "batch norm", "layer norm", "relu", "gelu", "attention",
            "causal attention", "add", "max pool", "mean", "embedding" or "positions".
        reads: whose outputs go in: numbers of earlier rows, -1 for what goes into the model.
        channels_in, channels_out: of an embedding, the words that there are, and its width.
        places_in, places_out: of one image or text.
        kernel: side of what a convolution looks at; 1 for a linear layer.
        bias: whether a number is added to each output channel.
        heads: of attention.
        notes: numbers, of one image or text, that the layer writes down for backward, beside
            tensors that it keeps.
        shares: the row whose weights it uses, -1 where they are its own.
    """

    kind: str
    reads: tuple[int, ...]
    channels_in: int
    channels_out: int
    places_in: int
    places_out: int
    kernel: int = 1
    bias: bool = False
    heads: int = 0
    notes: int = 0
    shares: int = -1


@cache
def layers(model: str) -> tuple[Row, ...]:
    """The rows of a model, in the order in which they run.

    ValueError, with a line that shows how one is written, for a text that names no model.
    """
    for pattern, make in _FAMILIES:
        if found := re.fullmatch(pattern, model.strip()):
            return make(*found.groups())
    raise ValueError(f"no model {model!r}: write one as {' or '.join(map(repr, EXAMPLES))}")


#: ResNet-18, a small vision transformer and GPT-2 small with a short text, as `layers` reads them.
EXAMPLES = (
    "resnet 2-2-2-2 x 64, 224 px -> 1000",
    "vit 12 x 192, 3 heads, 224 px -> 1000",
    "gpt 12 x 768, 12 heads, 256 of 50257",
)


def own_model(name: str) -> str:
    """A model for a name: drawn from its SHA-256, blanks around it left out."""
    digest = hashlib.sha256(name.strip().encode()).digest()
    return draw_model(random.Random(digest), ("resnet", "vit", "gpt")[digest[0] % 3])


def draw_model(draw: random.Random, family: str) -> str:
    """A model of a family, small enough that two cores train it in seconds."""
    if family == "resnet":
        blocks = draw.choice(("1-1-1-1", "2-2-2-2", "2-3-3-2", "3-4-6-3"))
        width, side = draw.choice((32, 40, 48, 56)), draw.choice((128, 160, 192))
        return f"resnet {blocks} x {width}, {side} px -> {draw.choice((100, 200, 365, 1000))}"
    depth, heads = draw.randrange(5, 11), draw.choice((3, 4, 5))
    if family == "vit":
        side, classes = draw.choice((160, 192, 224, 256)), draw.choice((100, 200, 365, 1000))
        return f"vit {depth} x {64 * heads}, {heads} heads, {side} px -> {classes}"
    tokens, words = draw.choice((128, 192, 256, 320)), draw.choice((500, 750, 1000))
    return f"gpt {depth} x {64 * heads}, {heads} heads, {tokens} of {words}"


class _Rows(list[Row]):
    """Rows as they are written down, each of which reads the one before if nothing else is said."""

    def put(
        self,
        kind: str,
        channels: int = 0,
        places: int = 0,
        reads: tuple[int, ...] = (),
        kernel: int = 1,
        bias: bool = False,
        heads: int = 0,
        notes: int = 0,
        shares: int = -1,
    ) -> int:
        """Adds a row; `channels` and `places` come out, as many as go in if not given."""
        reads = reads or (len(self) - 1,)
        before = self[reads[0]]
        sizes = (
            before.channels_out,
            channels or before.channels_out,
            before.places_out,
            places or before.places_out,
        )
        self.append(Row(kind, reads, *sizes, kernel, bias, heads, notes, shares))
        return len(self) - 1


def _resnet(blocks: str, width: str, side: str, classes: str) -> tuple[Row, ...]:
    """K. He et al.: Deep residual learning, 2016, with basic blocks."""
    channels, edge = int(width), int(side) // 2
    rows = _Rows([Row("conv", (INPUT,), 3, channels, (2 * edge) ** 2, edge**2, 7)])
    rows.put("batch norm")
    rows.put("relu")
    edge //= 2
    # For each number that is let through, where it was: eight bytes, as two numbers.
    rows.put("max pool", places=edge**2, kernel=3, notes=2 * channels * edge**2)
    for stage, number in enumerate(map(int, blocks.split("-"))):
        for block in range(number):
            halves = stage > 0 and block == 0
            edge //= 2 if halves else 1
            _basic_block(rows, channels * 2**stage, edge**2, halves)
    rows.put("mean", places=1)
    rows.put("linear", int(classes), bias=True)
    return tuple(rows)


def _basic_block(rows: _Rows, channels: int, places: int, halves: bool) -> None:
    start = len(rows) - 1
    rows.put("conv", channels, places, kernel=3)
    rows.put("batch norm")
    rows.put("relu")
    rows.put("conv", channels, kernel=3)
    end = rows.put("batch norm")
    if halves:
        rows.put("conv", channels, places, reads=(start,))
        start = rows.put("batch norm")
    rows.put("add", reads=(end, start))
    rows.put("relu")


def _vit(depth: str, width: str, heads: str, side: str, classes: str) -> tuple[Row, ...]:
    """A. Dosovitskiy et al.: An image is worth 16 × 16 words, 2021."""
    pixels, tokens = int(side) ** 2, (int(side) // 16) ** 2
    rows = _Rows([Row("conv", (INPUT,), 3, int(width), pixels, tokens, 16, True)])
    rows.put("positions")
    for _ in range(int(depth)):
        _transformer_block(rows, "attention", int(heads))
    rows.put("layer norm", notes=2 * tokens)
    rows.put("mean", places=1)
    rows.put("linear", int(classes), bias=True)
    return tuple(rows)


def _gpt(depth: str, width: str, heads: str, tokens: str, words: str) -> tuple[Row, ...]:
    """A. Radford et al.: Language models are unsupervised multitask learners, 2019."""
    rows = _Rows([Row("embedding", (INPUT,), int(words), int(width), int(tokens), int(tokens))])
    rows.put("positions")
    for _ in range(int(depth)):
        _transformer_block(rows, "causal attention", int(heads))
    rows.put("layer norm", notes=2 * int(tokens))
    rows.put("linear", int(words), shares=0)
    return tuple(rows)


def _transformer_block(rows: _Rows, attention: str, heads: int) -> None:
    start = len(rows) - 1
    width, tokens = rows[start].channels_out, rows[start].places_out
    rows.put("layer norm", notes=2 * tokens)
    rows.put("linear", 3 * width, bias=True)
    rows.put(attention, width, heads=heads, notes=heads * tokens)
    end = rows.put("linear", width, bias=True)
    start = rows.put("add", reads=(end, start))
    rows.put("layer norm", notes=2 * tokens)
    rows.put("linear", 4 * width, bias=True)
    rows.put("gelu")
    end = rows.put("linear", width, bias=True)
    rows.put("add", reads=(end, start))


_FAMILIES = (
    (r"resnet (\d+-\d+-\d+-\d+) x (\d+), (\d+) px -> (\d+)", _resnet),
    (r"vit (\d+) x (\d+), (\d+) heads, (\d+) px -> (\d+)", _vit),
    (r"gpt (\d+) x (\d+), (\d+) heads, (\d+) of (\d+)", _gpt),
)
