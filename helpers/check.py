"""What a notebook calls: `check("softmax_flops", softmax_flops)`.

`check` runs the student's function on the visible cases and shows a small table, yours beside
expected, and a hint. The grader calls the same `judge` with more cases, on a stand-in for the
student's function that runs elsewhere; so a verdict means the same in both places.
"""

from __future__ import annotations

import copy
import html
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Literal

from helpers import importable
from helpers.diagnosis import Attempt, explain, is_number, is_right, remark_on
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Case, Exercise, OneOf, Right
from helpers.figures import current_figure, is_figure, read_figure, shown_later
from helpers.ledger import Ledger

Status = Literal["right", "partly right", "wrong", "no answer yet", "error"]


@dataclass(frozen=True)
class Row:
    """One line of the table: one part of the answer in one case."""

    case: str
    part: str
    yours: str
    expected: str
    right: bool
    hidden: bool


#: Columns of the table that hold numbers.
_NUMBERS = (2, 3)

#: The style of a cell without and with a number.
_CELL = {
    False: "text-align:left",
    True: "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums",
}
#: The line beside a verdict. Its words say the same.
_EDGE = {"right": "#2da44e", "no answer yet": "#8c959f"}


@dataclass(frozen=True)
class Verdict:
    """What came of one question.

    Attributes:
        exercise: its name.
        status: in a word.
        fraction: of the points, 0 to 1.
        rows: each part in each case.
        hint: what to look at; empty when all is right.
        misconceptions: names of the explanations that fit, for a report on the class.
    """

    exercise: str
    status: Status
    fraction: float
    rows: tuple[Row, ...] = ()
    hint: str = ""
    misconceptions: tuple[str, ...] = ()

    def _lines_below(self) -> list[str]:
        """How many of the cases drawn when grading are right (not what they were), and the hint."""
        hidden = [row.right for row in self.rows if row.hidden]
        counted = f"drawn when grading: {sum(hidden)} of {len(hidden)} right" if hidden else ""
        return [line for line in (counted, f"Hint: {self.hint}" if self.hint else "") if line]

    def _table(self) -> list[list[tuple[str, bool]]]:
        """Head and rows of the cases shown: each cell's text, and whether its column has numbers.

        A case of several parts is named once; a column that says nothing is left out.
        """
        rows: list[tuple[str, ...]] = []
        for row in self.rows:
            if row.hidden:
                continue
            named_above = rows and row.part and row.part != self.rows[0].part
            case = "" if named_above else row.case
            rows.append((case, row.part, row.yours, row.expected, "✓" if row.right else "✗"))
        used = [index for index, column in enumerate(zip(*rows, strict=True)) if any(column)]
        table = [("case", "", "yours", "expected", ""), *rows] if rows else []
        return [[(row[index], index in _NUMBERS) for index in used] for row in table]

    def text(self) -> str:
        """The verdict as plain text: a table with a line above and a hint below."""
        lines = [f"{self.exercise}: {self.status}"]
        table = self._table()
        widths = [max(len(text) for text, _ in column) for column in zip(*table, strict=True)]
        for row in table:
            cells = [
                text.rjust(width) if is_number else text.ljust(width)
                for (text, is_number), width in zip(row, widths, strict=True)
            ]
            lines.append(("  " + "  ".join(cells)).rstrip())
        lines += [f"  {line}" for line in self._lines_below()]
        return "\n".join(lines)

    def html(self) -> str:
        """The same for a notebook, in the colours of its theme."""
        parts = [f"<code>{html.escape(self.exercise)}</code>: <b>{html.escape(self.status)}</b>"]
        rows = []
        for index, row in enumerate(self._table()):
            tag = "td" if index else "th"
            cells = "".join(
                f'<{tag} style="padding:2px 4px;vertical-align:top;{_CELL[is_number]}">'
                # On a phone a case's line may break after each name.
                f"{html.escape(text).replace('=', '=<wbr>')}</{tag}>"
                for text, is_number in row
            )
            rows.append(f"<tr>{cells}</tr>")
        if rows:
            table = f'<table style="border-collapse:collapse;margin:4px 0">{"".join(rows)}</table>'
            parts.append(f'<div style="overflow-x:auto">{table}</div>')
        parts += [f"<div>{html.escape(line)}</div>" for line in self._lines_below()]
        edge = _EDGE.get(self.status, "#d4761a")
        style = f"border-left:4px solid {edge};padding:2px 0 2px 10px"
        return f'<div style="{style}">{"".join(parts)}</div>'


#: The last verdict of every question checked in this kernel, for `progress`.
_seen: dict[str, Verdict] = {}


