"""What a test in the student's process earns by what that process says of it, and what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.grading.engine.judge import Judgement
from helpers.grading.engine.judge_inside import judged, lost, shown
from helpers.grading.sandbox.backend import CallTimeout, CellRun, ProcessDied
from helpers.grading.sandbox.outputs import error_output

STDERR = {"output_type": "stream", "name": "stderr", "text": "careful"}
FAILED = error_output("AssertionError", "tangerine")


def result(text: str) -> dict[str, Any]:
    data = {"text/plain": text}
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


@pytest.mark.parametrize(
    ("outputs", "score"),
    [
        ([], 2.0),
        ([STDERR], 2.0),
        ([result("0.5")], 0.5),
        ([result("np.float64(0.5)")], 0.5),
        ([result("0")], 0.0),
        ([result("True")], 2.0),
        ([result("'0.5'")], 2.0),
        ([{"output_type": "display_data", "data": {"text/plain": "0.5"}, "metadata": {}}], 2.0),
    ],
)
def test_what_is_not_raised_earns_all_or_what_its_last_line_says(
    outputs: list[dict[str, Any]], score: float
) -> None:
    judgement = judged(CellRun(outputs, 1, None), 2.0)
    assert (judgement.score, judgement.needs_review) == (score, False)
    assert {output.get("name") for output in judgement.outputs} <= {None, "stdout"}


def test_what_is_raised_earns_nothing() -> None:
    judgement = judged(CellRun([result("2.0"), FAILED], 1, "AssertionError"), 2.0)
    assert (judgement.score, judgement.needs_review) == (0.0, False)


@pytest.mark.parametrize("text", ["3", "-1", "nan", "inf", "1e999"])
def test_a_number_that_is_no_score_waits_for_a_person(text: str) -> None:
    judgement = judged(CellRun([result(text)], 1, None), 2.0)
    assert (judgement.score, judgement.needs_review) == (0.0, True)
    assert "no score between 0 and 2" in judgement.remark


@pytest.mark.parametrize("error", [ProcessDied("ended"), CallTimeout("took longer than 60 s")])
def test_a_test_that_takes_its_process_with_it_earns_nothing(
    error: ProcessDied | CallTimeout,
) -> None:
    judgement = lost(error)
    assert (judgement.score, judgement.remark) == (0.0, str(error))
    assert judgement.outputs[-1]["output_type"] == "error"


def test_a_failure_of_a_hidden_line_is_said_and_nothing_of_it() -> None:
    outputs = shown(Judgement(0.0, [FAILED]), [result("1")])
    assert [output.get("evalue") for output in outputs] == [None, "a hidden test failed"]


def test_an_error_that_students_have_seen_is_shown_where_it_counts() -> None:
    seen = error_output("AssertionError", "of one")
    assert shown(Judgement(0.0, [FAILED]), [seen]) == [seen]
    assert shown(Judgement(2.0, []), [STDERR, seen]) == [STDERR]
    assert shown(Judgement(0.0, [result("0")]), [result("0")]) == [result("0")]
