"""`course grade UNIT`: progress while it grades, a table when it is done."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

#: `grade_command` returns it when something waits for a person.
NEEDS_REVIEW = 3


def grade_command(course: Path, unit: str, options: Options, as_json: bool = False) -> int:
    """Grade a unit's submissions and print what came of it.

    Returns the exit code: 0, or 3 when something waits for a person. Raises ValueError, in one
    line, for what cannot be graded at all.
    """
    from rich.console import Console

    console = Console(stderr=True)
    sandbox = options.sandbox
    warning = f"Warning: --sandbox {sandbox.name} {sandbox.warning}" if sandbox.warning else ""
    if warning:
        console.print(warning, style="bold red", highlight=False)
    with _progress(console) as bar:
        task = bar.add_task("", total=None, rate="", waiting="")
        waiting = 0

        def show(done: int, total: int, result: SubmissionResult) -> None:
            nonlocal waiting
            waiting += result.status != "graded"
            speed = bar.tasks[0].speed
            bar.update(
                task,
                completed=done,
                total=total,
                rate=f"{speed:.1f}/s" if speed else "",
                waiting=f"{waiting} for a person" if waiting else "",
            )

        result = grade_class(course, unit, options, show)
    if as_json:
        json.dump(as_data(result, sandbox.name), sys.stdout, indent=1)
        print()
    else:
        print_table(result)
        print(f"Students' memory: {result.protection}")
        if warning:
            print(warning)
    return NEEDS_REVIEW if result.needs_review else 0


def _progress(console: Console) -> Progress:
    """How many are graded of how many, how fast, and how many of them wait for a person."""
    from rich.progress import (
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [
        SpinnerColumn(),
        TextColumn("Grading"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waiting]}"),
    ]
    # A bar is for a terminal: elsewhere it would leave an empty line.
    hidden = not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=hidden)


def as_data(result: ClassResult, sandbox: str) -> dict[str, Any]:
    """The result for programs."""
    return {
        "unit": result.unit,
        "sandbox": sandbox,
        "memory": result.protection,
        "inside": list(result.inside),
        "submissions": [
            {
                "student": each.student,
                "status": each.status,
                "unchanged": each.unchanged,
                "total": each.total,
                "max_total": each.max_total,
                "student_seconds": round(each.student_seconds, 3),
                "scores": [asdict(score) for score in each.scores],
                "remarks": list(each.remarks),
            }
            for each in result.results
        ],
    }


def print_table(result: ClassResult) -> None:
    """One line a student: the points of each part, their sum, what a person has to read."""
    from rich.console import Console

    console = Console()

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    # Not the table's own title: that is broken to the width of the table.
    most = max((each.max_total for each in result.results), default=0)
    what = f"{result.unit}, out of {most:g}"
    say(f"{what}: points given by the machine, and answers that a person reads")
    parts = list(dict.fromkeys(result.headings.values()))
    # A column is as wide as its longest word, and three spaces.
    needed = sum(max(map(len, part.split())) + 3 for part in ("student", *parts, "total", "read"))
    numbered = needed > console.width
    titles = [str(number) for number, _ in enumerate(parts, start=1)] if numbered else parts
    # One long name must not take the columns of all: what the others leave, at least eight signs.
    others = 6 * (len(parts) + 2) if numbered else needed - len("student   ")
    console.print(_table(result, dict(zip(parts, titles, strict=True)), console.width - others))
    if numbered:
        for number, part in zip(titles, parts, strict=True):
            say(f"  {number:>2}  {part}")
        console.print()
    for each in result.results:
        for remark in each.remarks:
            say(f"{each.student}: {remark}")
    if result.inside:
        say(_line_on_inside(result))
    if waiting := _line_on_reading(result):
        say(waiting)
    unchanged = sum(each.unchanged for each in result.results)
    done = len(result.results) - unchanged
    line = f"{done} graded, {unchanged} unchanged since they were graded"
    if result.needs_review:
        line += f", {len(result.needs_review)} for a person to look at"
    say(line)


def _table(result: ClassResult, titles: Mapping[str, str], room: int) -> Table:
    """`titles` of the unit's parts; `room`: signs that there are for a student's name."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE)
    table.add_column("student", no_wrap=True, max_width=max(8, room))
    for title in (*titles.values(), "total", "to read"):
        table.add_column(title, justify="right")
    for each in result.results:
        points = dict.fromkeys(titles, 0.0)
        for score in each.scores:
            points[result.headings[score.key]] += score.score or 0.0
        readable = each.status != "unreadable"
        cells = [f"{points[part]:.3g}" if readable else "?" for part in titles]
        to_read = sum(score.needs_manual for score in each.scores)
        table.add_row(Text(each.student), *cells, f"{each.total:.4g}", str(to_read or ""))
    return table


def _line_on_reading(result: ClassResult) -> str:
    """Which questions wait for a person, most first; of what could not be read all do."""
    waiting = Counter(
        score.key.removeprefix("check_")
        for each in result.results
        if each.status != "unreadable"
        for score in each.scores
        if score.needs_manual
    )
    if not waiting:
        return ""
    counts = ", ".join(f"{name} ({count})" for name, count in waiting.most_common())
    return f"to read, by question: {counts}"


def _line_on_inside(result: ClassResult) -> str:
    """Which tests can be cheated, and what can be won there."""
    points = {score.key: score.max_score for each in result.results for score in each.scores}
    won = sum(points.get(name, 0.0) for name in result.inside)
    return (
        f"judged inside the students' process, so that an answer can cheat for {won:g} of "
        f"{sum(points.values()):g} points, as with any nbgrader: {', '.join(result.inside)}"
    )
