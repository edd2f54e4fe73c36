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
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import helpers
from helpers.grading.engine.time_limit import TooLong, time_limit
from helpers.grading.handin.ipynb import Cell, Notebook, hidden_lines, marks_of
from helpers.grading.sandbox.inside.codec import MAX_NODES, Function
from helpers.grading.sandbox.outputs import error_output
from helpers.grading.sandbox.process import CallTimeout, KernelDied, StudentError

#: Seconds that judging one question may take in this process, the student's calls included.
JUDGING = 120.0
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
        outputs: of the cell, as nbgrader reads and shows them.
        remark: one line for people, if there is something to say.
        for_a_person: the grader itself failed, so the score means nothing.
    """

    outputs: list[dict[str, Any]]
    remark: str = ""
    for_a_person: bool = False


@dataclass
class Session:
    """The grade cells of one notebook.

    Attributes:
        names: what the instructor's notebook defines, see `instructor_names`.
        answers: names that answer cells define: these are always the student's.
        seed: decides which hidden cases are drawn.
        call_timeout: seconds that one call of a student's function may take.
    """

    names: Mapping[str, ast.stmt]
    answers: frozenset[str]
    seed: bytes
    call_timeout: float = 10.0
    student_seconds: float = field(default=0.0, init=False)

    def judge(self, cell: Cell, student: Student) -> Judgement:
        """Evaluate one grade cell."""
        emitted: list[dict[str, Any]] = []
        printed = io.StringIO()
        space = _Namespace(self, student)
        points = float(cell["metadata"]["nbgrader"]["points"])
        space["check"] = lambda name, answer: self._check(name, answer, points, emitted)
        try:
            with (
                time_limit(JUDGING),
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
            ):
                value = _evaluate(cell["source"], space)
        except TooLong as error:
            outputs = [*_stream(printed), error_output("TimeoutError", str(error))]
            return Judgement(outputs, str(error), for_a_person=True)
        except Exception as error:
            outputs = [*_stream(printed), _failure(error, cell["source"])]
            if not _is_ours(error):
                return Judgement(outputs)
            remark = f"the test could not be evaluated ({type(error).__name__}: {error})"[:300]
            return Judgement(outputs, remark, for_a_person=True)
        outputs = [*_stream(printed), *emitted]
        if value is not None:
            outputs.append(_result(value))
        return Judgement(outputs)

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
        data = {"text/plain": verdict.text(), "text/html": verdict.html()}
        emitted.append({"output_type": "display_data", "data": data, "metadata": {}})
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
            if error.kind == "NotImplementedError":
                raise NotImplementedError(error.message) from None
            raise _named(error.kind, error.message) from None
        except (CallTimeout, KernelDied) as error:
            kind = "TimeoutError" if isinstance(error, CallTimeout) else "DeadKernelError"
            self._space.lost = _named(kind, str(error))
            raise self._space.lost from None
        finally:
            session.student_seconds += time.monotonic() - start


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
                _execute([statement], self)
                return self[name]
        try:
            value = self.student.get(name, self.session.call_timeout)
        except KeyError:
            raise NameError(f"name {name!r} is not defined") from None
        if isinstance(value, Function):
            value = StudentFunction(self, name)
        self[name] = value
        return value


def _names_defined_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [
            (alias.asname or alias.name).split(".")[0]
            for alias in statement.names
            if alias.name not in ("*", "check")
        ]
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
    """The function, returning arrays and tuples as lists, as `check` sees them in a notebook."""
    if not isinstance(answer, StudentFunction):
        if callable(answer):
            raise TypeError("the answer of a check is the instructor's own function")
        return _plain(answer)

    def call(*args: Any, **kwargs: Any) -> Any:
        return _plain(answer(*args, **kwargs))

    return call


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if not hasattr(value, "tolist"):
        return value
    if math.prod(value.shape) > MAX_NODES:
        # As of a list: to look at ten million numbers, case by case, takes minutes.
        raise StudentError("TooLarge", f"the answer has more than {MAX_NODES:,} numbers")
    return value.tolist()


def _result(value: Any) -> dict[str, Any]:
    data = {"text/plain": repr(value)[:10_000]}
    return {
        "output_type": "execute_result",
        "data": data,
        "metadata": {},
        "execution_count": None,
    }


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
    if isinstance(error, StudentError | CallTimeout | KernelDied | NameError | AssertionError):
        return False
    trace, file = error.__traceback__, ""
    while trace is not None:
        file, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return Path(file).is_relative_to(Path(helpers.__file__).parent)
