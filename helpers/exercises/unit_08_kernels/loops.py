"""Unit 08: loops that may run in parallel, and what fusing them saves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain, permutations
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.unit_08_kernels.inputs import whole_numbers
from helpers.ledger import Ledger, Term

FP32 = 4
Places = list[list[int]]


def _independent(reads: Places, writes: Places) -> bool:
    return all(
        not set(writes[i]) & (set(reads[j]) | set(writes[j]))
        for i, j in permutations(range(len(writes)), 2)
    )


def _draw_loops(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    """Loops of three to five iterations over some places in a row of one array."""
    turns, first = draw.randrange(3, 6), draw.randrange(100)
    own = [[i] for i in range(turns)]
    apart = [[turns + i] for i in range(turns)]
    last = turns - 1
    cases = [
        (own, own),  # x[i] = f(x[i])
        (apart, own),  # x[i] = f(x[n + i])
        ([[last]] * turns, [[turns + i] for i in range(turns)]),  # all read one place
        ([[i + 1] for i in range(turns)], own),  # x[i] = f(x[i + 1])
        ([[max(i - 1, 0)] for i in range(turns)], own),  # x[i] = f(x[i - 1])
        (apart, [[i // 2] for i in range(turns)]),  # two iterations write one place
        (apart, [*own[:-1], own[0]]),  # the first and the last one do
        ([[turns, turns + i] for i in range(turns)], [[turns]] * turns),  # total += x[i]
    ]
    draw.shuffle(cases)
    return [tuple([[first + at for at in each] for each in places] for places in c) for c in cases]


MAY_RUN_IN_PARALLEL = Exercise(
    points=1,
    topic="loops whose iterations may run in any order",
    examples=[
        ([[0], [1], [2]], [[3], [4], [5]]),
        ([[0], [1], [2]], [[0], [1], [2]]),
        ([[0, 1], [1, 2], [2, 3]], [[1], [2], [3]]),
        ([[0], [1], [2]], [[3], [3], [3]]),
        ([[0], [1], [2]], [[3], [4], [3]]),
        ([[0], [0], [0]], [[1], [2], [3]]),
        ([[1], [2], [3]], [[0], [1], [2]]),
        ([[5], [1], [3]], [[3], [4], [6]]),
    ],
    hidden=_draw_loops,
    reference=_independent,
    misconceptions=(
        Misconception(
            "only writes against writes",
            "two iterations that write one place are found; what of one that reads it?",
            lambda reads, writes: _independent([[] for _ in reads], writes),
        ),
        Misconception(
            "only writes against reads",
            "who writes last where two iterations write one place?",
            lambda reads, writes: all(
                not set(writes[i]) & set(reads[j]) for i, j in permutations(range(len(writes)), 2)
            ),
        ),
        Misconception(
            "all reads against all writes",
            "two things: an iteration may read what it writes itself, and two that write one place "
            "are in each other's way without reading it",
            lambda reads, writes: not set(chain(*reads)) & set(chain(*writes)),
        ),
        Misconception(
            "an iteration against itself",
            "x[i] = 2 * x[i] reads and writes one place, but in one iteration: compare different "
            "ones",
            lambda reads, writes: (
                _independent(reads, writes)
                and not any(set(r) & set(w) for r, w in zip(reads, writes, strict=True))
            ),
        ),
        Misconception(
            "reads against reads",
            "two iterations may read one place: neither changes it",
            lambda reads, writes: all(
                not (set(reads[i]) | set(writes[i])) & (set(reads[j]) | set(writes[j]))
                for i, j in permutations(range(len(writes)), 2)
            ),
        ),
        Misconception(
            "only later iterations",
            "may iteration 1 read what iteration 0 writes? Compare both ways",
            lambda reads, writes: all(
                not set(writes[i]) & (set(reads[j]) | set(writes[j]))
                for i, j in permutations(range(len(writes)), 2)
                if i > j
            ),
        ),
        Misconception(
            "neighbours only",
            "iterations that are far apart can meet, too: compare each with all others",
            lambda reads, writes: all(
                not set(writes[i]) & (set(reads[j]) | set(writes[j]))
                for i, j in permutations(range(len(writes)), 2)
                if abs(i - j) == 1
            ),
        ),
        Misconception(
            "turned round",
            "True means that they may run in any order",
            lambda reads, writes: not _independent(reads, writes),
        ),
        Misconception(
            "only earlier iterations",
            "in parallel, iteration 1 may be done before iteration 0: compare both ways",
            lambda reads, writes: all(
                not set(writes[i]) & (set(reads[j]) | set(writes[j]))
                for i, j in permutations(range(len(writes)), 2)
                if i < j
            ),
        ),
    ),
)


def _row_squares(x: list[list[int]]) -> dict[str, Any]:
    return {"values": [float(sum(v * v for v in row)) for row in x], "in parallel": True}


def _draw_rows(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    return [
        ([[draw.randrange(-5, 6) for _ in range(columns)] for _ in range(rows)],)
        for rows, columns in ((2, 5), (6, 3), (9, 9))
    ]


ROW_SQUARES = Exercise(
    points=1,
    topic="a loop that Numba compiles and really runs in parallel",
    examples=[([[1, 2, 3], [4, 5, 6]],), ([[1, -1], [2, 0], [3, 3]],)],
    hidden=_draw_rows,
    reference=_row_squares,
    gate="values",
    misconceptions=(
        Misconception(
            "prange without parallel=True",
            "right, but on one core: the loop has to say that it may be parallel, and njit, too. "
            "Do both?",
            lambda x: {"in parallel": False},
        ),
        Misconception(
            "sums instead of sums of squares",
            "these are sums: square each element before adding it",
            lambda x: {"values": [float(sum(row)) for row in x]},
        ),
        Misconception(
            "squares of the sums",
            "square each element before adding it, not the sum",
            lambda x: {"values": [float(sum(row)) ** 2 for row in x]},
        ),
        Misconception(
            "square roots",
            "these are lengths: the sums of the squares themselves are asked for",
            lambda x: {"values": [sum(v * v for v in row) ** 0.5 for row in x]},
        ),
        Misconception(
            "columns",
            "these are sums over columns: out has one number for each row",
            lambda x: {
                "values": [float(sum(v * v for v in column)) for column in zip(*x, strict=True)]
            },
        ),
        Misconception(
            "a total that runs on",
            "each row's total holds the rows before it, too: where does it begin from 0?",
            lambda x: {
                "values": [float(sum(v * v for r in x[: i + 1] for v in r)) for i in range(len(x))]
            },
        ),
    ),
)


def _chain(numbers: int, others: list[int], fused: bool) -> Ledger:
    passes = 1 if fused else len(others)
    # The same terms in every case, some of them of 0: a diagnosis compares cases term by term.
    terms = (
        Term("running value read", passes * numbers, FP32),
        Term("other tensors read", sum(others) * numbers, FP32),
        Term("results written", passes * numbers, FP32),
    )
    return Ledger("B", terms)


def _chain_traffic(numbers: int, others: list[int]) -> dict[str, Ledger]:
    return {
        "separate": _chain(numbers, others, fused=False),
        "fused": _chain(numbers, others, fused=True),
    }


CHAIN_TRAFFIC = Exercise(
    points=1,
    topic="bytes of a chain of elementwise steps, separate and fused",
    examples=[(1000, [0, 0, 1]), (1000, [0]), (4096, [1, 1])],
    hidden=lambda draw: [
        (draw.randrange(100, 10**6), [draw.randrange(3) for _ in range(steps)])
        for steps in (1, 2, 3, 4, 6)
    ],
    reference=_chain_traffic,
    misconceptions=(
        Misconception(
            "elements for bytes",
            "these are numbers: how many bytes does one of fp32 take?",
            lambda numbers, others: {
                part: ledger.total / FP32
                for part, ledger in _chain_traffic(numbers, others).items()
            },
        ),
        Misconception(
            "separate and fused exchanged",
            "which of the two moves fewer bytes?",
            lambda numbers, others: {
                "separate": _chain(numbers, others, fused=True),
                "fused": _chain(numbers, others, fused=False),
            },
        ),
        Misconception(
            "intermediate arrays written, not read again",
            "what one step has written, the next one reads",
            lambda numbers, others: {"separate": FP32 * numbers * (1 + sum(others) + len(others))},
        ),
        Misconception(
            "every step's result written",
            "one loop keeps what lies between the steps in registers: what does it write?",
            lambda numbers, others: {"fused": FP32 * numbers * (1 + sum(others) + len(others))},
        ),
        Misconception(
            "the other tensors fused away",
            "fusing saves what lies between the steps; a residual still has to be fetched",
            lambda numbers, others: {"fused": FP32 * 2 * numbers},
        ),
        Misconception(
            "the other tensors forgotten",
            "a step with two operands reads two tensors",
            lambda numbers, others: {
                "separate": FP32 * 2 * numbers * len(others),
                "fused": FP32 * 2 * numbers,
            },
        ),
    ),
)


def _fused(numbers: int, seed: int, reads: int = 2, writes: int = 1) -> dict[str, Any]:
    x, y = whole_numbers(seed, numbers, numbers)
    return {
        "values": [u * min(max(u + 3, 0), 6) / 6 + v for u, v in zip(x, y, strict=True)],
        "reads": reads * numbers,
        "writes": writes * numbers,
    }


FUSED_CHAIN = Exercise(
    points=1,
    topic="one fused loop that reads each number once",
    examples=[(5, 1), (8, 2)],
    hidden=lambda draw: [(draw.randrange(9, 60), draw.randrange(10**6)) for _ in range(4)],
    reference=_fused,
    gate="values",
    misconceptions=(
        Misconception(
            "something read twice",
            "one read too many for each number: a local variable stays in a register",
            lambda numbers, seed: {"reads": 3 * numbers},
        ),
        Misconception(
            "something read three times",
            "two reads too many for each number: a local variable stays in a register",
            lambda numbers, seed: {"reads": 4 * numbers},
        ),
        Misconception(
            "y forgotten",
            "what is added at the end, for each number?",
            lambda numbers, seed: {
                **_fused(numbers, seed, reads=1),
                "values": [
                    u * min(max(u + 3, 0), 6) / 6 for u in whole_numbers(seed, numbers, numbers)[0]
                ],
            },
        ),
        Misconception(
            "the result kept in out between steps",
            "out is written more than once for each number: that is an intermediate array",
            lambda numbers, seed: {"writes": 2 * numbers},
        ),
        Misconception(
            "out read again",
            "out is written, read and written again: a local variable stays in a register",
            lambda numbers, seed: {"reads": 3 * numbers, "writes": 2 * numbers},
        ),
        Misconception(
            "not clipped",
            "clip: what becomes of x + 3 below 0, and above 6?",
            lambda numbers, seed: {
                "values": [
                    u * (u + 3) / 6 + v
                    for u, v in zip(*whole_numbers(seed, numbers, numbers), strict=True)
                ]
            },
        ),
        Misconception(
            "not divided by 6",
            "hard swish divides by 6 after it has clipped x + 3 to 0 … 6",
            lambda numbers, seed: {
                "values": [
                    u * min(max(u + 3, 0), 6) + v
                    for u, v in zip(*whole_numbers(seed, numbers, numbers), strict=True)
                ]
            },
        ),
    ),
)
