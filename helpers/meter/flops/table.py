"""A count as a table: text for a terminal, HTML for a notebook."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from helpers.conventions import format_bytes, format_count

if TYPE_CHECKING:
    from helpers.meter.flops.result import Count, Row

HEADS = ("module", "type", "calls", "parameters", "MAC", "FLOP", "share", "moved", "FLOP/B")


def rows_of(count: Count) -> list[tuple[str, ...]]:
    """The cells of the table: the model, then each of its own modules with all that it contains."""
    return [_cells(count, row) for row in count.by_module(depth=1)]


def _cells(count: Count, row: Row) -> tuple[str, ...]:
    share = row.flops / count.flops if count.flops else 0.0
    return (
        f"  {row.name}" if row.name else count.title,
        row.kind,
        f"{row.calls}",
        format_count(row.parameters),
        format_count(row.macs),
        format_count(row.flops),
        f"{share:.1%}",
        format_bytes(row.bytes_moved),
        f"{row.intensity:.1f}" if row.bytes_moved else "–",
    )


def notes(count: Count) -> list[str]:
    """What the reader of a table has to know beside it."""
    passes = "forward and backward" if count.backward else "forward"
    lines = [f"{passes}, convention {count.convention}"]
    lines += [f"assumed: {assumption}" for assumption in count.assumptions]
    lines += [
        f"no price for {operation.operation}: called {operation.calls} times, its FLOP are missing"
        for operation in count.unknown
    ]
    return lines


def count_table(count: Count) -> str:
    """The table as aligned text."""
    rows = [HEADS, *rows_of(count)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *notes(count)])


def count_html(count: Count) -> str:
    """The table as HTML."""

    def line(cells: tuple[str, ...], tag: str) -> str:
        aligned = (
            f'<{tag} style="text-align:{"left" if column < 2 else "right"}">'
            f"{html.escape(cell).replace('  ', '&emsp;')}</{tag}>"
            for column, cell in enumerate(cells)
        )
        return f"<tr>{''.join(aligned)}</tr>"

    body = "".join(line(row, "td") for row in rows_of(count))
    remarks = "<br>".join(map(html.escape, notes(count)))
    return f"<table>{line(HEADS, 'th')}{body}</table><p>{remarks}</p>"