def check(name: str, answer: Callable[..., Any]) -> None:
    """Runs an answer on the visible cases of the question `name` and shows what came of it."""
    if name not in EXERCISES:
        near = " or ".join(get_close_matches(str(name), EXERCISES))
        mend = f"did you mean {near}?" if near else "it is called as the function above it is"
        raise ValueError(f"no question {name!r}: {mend}")
    exercise = EXERCISES[name]
    plain_answer = _plain_answer(answer, draws=exercise.read is not None)
    try:
        verdict = judge(exercise, plain_answer, exercise.visible_cases())
    except KeyboardInterrupt:
        hint = "you stopped your function before it came to an end: does its loop ever end?"
        verdict = Verdict(name, "error", 0.0, (), hint)
    _seen[name] = verdict
    _show(verdict)
    if lacks := importable.warning():
        print(lacks)


def progress(unit: str) -> None:
    """Prints how far the checks of a unit have come in this kernel."""
    asked = [exercise for exercise in EXERCISES.values() if exercise.unit == unit]
    if not asked:
        units = sorted({exercise.unit for exercise in EXERCISES.values()})
        raise ValueError(f"no unit {unit!r}: use one of {', '.join(units)}")
    right = [e.name for e in asked if e.name in _seen and _seen[e.name].status == "right"]
    print(f"{len(right)} of {len(asked)} exercises right on the cases shown")
    for exercise in asked:
        if exercise.name not in right:
            verdict = _seen.get(exercise.name)
            print(f"  {exercise.name}: {verdict.status if verdict else 'not checked yet'}")
    print("What you explain in words is not among them: a person reads it")


def judge(exercise: Exercise, answer: Callable[..., Any], cases: Sequence[Case]) -> Verdict:
    """Calls an answer on every case and says what is right, what is wrong and why.

    Args:
        exercise: the question.
        answer: called with each case's arguments; returns plain data. NotImplementedError means
            that there is no answer yet, any other exception that the answer fails.
        cases: in the order in which they are called and shown.
    """
    if not callable(answer):
        return _not_a_function(exercise, answer)
    rows: list[Row] = []
    attempts: dict[str, list[Attempt]] = {}
    remarks: list[tuple[str, str]] = []
    right_answers = [exercise.correct(case) for case in cases]
    none_is_an_answer = any(None in rights.values() for rights in right_answers)
    for case, rights in zip(cases, right_answers, strict=True):
        try:
            value = answer(*case.args)
        except NotImplementedError:
            return Verdict(exercise.name, "no answer yet", 0.0)
        except Exception as error:
            remarks.append(("", _error_line(case, error)))
            rows += [_row(case, part, right, error, exercise) for part, right in rights.items()]
            continue
        try:
            parts = _parts_of(value, rights, exercise, none_is_an_answer)
        except ValueError as problem:
            remarks.append(("", str(problem)))
            parts = {}
        for part, right in rights.items():
            mine = parts.get(part, _MISSING)
            lacking = f"your function's dict lacks {part!r}" if mine is _MISSING else ""
            if parts and (remark := lacking or remark_on(right, mine)):
                remarks.append((part, remark))
            rows.append(_row(case, part, right, mine, exercise))
            if mine is not _MISSING:
                attempts.setdefault(part, []).append(Attempt(case, mine))
    return _verdict(exercise, list(right_answers[0]), rows, attempts, remarks)


class _Missing:
    """Stands where the student's answer lacks a part."""

    def __repr__(self) -> str:
        return "—"


_MISSING = _Missing()


def _parts_of(
    value: Any, rights: dict[str, Right], exercise: Exercise, none_is_an_answer: bool
) -> dict[str, Any]:
    """The student's value, part by part. ValueError, with a line for the student, without one."""
    if exercise.read is not None:
        value = exercise.read(value)
    if value is None and not ("" in rights and none_is_an_answer):
        raise ValueError("your function returns nothing: is there a return?")
    if "" in rights:
        return {"": value}
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple) and len(value) == len(rights):
        return dict(zip(rights, value, strict=True))
    wanted = ", ".join(map(repr, rights))
    raise ValueError(
        f"your function should return {len(rights)} values: {wanted}, in a dict or in this order"
    )


def _row(case: Case, part: str, right: Right, mine: Any, exercise: Exercise) -> Row:
    failed = isinstance(mine, Exception)
    accepted = not failed and mine is not _MISSING and is_right(right, mine, exercise.tolerance)
    return Row(
        case=case.label,
        part=part,
        yours=type(mine).__name__ if failed else _number_text(mine),
        expected=_right_text(right, mine, exercise.tolerance) if accepted else _right_text(right),
        right=accepted,
        hidden=case.hidden,
    )


