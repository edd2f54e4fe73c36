"""Grade cells are evaluated in the grader's process, with the student's values as plain data."""

from __future__ import annotations

import ast
import builtins
import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.notebooknode import from_dict
from nbgrader.utils import determine_grade

from helpers.grading.engine.grade_submission import Graded, seed_of
from helpers.grading.engine.judge import Judgement, Session, submission_seed
from helpers.grading.engine.name_lookup import instructor_names
from helpers.grading.engine.verdict_outputs import MIME_TYPE, verdicts_of
from helpers.grading.handin import rebuild
from helpers.grading.sandbox.backend import CallTimeout, ProcessDied, StudentError
from helpers.grading.sandbox.inside.codec import Function, decode, encode
from helpers.grading.sandbox.inside.ipython_shell import builtin_of
from tests.grading import in_process_backend, sample


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
        except (CallTimeout, ProcessDied):
            raise
        except Exception as error:
            kind = type(error)
            message = error.args[0] if error.args else ""
            raise StudentError(kind.__name__, message, builtin_of(kind)) from None


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
    return judgement.score, judgement, student


def read_by_nbgrader(judgement: Judgement, points: float) -> float | None:
    """The score that nbgrader's own autograde finds in the outputs of a test."""
    cell = from_dict(
        {
            "cell_type": "code",
            "metadata": {"nbgrader": {"grade": True, "points": points, "solution": False}},
            "outputs": judgement.outputs,
        }
    )
    score, most = determine_grade(cell)
    assert most == points
    return score


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


@pytest.mark.parametrize("error", [CallTimeout("slow"), ProcessDied("gone")])
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


def test_a_name_imported_beside_check_leaves_check_the_graders() -> None:
    instructor = "from helpers.check import check, progress"
    test = 'progress\ncheck("softmax_flops", f)'
    assert judge(test, {"f": lambda batch, n: 0}, instructor=instructor)[0] == 0.0


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
    assert judgement.needs_review
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


def test_a_hand_in_with_the_same_texts_has_other_hidden_cases_where_its_cells_differ() -> None:
    """Else the first could show what was passed in, and the second tell it to the answer by which
    cells are code, or by their order."""
    job = in_process_backend.make_job()
    cells = [sample.added_cell("bit = 0"), sample.added_cell("bit = 1")]
    ways = [cells, cells[::-1], [cells[0] | {"cell_type": "markdown"}, cells[1]]]
    skipped = copy.deepcopy(cells)
    skipped[0]["metadata"]["tags"] = sorted(rebuild.NOT_RUN)
    seeds = set()
    for added in [*ways, skipped]:
        notebook = sample.right_notebook()
        notebook["cells"] += added
        seeds.add(seed_of(job.unit, "ada", notebook))
    assert len(seeds) == 4


TESTS = {
    "right": 'check("softmax_flops", softmax)',
    "wrong": 'check("softmax_flops", wrong)',
    "stub": 'check("softmax_flops", stub)',
    "one of two parts": 'check("depthwise_cost", half)',
    "twice": 'check("softmax_flops", wrong)\ncheck("softmax_flops", softmax)',
    "nothing": "softmax",
    "assert": "assert softmax(1, 1) == 0",
    "print": "print(0.5)",
    "stderr": "import sys\nprint(0.5, file=sys.stderr)",
    "printed and failed": "print(0.5)\n1 / 0",
    "number": "0.5",
    "no number": "'0.5'",
    "list": "[0.5]",
    "array": "import numpy\nnumpy.array(0.5)",
    "bool": "False",
    "numpy": "import numpy\nnumpy.float64(0.5)",
    "whole number of numpy": "import numpy\nnumpy.int64(1)",
    "fraction": "from fractions import Fraction\nFraction(1, 2)",
    "too many": "3",
    "negative": "-0.5",
    "no number at all": "float('nan')",
    "more than a float holds": "10**400",
    "more than Python prints": "10**5000",
    "a list of more than Python prints": "[10**5000]",
    "fault of the grader": 'check("no such question", softmax)',
}


#: Of 2 points; the others earn none.
EARNED = {
    "right": 2.0,
    "one of two parts": 1.0,
    "twice": 2.0,
    "nothing": 2.0,
    "print": 2.0,
    "stderr": 2.0,
    "number": 0.5,
    "no number": 2.0,
    "list": 2.0,
    "array": 2.0,
    "bool": 2.0,
    "numpy": 0.5,
    "whole number of numpy": 1.0,
    "fraction": 0.5,
}


