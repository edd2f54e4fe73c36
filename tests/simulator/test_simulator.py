"""The stand-in and Numba's own simulator: the same kernels, the same counts, worked by hand."""

import contextlib
import threading

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import cuda

from helpers.simulator import CountedArray, Counts, KernelError, launch, launch_in_numba

TILE = 4
both = pytest.mark.parametrize("run", [launch, launch_in_numba])


def naive(a, b, out):
    i = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    total = 0.0
    for k in range(a.shape[1]):
        total += a[i, k] * b[k, j]
    out[i, j] = total


def tiled(a, b, out):
    tile_a = cuda.shared.array((TILE, TILE), numba.float32)
    tile_b = cuda.shared.array((TILE, TILE), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    total = 0.0
    for start in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[i, start + x]
        tile_b[y, x] = b[start + y, j]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    out[i, j] = total


def tiled_without_the_second_barrier(a, b, out):
    tile_a = cuda.shared.array((TILE, TILE), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = 0.0
    for start in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[y, start + x]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k]
    out[y, x] = total


def reversed_without_barrier(x, out):
    shared = cuda.shared.array(8, numba.float32)
    i = cuda.threadIdx.x
    shared[i] = x[i]
    out[i] = shared[7 - i]


def unguarded(x, out):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    out[i] = x[i]


def matrices(size):
    a, b = np.random.default_rng(size).integers(0, 9, (2, size, size)).astype(float)
    return a, b, np.zeros((size, size))


@both
@pytest.mark.parametrize(
    ("kernel", "reads"),
    [(naive, 2 * 8**3), (tiled, 2 * 8**3 // TILE)],
    ids=["naive", "tiled"],
)
def test_tiles_read_global_memory_as_many_times_less_as_they_are_wide(run, kernel, reads):
    a, b, out = matrices(8)
    counts = run(kernel, (2, 2), (TILE, TILE), a, b, out)
    assert out.tolist() == (a @ b).tolist()
    assert (counts.global_reads, counts.global_writes) == (reads, 8 * 8)


def test_what_shared_memory_does_for_a_tiled_product():
    counts = launch(tiled, (2, 2), (TILE, TILE), *matrices(8))
    # 4 blocks × 2 steps × 2 barriers; 2 elements written by each of 64 threads in each step; and
    # each of the 8³ products reads two. A row of a tile, 4 fp64 numbers, is a sector: 4 rows of two
    # tiles in each step, and 4 of the result
    assert counts == Counts(
        global_reads=256,
        global_writes=64,
        shared_reads=2 * 8**3,
        shared_writes=2 * 64 * 2,
        barriers=16,
        sectors=80,
    )


def test_a_missing_barrier_before_reading_is_found_and_named():
    x, out = np.arange(8.0), np.zeros(8)
    with pytest.raises(KernelError, match=r"thread \(0, 0\).*\[7\], which no thread has written"):
        launch(reversed_without_barrier, 1, 8, x, out)


def test_a_missing_barrier_before_the_next_tile_is_found_and_named():
    a, _, _ = matrices(8)
    with pytest.raises(KernelError, match="there is no barrier between"):
        launch(tiled_without_the_second_barrier, 1, (TILE, TILE), a, a, np.zeros((4, 4)))


def test_without_looking_for_races_a_race_gives_the_same_wrong_numbers_each_time():
    x = np.arange(8.0)
    for _ in range(3):
        out = np.zeros(8)
        launch(reversed_without_barrier, 1, 8, x, out, find_races=False)
        # the first four threads read what nobody has written yet
        assert np.isnan(out[:4]).all()
        assert out[4:].tolist() == [3, 2, 1, 0]


@settings(max_examples=25)
@given(st.integers(2, 12), st.integers(0, 11), st.booleans())
def test_threads_that_exchange_elements_race_unless_a_barrier_is_between(size, shift, barrier):
    def shifted(out):
        shared = cuda.shared.array(size, numba.float32)
        i = cuda.threadIdx.x
        shared[i] = i
        if barrier:
            cuda.syncthreads()
        out[i] = shared[(i + shift) % size]

    out = np.zeros(size)
    if barrier or shift % size == 0:
        launch(shifted, 1, size, out)
        assert out.tolist() == [(i + shift) % size for i in range(size)]
    else:
        with pytest.raises(KernelError, match="shared array 1"):
            launch(shifted, 1, size, out)


def test_shared_arrays_hold_unsigned_integers_too():
    def turned(out):
        shared = cuda.shared.array(4, numba.uint8)
        i = cuda.threadIdx.x
        shared[i] = i
        cuda.syncthreads()
        out[i] = shared[3 - i]

    out = np.zeros(4)
    launch(turned, 1, 4, out)
    assert out.tolist() == [3, 2, 1, 0]


def test_a_missing_guard_is_an_error_that_names_thread_and_element():
    # 3 blocks of 4 threads for 11 elements: the last thread has none
    with pytest.raises(
        KernelError, match=r"thread \(3, 0\) of block \(2, 0\): IndexError: x\[11\]"
    ):
        launch(unguarded, 3, 4, np.arange(11.0), np.zeros(11))


def test_a_barrier_that_only_some_threads_reach_is_an_error():
    def some_return(out):
        if cuda.threadIdx.x > 2:
            return
        cuda.syncthreads()

    before = threading.active_count()
    with pytest.raises(KernelError, match="3 threads wait at a barrier that 5 never reach"):
        launch(some_return, 1, 8, np.zeros(8))
    assert threading.active_count() == before


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.tuples(st.integers(1, 3), st.integers(1, 3))
)
def test_global_indices_reach_every_element_once(blocks, threads):
    def marked(out):
        x, y = cuda.grid(2)
        out[y, x] += 1

    out = np.zeros((blocks[1] * threads[1], blocks[0] * threads[0]))
    counts = launch(marked, blocks, threads, out)
    assert (out == 1).all()
    # out[y, x] += 1 reads the element, too
    assert counts.global_reads == counts.global_writes == out.size


def test_a_kernel_that_is_not_written_yet_says_so():
    def later(out):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        launch(later, 2, 4, np.zeros(8))


def test_a_block_of_more_threads_than_a_gpu_has_is_refused():
    with pytest.raises(ValueError, match="1024 threads"):
        launch(unguarded, 1, 1025, np.zeros(1), np.zeros(1))


def test_numbas_simulator_says_in_a_line_why_a_kernel_failed():
    with pytest.raises(RuntimeError, match=r"IndexError.*outside of its size, 11"):
        launch_in_numba(unguarded, 3, 4, np.arange(11.0), np.zeros(11))


def test_an_element_is_one_read_however_it_is_taken():
    array = CountedArray(np.arange(6).reshape(2, 3))
    assert (array[1, 2], array[1][2]) == (5, 5)
    assert (array.reads, array.writes) == (2, 0)
    array[0, 1] += 10
    assert (array.reads, array.writes) == (3, 1)
    assert array.values.tolist() == [[0, 11, 2], [3, 4, 5]]


def sum_without_atomic(x, out):
    out[0] += x[cuda.grid(1)]


def sum_with_atomic(x, out):
    cuda.atomic.add(out, 0, x[cuda.grid(1)])


def sum_read_too_early(x, out):
    cuda.atomic.add(out, 0, x[cuda.grid(1)])
    x[cuda.grid(1)] = out[0]


def turned_through_global_memory(x, out):
    i = cuda.grid(1)
    out[i] = 2 * x[i]
    cuda.syncthreads()
    x[i] = out[(i + 1) % len(out)]


def shifted_in_place(x, out):
    i = cuda.grid(1)
    x[i] = out[(i + 1) % len(out)]


def guarded_by_an_exception(x, out):
    i = cuda.grid(1)
    with contextlib.suppress(Exception):
        out[i + 1] = x[i]


def too_much_shared_memory(x, out):
    shared = cuda.shared.array(100_000, numba.float64)
    shared[cuda.threadIdx.x] = out[cuda.threadIdx.x]


def two_matrices_of_shared_memory(x, out):
    cuda.shared.array((80, 80), numba.float32)
    cuda.shared.array((80, 80), numba.float32)


@pytest.mark.parametrize(
    ("kernel", "blocks", "problem"),
    [
        (sum_without_atomic, 1, r"reads out\[0\], which thread \(0, 0\) has just written"),
        (sum_without_atomic, 16, r"thread \(0, 0\) of block \(0, 0\) has written: no barrier"),
        (sum_read_too_early, 2, r"out\[0\]"),
        (turned_through_global_memory, 4, r"of block \(0, 0\) has read: no barrier orders"),
        (guarded_by_an_exception, 2, r"IndexError: out\[16\] is outside"),
        (too_much_shared_memory, 2, "800,000 B, and a block has 48 KiB"),
        (two_matrices_of_shared_memory, 2, "51,200 B"),
    ],
)
def test_what_a_gpu_would_not_notice_is_found(kernel, blocks, problem):
    with pytest.raises(KernelError, match=problem):
        launch(kernel, blocks, 16 // blocks, np.arange(16.0), np.zeros(16))


def test_an_array_given_twice_is_one_memory():
    x = np.arange(8.0)
    with pytest.raises(KernelError, match="has just read"):
        launch(shifted_in_place, 1, 8, x, x)
    launch(shifted_in_place, 1, 8, x, np.ones(8))
    assert x.tolist() == [1] * 8


def test_a_barrier_orders_global_memory_within_a_block():
    x = np.arange(16.0)
    launch(turned_through_global_memory, 1, 16, x, np.zeros(16))
    assert x.tolist() == [2.0 * ((i + 1) % 16) for i in range(16)]


@both
def test_atomic_updates_of_all_threads_meet_without_a_race(run):
    out = np.zeros(1)
    run(sum_with_atomic, 4, 4, np.arange(16.0), out)
    assert out[0] == 120


@pytest.mark.parametrize(
    ("update", "value", "left"),
    [("max", 5, 5), ("min", 1, 1), ("sub", 1, 2), ("exch", 9, 9), ("inc", 3, 0), ("xor", 1, 2)],
)
def test_an_atomic_update_returns_what_was_there(update, value, left):
    def once(out, seen):
        seen[0] = getattr(cuda.atomic, update)(out, 0, value)

    out, seen = np.full(1, 3), np.zeros(1)
    launch(once, 1, 1, out, seen)
    assert (seen[0], out[0]) == (3, left)


def test_compare_and_swap_changes_what_it_expects_only():
    def twice(out):
        cuda.atomic.cas(out, 0, 3, 7)
        cuda.atomic.cas(out, 0, 3, 8)

    out = np.full(1, 3)
    launch(twice, 1, 1, out)
    assert out[0] == 7


def test_threads_that_write_the_same_number_do_not_race():
    def flag(out):
        out[0] = 0.1

    out = np.zeros(1, "float32")
    launch(flag, 4, 4, out)
    assert out[0] == np.float32(0.1)


@both
@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_a_grid_stride_loop_reaches_every_element(run, blocks):
    def marked(out):
        for k in range(cuda.grid(1), len(out), cuda.gridsize(1)):
            out[k] += k

    out = np.zeros(11)
    run(marked, blocks, 3, out)
    assert out.tolist() == list(range(11))


def test_a_thread_has_local_memory_of_its_own():
    def through_local(out):
        mine = cuda.local.array(2, numba.float64)
        mine[1] = cuda.grid(1)
        cuda.syncthreads()
        out[cuda.grid(1)] = mine[1]

    out = np.zeros(4)
    assert launch(through_local, 1, 4, out).global_writes == 4
    assert out.tolist() == [0, 1, 2, 3]


def doubled(x):
    return 2 * x[cuda.grid(1)]


def test_functions_beside_the_kernel_see_the_launch():
    def calls_it(x, out):
        out[cuda.grid(1)] = doubled(x)

    out = np.zeros(4)
    launch(calls_it, 2, 2, np.arange(4.0), out)
    assert out.tolist() == [0, 2, 4, 6]


def test_rows_of_shared_memory_are_watched_as_elements_are():
    def by_rows(out):
        shared = cuda.shared.array((2, 2), numba.float32)
        shared[cuda.threadIdx.x][0] = 1
        out[cuda.threadIdx.x] = shared[1 - cuda.threadIdx.x][0]

    with pytest.raises(KernelError, match=r"shared array 1\[1\]\[0\], which no thread"):
        launch(by_rows, 1, 2, np.zeros(2))


def test_what_the_stand_in_lacks_is_said_with_what_it_has():
    def shuffles(out):
        cuda.shfl_sync(1, 2, 3)

    with pytest.raises(KernelError, match=r"no cuda\.shfl_sync here, only threadIdx"):
        launch(shuffles, 1, 1, np.zeros(1))


@pytest.mark.parametrize("index", [6, -1, (0, 0)])
def test_an_index_outside_of_the_array_is_an_error(index):
    with pytest.raises(IndexError):
        CountedArray(np.arange(6))[index]


def test_elements_are_taken_one_by_one():
    array = CountedArray(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="element by element"):
        array[:, 0]
    with pytest.raises(TypeError, match="element by element"):
        array[0] = 1
