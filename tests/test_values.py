"""An answer's value as plain data, whatever library made it."""

import math
from decimal import Decimal
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.figures import read_figure
from helpers.values import PlaceholderLeft, TooLarge, placeholder, plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_what_is_plain_stays_as_it_is(value):
    assert plain(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (torch.tensor(2.0), 2.0),
        (torch.ones(2), [1.0, 1.0]),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        ((1, (np.int64(2), {"a": np.ones(1)})), [1, [2, {"a": [1.0]}]]),
    ],
    ids=str,
)
def test_others_become_pythons_own(value, expected):
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_a_figure_is_what_it_shows():
    figure, axes = plt.subplots()
    axes.plot([1, 2], [3, 4])
    assert plain({"picture": figure}) == {"picture": read_figure(figure)}
    plt.close(figure)


def test_what_is_no_plain_data_stays_as_it_is():
    value = object()
    assert plain([value]) == [value]


def test_an_array_of_more_numbers_than_are_looked_at_is_refused():
    assert plain(np.zeros(5), 5) == [0.0] * 5
    with pytest.raises(TooLarge, match="more than 5 numbers"):
        plain({"a": [np.zeros((2, 3))]}, 5)
    assert len(plain(np.zeros(6), math.inf)) == 6


def test_a_tensor_that_has_no_numbers_stays_as_it_is():
    value = torch.empty(2, device="meta")
    assert plain(value) is value


def raised_by(function):
    with pytest.raises(NotImplementedError) as caught:
        function()
    return placeholder(caught.value, function)


def test_only_the_placeholder_says_that_there_is_no_answer_yet():
    def untouched():
        """What is asked."""
        raise NotImplementedError()

    def bare():
        raise NotImplementedError

    assert not raised_by(untouched).args
    assert not raised_by(bare).args
    assert not isinstance(raised_by(untouched), PlaceholderLeft)


def test_a_placeholder_below_an_answer_is_told_apart():
    def left(n=3):
        total = 2 * n
        raise NotImplementedError(*())
        return total

    assert isinstance(raised_by(left), PlaceholderLeft)


CALLER = "def best(n):\n    return held(n)"


def raised_in_cells(*cells):
    """What is told of a call of `best`, where each cell has a file name of its own."""
    space = {}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"cell {number}", "exec"), space)
    with pytest.raises(NotImplementedError) as caught:
        space["best"](3)
    return placeholder(caught.value, space["best"])


def test_another_answer_that_is_missing_is_named():
    error = raised_in_cells("def held(n):\n    raise NotImplementedError()", CALLER)
    assert str(error) == "held has no answer yet: write that first"
    assert not isinstance(error, PlaceholderLeft)


def test_what_stands_in_the_same_cell_is_a_part_of_the_answer():
    error = raised_in_cells(f"def held(n):\n    raise NotImplementedError()\n{CALLER}")
    assert not error.args
    assert not isinstance(error, PlaceholderLeft)


def test_an_error_of_a_library_is_no_placeholder():
    def meta():
        return torch.empty(1, device="meta").cpu()

    def abstract():
        return torch.distributions.Distribution().mean

    assert "meta tensor" in str(raised_by(meta))
    assert str(raised_by(abstract)) == "raised by something that it calls"
