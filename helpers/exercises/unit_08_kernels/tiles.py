"""Unit 08: a matrix product by tiles in shared memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import isqrt
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_08_kernels.inputs import whole_numbers

#: Width of the tile in the unit's tiled kernel.
TILE = 4
Matrix = list[list[float]]


def _matrices(size: int, seed: int) -> list[Matrix]:
    flat = whole_numbers(seed, size**2, size**2)
    return [[matrix[i * size : (i + 1) * size] for i in range(size)] for matrix in flat]


def _product(size: int, seed: int, depth: int | None = None) -> list[float]:
    """a @ b row by row; with `depth`, of the first products of each element only."""
    a, b = _matrices(size, seed)
    depth = size if depth is None else depth
    return [sum(a[i][k] * b[k][j] for k in range(depth)) for i in range(size) for j in range(size)]


def _tiled(size: int, seed: int) -> dict[str, Any]:
    return {
        "product": _product(size, seed),
        "global reads": 2 * size**3 // TILE,
    }


#: How a kernel takes its numbers: from (row, column) of its tile and the step's start to a place.
Taken = Callable[[int, int, int, int], tuple[int, int]]


def _tiled_by(
    a_place: Taken | None = None,
    b_place: Taken | None = None,
    a_turned: bool = False,
    b_turned: bool = False,
) -> Callable[..., dict[str, Any]]:
    """The product of a kernel that brings other numbers, or uses its tiles transposed.

    `a_place`, `b_place`: what the thread (x, y) of a block at (row0, column0) brings in the step
    that begins at `start`, by (x, y, origin, start), origin being row0 for a and column0 for b.
    """

    def gives(size: int, seed: int) -> dict[str, Any]:
        a, b = _matrices(size, seed)
        from_a = a_place or (lambda x, y, row0, start: (row0 + y, start + x))
        from_b = b_place or (lambda x, y, column0, start: (start + y, column0 + x))
        out = [[0.0] * size for _ in range(size)]
        side = range(TILE)
        for row0, column0, start in product(range(0, size, TILE), repeat=3):
            tile_a = [[_at(a, from_a(x, y, row0, start)) for x in side] for y in side]
            tile_b = [[_at(b, from_b(x, y, column0, start)) for x in side] for y in side]
            for y, x, k in product(side, repeat=3):
                left = tile_a[k][y] if a_turned else tile_a[y][k]
                right = tile_b[x][k] if b_turned else tile_b[k][x]
                out[row0 + y][column0 + x] += left * right
        return {"product": [number for row in out for number in row]}

    return gives


def _at(matrix: Matrix, place: tuple[int, int]) -> float:
    return matrix[place[0]][place[1]]


def _a_by_y(x: int, y: int, row0: int, start: int) -> tuple[int, int]:
    return row0 + y, start + y


def _b_by_x(x: int, y: int, column0: int, start: int) -> tuple[int, int]:
    return start + x, column0 + x


def _transposed(product: list[float]) -> list[float]:
    size = isqrt(len(product))
    return [product[j * size + i] for i in range(size) for j in range(size)]


TILED_PRODUCT = Exercise(
    points=2,
    topic="a tiled matrix product kernel and its global reads",
    examples=[(4, 1), (8, 2)],
    hidden=lambda draw: [(size, draw.randrange(10**6)) for size in (4, 8, 12)],
    reference=_tiled,
    known_slips={"1 → 0": "equivalent: matrices are square"},
    gate="product",
    misconceptions=(
        Misconception(
            "not tiled",
            "every thread fetches all that it multiplies: let each of them fetch one element of a "
            "tile for the whole block",
            lambda size, seed: {"global reads": 2 * size**3},
        ),
        Misconception(
            "tiles filled, not used",
            "the tiles are brought, but the products still come from a and b themselves",
            lambda size, seed: {"global reads": 2 * size**3 // TILE + 2 * size**3},
        ),
        Misconception(
            "one matrix tiled",
            "one matrix comes from shared memory, the other one is still fetched by every thread",
            lambda size, seed: {"global reads": size**3 + size**3 // TILE},
        ),
        Misconception(
            "accumulated in out",
            "out is in global memory: += reads and writes it there each time",
            lambda size, seed: {"global reads": 2 * size**3 // TILE + size**3},
        ),
        Misconception(
            "the first tile only",
            "a sum of TILE products: a row of a has size / TILE tiles",
            lambda size, seed: {
                "product": _product(size, seed, TILE),
                "global reads": 2 * size**2,
            },
        ),
        Misconception(
            "the same tiles at every step",
            "every step adds the same products: where in a and b does a step begin?",
            lambda size, seed: {
                "product": [size // TILE * number for number in _product(size, seed, TILE)],
            },
        ),
        Misconception(
            "a by y",
            "all threads of a row bring the same number of a: which index runs along a row of a?",
            _tiled_by(a_place=_a_by_y),
        ),
        Misconception(
            "b by x",
            "all threads of a column bring the same number of b: which index runs down its column?",
            _tiled_by(b_place=_b_by_x),
        ),
        Misconception(
            "a by y and b by x",
            "x runs along a row and y down a column: which of them belongs to which number you "
            "bring?",
            _tiled_by(a_place=_a_by_y, b_place=_b_by_x),
        ),
        Misconception(
            "a tile used transposed",
            "one tile is used turned over: which of its indices is the row?",
            lambda size, seed: {
                "product": OneOf(
                    tuple(
                        _tiled_by(a_turned=a, b_turned=b)(size, seed)["product"]
                        for a, b in ((True, False), (False, True))
                    )
                )
            },
        ),
        Misconception(
            "both tiles used transposed",
            "both tiles are used turned over: which of their indices is the row?",
            _tiled_by(a_turned=True, b_turned=True),
        ),
        Misconception(
            "the result transposed",
            "right numbers in transposed places: is your thread's element out[row, column]?",
            lambda size, seed: {"product": _transposed(_product(size, seed))},
        ),
    ),
)
