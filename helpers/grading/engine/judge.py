"""Grade cells judged outside: evaluated here in the grader's process, never in the student's.

What their names mean is for `name_lookup.py` to say. `check` draws fresh cases and judges them with
`helpers.check.judge`. Tests that can be judged in the student's process only: `judge_inside.py`.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import hashlib
import hmac
import io
import math
import numbers
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.grading.engine.guard import TEST, guard
from helpers.grading.engine.name_lookup import Namespace, Student, StudentFunction, execute
from helpers.grading.engine.own_values import Values, note
from helpers.grading.engine.time_limit import TooLong, time_limit
from helpers.grading.engine.verdict_outputs import verdict_output
from helpers.grading.handin.ipynb import Cell, hidden_lines
from helpers.grading.sandbox.backend import UNREADABLE, CallTimeout, ProcessDied, StudentError
from helpers.grading.sandbox.inside.codec import MAX_NODES
from helpers.grading.sandbox.outputs import error_output
from helpers.notebook_names import names_called
from helpers.values import TooLarge, plain
from helpers.verdict import Verdict, first_of_all

#: Cases of a question that are called a second time.
CALLED_AGAIN = 3


@dataclass(frozen=True)
class Judgement:
    """What came of a grade cell.

    Attributes:
        score: the points that it earns.
        outputs: of the cell, as people see them. nbgrader reads the same score from them.
        remark: one line for people, if there is something to say.
        needs_review: the test itself failed, so the score means nothing.
        settled: to try the test among the student's cells would say no more: they changed what it
            works with, or it took all its time.
        blind: nothing of the student's was looked at, or something that cannot be seen from
            outside, so that to pass says nothing.
    """

    score: float
    outputs: list[dict[str, Any]]
    remark: str = ""
    needs_review: bool = False
    settled: bool = False
    blind: bool = False


@dataclass
class Session:
    """The grade cells of one notebook.

    Attributes:
        names: what the instructor's notebook defines, see `stand_ins.instructor_names`.
        answers: names that answer cells define: these are always the student's.
        seed: decides which hidden cases are drawn.
        call_timeout: seconds that one call of a student's function may take.
        judging_timeout: seconds that one question may take, the student's calls included.
        cells: the texts of the cells that run: they say which answer calls which.
        lent: what is run of cells that are left out, by their number in the notebook.
        values: of each test what the instructor's cells compute, see `own_values.py`.
        numbers: tests whose last line is a number of points, by grade id.
        noted: of each test the values, as this run has them; None where nobody asks.
    """

    names: Mapping[str, ast.stmt]
    answers: frozenset[str]
    seed: bytes
    call_timeout: float = 10.0
    judging_timeout: float = 120.0
    cells: Sequence[str] = ()
    lent: Mapping[int, str] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    noted: dict[str, Values] | None = None
    student_seconds: float = field(default=0.0, init=False)
    _verdicts: dict[str, Verdict] = field(default_factory=dict, init=False)

    def judge(self, cell: Cell, student: Student) -> Judgement:
        """Evaluate one grade cell."""
        marks, source = cell["metadata"]["nbgrader"], cell["source"]
        points, test = float(marks["points"]), marks.get("grade_id", "")
        if self.noted is not None:
            self.noted[test] = note(source, self.names, student, self.call_timeout)
        printed, emitted = io.StringIO(), list[dict[str, Any]]()
        values = self.values.get(test)
        stopped = guard()
        before = len(stopped)
        space = Namespace(self.names, self.answers, student, self.call_timeout, values)
        if "check" not in self.answers | self.names.keys():
            space["check"] = lambda name, answer: self._check(name, answer, points, emitted)
        try:
            with (
                time_limit(self.judging_timeout),
                # What a test writes is not for the folder that grading was begun in.
                tempfile.TemporaryDirectory() as folder,
                contextlib.chdir(folder),
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
            ):
                value = _evaluate(source, space)
                score, result = _earned(value, points, test in self.numbers)
        except (TooLong, NoScore) as error:
            kind = "TimeoutError" if isinstance(error, TooLong) else "ValueError"
            outputs = [*_stream(printed), error_output(kind, str(error))]
            return Judgement(0.0, outputs, str(error), True, isinstance(error, TooLong))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Also what is no Exception: pytest fails by one that is not.
            outputs = [*_stream(printed), _failure(error, source)]
            tampered = _tampering(space)
            remark = tampered or _doubt(error, space, source)
            return Judgement(0.0, outputs, remark[:300], bool(remark), bool(tampered))
        finally:
            self.student_seconds += space.seconds
        outputs = [*_stream(printed), *emitted, *result]
        return Judgement(score, outputs, blind=space.is_blind or len(stopped) > before)

    def _check(self, name: str, answer: Any, points: float, emitted: list[dict[str, Any]]) -> float:
        """What `check(...)` is where a notebook is graded. It returns points: what the last line of
        a grade cell shows is the score."""
        from helpers.check import judge
        from helpers.exercises import EXERCISES, grading_cases

        exercise = EXERCISES[name]
        cases = grading_cases(exercise, self.seed)
        verdict = judge(exercise, _plain_calls(answer), cases)
        if verdict.fraction > 0:
            # Some once more in another order: an answer that counts its calls gives itself away.
            count = 1 if exercise.slow else min(CALLED_AGAIN, len(cases))
            again = random.Random(self.seed).sample(cases, count)
            second = judge(exercise, _plain_calls(answer), again)
            verdict = min(verdict, second, key=lambda each: each.fraction)
        if verdict.fraction < 1:
            used = names_called(name, self.cells)
            near = exercise.nearness(verdict.fraction)
            verdict = first_of_all(verdict, used, self._verdicts, near)
        self._verdicts[name] = verdict
        emitted.append(verdict_output(verdict))
        return points * verdict.fraction


def submission_seed(secret: bytes, unit: str, student: str, answers: bytes) -> bytes:
    """The seed of a submission's hidden cases: the same whenever and wherever it is graded, and
    unknown to whoever does not know the course's secret."""
    message = b"\0".join([unit.encode(), student.encode(), hashlib.sha256(answers).digest()])
    return hmac.new(secret, message, hashlib.sha256).digest()


