"""Grade cells are evaluated in the grader's process, with the student's values as plain data."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from helpers.grading.engine.grade import score_of
from helpers.grading.engine.judge import Judgement, Session, instructor_names, submission_seed
from helpers.grading.sandbox.inside.codec import Function
from helpers.grading.sandbox.process import CallTimeout, KernelDied, StudentError


class FakeStudent:
    """A student's process that lives here: names, and what its functions do."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.calls: list[tuple[Any, ...]] = []

    def get(self, name: str, timeout: float) -> Any:
        value = self.values[name]
        return Function(name) if callable(value) else value

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        self.calls.append(args)
        try:
            return self.values[name](*args, **kwargs)
        except (CallTimeout, KernelDied):
            raise
        except Exception as error:
            raise StudentError(type(error).__name__, str(error)) from None


def judge(
    test: str,
    values: Mapping[str, Any],
    points: float = 2.0,
    instructor: str = "",
    answers: frozenset[str] = frozenset(),
) -> tuple[float, Judgement, FakeStudent]:
    """The score of a grade cell, what came of it, and the student that it asked."""
    cell = {"cell_type": "code", "metadata": {}, "source": instructor}
    session = Session(instructor_names({"cells": [cell]}), answers, b"seed")
    student = FakeStudent(values)
    marks = {"nbgrader": {"points": points, "grade": True}}
    judgement = session.judge({"source": test, "metadata": marks}, student)
    return score_of(judgement.outputs, points)[0], judgement, student


def softmax(batch: int, n: int) -> int:
    # n exponentials at 40, n - 1 additions, n divisions at 4, for each row.
    return batch * (40 * n + (n - 1) + 4 * n)


def test_a_right_answer_earns_the_points() -> None:
    score, judgement, student = judge('check("softmax_flops", softmax)', {"softmax": softmax})
    assert score == 2.0
    assert "right" in judgement.outputs[0]["data"]["text/plain"]
    assert len(student.calls) > len(set(student.calls))


def test_a_wrong_answer_earns_nothing_and_a_hint() -> None:
    score, judgement, _ = judge(
        'check("softmax_flops", softmax)', {"softmax": lambda batch, n: 2 * batch * n}
    )
    assert score == 0.0
    assert "Hint" in judgement.outputs[0]["data"]["text/plain"]


def test_an_answer_that_counts_its_calls_earns_nothing() -> None:
    calls = []

    def counting(batch: int, n: int) -> int:
        calls.append(1)
        # Right only as often as a first pass over the cases would ask.
        return softmax(batch, n) if len(calls) <= first_pass else 0

    from helpers.exercises import EXERCISES, grading_cases

    first_pass = len(grading_cases(EXERCISES["softmax_flops"], b"seed"))
    score, _, _ = judge('check("softmax_flops", f)', {"f": counting})
    assert score == 0.0


def test_no_answer_yet_is_said() -> None:
    def stub(batch: int, n: int) -> int:
        raise NotImplementedError

    score, judgement, student = judge('check("softmax_flops", f)', {"f": stub})
    assert score == 0.0
    assert "no answer yet" in judgement.outputs[0]["data"]["text/plain"]
    assert len(student.calls) == 1


@pytest.mark.parametrize("error", [CallTimeout("slow"), KernelDied("gone")])
def test_after_a_lost_call_no_other_is_made(error: Exception) -> None:
    def lost(batch: int, n: int) -> int:
        raise error

    score, judgement, student = judge('check("softmax_flops", f)', {"f": lost})
    assert (score, len(student.calls)) == (0.0, 1)
    assert str(error) in judgement.outputs[0]["data"]["text/plain"]


def test_asserts_of_an_instructor_earn_all_or_nothing() -> None:
    test = "assert double(2) == 4\nassert double(0) == 0"
    assert judge(test, {"double": lambda x: 2 * x})[0] == 2.0
    assert judge(test, {"double": lambda x: x})[0] == 0.0
    assert judge(test, {})[0] == 0.0


def test_a_number_in_the_last_line_is_the_score() -> None:
    assert judge("1.5 if x else 0.5", {"x": True})[0] == 1.5
    assert judge("1.5 if x else 0.5", {"x": False})[0] == 0.5


def test_names_of_the_instructor_are_the_instructors() -> None:
    instructor = "import math\nLIMIT = 3\ndef close(a, b):\n    return math.isclose(a, b)"
    forged: dict[str, Any] = {"math": 1, "LIMIT": 99, "close": lambda a, b: True, "x": 4}
    assert judge("assert close(x, 4.5)", forged, instructor=instructor)[0] == 0.0
    assert judge("assert x < LIMIT", forged, instructor=instructor)[0] == 0.0
    assert judge("assert math.sqrt(x) == 2", forged, instructor=instructor)[0] == 2.0