@pytest.mark.parametrize("name", TESTS)
def test_nbgrader_reads_the_score_that_was_given(name: str) -> None:
    def stub(batch: int, n: int) -> int:
        raise NotImplementedError

    from helpers.exercises import EXERCISES

    depthwise = EXERCISES["depthwise_cost"].reference
    answers = {
        "softmax": softmax,
        "wrong": lambda batch, n: 2 * batch * n,
        "stub": stub,
        "half": lambda *args: {"MAC": depthwise(*args)["MAC"].total, "FLOP": 0},
    }
    score, judgement, _ = judge(TESTS[name], answers)
    assert score == EARNED.get(name, 0.0)
    assert read_by_nbgrader(judgement, 2.0) == score


@given(st.floats(0, 2) | st.integers(0, 2))
def test_a_number_in_the_last_line_is_the_score_to_the_last_digit(number: float) -> None:
    score, judgement, _ = judge("number", {"number": number})
    assert (score, read_by_nbgrader(judgement, 2.0)) == (number, number)


@pytest.mark.parametrize(
    ("line", "said"), [("3.0", "3"), ("-1", "-1"), ("float('nan')", "nan"), ("10**400", "inf")]
)
def test_a_number_that_is_no_score_is_said_and_waits_for_a_person(line: str, said: str) -> None:
    score, judgement, _ = judge(line, {})
    assert (score, judgement.needs_review) == (0.0, True)
    assert judgement.remark == f"the test's result {said} is no score between 0 and 2"
    assert judgement.outputs[-1]["evalue"] == judgement.remark


def test_the_verdict_is_written_as_data_beside_what_people_read() -> None:
    _, judgement, _ = judge(
        'check("softmax_flops", f)', {"f": lambda batch, n: batch * (6 * n - 1)}
    )
    cell = {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade": True}},
        "outputs": json.loads(json.dumps(judgement.outputs)),
    }
    (verdict,) = verdicts_of(cell)
    assert verdict.misconceptions == ("terms priced 1",)
    shown = judgement.outputs[0]["data"]
    assert set(shown) == {"text/plain", "text/html", MIME_TYPE}
    assert (shown["text/plain"], shown["text/html"]) == (verdict.text(), verdict.html())


def test_the_data_of_a_verdict_tell_of_no_hidden_case() -> None:
    from helpers.exercises import EXERCISES, grading_cases

    _, judgement, _ = judge('check("softmax_flops", f)', {"f": lambda batch, n: 1})
    cases = grading_cases(EXERCISES["softmax_flops"], b"seed")
    shown = {case.label for case in cases if not case.hidden}
    assert len(shown) < len(cases)
    assert not any(
        case.label in json.dumps(judgement.outputs) for case in cases if case.label not in shown
    )


def test_an_array_of_millions_of_numbers_is_no_answer() -> None:
    score, judgement, _ = judge(
        'check("softmax_flops", softmax)', {"softmax": lambda batch, n: np.zeros(10**7, bool)}
    )
    assert score == 0.0
    assert "more than 200,000 numbers" in judgement.outputs[0]["data"]["text/plain"]


def negative(kind: type[Exception]) -> Callable[[int], int]:
    """A function that refuses numbers below 0 with an exception of this kind."""

    def refuse(n: int) -> int:
        if n < 0:
            raise kind("negative")
        return n

    return refuse


@pytest.mark.parametrize(
    "caught",
    ["ValueError", "KeyError", "OSError", "ZeroDivisionError", "UnicodeError", "Exception"],
)
def test_an_exception_of_pythons_own_is_caught_by_its_name(caught: str) -> None:
    test = f"try:\n    f(-1)\nexcept {caught} as error:\n    assert str(error) == 'negative'"
    kind = getattr(builtins, caught)
    assert judge(test, {"f": negative(kind)})[0] == 2.0


def test_an_exception_of_another_kind_is_not_caught() -> None:
    test = "try:\n    f(-1)\nexcept ValueError:\n    pass"
    score, judgement, _ = judge(test, {"f": negative(TypeError)})
    assert (score, judgement.outputs[-1]["ename"]) == (0.0, "TypeError")


