"""Grade cells, evaluated here in the grader's process and never in the student's.

A name in a grade cell is the instructor's where the instructor's notebook defines it (imports,
functions, constants outside the answers), and otherwise it is looked up in the student's process:
plain data comes by value, a function as a stand-in that sends arguments and returns plain data.
`check` draws fresh cases and judges them with `helpers.check.judge`.
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
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import helpers
from helpers.grading.engine.time_limit import TooLong, time_limit
from helpers.grading.engine.verdict_outputs import verdict_output
from helpers.grading.handin.ipynb import Cell, Notebook, hidden_lines, marks_of
from helpers.grading.sandbox.backend import CallTimeout, ProcessDied, StudentError
from helpers.grading.sandbox.inside.codec import MAX_NODES, Function
from helpers.grading.sandbox.outputs import error_output
from helpers.values import PlaceholderLeft, TooLarge, plain

#: Cases of a question that are called a second time.
CALLED_AGAIN = 3


class Student(Protocol):
    """What a grade cell needs of a student's process."""

    def get(self, name: str, timeout: float) -> Any:
        """The value of a global name, or a `Function`. KeyError where there is none."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        """What the student's function returns, as plain data."""


@dataclass(frozen=True)
class Judgement:
    """What came of a grade cell.

    Attributes:
        score: the points that it earns.
        outputs: of the cell, as people see them. nbgrader reads the same score from them.
        remark: one line for people, if there is something to say.
        needs_review: the test itself failed, so the score means nothing.
    """

    score: float
    outputs: list[dict[str, Any]]
    remark: str = ""
    needs_review: bool = False


@dataclass
class Session:
    """The grade cells of one notebook.

    Attributes:
        names: what the instructor's notebook defines, see `instructor_names`.
        answers: names that answer cells define: these are always the student's.
        seed: decides which hidden cases are drawn.
        call_timeout: seconds that one call of a student's function may take.
        judging_timeout: seconds that one question may take, the student's calls included.
    """

    names: Mapping[str, ast.stmt]
    answers: frozenset[str]
    seed: bytes
    call_timeout: float = 10.0
    judging_timeout: float = 120.0
    student_seconds: float = field(default=0.0, init=False)

    def judge(self, cell: Cell, student: Student) -> Judgement:
        """Evaluate one grade cell."""
        points = float(cell["metadata"]["nbgrader"]["points"])
        printed, emitted = io.StringIO(), list[dict[str, Any]]()
        space = _Namespace(self, student)
        space["check"] = lambda name, answer: self._check(name, answer, points, emitted)
        try:
            with (
                time_limit(self.judging_timeout),
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
            ):
                score, result = _earned(_evaluate(cell["source"], space), points)
        except (TooLong, NoScore) as error:
            kind = "TimeoutError" if isinstance(error, TooLong) else "ValueError"
            outputs = [*_stream(printed), error_output(kind, str(error))]
            return Judgement(0.0, outputs, str(error), needs_review=True)
        except Exception as error:
            outputs = [*_stream(printed), _failure(error, cell["source"])]
            if not _is_ours(error):
                return Judgement(0.0, outputs)
            remark = f"the test could not be evaluated ({type(error).__name__}: {error})"[:300]
            return Judgement(0.0, outputs, remark, needs_review=True)
        return Judgement(score, [*_stream(printed), *emitted, *result])

    def _check(self, name: str, answer: Any, points: float, emitted: list[dict[str, Any]]) -> float:
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
        emitted.append(verdict_output(verdict))
        return points * verdict.fraction


def instructor_names(source: Notebook) -> dict[str, ast.stmt]:
    """What each name means that the instructor's cells outside the answers define: the statement
    that defines it. Only imports, functions, classes and literal constants; what is computed is
    looked up in the student's process."""
    names: dict[str, ast.stmt] = {}
    for cell in source["cells"]:
        if cell["cell_type"] != "code" or marks_of(cell).get("solution"):
            continue
        with contextlib.suppress(SyntaxError):
            for statement in ast.parse(cell["source"]).body:
                for name in _names_defined_by(statement):
                    names[name] = statement
    return names


def submission_seed(secret: bytes, unit: str, student: str, answers: bytes) -> bytes:
    """The seed of a submission's hidden cases: the same whenever and wherever it is graded, and
    unknown to whoever does not know the course's secret."""
    message = b"\0".join([unit.encode(), student.encode(), hashlib.sha256(answers).digest()])
    return hmac.new(secret, message, hashlib.sha256).digest()