def test_names_of_answers_are_always_the_students() -> None:
    values: dict[str, Callable[..., Any]] = {"sum": lambda x: 0}
    assert judge("assert sum([1]) == 1", values, answers=frozenset({"sum"}))[0] == 0.0
    assert judge("assert sum([1]) == 1", values)[0] == 2.0
    instructor = "def f(x):\n    return x"
    forged = {"f": lambda x: -x}
    assert (
        judge("assert f(1) == 1", forged, instructor=instructor, answers=frozenset({"f"}))[0] == 0
    )


def test_warnings_cost_no_points() -> None:
    test = (
        "import warnings, sys\nwarnings.warn('careful')\nprint('x', file=sys.stderr)\nassert True"
    )
    score, judgement, _ = judge(test, {})
    assert score == 2.0
    assert {output.get("name") for output in judgement.outputs} == {"stdout"}


def test_a_hidden_test_stays_hidden_when_it_fails() -> None:
    test = (
        "assert f(1) == 1, 'of one'\n### BEGIN HIDDEN TESTS\n"
        "assert f(2) == 2, 'tangerine'\n### END HIDDEN TESTS"
    )
    _, judgement, _ = judge(test, {"f": lambda x: 1})
    assert "tangerine" not in str(judgement.outputs)
    assert "f(2)" not in str(judgement.outputs)
    _, judgement, _ = judge(test, {"f": lambda x: 0})
    assert "of one" in str(judgement.outputs)


def test_no_exception_is_called_like_what_a_hidden_test_passes_in() -> None:
    test = "### BEGIN HIDDEN TESTS\nassert f(2) == 2\n### END HIDDEN TESTS"

    def telling(x: int) -> int:
        raise type(f"got_{x}", (Exception,), {})

    _, judgement, _ = judge(test, {"f": telling})
    assert "got_2" not in str(judgement.outputs)
    _, judgement, _ = judge(test, {"f": lambda x: 1 // 0})
    assert judgement.outputs[-1]["ename"] == "ZeroDivisionError"


def test_a_fault_of_the_grader_waits_for_a_person() -> None:
    _, judgement, _ = judge('check("no such question", f)', {"f": softmax})
    assert judgement.for_a_person
    assert judgement.remark


def test_only_imports_definitions_and_constants_are_the_instructors() -> None:
    source = "import a.b as c, d.e\nfrom f import g\nX = 3\nY = compute()\ndef h(): pass"
    names = instructor_names({"cells": [{"cell_type": "code", "metadata": {}, "source": source}]})
    assert set(names) == {"c", "d", "g", "X", "h"}
    assert isinstance(names["h"], ast.FunctionDef)


def test_the_seed_depends_on_everything_and_on_nothing_else() -> None:
    base = (b"secret", "unit", "ada", b"answers")
    assert submission_seed(*base) == submission_seed(*base)
    others = [
        submission_seed(b"other", *base[1:]),
        submission_seed(b"secret", "other", "ada", b"answers"),
        submission_seed(b"secret", "unit", "ben", b"answers"),
        submission_seed(*base[:3], b"other"),
    ]
    assert len({submission_seed(*base), *others}) == 5


@pytest.mark.parametrize("text", ["1.5", "0.0", "2.0", "'words'", "[1, 2]"])
@pytest.mark.parametrize("kind", ["execute_result", "error", "stream", ""])
def test_scores_are_read_as_nbgrader_reads_them(kind: str, text: str) -> None:
    from nbformat.notebooknode import from_dict
    from nbgrader.utils import determine_grade

    outputs: dict[str, list[dict[str, Any]]] = {
        "": [],
        "stream": [{"output_type": "stream", "name": "stdout", "text": text}],
        "error": [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}],
        "execute_result": [{"output_type": "execute_result", "data": {"text/plain": text}}],
    }
    cell = {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade": True, "points": 2, "solution": False}},
        "outputs": outputs[kind],
    }
    assert score_of(outputs[kind], 2.0)[0] == determine_grade(from_dict(cell))[0]


def test_a_result_that_is_no_score_is_said() -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "3.0"}}
    assert score_of([result], 2.0) == (0.0, "the test's result 3 is no score between 0 and 2")


def test_an_array_of_millions_of_numbers_is_no_answer() -> None:
    score, judgement, _ = judge(
        'check("softmax_flops", softmax)', {"softmax": lambda batch, n: np.zeros(10**7, bool)}
    )
    assert score == 0.0
    assert "more than 200,000 numbers" in judgement.outputs[0]["data"]["text/plain"]
