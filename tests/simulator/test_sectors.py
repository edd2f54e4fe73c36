"""Sectors of 32 bytes that warps move, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import cuda

from helpers.simulator import launch


def reading(x, stride, offset):
    x[offset + stride * cuda.grid(1)]


def moved(threads, stride=1, offset=0, dtype="float32", blocks=1):
    x = np.zeros(offset + stride * threads * blocks + 1, dtype)
    return launch(reading, blocks, threads, x, stride, offset).sectors


@pytest.mark.parametrize(
    ("how", "sectors"),
    [
        ({"threads": 32}, 4),
        ({"threads": 32, "offset": 1}, 5),
        ({"threads": 32, "stride": 2}, 8),
        ({"threads": 32, "stride": 8}, 32),
        ({"threads": 32, "stride": 100}, 32),
        ({"threads": 32, "stride": 0}, 1),
        ({"threads": 32, "dtype": "float64"}, 8),
        ({"threads": 8}, 1),
        ({"threads": 4, "blocks": 2}, 2),  # two blocks are two warps
        ({"threads": 64}, 8),
    ],
)
def test_a_warp_moves_whole_sectors_and_each_once(how, sectors):
    assert moved(**how) == sectors


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 32))
def test_it_is_the_number_of_distinct_sectors(stride, offset, threads):
    touched = {(offset + stride * thread) * 4 // 32 for thread in range(threads)}
    assert moved(threads, stride, offset) == len(touched)


def test_down_a_column_takes_more_than_along_a_row():
    def along(a, out):
        x, y = cuda.grid(2)
        out[y, x] = a[y, x]

    def down(a, out):
        x, y = cuda.grid(2)
        out[x, y] = a[x][y]

    a = np.zeros((8, 8), "float32")
    assert launch(along, 1, (8, 8), a, a.copy()).sectors == 2 * 8
    assert launch(down, 1, (8, 8), a, a.copy()).sectors == 2 * 2 * 8


def test_where_an_array_lies_does_not_matter():
    memory = np.zeros(65, "float32")
    for start in range(8):
        assert launch(reading, 1, 32, memory[start:], 1, 0).sectors == 4


def test_an_atomic_update_of_one_number_moves_one_sector():
    def total(out):
        cuda.atomic.add(out, 0, 1)

    assert launch(total, 1, 32, np.zeros(1)).sectors == 1
