"""What crosses between grader and student: plain data comes back as it was, and nothing else."""

from __future__ import annotations

import contextlib
import json
import math
from collections import deque
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading.sandbox.inside import codec
from helpers.grading.sandbox.inside.codec import (
    CodecError,
    Function,
    Opaque,
    decode,
    dumps,
    encode,
    loads,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


def through(value: Any) -> Any:
    return decode(loads(dumps(encode(value))))


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    back = through(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("dtype", sorted(codec.DTYPES))
def test_arrays_keep_dtype_shape_and_values(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = through(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


def test_tensors_come_back_as_tensors() -> None:
    tensor = torch.arange(4.0).reshape(2, 2).requires_grad_()
    back = through(tensor)
    assert torch.equal(back, tensor)
    # 16-bit brain floats have no numpy type: they come as fp32, which holds each exactly.
    assert through(torch.tensor([1.5], dtype=torch.bfloat16)).dtype == torch.float32


def test_not_a_number_stays_one() -> None:
    assert math.isnan(through(float("nan")))
    assert through(float("-inf")) == -math.inf


def test_numbers_of_numpy_become_plain_numbers() -> None:
    assert type(through(np.int64(3))) is int
    assert type(through(np.float32(0.5))) is float


def test_a_subclass_comes_as_the_plain_value_that_it_holds() -> None:
    class Lie(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __index__(self) -> int:
            return 7

        __hash__ = int.__hash__

    back = through(Lie(3))
    assert type(back) is int
    assert back != 7


def test_what_is_no_plain_data_equals_nothing() -> None:
    back = through(object())
    assert isinstance(back, Opaque)
    assert back != through(object())
    assert back != 0


def test_a_function_comes_as_its_name() -> None:
    assert decode(encode(print, "softmax")) == Function("softmax")


@pytest.mark.parametrize("value", [2**5000, [[]] * 300_000, "x" * 20_000_000, np.zeros(10_000_000)])
def test_what_is_too_large_is_not_sent(value: Any) -> None:
    assert isinstance(through(value), Opaque)


def test_a_list_within_itself_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert isinstance(through(loop), Opaque)


@pytest.mark.parametrize(
    "data",
    [
        {"array": ["float64", [2**40], ""]},
        {"array": ["float64", [-1], ""]},
        {"array": ["float64", [2], "AAAA"]},
        {"array": ["object", [1], "AAAAAAAAAAA="]},
        {"array": ["float64", [True], "AAAAAAAAAAA="]},
        {"array": ["float64"]},
        {"eval": "1"},
        {"__class__": 1},
        {"decode": 1},
        {"dict": [[{"dict": []}, 1]]},
        {"dict": [[1]]},
        {"set": [{"dict": []}]},
        {"tuple": 3},
        {"complex": [1]},
        {"complex": [10**400, 0]},
        {"bytes": "***"},
        {"bytes": 3},
        {"function": 3},
        {"opaque": []},
        {"opaque": [1, 2]},
        {"tuple": [], "set": []},
        {},
        2**5000,
    ],
    ids=lambda data: json.dumps(data)[:40] if isinstance(data, dict) else "huge",
)
def test_what_encode_does_not_write_is_refused(data: Any) -> None:
    with pytest.raises(CodecError):
        decode(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*sorted(codec._TAGS), "x"]), inner, max_size=2)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON)
def test_any_message_is_read_or_refused(data: Any) -> None:
    with contextlib.suppress(CodecError):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        loads(data)


def test_a_million_brackets_are_refused() -> None:
    with pytest.raises(CodecError):
        loads(b"[" * 1_000_000)


def test_lone_surrogates_do_not_get_through() -> None:
    assert decode(loads(b'"\\ud800"')) == "?"


@pytest.mark.parametrize("shape", [(2**22, 0), (2**22, 2**22, 0), (2**20, *[1] * 31)])
def test_an_array_that_would_become_millions_of_lists_is_refused(shape: tuple[int, ...]) -> None:
    """It has few bytes, or none; `tolist` would make the lists in the grader's process."""
    with pytest.raises(CodecError, match="rows"):
        through(np.zeros(shape, bool))


def test_an_empty_array_of_no_possible_size_is_refused() -> None:
    with pytest.raises(CodecError, match="shape"):
        decode({"array": ["bool", [0, *[2**24] * 10], ""]})


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1000, 1000)])
def test_other_arrays_without_or_with_many_numbers_come_back(shape: tuple[int, ...]) -> None:
    assert through(np.zeros(shape)).shape == shape


#: Whole numbers with one hash: `hash` takes them modulo this prime.
COLLIDING = range(0, 100_000 * (2**61 - 1), 2**61 - 1)


@pytest.mark.parametrize(
    "data",
    [{"set": list(COLLIDING)}, {"dict": [[key, 0] for key in COLLIDING]}],
    ids=["set", "dict"],
)
def test_numbers_that_share_a_hash_take_no_time(data: Any) -> None:
    """A hundred thousand in one table would take minutes, and nothing could stop it."""
    with pytest.raises(CodecError, match="keys"):
        decode(data)


def test_many_texts_may_be_keys() -> None:
    words = {f"word {i}": i for i in range(50_000)}
    assert through(words) == words
    assert through(set(words)) == set(words)


def test_figures_in_figures_are_too_deep() -> None:
    data: Any = 1
    for _ in range(500):
        data = {"figure": data}
    with pytest.raises(CodecError, match="nested"):
        decode(data)


@pytest.mark.parametrize(
    "value", [range(3), deque([0, 1, 2]), dict.fromkeys((0, 1, 2)).keys()], ids=repr
)
def test_what_can_be_gone_through_again_comes_with_its_members(value):
    """It is equal to no list, as in Python: a check may take it for one."""
    read = decode(encode(value))
    assert read.members == (0, 1, 2)
    assert read != [0, 1, 2]


def test_a_generator_is_gone_through_only_where_a_function_has_returned_it():
    given = (n for n in range(3))
    assert decode(encode(given)).members is None
    assert list(given) == [0, 1, 2]
    assert decode(codec.encode_result(n for n in range(3))).members == (0, 1, 2)


def test_what_is_endless_comes_without_members():
    assert decode(codec.encode_result(count())).members is None
    assert decode(codec.encode_result(n for n in count())).members is None
    assert decode(encode(range(10**12))).members is None


@pytest.mark.parametrize("data", [["a", "b", "c"], ["a", "b", [1], [2]], ["a"], ["a", [1]]])
def test_members_are_a_list(data):
    with pytest.raises(CodecError):
        decode({"opaque": data})
