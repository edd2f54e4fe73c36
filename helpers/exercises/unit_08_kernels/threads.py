"""Unit 08: threads, blocks, and the size of tiles."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_08_kernels.inputs import whole_numbers


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
    library="two reads a product are as many as its FLOP; the tiled part is not",
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
            "each matrix read once, by tiles less often",
            "each element of the product reads a row and a column of its own: who would keep what "
            "another one has read?",
            lambda m, n, k, tile: {
                "naive": m * k + k * n,
                "tiled": OneOf(((m * k + k * n) // tile, (m * k + k * n) // tile**2)),
            },
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


def _both_by(
    size: int, block: Sequence[int], thread: Sequence[int], columns: int
) -> dict[str, int]:
    return _thread_element(block, thread, [size, size], columns)


def _draw_threads(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(5):
        threads = draw.sample([4, 8, 16, 32], 2)
        block = draw.sample(range(1, 9), 2)
        thread = [draw.randrange(1, size) for size in threads]
        cases.append((block, thread, threads, 12 * threads[0]))
    return cases


def _column_by_column(
    block: Sequence[int], thread: Sequence[int], threads: Sequence[int], columns: int
) -> dict[str, int]:
    place = _thread_element(block, thread, threads, columns)
    return {"position": place["column"] * columns + place["row"]}


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
            "column by column",
            "row-major: a row lies in one piece. What has to be passed on the way to the next row?",
            _column_by_column,
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
            "a block is threads[0] wide and threads[1] high: which of them belongs to x?",
            lambda block, thread, threads, columns: _of_place(
                block[1] * threads[0] + thread[1], block[0] * threads[1] + thread[0], columns
            ),
        ),
        Misconception(
            "one number of threads for both axes",
            "a block is threads[0] wide and threads[1] high: do both axes use the same of them?",
            lambda block, thread, threads, columns: _both_by(threads[0], block, thread, columns),
        ),
        Misconception(
            "the height of a block for both axes",
            "a block is threads[0] wide and threads[1] high: do both axes use the same of them?",
            lambda block, thread, threads, columns: _both_by(threads[1], block, thread, columns),
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
        (draw.randrange(9, 16), 8, draw.randrange(10**6)),
        *((draw.randrange(9, 50), draw.choice([4, 8]), draw.randrange(10**6)) for _ in range(4)),
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
        Misconception(
            "out kept in memory between steps",
            "out is written, read and written again: a local variable stays in a register",
            lambda numbers, threads, seed: {
                "global reads": 3 * numbers,
                "global writes": 2 * numbers,
            },
        ),
        Misconception(
            "a left out",
            "out[i] = a · x[i] + y[i]: where is a?",
            lambda numbers, threads, seed: {
                "values": [
                    u + v for u, v in zip(*whole_numbers(seed, numbers, numbers), strict=True)
                ]
            },
        ),
    ),
)
