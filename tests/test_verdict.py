"""A verdict is data: what is written is read again, of this version and whole, or refused."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.verdict import VERSION, Row, Status, Verdict, VerdictError

VERDICTS = st.builds(
    Verdict,
    exercise=st.text(),
    status=st.sampled_from(get_args(Status)),
    fraction=st.floats(0, 1),
    rows=st.lists(
        st.builds(
            Row,
            case=st.text(),
            part=st.text(),
            yours=st.text(),
            expected=st.text(),
            right=st.booleans(),
        ),
        max_size=4,
    ).map(tuple),
    hint=st.text(),
    misconceptions=st.lists(st.text(), max_size=3).map(tuple),
    drawn=st.lists(st.booleans(), max_size=4).map(tuple),
)


def wrong():
    exercise = EXERCISES["softmax_flops"]
    return judge(exercise, lambda batch, n: batch * n, grading_cases(exercise, b"seed"))


@given(VERDICTS)
def test_what_is_written_is_read_again(verdict):
    assert Verdict.from_data(verdict.to_data()) == verdict
    assert Verdict.from_data(json.loads(json.dumps(verdict.to_data()))) == verdict


def test_text_and_html_of_what_was_read_are_those_of_the_verdict():
    verdict = wrong()
    read = Verdict.from_data(json.loads(json.dumps(verdict.to_data())))
    assert (read.text(), read.html()) == (verdict.text(), verdict.html())


def test_a_number_that_is_too_long_for_a_phone_breaks_behind_a_comma():
    row = Row("", "", "28,162,437,430,784", "1", right=False)
    shown = Verdict("pass_flops", "wrong", 0.0, (row,)).html()
    assert "28,<wbr>162,<wbr>437,<wbr>430,<wbr>784" in shown


def test_another_version_is_said_in_one_line():
    data = wrong().to_data() | {"version": VERSION + 1}
    with pytest.raises(VerdictError) as error:
        Verdict.from_data(data)
    assert (
        str(error.value)
        == "a verdict of version 2, where this course reads version 1: grade it again"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"version": None},
        {"version": True},
        {"status": "splendid"},
        {"status": 1},
        {"fraction": "1"},
        {"fraction": True},
        {"rows": None},
        {"rows": [{"case": 1}]},
        {"rows": [{"unknown": ""}]},
        {"rows": ["row"]},
        {"hint": None},
        {"misconceptions": [1]},
        {"misconceptions": None},
        {"exercise": None},
        {"drawn": [1]},
        {"drawn": None},
    ],
    ids=str,
)
def test_what_is_no_verdict_is_refused(change):
    with pytest.raises(VerdictError, match="what is no verdict: grade it again"):
        Verdict.from_data(wrong().to_data() | change)


@pytest.mark.parametrize("data", [None, [], "verdict", {}, {"version": VERSION}], ids=str)
def test_what_lacks_everything_is_refused(data):
    with pytest.raises(VerdictError, match="what is no verdict"):
        Verdict.from_data(data)


def test_of_a_case_drawn_when_grading_a_verdict_keeps_only_whether_it_was_right():
    cases = grading_cases(EXERCISES["softmax_flops"], b"seed")
    shown = [case.label for case in cases if not case.hidden and not case.spare]
    verdict = wrong()
    assert [row.case for row in verdict.rows] == shown
    assert verdict.drawn == (False,) * sum(case.hidden for case in cases)
    data = json.dumps(verdict.to_data())
    assert not any(case.label in data for case in cases if case.label not in shown)
