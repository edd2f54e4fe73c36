"""Functions as tables of their calls, and the JSON that keeps values exactly."""

from inspect import signature

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.exercises import EXERCISES, OneOf
from helpers.ledger import Alternative, Ledger, Term
from helpers.recorded_calls import Recorded, call_of, dumps, loads, merged, record

NUMBERS = st.integers() | st.floats(allow_nan=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.just("is") | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
TERMS = st.builds(
    Term,
    st.text(),
    st.integers(0, 10**30),
    st.integers(0, 40) | st.floats(0, 9),
    st.lists(st.builds(Alternative, st.text(), st.integers(0))).map(tuple),
)
LEDGERS = st.builds(Ledger, st.sampled_from(["FLOP", "B"]), st.lists(TERMS).map(tuple), st.text())


def exact(value):
    """A text that tells 1 from 1.0 and True, and a tuple from a list."""
    return repr(value)


@settings(max_examples=50)
@given(PLAIN | LEDGERS | st.builds(OneOf, st.lists(NUMBERS | LEDGERS).map(tuple)))
def test_what_is_kept_comes_back_as_it_was(value):
    assert exact(loads(dumps(value))) == exact(value)


def test_what_comes_twice_is_written_once():
    ledgers = [
        Ledger("FLOP", (Term("additions", n), Term("multiplications", 7))) for n in range(99)
    ]
    text = dumps(ledgers)
    assert text.count("multiplications") == text.count("additions") == 1
    assert loads(text) == ledgers


def test_calls_are_the_same_text_for_the_same_arguments_alone():
    near = (1, 1.0, True, "1", (1,), [1], {"1": 1}, {1: 1}, {"is": 1}, None, -1, 0.0, -0.0)
    assert len({call_of(value) for value in near}) == len(near)
    assert call_of([1, (2, "x")], b=1, a=2) == call_of([1, (2, "x")], a=2, b=1)


def test_a_recorded_function_gives_what_the_function_gave_and_has_its_parameters():
    flops = record("cost", lambda batch, n: 2 * batch * n, ("batch", "n"), [(1, 3), (4, 5)])
    again = loads(dumps(flops))
    assert again == flops
    assert again(1, 3) == 6
    assert list(signature(again).parameters) == ["batch", "n"]


def test_arguments_by_name_are_part_of_a_call():
    flops = Recorded("cost", (), ((call_of(1, bias=False), 6),))
    assert flops(1, bias=False) == 6
    with pytest.raises(ValueError, match="cost is not part of this course's package"):
        flops(1)


def test_tables_of_one_function_are_joined():
    first = record("cost", lambda n: 2 * n, ("n",), [(1,), (2,)])
    second = record("cost", lambda n: 2 * n, ("n",), [(2,), (3,)])
    joined = merged([{"cost": first}, {}, {"cost": second, "other": first}])
    assert [joined["cost"](n) for n in (1, 2, 3)] == [2, 4, 6]
    assert len(joined["cost"].calls) == 3
    assert joined["other"] == first


@pytest.mark.parametrize("args", [(2, 3), (1.0, 3), (True, 3), (object(), 3)])
def test_a_call_that_was_not_recorded_is_refused(args):
    flops = record("cost", lambda batch, n: 2 * batch * n, ("batch", "n"), [(1, 3)])
    with pytest.raises(ValueError, match="knows no more than the calls that its notebooks make"):
        flops(*args)


@pytest.mark.parametrize("value", [object(), {1}, b"x", lambda: 1, print])
def test_what_cannot_be_kept_is_refused(value):
    with pytest.raises(TypeError, match="cannot be recorded"):
        dumps([value])


def test_a_file_names_nothing_outside_of_the_package():
    with pytest.raises(ValueError, match="os:system is not part of this package"):
        loads('[[], [3, "os:system"]]')


def test_every_question_has_a_reader_that_can_be_named():
    for exercise in EXERCISES.values():
        assert loads(dumps(exercise.read)) is exercise.read
