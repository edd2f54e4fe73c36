"""What came of one question, as data, and as people read it: text, or HTML in a notebook.

`check` shows it; the grader writes it into the graded cell's output, beside what is shown, and
whoever needs it later reads it from there.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
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

    def _table(self) -> list[list[tuple[str, bool]]]:
        """Head and rows: each cell's text, and whether its column has numbers.

        A case of several parts is named once; a column that says nothing is left out.
        """
        rows: list[tuple[str, ...]] = []
        for row in self.rows:
            named_above = rows and row.part and row.part != self.rows[0].part
            case = "" if named_above else row.case
            rows.append((case, row.part, row.yours, row.expected, "✓" if row.right else "✗"))
        used = [index for index, column in enumerate(zip(*rows, strict=True)) if any(column)]
        table = [("case", "", "yours", "expected", ""), *rows] if rows else []
        return [[(row[index], index in _NUMBERS) for index in used] for row in table]

    def text(self) -> str:
        """The verdict as plain text: a table with a line above and a hint below."""
        lines = [self.headline()]
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
