"""Rows of text as a table, for a terminal and for a notebook: the first row is the head."""

from __future__ import annotations

import html
import textwrap
import unicodedata
from collections.abc import Sequence

Row = Sequence[str]

#: What a letter of other scripts or an emoji is made of.
_JOINERS = "\u200c\u200d"
#: Signs in a line of a notebook's output on a phone, which breaks a longer one inside a word.
PHONE = 42


def visible(text: str) -> str:
    """Text in one line, in which every sign is seen: a question mark in the place of each that
    moves a terminal's cursor, ends the line or turns it around. Whoever wrote it."""
    return text if text.isprintable() else "".join(c if _is_seen(c) else "?" for c in text)


def _is_seen(character: str) -> bool:
    kind = unicodedata.category(character)
    return character in _JOINERS or (kind[0] != "C" and kind not in ("Zl", "Zp"))


def folded(text: str) -> str:
    """A sentence in lines that a phone shows whole: each breaks between two words."""
    return textwrap.fill(text, PHONE, break_long_words=False, break_on_hyphens=False)


def text_table(rows: Sequence[Row], left: int = 1) -> str:
    """Rows in aligned columns, the first `left` of them to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def html_table(rows: Sequence[Row], left: int = 1, foot: bool = False) -> str:
    """The same as HTML; with `foot` the last row is the table's foot. Indents are kept.

    On a narrow screen a long name breaks, not the table.
    """
    text, number = "text-align:left;overflow-wrap:anywhere", "text-align:right"

    def line(row: Row, tag: str) -> str:
        cells = (
            f'<{tag} style="{text if column < left else number}">'
            f"{html.escape(cell).replace('  ', '&emsp;')}</{tag}>"
            for column, cell in enumerate(row)
        )
        return f"<tr>{''.join(cells)}</tr>"

    heads = {0, len(rows) - 1} if foot else {0}
    lines = (line(row, "th" if at in heads else "td") for at, row in enumerate(rows))
    return f"<table>{''.join(lines)}</table>"