def _evaluate(source: str, space: Namespace) -> Any:
    """Run a cell; the value of its last line, where that is an expression."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    execute(body, space)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), TEST, "eval"), space)


def _plain_calls(answer: Any) -> Any:
    """The function, returning plain data as `check` sees it in a notebook; of an array not more
    numbers than of a list, as to look at ten million, case by case, takes minutes."""
    if not isinstance(answer, StudentFunction):
        if callable(answer):
            raise TypeError("the answer of a check is the instructor's own function")
        return plain(answer, MAX_NODES)

    def call(*args: Any, **kwargs: Any) -> Any:
        return plain(answer(*args, **kwargs), MAX_NODES)

    return call


class NoScore(ValueError):
    """The number in a test's last line is no score."""


def _earned(value: Any, points: float, is_number: bool) -> tuple[float, list[dict[str, Any]]]:
    """What a test earns by the value of its last line, a number of points or all of them, and the
    output that this line gives. NoScore where it `is_number` of the solution, and here is none."""
    if is_number and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise NoScore(f"the test's result, of type {type(value).__name__}, is no number of points")
    if value is None:
        return points, []
    score = points
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            score = float(value)
        except OverflowError:
            score = math.inf
        score = earned_number(score, points)
        # Shown as Python's, so that nbgrader reads the same from it.
        value = value if isinstance(value, int) else score
    data = {"text/plain": repr(value)[:10_000]}
    result = {"output_type": "execute_result", "data": data, "metadata": {}}
    return score, [result | {"execution_count": None}]


def earned_number(number: float, points: float) -> float:
    """A test's result as the score that it is. NoScore where it is none."""
    if 0 <= number <= points:
        return number
    raise NoScore(f"the test's result {number:g} is no score between 0 and {points:g}")


def _stream(printed: io.StringIO) -> list[dict[str, Any]]:
    # Always as stdout: nbgrader takes points for anything on stderr.
    text = printed.getvalue()[:100_000]
    return [{"output_type": "stream", "name": "stdout", "text": text}] if text else []


def _failure(error: BaseException, source: str) -> dict[str, Any]:
    """An error as the cell's output, without a line of a hidden test."""
    line, lines = _line_of(error), hidden_lines(source)
    text, hidden = lines[line - 1] if 0 < line <= len(lines) else ("", False)
    if hidden:
        # A name of the student's choice could tell what the test passes in.
        kind = type(error).__name__
        return error_output(kind if hasattr(builtins, kind) else "Error", "a hidden test failed")
    shown = (f"----> {line} {text}",) if text else ()
    return error_output(type(error).__name__, str(error)[:2000], shown)


def _line_of(error: BaseException) -> int:
    """The line of the grade cell that raised."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEST:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _tampering(space: Namespace) -> str:
    """What a failed test was given as the instructor had it, for a person; empty where nothing."""
    if changed := space.changed():
        what = "it" if len(changed) == 1 else "them"
        return f"the student's cells changed {', '.join(changed)}: the test has {what} as given"
    return ""


def _doubt(error: BaseException, space: Namespace, source: str) -> str:
    """Why a failed test may say nothing against the answer, for a person; empty where it does.

    A test trusted by its unit's solution fails with an assertion or another error that it raises
    itself, with what the student's function raises, or because there is no answer or it is None.
    Anything else may come of what is lost on the way out here.
    """
    if space.not_plain:
        return f"the answer is {space.not_plain}, which this test cannot see from outside"
    if isinstance(error, StudentError) and error.kind == UNREADABLE:
        return f"the answer cannot be seen from outside ({error.message})"
    if all(_is_verdict(each, source) for each in _single(error)):
        return ""
    return f"the test could not be evaluated ({type(error).__name__}: {error})"


def _single(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, as Hypothesis raises one for several examples."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _single(each)
    else:
        yield error


def _is_verdict(error: BaseException, source: str) -> bool:
    """Whether an error in a test says that the answer is wrong."""
    of_students = StudentError | CallTimeout | ProcessDied | TooLarge
    if isinstance(error, of_students | NameError | AssertionError):
        return True
    if isinstance(error, TypeError | AttributeError) and "NoneType" in str(error):
        return True
    # As of `pytest.raises` and `pytest.fail`.
    of_pytest = any(each.__module__ == "_pytest.outcomes" for each in type(error).__mro__)
    return of_pytest or _is_raised_by(error, source)


def _is_raised_by(error: BaseException, source: str) -> bool:
    """Whether a `raise` of the test's own has raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_filename != TEST:
        return False
    return any(
        isinstance(node, ast.Raise) and node.lineno <= trace.tb_lineno <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
    )