class StudentFunction:
    """Stands for a function of the student: calls go to the student's process.

    Raises what the student's function raises, by the name of its type only. After a call that
    did not end in time or ended the process, further calls of the same question fail at once.
    """

    def __init__(self, space: _Namespace, name: str) -> None:
        self._space = space
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._space.lost is not None:
            raise self._space.lost
        session, start = self._space.session, time.monotonic()
        try:
            return self._space.student.call(self.__name__, args, kwargs, session.call_timeout)
        except StudentError as error:
            if error.kind in _NO_ANSWER and not error.message:
                raise _NO_ANSWER[error.kind] from None
            raise _named(error.kind, error.message) from None
        except (CallTimeout, ProcessDied) as error:
            kind = "TimeoutError" if isinstance(error, CallTimeout) else "DeadKernelError"
            self._space.lost = _named(kind, str(error))
            raise self._space.lost from None
        finally:
            session.student_seconds += time.monotonic() - start


#: What says that there is no answer yet, by the name of its type.
_NO_ANSWER = {each.__name__: each for each in (NotImplementedError, PlaceholderLeft)}


def _named(kind: str, message: str) -> StudentError:
    """A StudentError whose type bears the name of the student's, for messages."""
    name = kind if kind.isidentifier() else "Error"
    return type(name, (StudentError,), {"__str__": lambda self: message})(name, message)


class _Namespace(dict[str, Any]):
    """Globals of a grade cell: its own names, then the instructor's, then the student's."""

    def __init__(self, session: Session, student: Student) -> None:
        super().__init__(__builtins__=builtins, __name__="__main__")
        self.session, self.student = session, student
        self.lost: StudentError | None = None

    def __missing__(self, name: str) -> Any:
        if name not in self.session.answers:
            if hasattr(builtins, name):
                raise KeyError(name)
            statement = self.session.names.get(name)
            if statement is not None:
                _execute([_only(name, statement)], self)
                return self[name]
        try:
            value = self.student.get(name, self.session.call_timeout)
        except KeyError:
            raise NameError(f"name {name!r} is not defined") from None
        if isinstance(value, Function):
            value = StudentFunction(self, name)
        self[name] = value
        return value


def _only(name: str, statement: ast.stmt) -> ast.stmt:
    """Of an import, the one name: what else it brings, a cell may have of its own, as `check`."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return statement
    aliases = [each for each in statement.names if _bound_by(each) == name]
    if isinstance(statement, ast.Import):
        return ast.Import(aliases, lineno=1, col_offset=0)
    return ast.ImportFrom(statement.module, aliases, statement.level, lineno=1, col_offset=0)


def _bound_by(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _names_defined_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [_bound_by(each) for each in statement.names if each.name not in ("*", "check")]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        with contextlib.suppress(ValueError, TypeError):
            ast.literal_eval(statement.value)
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _evaluate(source: str, space: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line, where that is an expression."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    _execute(body, space)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<grade cell>", "eval"), space)


def _execute(body: list[ast.stmt], space: dict[str, Any]) -> None:
    exec(compile(ast.Module(body, []), "<grade cell>", "exec"), space)


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


def _earned(value: Any, points: float) -> tuple[float, list[dict[str, Any]]]:
    """What a test earns by the value of its last line, a number of points or all of them, and the
    output that this line gives."""
    if value is None:
        return points, []
    score = points
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            score = float(value)
        except OverflowError:
            score = math.inf
        if not 0 <= score <= points:
            raise NoScore(f"the test's result {score:g} is no score between 0 and {points:g}")
        # Shown as Python's, so that nbgrader reads the same from it.
        value = value if isinstance(value, int) else score
    data = {"text/plain": repr(value)[:10_000]}
    result = {"output_type": "execute_result", "data": data, "metadata": {}}
    return score, [result | {"execution_count": None}]


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
        if trace.tb_frame.f_code.co_filename == "<grade cell>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _is_ours(error: Exception) -> bool:
    """Whether an exception is the fault of the grader, not of the answer or of the test."""
    of_students = StudentError | CallTimeout | ProcessDied | TooLarge
    if isinstance(error, of_students | NameError | AssertionError):
        return False
    trace, file = error.__traceback__, ""
    while trace is not None:
        file, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return Path(file).is_relative_to(Path(helpers.__file__).parent)
