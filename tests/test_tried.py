"""A cell that shows an answer at work gets numbers, or one plain line that says what is missing."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from helpers.tried import NotNumbers, numbers, tried

PARTS = ("nodes", "kept")


def said(answer):
    found, problem = tried(answer)
    assert found is None
    return problem


def test_what_works_is_handed_on_without_a_word():
    assert tried(lambda: [1, None]) == ([1, None], "")
    assert tried(divmod, 7, 2) == ((3, 1), "")


def test_an_answer_that_is_not_written_is_called_so():
    def answer():
        raise NotImplementedError

    assert said(answer) == "no answer yet"


def test_an_answer_that_fails_costs_one_line_with_the_first_of_its_message():
    def answer():
        raise KeyError("x\nand more")

    assert said(lambda: [][1]) == "fails with IndexError: list index out of range"
    assert said(answer).count("\n") == 0


def test_to_stop_a_cell_still_stops_it():
    def answer():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(answer)


@pytest.mark.parametrize(
    "one",
    [7, 7.0, Fraction(7), Decimal(7), np.float32(7), np.int64(7), np.array(7), torch.tensor(7.0)],
)
def test_what_counts_as_a_number(one):
    assert numbers(one) == 7
    assert type(numbers(one)) in (int, float)


@pytest.mark.parametrize("several", [{"kept": 2, "nodes": 1, "more": 3}, [1, 2], (1, 2)])
def test_parts_come_by_name_or_in_their_order(several):
    assert numbers(several, *PARTS) == {"nodes": 1, "kept": 2}
    assert list(numbers(several, *PARTS)) == ["nodes", "kept"]


def test_an_array_has_its_numbers_in_the_order_of_the_parts():
    assert numbers(np.array([1.5, 2]), *PARTS) == {"nodes": 1.5, "kept": 2.0}


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "got None, needs a number"),
        ("7", "got '7', needs a number"),
        ([7], "got [7], needs a number"),
        (True, "got True, needs a number"),
        (float("nan"), "got nan, needs a number"),
        (torch.ones(2), "got [1.0, 1.0], needs a number"),
    ],
)
def test_what_is_no_number_is_shown_beside_what_is_needed(value, line):
    assert said(lambda: numbers(value)) == line


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "got None, needs 2 numbers: nodes, kept"),
        (5, "got 5, needs 2 numbers: nodes, kept"),
        ([1, 2, 3], "got [1, 2, 3], needs 2 numbers: nodes, kept"),
        ({"nodes": 1}, "got nothing for kept, needs a number"),
        ({"nodes": 1, "kept": "2"}, "got '2' for kept, needs a number"),
        ([1, None], "got None for kept, needs a number"),
    ],
)
def test_of_several_numbers_the_one_that_is_missing_is_named(value, line):
    assert said(lambda: numbers(value, *PARTS)) == line


def test_a_number_that_python_cannot_print_is_not_printed():
    assert said(lambda: numbers([1, 10**5000], *PARTS)) == "got a number too large to show for kept"


def test_a_long_value_is_cut_short():
    with pytest.raises(NotNumbers) as problem:
        numbers(["a long text that goes on and on and on, for very long"] * 1000)
    assert len(str(problem.value)) < 250
