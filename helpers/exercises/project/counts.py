"""Project: parameters, MAC and bytes of a model, from its table of layers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.mistakes import BITS_FOR_BYTES
from helpers.exercises.project.models import BANDS, EDGES, KNOWN, TINY, draw_models
from helpers.ledger import Ledger
from helpers.model_table import Row, layers
from helpers.reference import model_sheet

ATTENTION = ("attention", "causal attention")


def _parameters(model: str) -> Ledger:
    return model_sheet.parameters(layers(model))


def _more(count: Callable[[Row], int]) -> Callable[[str], float]:
    """The parameters, and so many more for each row; less where negative."""
    return lambda model: _parameters(model).total + sum(map(count, layers(model)))


def _multiplying(row: Row) -> int:
    return row.channels_in * row.channels_out if row.kind in model_sheet.MULTIPLY else 0


def _own(row: Row) -> int:
    return model_sheet.parameter_count([row])


def _as_convolution(row: Row) -> int:
    return row.channels_in * row.channels_out * row.kernel**2


SHEET_PARAMETERS = Exercise(
    points=2,
    topic="parameters of a model, from its table of layers",
    bands=BANDS,
    examples=[(model,) for model in (*TINY, *KNOWN)],
    hidden=lambda draw: [(model,) for model in draw_models(draw)],
    reference=_parameters,
    misconceptions=(
        Misconception(
            "shared weights twice",
            "one row uses the weights of another: are they learned twice?",
            _more(lambda row: _multiplying(row) if row.shares >= 0 else 0),
        ),
        Misconception(
            "a kernel is a line",
            "a kernel of side 3 covers how many pixels?",
            _more(lambda row: _multiplying(row) * (row.kernel - row.kernel**2)),
        ),
        Misconception(
            "no kernel",
            "a convolution has weights for every pixel that its kernel covers",
            _more(lambda row: _multiplying(row) * (1 - row.kernel**2)),
        ),
        Misconception(
            "every row like a convolution",
            "norms, positions and rows that learn nothing are counted like convolutions: what has "
            "each kind to learn?",
            lambda model: OneOf(
                (
                    sum(_as_convolution(row) for row in layers(model)),
                    sum(row.channels_in * row.channels_out for row in layers(model)),
                )
            ),
        ),
        Misconception(
            "no convolution",
            "no convolution is counted: how is its kind written in the table?",
            _more(lambda row: -_own(row) if row.kind == "conv" else 0),
        ),
        Misconception(
            "one number in a norm",
            "a norm scales each channel, and shifts it: how many numbers is that?",
            _more(lambda row: -row.channels_out if row.kind in model_sheet.NORMS else 0),
        ),
        Misconception(
            "running averages learned",
            "batch norm's running averages follow the data, and are no parameters: what has it to "
            "learn?",
            _more(lambda row: 2 * row.channels_out if row.kind == "batch norm" else 0),
        ),
        Misconception(
            "layer norms forgotten",
            "there are two kinds of norms in these tables: do both count?",
            _more(lambda row: -2 * row.channels_out if row.kind == "layer norm" else 0),
        ),
        Misconception(
            "batch norms forgotten",
            "there are two kinds of norms in these tables: do both count?",
            _more(lambda row: -2 * row.channels_out if row.kind == "batch norm" else 0),
        ),
        Misconception(
            "biases everywhere",
            "not every convolution or linear layer has a bias: row.bias says which",
            _more(
                lambda row: row.channels_out * (not row.bias) * (row.kind in model_sheet.MULTIPLY)
            ),
        ),
        Misconception(
            "attention learns",
            "what attention multiplies was made by the linear layer before it: has it weights of "
            "its own?",
            _more(lambda row: row.channels_in * row.channels_out * (row.kind in ATTENTION)),
        ),
        Misconception(
            "one position",
            "each position has numbers of its own, as many as there are channels",
            _more(lambda row: row.channels_out * (1 - row.places_out) * (row.kind == "positions")),
        ),
        Misconception(
            "a bias for each input",
            "a bias is added to each output: how many of them are there?",
            _more(lambda row: (row.channels_in - row.channels_out) * row.bias),
        ),
        Misconception(
            "bytes",
            "this is four times too much: parameters are asked for, not their bytes",
            lambda model: 4 * _parameters(model).total,
        ),
    ),
)


def _macs(model: str, batch: int) -> Ledger:
    return model_sheet.macs(layers(model), batch)


def _other_macs(count: Callable[[Row], float]) -> Callable[..., Any]:
    """MAC where each row costs `count` more, for each image or text."""
    return lambda model, batch: _macs(model, batch).total + batch * sum(map(count, layers(model)))


def _pairs(row: Row) -> int:
    return model_sheet.attention_pairs(row) if row.kind in ATTENTION else 0


def _batched(models: Sequence[str], batches: Sequence[int]) -> list[tuple[Any, ...]]:
    return list(zip(models, batches, strict=True))


def _draw_batched(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [(model, draw.randrange(2, 17)) for model in draw_models(draw)]


SHEET_MACS = Exercise(
    points=3,
    topic="MAC of a model, from its table of layers",
    bands=BANDS,
    examples=_batched((*TINY, *KNOWN), (1, 1, 3, 1, 8, 2)),
    hidden=_draw_batched,
    reference=_macs,
    known_slips=dict.fromkeys(("0 → 1", "0 → -1"), "one MAC of many"),
    misconceptions=(
        Misconception(
            "the parameters",
            "a weight multiplies again at every place, pixel or token; and not all that is learned "
            "multiplies",
            lambda model, batch: batch * _parameters(model).total,
        ),
        Misconception(
            "every parameter multiplies",
            "not all that is learned multiplies, and attention multiplies without learning",
            lambda model, batch: (
                batch
                * sum(model_sheet.parameter_count([row]) * row.places_out for row in layers(model))
            ),
        ),
        Misconception(
            "places that go in",
            "with a stride the kernel stands in fewer places than go in: in how many?",
            _other_macs(
                lambda row: _multiplying(row) * row.kernel**2 * (row.places_in - row.places_out)
            ),
        ),
        Misconception(
            "one place",
            "a weight multiplies again at every place, pixel or token",
            _other_macs(lambda row: _multiplying(row) * row.kernel**2 * (1 - row.places_out)),
        ),
        Misconception(
            "a kernel is a line",
            "a kernel of side 3 covers how many pixels?",
            _other_macs(
                lambda row: _multiplying(row) * row.places_out * (row.kernel - row.kernel**2)
            ),
        ),
        Misconception(
            "no kernel",
            "at each place a convolution multiplies every pixel that its kernel covers",
            _other_macs(lambda row: _multiplying(row) * row.places_out * (1 - row.kernel**2)),
        ),
        Misconception(
            "every token sees every token",
            "in causal attention a token sees itself and those before it: how many pairs are that?",
            _other_macs(
                lambda row: (
                    2 * row.channels_out * (row.places_out**2 - _pairs(row))
                    if row.kind == "causal attention"
                    else 0
                )
            ),
        ),
        Misconception(
            "half of the square",
            "a causal token sees itself, too: draw the pairs of three tokens",
            _other_macs(
                lambda row: (
                    row.channels_out * -row.places_out if row.kind == "causal attention" else 0
                )
            ),
        ),
        Misconception(
            "only the tokens before",
            "a causal token sees itself, too: draw the pairs of three tokens",
            _other_macs(
                lambda row: (
                    -2 * row.channels_out * row.places_out if row.kind == "causal attention" else 0
                )
            ),
        ),
        Misconception(
            "causal attention forgotten",
            "there are two kinds of attention in these tables: do both count?",
            _other_macs(
                lambda row: -2 * row.channels_out * _pairs(row) * (row.kind == ATTENTION[1])
            ),
        ),
        Misconception(
            "attention without a mask forgotten",
            "there are two kinds of attention in these tables: do both count?",
            _other_macs(
                lambda row: -2 * row.channels_out * _pairs(row) * (row.kind == ATTENTION[0])
            ),
        ),
        Misconception(
            "one product of attention",
            "attention multiplies twice: queries with keys, and what with the values?",
            _other_macs(lambda row: -row.channels_out * _pairs(row)),
        ),
        Misconception(
            "each head as wide as all",
            "the heads share the channels: each has its part of them",
            _other_macs(lambda row: 2 * row.channels_out * _pairs(row) * (row.heads - 1)),
        ),
        Misconception(
            "one head",
            "each head has scores and weighed values of its own: how many heads are there?",
            _other_macs(
                lambda row: (
                    2 * _pairs(row) * (row.channels_out // row.heads - row.channels_out)
                    if row.heads
                    else 0
                )
            ),
        ),
        Misconception(
            "queries, keys and values all multiplied",
            "in a product of attention a pair costs as many MAC as one query is wide: what is "
            "channels_in made of?",
            _other_macs(lambda row: 2 * (row.channels_in - row.channels_out) * _pairs(row)),
        ),
        Misconception(
            "shared weights do not multiply",
            "shared weights are stored once, but they multiply in each row that uses them",
            _other_macs(lambda row: -_multiplying(row) * row.places_out if row.shares >= 0 else 0),
        ),
        Misconception(
            "the embedding multiplies",
            "an embedding looks up a row for each token: does it multiply?",
            _other_macs(
                lambda row: (
                    row.channels_in * row.channels_out * row.places_out
                    if row.kind == "embedding"
                    else 0
                )
            ),
        ),
        Misconception(
            "biases multiply",
            "a bias is added: is there a product?",
            _other_macs(lambda row: row.channels_out * row.places_out * row.bias),
        ),
        Misconception(
            "norms multiply",
            "MAC are counted in convolutions, linear layers and attention alone",
            _other_macs(
                lambda row: row.channels_out * row.places_out * (row.kind in model_sheet.NORMS)
            ),
        ),
        Misconception(
            "the batch pays attention to itself",
            "tokens of one text see each other, and none of another text: how does attention grow "
            "with the batch?",
            lambda model, batch: (
                _macs(model, batch).total
                + batch * (batch - 1) * model_sheet.macs(_only_attention(model), 1).total
            ),
        ),
    ),
)


def _only_attention(model: str) -> list[Row]:
    return [row for row in layers(model) if row.kind in ATTENTION]


def _bytes(model: str, bits: int) -> Ledger:
    return model_sheet.weight_bytes(layers(model), bits)


def _averages(model: str, *kinds: str) -> int:
    return sum(row.channels_out for row in layers(model) if row.kind in kinds)


SHEET_BYTES = Exercise(
    points=1,
    topic="bytes of a model's file",
    bands=BANDS,
    examples=_batched((*TINY, *KNOWN), (32, 16, 8, 16, 32, 4)),
    spare=[(model, 16) for model, _ in EDGES],
    hidden=lambda draw: [
        (model, bits)
        for model, bits in zip(draw_models(draw), draw.sample((4, 8, 16, 32), 3), strict=True)
    ],
    reference=_bytes,
    known_slips={
        "(sheet_parameters(model) + averages) * bits / 8 → "
        "(sheet_parameters(model) + averages) * bits // 8": "less than a byte of many",
    },
    misconceptions=(
        Misconception(
            "always four bytes",
            "the width is an argument: not every number takes 32 bits",
            lambda model, bits: _bytes(model, 32).total,
        ),
        Misconception(
            *BITS_FOR_BYTES,
            lambda model, bits: OneOf(
                (8 * _bytes(model, bits).total, bits * _parameters(model).total)
            ),
        ),
        Misconception(
            "half a byte lost",
            "4 bits are half a byte: what does your division make of them?",
            lambda model, bits: bits // 8 * (8 * _bytes(model, 8).total // 8),
        ),
        Misconception(
            "one running average",
            "batch norm follows the mean of each channel, and its variance",
            lambda model, bits: (
                _bytes(model, bits).total - bits / 8 * _averages(model, "batch norm")
            ),
        ),
        Misconception(
            "averages of every norm",
            "a layer norm takes its mean anew each time, also when the model is used: whose "
            "averages are stored?",
            lambda model, bits: (
                _bytes(model, bits).total + bits / 4 * _averages(model, "layer norm")
            ),
        ),
        Misconception(
            "shared weights stored twice",
            "two rows share weights: how often are they stored?",
            lambda model, bits: (
                _bytes(model, bits).total
                + bits / 8 * sum(_multiplying(row) for row in layers(model) if row.shares >= 0)
            ),
        ),
    ),
)