def _verdict(
    exercise: Exercise,
    parts: list[str],
    rows: list[Row],
    attempts: dict[str, list[Attempt]],
    remarks: list[tuple[str, str]],
) -> Verdict:
    # Rows come case by case, each with its parts in one order.
    by_part = {part: rows[index :: len(parts)] for index, part in enumerate(parts)}
    right_parts = [part for part in parts if all(row.right for row in by_part[part])]
    fraction = len(right_parts) / len(parts)
    if exercise.gate and exercise.gate not in right_parts:
        fraction = 0.0
    if fraction == 1:
        return Verdict(exercise.name, "right", 1.0, tuple(rows))
    found = {
        part: explain(exercise, part, attempts[part])
        for part in parts
        if part not in right_parts and len(attempts.get(part, ())) == len(by_part[part])
    }
    # Where an explanation fits every case, a remark on one of them says less.
    hints = dict.fromkeys([remark for part, remark in remarks if not found.get(part)][:1])
    explanations = {part: each.hint for part, each in found.items() if each}
    if len(set(explanations.values())) == 1:
        hints |= dict.fromkeys(explanations.values())
    else:
        hints |= dict.fromkeys(f"{part}: {hint}" for part, hint in explanations.items())
    if not hints and {row.right for row in rows if not row.hidden} == {True}:
        hints["right on the cases shown, wrong on others: does it hold for every size?"] = None
    errors = all(row.yours.endswith("Error") for row in rows)
    status: Status = "error" if errors else "partly right" if fraction else "wrong"
    names = tuple(dict.fromkeys(each.misconception for each in found.values() if each))
    return Verdict(exercise.name, status, fraction, tuple(rows), "; ".join(hints), names)


def _not_a_function(exercise: Exercise, answer: Any) -> Verdict:
    hint = (
        f"{exercise.name} is {_number_text(answer)} now, not your function. Did a line such as "
        f"`{exercise.name} = {exercise.name}(x)` write over it? Give the result another name"
    )
    return Verdict(exercise.name, "error", 0.0, (), hint, ("name of the function reused",))


def _error_line(case: Case, error: Exception) -> str:
    where = " on a case drawn when grading" if case.hidden else case.label and f" for {case.label}"
    # One line: the traceback is in the student's own cell as soon as they call the function.
    message = str(error).strip().splitlines()
    detail = f": {message[0]}" if message else ""
    line = _failing_line(error)
    at = f", at `{line}`" if line else ""
    return f"your function fails{where} with {type(error).__name__}{detail}{at}"


def _failing_line(error: Exception) -> str:
    """The last line of the student's cells that an exception went through; empty elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    # The name under which IPython keeps a cell's text.
    lines = [frame.line for frame in frames if "ipykernel_" in frame.filename and frame.line]
    return lines[-1] if lines else ""


def _number_text(value: Any) -> str:
    """A value as it stands in the table: numbers with thousands set apart, lists cut short."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**18 else "a number of more than 18 digits"
    if is_number(value):
        return f"{int(value):,}" if value.is_integer() and abs(value) < 1e15 else f"{value:,.4g}"
    if isinstance(value, list | tuple) and value and all(map(is_number, value[:4])):
        # No thousands set apart here: [1, 1152] has two numbers.
        few = ", ".join(_number_text(each).replace(",", "") for each in value[:4])
        return f"[{few}]" if len(value) <= 4 else f"[{few}, … {len(value)} in all]"
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # an int among it that is too long for Python to print
        text = "more digits than can be shown"
    return text if len(text) <= 30 else f"{text[:29]}…"


def _right_text(right: Right, mine: Any = None, tolerance: float = 0) -> str:
    """The right value; of several right ones, the one that the student gave."""
    if isinstance(right, OneOf | Ledger):
        totals = (total for _, total in right.derivations()) if isinstance(right, Ledger) else ()
        values = (*totals, *(right.values if isinstance(right, OneOf) else ()))
        given = (value for value in values if is_right(value, mine, tolerance))
        return _number_text(next(given, values[0]))
    return _number_text(right)


def _plain_answer(answer: Any, draws: bool) -> Any:
    """The student's function, returning plain data as the grader gets it.

    `draws`: the answer is a picture; where the function returns none, pyplot's is taken.
    """
    if not callable(answer):
        return answer

    def call(*args: Any) -> Any:
        # A copy: an answer that empties a list would change the question.
        try:
            with shown_later():
                value = answer(*copy.deepcopy(args))
        except SystemExit:
            raise RuntimeError("it calls exit(), which ends everything: use return") from None
        return _plain(current_figure() if draws and value is None else value)

    return call


def _plain(value: Any) -> Any:
    if is_figure(value):
        return read_figure(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal | Fraction):
        return float(value)
    # numpy's and PyTorch's numbers and arrays
    return value.tolist() if hasattr(value, "tolist") else value


def _show(verdict: Verdict) -> None:
    try:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        in_notebook = shell is not None and "IPKernelApp" in shell.config
    except ImportError:
        in_notebook = False
    if not in_notebook:
        print(verdict.text())
        return
    from IPython.display import display

    display({"text/html": verdict.html(), "text/plain": verdict.text()}, raw=True)
