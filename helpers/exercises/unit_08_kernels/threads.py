"""Unit 08: threads, blocks and tiles of a matrix product."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product
from math import ceil, isqrt
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_08_kernels.inputs import whole_numbers

#: Width of the tile in the unit's tiled kernel.
TILE = 4
Matrix = list[list[float]]


def _product_reads(m: int, n: int, k: int, tile: int) -> dict[str, int]:
    return {"naive": 2 * m * n * k, "tiled": 2 * m * n * k // tile}


def _draw_products(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for tile in (2, 4, 8, 16, 32):
        m, n, k = (tile * draw.randrange(1, 30) for _ in range(3))
        cases.append((m, n, k, tile))
    return cases


PRODUCT_READS = Exercise(
    points=1,
    topic="global reads of a matrix product, naive and tiled",
    examples=[(8, 12, 20, 4), (64, 32, 128, 16), (9, 15, 6, 3)],
    hidden=_draw_products,
    reference=_product_reads,
    known_slips=dict.fromkeys(
        ("m // tile → m / tile", "n // tile → n / tile", "k // tile → k / tile"),
        "equivalent: tile divides m, n and k",
    ),
    misconceptions=(
        Misconception(
            "one matrix only",
            "a product of two numbers reads two numbers",
            lambda m, n, k, tile: {"naive": m * n * k, "tiled": m * n * k // tile},
        ),
        Misconception(
            "divided by the tile's area",
            "an element of a tile is used by one row, or one column, of the block's threads: how "
            "many are these?",
            lambda m, n, k, tile: {"tiled": 2 * m * n * k // tile**2},
        ),
        Misconception(
            "each matrix read once",
            "that is what a single tile as large as the matrices would do: here every block "
            "fetches for itself",
            lambda m, n, k, tile: {"tiled": m * k + k * n},
        ),
    ),
)


def _of_place(row: int, column: int, columns: int) -> dict[str, int]:
    return {"row": row, "column": column, "position": row * columns + column}


def _thread_element(
    block: Sequence[int], thread: Sequence[int], threads: Sequence[int], columns: int
) -> dict[str, int]:
    column, row = (b * size + t for b, t, size in zip(block, thread, threads, strict=True))
    return _of_place(row, column, columns)


def _draw_threads(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(5):
        threads = draw.sample([4, 8, 16, 32], 2)
        block = draw.sample(range(1, 9), 2)
        thread = [draw.randrange(1, size) for size in threads]
        cases.append((block, thread, threads, 12 * threads[0]))
    return cases


THREAD_ELEMENT = Exercise(
    points=1,
    topic="the matrix element of a thread",
    examples=[
        ([1, 0], [2, 3], [8, 4], 32),
        ([2, 3], [5, 1], [16, 8], 100),
        ([3, 2], [1, 6], [4, 32], 57),
    ],
    hidden=_draw_threads,
    reference=_thread_element,
    misconceptions=(
        Misconception(
            "the thread's place in its block",
            "threads of two blocks would get one element: which blocks come before this one?",
            lambda block, thread, threads, columns: _of_place(thread[1], thread[0], columns),
        ),
        Misconception(
            "x and y swapped",
            "x runs along a row: it is the column. Which is the first of each pair?",
            lambda block, thread, threads, columns: _of_place(
                block[0] * threads[0] + thread[0], block[1] * threads[1] + thread[1], columns
            ),
        ),
        Misconception(
            "the other axis's number of threads",
            "a block is threads[0] wide and threads[1] high: which of them does a step in x skip?",
            lambda block, thread, threads, columns: _of_place(
                block[1] * threads[0] + thread[1], block[0] * threads[1] + thread[0], columns
            ),
        ),
        Misconception(
            "rows as long as the block is wide",
            "one row down skips all columns of the matrix, not of the block",
            lambda block, thread, threads, columns: {
                "position": _thread_element(block, thread, threads, threads[0])["position"]
            },
        ),
    ),
)


def _axpy(numbers: int, threads: int, seed: int, reached: int | None = None) -> dict[str, Any]:
    """`reached`: elements that some thread works on."""
    x, y = whole_numbers(seed, numbers, numbers)
    reached = numbers if reached is None else reached
    values = [3 * u + v if i < reached else 0.0 for i, (u, v) in enumerate(zip(x, y, strict=True))]
    return {"values": values, "global reads": 2 * reached, "global writes": reached}


def _block_forgotten(numbers: int, threads: int, seed: int) -> dict[str, Any]:
    blocks = -(-numbers // threads)
    moved = blocks * min(threads, numbers)
    return {
        **_axpy(numbers, threads, seed, reached=threads),
        "global reads": 2 * moved,
        "global writes": moved,
    }


AXPY = Exercise(
    points=1,
    topic="a kernel with a global index and its guard",
    examples=[(8, 4, 1), (11, 4, 2), (19, 8, 5)],
    hidden=lambda draw: [
        (draw.randrange(9, 50), draw.choice([4, 8]), draw.randrange(10**6)) for _ in range(5)
    ],
    reference=_axpy,
    gate="values",
    misconceptions=(
        Misconception(
            "the thread's index in its block",
            "do your blocks work on different elements? threadIdx begins at 0 in every block",
            _block_forgotten,
        ),
        Misconception(
            "the last element guarded away",
            "one element too few: is the guard < or <=, n or n - 1?",
            lambda numbers, threads, seed: _axpy(numbers, threads, seed, reached=numbers - 1),
        ),
        Misconception(
            "every thread does all",
            "each thread has done the work of all: one thread, one element",
            lambda numbers, threads, seed: {
                "global reads": 2 * numbers * threads * -(-numbers // threads),
                "global writes": numbers * threads * -(-numbers // threads),
            },
        ),
        Misconception(
            "out read as well",
            "out[i] += … reads out[i] before it writes it",
            lambda numbers, threads, seed: {"global reads": 3 * numbers},
        ),
    ),
)


def _largest_tile(shared_bytes: int, width: int, max_threads: int) -> int:
    return min(isqrt(shared_bytes // (2 * width)), isqrt(max_threads))


def _draw_blocks(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        (1024 * draw.randrange(1, 5), draw.choice([4, 8]), 1024),
        (1024 * draw.randrange(30, 200), draw.choice([2, 4]), draw.choice([256, 512, 1024])),
        (1024 * draw.randrange(2, 8), draw.choice([4, 8]), 1024),
        (draw.randrange(200, 1500), 4, 1024),
    ]


LARGEST_TILE = Exercise(
    points=1,
    topic="the widest tile that a block has threads and shared memory for",
    # The last three are no powers of two: bound by shared memory, and by threads.
    examples=[
        (49_152, 4, 1024),
        (2048, 4, 1024),
        (1500, 4, 1024),
        (4000, 8, 1024),
        (600, 4, 1024),
        (49_152, 4, 512),
    ],
    hidden=_draw_blocks,
    reference=_largest_tile,
    misconceptions=(
        Misconception(
            "shared memory only",
            "one thread an element of the tile: how many threads may a block have?",
            lambda shared_bytes, width, max_threads: isqrt(shared_bytes // (2 * width)),
        ),
        Misconception(
            "threads only",
            "do the tiles fit into shared memory?",
            lambda shared_bytes, width, max_threads: isqrt(max_threads),
        ),
        Misconception(
            "a broken side",
            "a tile has whole sides: which is the largest that fits?",
            lambda shared_bytes, width, max_threads: min(
                (shared_bytes / (2 * width)) ** 0.5, max_threads**0.5
            ),
        ),
        Misconception(
            "rounded",
            "the next larger side does not fit: round down",
            lambda shared_bytes, width, max_threads: OneOf(
                tuple(
                    way(min((shared_bytes / (2 * width)) ** 0.5, max_threads**0.5))
                    for way in (ceil, round)
                )
            ),
        ),
        Misconception(
            "a power of two",
            "a tile may have any side: is there a larger one that still fits?",
            lambda shared_bytes, width, max_threads: (
                1 << _largest_tile(shared_bytes, width, max_threads).bit_length() - 1
            ),
        ),
        Misconception(
            "one tile in shared memory",
            "a block keeps a tile of each matrix",
            lambda shared_bytes, width, max_threads: min(
                isqrt(shared_bytes // width), isqrt(max_threads)
            ),
        ),
        Misconception(
            "elements for a side",
            "so many elements a tile may have: how long is its side?",
            lambda shared_bytes, width, max_threads: min(shared_bytes // (2 * width), max_threads),
        ),
        Misconception(
            "bytes for numbers",
            "shared memory is given in bytes: how many does a number take?",
            lambda shared_bytes, width, max_threads: min(
                isqrt(shared_bytes // 2), isqrt(max_threads)
            ),
        ),
    ),
)


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
