"""What came of one question, as data, and as people read it: text, or HTML in a notebook.

`check` shows it; the grader writes it into the graded cell's output, beside what is shown, and
whoever needs it later reads it from there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Status = Literal["right", "partly right", "wrong", "no answer yet", "error"]

#: Of the shape of a verdict's data: another shape, another number.
VERSION = 1
_NO_VERDICT = "what is no verdict: grade it again"


class VerdictError(ValueError):
    """Data that is no verdict, or one of another version. Says so in one line."""


@dataclass(frozen=True)
class Row:
    """A line of the table: one part of the answer in one case that the student may see."""

    case: str = ""
    part: str = ""
    yours: str = ""
    expected: str = ""
    right: bool = False


_EMPTY_ROW = Row()

#: What the columns of the table are called. The last two hold values.
_HEAD = ("", "", "yours", "expected")
#: The styles of a name, of a value, and of the line that names a case.
_NAME = "text-align:left"
_NUMBER = (
    "text-align:right;padding-left:12px;font-variant-numeric:tabular-nums;overflow-wrap:anywhere"
)
#: `max-width`: a long label breaks, and does not set the numbers far apart.
_CASE = "padding:5px 0 0;text-align:left;opacity:0.75;max-width:0"
_TABLE = "border-collapse:collapse;margin:4px 0;min-width:min(100%,28em)"
#: The line beside a verdict. Its words say the same.
_EDGE = {"right": "#2da44e", "no answer yet": "#8c959f"}


@dataclass(frozen=True)
class Verdict:
    """What came of one question.

    Attributes:
        exercise: its name.
        status: one of a few that never change; see `Status`.
        fraction: of the points, 0 to 1.
        rows: each part in each case, but for those drawn when grading.
        hint: what to look at; empty when all is right.
        misconceptions: names of the explanations that fit, each the same in every verdict.
        drawn: of each part in each case drawn when grading, whether it was right: nothing else of
            these cases is kept, so that a verdict can be given to whoever was graded.
    """

    exercise: str
    status: Status
    fraction: float
    rows: tuple[Row, ...] = ()
    hint: str = ""
    misconceptions: tuple[str, ...] = ()
    drawn: tuple[bool, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The verdict as JSON: its fields and a version. What is empty in a row is left out."""
        rows = [{name: value for name, value in vars(row).items() if value} for row in self.rows]
        return {
            "version": VERSION,
            "exercise": self.exercise,
            "status": self.status,
            "fraction": self.fraction,
            "rows": rows,
            "hint": self.hint,
            "misconceptions": list(self.misconceptions),
            "drawn": list(self.drawn),
        }

    @classmethod
    def from_data(cls, data: Any) -> Verdict:
        """The verdict that `to_data` wrote. Raises VerdictError for anything else."""
        version = data.get("version") if isinstance(data, dict) else None
        if type(version) is not int:
            raise VerdictError(_NO_VERDICT)
        if version != VERSION:
            raise VerdictError(
                f"a verdict of version {version}, where this course reads version {VERSION}: "
                "grade it again"
            )
        try:
            verdict = cls(
                data["exercise"],
                data["status"],
                data["fraction"],
                tuple(Row(**row) for row in data["rows"]),
                data["hint"],
                tuple(data["misconceptions"]),
                tuple(data["drawn"]),
            )
        except (KeyError, TypeError):
            raise VerdictError(_NO_VERDICT) from None
        if not verdict._is_sound():
            raise VerdictError(_NO_VERDICT)
        return verdict

    def _is_sound(self) -> bool:
        """Whether every field has its type."""
        texts = (self.exercise, self.status, self.hint, *self.misconceptions)
        return (
            all(type(text) is str for text in texts)
            and self.status in get_args(Status)
            and type(self.fraction) in (int, float)
            and set(map(type, self.drawn)) <= {bool}
            and all(
                type(value) is type(getattr(_EMPTY_ROW, name))
                for row in self.rows
                for name, value in vars(row).items()
            )
        )

    def headline(self) -> str:
        """The question and how it went: "padding: wrong"."""
        return f"{self.exercise}: {self.status}"

    def _lines_below(self) -> list[str]:
        """How many of the cases drawn when grading are right (not what they were), and the hint."""
        right, drawn = sum(self.drawn), len(self.drawn)
        counted = f"drawn when grading: {right} of {drawn} right" if drawn else ""
        return [line for line in (counted, f"Hint: {self.hint}" if self.hint else "") if line]

    def _table(self) -> list[tuple[str, list[str]]]:
        """Head and rows: of each the case that begins with it, and its cells.

        The mark comes first, where a narrow screen shows it. A case of several parts is named once;
        a column that says nothing is left out.
        """
        rows: list[tuple[str, tuple[str, ...]]] = []
        for row in self.rows:
            named_above = rows and row.part and row.part != self.rows[0].part
            case = "" if named_above else row.case
            rows.append((case, ("✓" if row.right else "✗", row.part, row.yours, row.expected)))
        if not rows:
            return []
        head = "case" if any(case for case, _ in rows) else ""
        used = [
            i for i, column in enumerate(zip(*(c for _, c in rows), strict=True)) if any(column)
        ]
        return [(case, [cells[i] for i in used]) for case, cells in ((head, _HEAD), *rows)]

    def text(self) -> str:
        """The verdict as plain text: a table with a line above and a hint below."""
        lines = [self.headline()]
        table = [(mark, case, *rest) for case, (mark, *rest) in self._table()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            *names, yours, expected = zip(row, widths, strict=True)
            cells = [text.ljust(width) for text, width in names if width]
            cells += [text.rjust(width) for text, width in (yours, expected)]
            lines.append(("  " + "  ".join(cells)).rstrip())
        lines += [f"  {line}" for line in self._lines_below()]
        return "\n".join(lines)

    def html(self) -> str:
        """The same for a notebook, in the colours of its theme."""
        parts = [f"<code>{html.escape(self.exercise)}</code>: <b>{html.escape(self.status)}</b>"]
        rows = []
        for index, (case, row) in enumerate(self._table()):
            if case and index:
                rows.append(
                    f'<tr><td colspan="{len(row)}" style="{_CASE}">{_label(case)}</td></tr>'
                )
            tag = "td" if index else "th"
            styles = [*[_NAME] * (len(row) - 2), _NUMBER, _NUMBER]
            cells = "".join(
                f'<{tag} style="padding:1px 4px 1px 0;vertical-align:top;{style}">'
                # A number that is too long breaks behind a comma.
                f"{html.escape(text).replace(',', ',<wbr>')}</{tag}>"
                for text, style in zip(row, styles, strict=True)
            )
            rows.append(f"<tr>{cells}</tr>")
        if rows:
            table = f'<table style="{_TABLE}">{"".join(rows)}</table>'
            parts.append(f'<div style="overflow-x:auto">{table}</div>')
        parts += [f"<div>{html.escape(line)}</div>" for line in self._lines_below()]
        edge = _EDGE.get(self.status, "#d4761a")
        style = f"border-left:4px solid {edge};padding:2px 0 2px 10px"
        return f'<div style="{style}">{"".join(parts)}</div>'


def _label(case: str) -> str:
    """A case's line, which breaks between arguments; a long one on a phone after its name."""
    arguments = [
        f'<span style="display:inline-block">{html.escape(each).replace("=", "=<wbr>")}</span>'
        for each in re.split(r"(?<=,) (?=[a-z]\w*=)", case)
    ]
    return " ".join(arguments)


def first_of_all(
    verdict: Verdict, used: Collection[str], earlier: Mapping[str, Verdict], near: str = ""
) -> Verdict:
    """A verdict on an answer that is not right, with another hint where it calls an answer to
    another question that is not right either: what is said of this one is then true of that.

    Args:
        verdict: on the answer alone.
        used: the names that it uses of its notebook.
        earlier: the verdicts on other questions, by name.
        near: a line on what it earns all the same.
    """
    others = {name for name in used if name in earlier and name != verdict.exercise}
    wrong = sorted(name for name in others if earlier[name].fraction < 1)
    if not wrong:
        return verdict
    hint = f"it calls {' and '.join(wrong)}, not right yet: mend that first, then check again"
    # What explains the other explains this one, too; anything else is a mistake of its own.
    theirs = {each for name in wrong for each in earlier[name].misconceptions}
    if verdict.misconceptions and theirs.isdisjoint(verdict.misconceptions):
        own = verdict.hint.removeprefix(near).removeprefix("; ")
        return replace(
            verdict, hint="; ".join(filter(None, [near, f"{hint}. As it is now: {own}"]))
        )
    return replace(verdict, hint="; ".join(filter(None, [near, hint])), misconceptions=())
