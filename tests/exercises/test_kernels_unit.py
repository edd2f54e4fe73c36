"""Unit 08: its numbers worked by hand, held against PyTorch, NumPy and counted launches."""

import numba
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numba import cuda

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.unit_08_kernels.inputs import whole_numbers
from helpers.simulator import launch
from tests.exercises.questions import drawn, plain, right

UNIT = [exercise for exercise in EXERCISES.values() if exercise.unit == "08_kernels"]


def as_torch(storage, shape, strides, offset):
    return torch.tensor(storage).as_strided(tuple(shape), tuple(strides), offset)


@pytest.mark.parametrize("args", drawn("element_positions", seeds=3))
def test_positions_are_what_a_strided_view_of_a_range_holds(args):
    assert right("element_positions", *args) == as_torch(range(500), *args).flatten().tolist()


@pytest.mark.parametrize("args", drawn("tensor_map", seeds=3))
def test_map_is_pytorchs(args):
    name, *tensor = args
    function = {"negate": torch.neg, "square": torch.square, "relu": torch.relu}[name]
    assert right("tensor_map", *args) == function(as_torch(*tensor)).flatten().tolist()


@pytest.mark.parametrize("args", drawn("broadcast_strides", seeds=3))
def test_stretched_strides_are_those_of_expand(args):
    shape, strides, whole = args
    view = torch.zeros(2000).as_strided(shape, strides)
    stretched = view.expand(whole)
    # PyTorch, too, steps by 0 along a size of 1 that is stretched
    assert right("broadcast_strides", *args) == list(stretched.stride())


