"""What an answer earns that is a straight line through the table of cases."""

import pytest

from helpers.authoring.prove import report
from helpers.authoring.prove.lines import line_through
from helpers.authoring.prove.run import Proof
from helpers.exercises import EXERCISES, Exercise


def question(reference, examples, hidden):
    return Exercise(
        name="question",
        points=1,
        topic="",
        examples=examples,
        hidden=hidden,
        reference=reference,
        spare=(),
    )


def of_one(reference):
    return question(
        reference, [(1,), (16,), (100,)], lambda draw: [(draw.randrange(2, 10**5),)] * 2
    )


def of_two(reference):
    return question(
        reference,
        [(1, 2), (3, 4), (7, 5), (9, 1)],
        lambda draw: [(draw.randrange(2, 10**5), draw.randrange(2, 10**5)) for _ in range(3)],
    )


@pytest.mark.parametrize(
    ("law", "arguments"),
    [
        (of_one(lambda batch: 4160 * batch), ("batch",)),
        (of_one(lambda batch: 896 * batch + 8196), ("batch",)),
        (of_one(lambda batch: batch / 3 + 1), ("batch",)),
        (of_one(lambda batch: {"read": 8 * batch, "written": batch + 1}), ("batch",)),
        (of_two(lambda a, b: 16 * a + b), ("a", "b")),
        (of_two(lambda a, b: 7 * b), ("b",)),
    ],
)
def test_a_line_through_the_cases_is_found(law, arguments):
    assert line_through(law) == arguments


@pytest.mark.parametrize(
    "law",
    [
        of_one(lambda batch: batch**2),
        of_one(lambda batch: {"read": 8 * batch, "squared": batch**2}),
        of_one(lambda batch: None if batch > 50 else batch),
        of_two(lambda a, b: a * b),
        of_two(lambda a, b: a + max(b, 3)),
    ],
)
def test_through_what_is_no_line_there_is_none(law):
    assert line_through(law) == ()


def test_two_cases_lie_on_a_line_and_still_tell_none_where_the_law_bends():
    assert (
        line_through(
            question(lambda n: n * n, [(2,), (5,)], lambda draw: [(draw.randrange(6, 99),)])
        )
        == ()
    )


@pytest.mark.parametrize("name", ["residual_traffic", "block_flops", "block_bytes", "fused"])
def test_what_once_was_read_off_the_table_is_not_any_more(name):
    assert line_through(EXERCISES[name]) == ()


def test_a_question_that_is_read_off_is_not_proven_but_where_the_entry_says_why():
    assert report.is_read_off(Proof("residual_traffic", (), line=("elements",)))
    assert "residual_traffic, line: the cases shown tell all, linear in elements" in report.text(
        [Proof("residual_traffic", (), line=("elements",))]
    )
    assert not report.is_read_off(Proof("adam_bytes", (), line=("parameters", "activation_bytes")))
