"""Tables and lines of a terminal, as wide as what is in them: no digit is cut, no number parted."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table


def show(table: Table, lines: Iterable[str]) -> None:
    """Prints a table, then lines, each on one line whatever the terminal's width."""
    console = Console()
    natural = Console(width=1000).measure(table).maximum
    Console(width=max(console.width, natural)).print(table)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
