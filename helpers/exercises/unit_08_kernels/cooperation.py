"""Unit 08: the threads of a block work together: a sum, and a matrix turned over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_08_kernels.inputs import whole_numbers

#: Threads of a block that adds up, and how often they can be halved.
THREADS, HALVINGS = 16, 4
#: Side of a tile of the turned matrix: eight fp32 numbers are one sector.
SIDE = 8


def _block_sums(numbers: int, seed: int) -> dict[str, Any]:
    blocks = -(-numbers // THREADS)
    return {
        "sums": _sums(numbers, seed, range(THREADS)),
        "global reads": numbers,
        # The first one may stand before the loop or in it, and one behind the loop does no harm.
        "barriers": OneOf(tuple(blocks * (HALVINGS + more) for more in (1, 0, 2))),
    }


def _sums(numbers: int, seed: int, counted: range) -> list[float]:
    """Of each block, the sum of the numbers at these places in it."""
    (x,) = whole_numbers(seed, numbers)
    starts = range(0, numbers, THREADS)
    return [sum(x[at + i] for i in counted if at + i < numbers) for at in starts]


def _sums_of(counted: range) -> Callable[..., dict[str, Any]]:
    return lambda numbers, seed: {"sums": _sums(numbers, seed, counted)}


BLOCK_SUMS = Exercise(
    points=2,
    topic="a kernel in which a block adds up by halves",
    examples=[(16, 1), (40, 2), (64, 3)],
    hidden=lambda draw: [
        (numbers, draw.randrange(10**6)) for numbers in (32, draw.randrange(33, 48), 56)
    ],
    reference=_block_sums,
    known_slips={
        "t == 0 → t != 0": "equivalent: the others write the same sum to the same place",
        "0 → 1": "equivalent: thread 1 can write the block's sum as well",
    },
    gate="sums",
    misconceptions=(
        Misconception(
            "one thread adds all",
            "after one barrier a single thread adds while the others wait: let half of the threads "
            "add, then a quarter",
            lambda numbers, seed: {"barriers": -(-numbers // THREADS)},
        ),
        Misconception(
            "atomic updates of out",
            "every thread updates out in global memory: add in shared memory, and write out once",
            lambda numbers, seed: {"global reads": 2 * numbers, "barriers": 0},
        ),
        Misconception(
            "the first half only",
            "half of the numbers are never added: how many threads add in the first step?",
            _sums_of(range(THREADS // 2)),
        ),
        Misconception(
            "the last step left out",
            "two partial sums are left when your loop ends: until which step does it go on?",
            _sums_of(range(0, THREADS, 2)),
        ),
        Misconception(
            "one number a block",
            "out has the number that one thread brought: who writes it, and after which step?",
            _sums_of(range(1)),
        ),
    ),
)


def _turned(size: int, seed: int) -> dict[str, Any]:
    return {"values": _at_places(size, seed, lambda row, column: (column, row))} | {
        # Each sector of a is read once, each of out written once.
        "sectors": 2 * size**2 // SIDE
    }


def _at_places(size: int, seed: int, taken: Callable[[int, int], tuple[int, int]]) -> list[float]:
    """The matrix whose element (row, column) is that of the given one at `taken(row, column)`."""
    (a,) = whole_numbers(seed, size**2)
    places = [taken(row, column) for row in range(size) for column in range(size)]
    return [a[row * size + column] for row, column in places]


def _tiles_turned_in_place(row: int, column: int) -> tuple[int, int]:
    return row // SIDE * SIDE + column % SIDE, column // SIDE * SIDE + row % SIDE


def _tiles_moved_not_turned(row: int, column: int) -> tuple[int, int]:
    return column // SIDE * SIDE + row % SIDE, row // SIDE * SIDE + column % SIDE


def _tiles_half_as_far_apart(row: int, column: int) -> tuple[int, int]:
    """As the blocks have threads, not as the tiles have rows."""
    return column // SIDE * (SIDE // 2) + column % SIDE, row


def _values_from(taken: Callable[[int, int], tuple[int, int]]) -> Callable[..., dict[str, Any]]:
    return lambda size, seed: {"values": _at_places(size, seed, taken)}


TRANSPOSED_COPY = Exercise(
    points=2,
    topic="a matrix turned over in whole sectors",
    examples=[(8, 1), (16, 2)],
    hidden=lambda draw: [(size, draw.randrange(10**6)) for size in (16, 24)],
    reference=_turned,
    gate="values",
    misconceptions=(
        Misconception(
            "no tile",
            "one side goes down a column, and of each sector a warp uses a half: let the block "
            "bring a tile row by row, and turn it in shared memory",
            lambda size, seed: {"sectors": 3 * size**2 // SIDE},
        ),
        Misconception(
            "both sides down columns",
            "reading and writing both go down columns: which index of the matrix does x run along?",
            lambda size, seed: {"sectors": 4 * size**2 // SIDE},
        ),
        Misconception(
            "not turned",
            "out is a, not turned: which element of the tile does a thread write?",
            _values_from(lambda row, column: (row, column)),
        ),
        Misconception(
            "tiles turned in place",
            "each tile is turned but stays where it was: where does it belong in out?",
            _values_from(_tiles_turned_in_place),
        ),
        Misconception(
            "tiles as far apart as the block is high",
            "a block has 8 × 4 threads, its tile 8 × 8 numbers: how many rows further does the "
            "next tile begin?",
            _values_from(_tiles_half_as_far_apart),
        ),
        Misconception(
            "tiles moved, not turned",
            "tiles are in the right places, but inside they are not turned",
            _values_from(_tiles_moved_not_turned),
        ),
    ),
)