def test_an_exception_that_comes_from_pythons_own_is_caught_by_that_name() -> None:
    class Negative(ValueError):
        pass

    test = "try:\n    f(-1)\nexcept ValueError as error:\n    assert error.args == ('negative',)"
    assert judge(test, {"f": negative(Negative)})[0] == 2.0


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("assert {'a': 1}[f(1)]", "KeyError"),
        ("assert f(1) > 'a'", "TypeError"),
        ("assert f(1).shape == (2, 2)", "AttributeError"),
        ("import inspect\nassert inspect.signature(f)", "seen in the student's process only"),
        ("assert f.__doc__", "seen in the student's process only"),
    ],
)
def test_an_error_that_is_not_the_answers_waits_for_a_person(test: str, says: str) -> None:
    score, judgement, _ = judge(test, {"f": lambda x: x})
    assert (score, judgement.needs_review) == (0.0, True)
    assert says in judgement.remark


@pytest.mark.parametrize("test", ["assert f(1) == 2", "assert g == 2", "assert not any(f(1))"])
def test_what_is_lost_on_the_way_waits_for_a_person(test: str) -> None:
    value = decode(encode(iter([1])))
    score, judgement, _ = judge(test, {"f": lambda x: [value], "g": value})
    assert (score, judgement.needs_review) == (0.0, True)
    assert "which this test cannot see from outside" in judgement.remark


@pytest.mark.parametrize("test", ["assert f(1)[0] == 1", "assert f(1) + 1 == 2", "f(1).append(2)"])
def test_nothing_returned_is_no_answer_and_stops_nobody(test: str) -> None:
    score, judgement, _ = judge(test, {"f": lambda x: None})
    assert (score, judgement.needs_review, judgement.remark) == (0.0, False, "")


def test_an_answer_that_is_not_there_stops_nobody() -> None:
    def stub(x: int) -> int:
        raise NotImplementedError

    for values in ({"f": stub}, {}):
        score, judgement, _ = judge("assert f(1) == 1", values)
        assert (score, judgement.needs_review) == (0.0, False)
    assert judgement.outputs[-1]["ename"] == "NameError"


def names_in(*cells: tuple[str, str]) -> set[str]:
    """The instructor's names in cells of a kind: "", "solution" or "grade"."""
    made = [
        {
            "cell_type": "code",
            "metadata": {"nbgrader": {kind: True}} if kind else {},
            "source": source,
        }
        for kind, source in cells
    ]
    return set(instructor_names({"cells": made}))


@pytest.mark.parametrize(
    "answer",
    [
        "basket['rice'] = 1",
        "basket.update(rice=1)",
        "del basket['egg']",
        "basket['a']['b'] = 2",
        "basket |= {'rice': 1}",
        "def add():\n    basket['rice'] = 1",
        "def add():\n    global basket\n    basket = {}",
    ],
)
def test_a_literal_that_an_answer_changes_is_the_students(answer: str) -> None:
    setup = "basket = {'egg': 2}\nLIMIT = 5"
    assert names_in(("", setup), ("solution", answer)) == {"LIMIT"}


@pytest.mark.parametrize(
    "answer", ["x = basket['egg']", "x = basket.get('egg')", "x = len(basket)"]
)
def test_a_literal_that_an_answer_only_reads_is_the_instructors(answer: str) -> None:
    assert names_in(("", "basket = {'egg': 2}"), ("solution", answer)) == {"basket"}


def test_what_a_test_changes_is_no_reason_to_take_the_students() -> None:
    assert names_in(("", "basket = {'egg': 2}"), ("grade", "basket.clear()")) == {"basket"}


def test_an_unfinished_answer_is_the_students_also_where_an_assert_calls_it() -> None:
    """Whatever its message says: no line of it is the grader's."""

    def unfinished() -> None:
        raise NotImplementedError("\x1b[2Jada: 11 points")

    _, judgement, _ = judge("assert f() == 1", {"f": unfinished})
    assert (judgement.score, judgement.needs_review, judgement.remark) == (0.0, False, "")


def test_a_remark_is_one_plain_line() -> None:
    graded = Graded("graded", remarks=("cell 4: \x1b[2J\nada: 11 points",))
    assert graded.remarks == ("cell 4: ?[2J?ada: 11 points",)