TWO = {"add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "maximum": torch.maximum}


@pytest.mark.parametrize("args", drawn("tensor_zip", seeds=3))
def test_zip_broadcasts_as_pytorch_does(args):
    name, a, b = args
    assert right("tensor_zip", *args) == TWO[name](as_torch(*a), as_torch(*b)).flatten().tolist()


@pytest.mark.parametrize("args", drawn("tensor_reduce", seeds=3))
def test_reduce_is_pytorchs(args):
    name, a, axis = args
    if name == "subtract":

        def function(tensor, axis):
            first, *others = tensor.unbind(axis)
            return first - sum(others)

    else:
        function = {"add": torch.sum, "multiply": torch.prod, "maximum": torch.amax}[name]
    assert right("tensor_reduce", *args) == function(as_torch(*a), axis).flatten().tolist()


places = st.lists(st.integers(0, 3), max_size=2)


@given(st.lists(st.tuples(places, places), min_size=1, max_size=3))
def test_iterations_that_may_run_in_parallel_give_the_same_in_every_order(loop):
    reads, writes = ([list(each) for each in side] for side in zip(*loop, strict=True))

    def run(order):
        memory = [1, 10, 100, 1000]
        for i in order:
            seen = sum(memory[place] for place in reads[i])
            for place in writes[i]:
                memory[place] = 7 * seen + i + 3
        return memory

    turns = range(len(loop))
    if right("may_run_in_parallel", reads, writes):
        assert run(turns) == run(reversed(turns))


def test_both_answers_occur_among_the_loops_drawn():
    assert {right("may_run_in_parallel", *args) for args in drawn("may_run_in_parallel")} == {
        True,
        False,
    }


def test_a_chain_of_three_steps_moves_seven_arrays_and_three_when_fused():
    # scale: 2, ReLU: 2, residual: 3; fused: input, residual, output
    answer = right("chain_traffic", 1000, [0, 0, 1])
    assert answer == {"separate": 7 * 4000, "fused": 3 * 4000}


def test_a_chain_whose_results_are_left_out_gets_a_hint():
    # Cases with and without other tensors: the diagnosis compares their ledgers term by term.
    def no_writes(numbers, others):
        return {
            "separate": 4 * numbers * sum(1 + other for other in others),
            "fused": 4 * numbers * (1 + sum(others)),
        }

    exercise = EXERCISES["chain_traffic"]
    verdict = judge(exercise, no_writes, exercise.visible_cases())
    assert "results written" in verdict.hint


@given(st.integers(1, 10**6), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_fusing_saves_two_arrays_between_each_two_steps(numbers, others):
    answer = right("chain_traffic", numbers, others)
    assert answer["separate"] - answer["fused"] == 2 * 4 * numbers * (len(others) - 1)


def test_the_fused_chain_is_pytorchs_hard_swish():

    x, y = map(torch.tensor, whole_numbers(3, 50, 50))
    expected = torch.nn.functional.hardswish(x) + y
    assert right("fused_chain", 50, 3)["values"] == pytest.approx(expected.tolist(), rel=1e-5)


def test_tiles_of_four_read_a_quarter():
    # 8 · 8 · 8 multiply-accumulates fetch two numbers each
    assert right("product_reads", 8, 8, 8, 4) == {"naive": 1024, "tiled": 256}
    # 2 · 1 tiles of the result, each with 4 steps of 2 · 16 · 16 numbers
    assert right("product_reads", 32, 16, 64, 16)["tiled"] == 2 * 1 * 4 * 2 * 256


def test_a_threads_element_is_where_a_launch_puts_it():
    def marked(out):
        column, row = cuda.grid(2)
        out[row, column] = (
            cuda.blockIdx.x * 1000
            + cuda.blockIdx.y * 100
            + cuda.threadIdx.x * 10
            + cuda.threadIdx.y
        )

    out = np.zeros((6, 12))
    launch(marked, (3, 2), (4, 3), out)
    answer = right("thread_element", [2, 1], [3, 2], [4, 3], 12)
    assert out[answer["row"], answer["column"]] == 2132
    assert out.ravel()[answer["position"]] == 2132


@pytest.mark.parametrize("args", drawn("block_sums", seeds=2))
def test_block_sums_are_those_of_the_blocks_and_make_up_the_total(args):
    numbers, seed = args
    (x,) = whole_numbers(seed, numbers)
    answer = right("block_sums", *args)
    assert answer["sums"] == [sum(x[at : at + 16]) for at in range(0, numbers, 16)]
    assert answer["global reads"] == numbers


@pytest.mark.parametrize("args", drawn("transposed_copy", seeds=2))
def test_a_matrix_turned_over_by_tiles_moves_each_sector_once(args):
    size, seed = args
    (x,) = whole_numbers(seed, size**2)
    answer = right("transposed_copy", *args)
    a = np.array(x, "float32").reshape(size, size)
    assert answer["values"] == a.T.ravel().tolist()
    assert answer["sectors"] == 2 * a.nbytes // 32


@pytest.mark.parametrize("args", drawn("online_softmax", seeds=3))
def test_softmax_tile_by_tile_is_softmax_of_all(args):
    """The sums so far are those of one earlier score, with `total` and `weighted` as they are."""
    largest, total, weighted, scores, values = args
    answer = right("online_softmax", *args)
    earlier = torch.tensor([largest + np.log(total)], dtype=torch.float64)
    every = torch.cat([earlier, torch.tensor(scores, dtype=torch.float64)])
    rows = torch.tensor([[w / total for w in weighted], *values], dtype=torch.float64)
    mine = [each / answer["total"] for each in answer["weighted"]]
    assert mine == pytest.approx((torch.softmax(every, 0) @ rows).tolist())
    assert answer["largest"] + np.log(answer["total"]) == pytest.approx(
        torch.logsumexp(every, 0).item()
    )


def test_axpy_reads_two_numbers_an_element_and_writes_one():
    answer = right("axpy", 11, 4, 2)
    assert (answer["global reads"], answer["global writes"]) == (22, 11)


@pytest.mark.parametrize("args", drawn("tiled_product"))
def test_the_tiled_products_reference_is_a_product_and_what_a_launch_counts(args):
    size, seed = args
    from helpers.exercises.unit_08_kernels.tiles import TILE

    def tiled(a, b, out):
        tile_a = cuda.shared.array((TILE, TILE), numba.float32)
        tile_b = cuda.shared.array((TILE, TILE), numba.float32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        column, row = cuda.grid(2)
        total = 0.0
        for start in range(0, size, TILE):
            tile_a[y, x] = a[row, start + x]
            tile_b[y, x] = b[start + y, column]
            cuda.syncthreads()
            for k in range(TILE):
                total += tile_a[y, k] * tile_b[k, x]
            cuda.syncthreads()
        out[row, column] = total

    a, b = (np.reshape(each, (size, size)) for each in whole_numbers(seed, size**2, size**2))
    out = np.zeros((size, size))
    counts = launch(tiled, (size // TILE, size // TILE), (TILE, TILE), a, b, out)
    answer = right("tiled_product", size, seed)
    assert answer["product"] == out.ravel().tolist() == (a @ b).ravel().tolist()
    assert answer["global reads"] == counts.global_reads == 2 * size**3 // TILE


@pytest.mark.parametrize("exercise", UNIT, ids=lambda exercise: exercise.name)
def test_no_misconception_passes_whatever_is_drawn(exercise):
    for seed in range(10):
        cases = grading_cases(exercise, bytes([seed]))
        for misconception in exercise.misconceptions:

            def wrong(*args, misconception=misconception):
                answer = plain(misconception.gives(*args))
                return (
                    {**right(exercise.name, *args), **answer}
                    if isinstance(answer, dict)
                    else answer
                )

            verdict = judge(exercise, wrong, cases)
            assert verdict.fraction < 1, (seed, misconception.name)
            assert misconception.hint in verdict.hint, (seed, misconception.name)
