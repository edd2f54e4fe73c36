"""`course collect`: what it prints when it is done."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.grading.commands.grade import NEEDS_REVIEW
from helpers.grading.handin.markup import plain_line
from helpers.grading.lms.collect import Collected, States, collect
from helpers.grading.lms.roster import parse_time
from helpers.text_table import visible

#: Files that are left out for one reason, and named.
MANY = 10


def collect_command(
    course: Path,
    unit: str,
    download: Path,
    roster: Path | None,
    due: str | None,
    replace_newer: bool,
    groups: bool,
    as_json: bool,
) -> int:
    """Collect and print; returns the exit code: 0, or 3 when something waits for a person."""
    deadline = parse_time(due) if due else None
    if due and deadline is None:
        raise ValueError(f"--due {due}: write it as 2026-11-20T23:59 or 2026-11-20T23:59+01:00")
    result = collect(
        *(course, unit, download),
        roster=roster,
        due=deadline,
        replace_newer=replace_newer,
        groups=groups,
    )
    if as_json:
        print(json.dumps(_as_data(result), indent=1))
    else:
        _print(result)
    return NEEDS_REVIEW if result.for_a_person else 0


def _print(result: Collected) -> None:
    """A table of what somebody should see, and how many are as they should be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{result.unit}: what to look at", title_justify="left", box=box.SIMPLE)
    for column in ("", "student", "name", "remarks"):
        table.add_column(column, overflow="fold")
    for line in result.lines:
        said = ["late"] if line.late else []
        noted = bool(line.late or line.remarks or line.state in ("replaced", "kept", "missing"))
        said += [] if line.state == "unchanged" else [line.state]
        if noted:
            cells = (line.student.id, plain_line(line.student.name), "; ".join(line.remarks))
            table.add_row(", ".join(said), *map(Text, map(visible, cells)))
    for file, problem in _by_reason(result.left_out):
        table.add_row("left out", "", Text(visible(file)), Text(visible(problem)))
    console = Console()
    if table.row_count:
        console.print(table)
    states = Counter(line.state for line in result.lines)
    counts = [f"{states[state]} {state}" for state in States if states[state]]
    late = sum(bool(line.late) for line in result.lines)
    due = f" (due {result.due.astimezone():%Y-%m-%d %H:%M %Z})" if result.due else ""
    counts += [f"{late} of them late{due}"] if late else []
    counts += [f"{len(result.left_out)} left out"] if result.left_out else []
    console.print(f"{result.unit}: {', '.join(counts) or 'no notebook'}", highlight=False)
    if unknown := result.lateness_unknown:
        names = [plain_line(line.student.id) for line in unknown]
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        everyone = len(unknown) == len(result.found)
        of = "" if everyone else f" for {', '.join(names[:10])}{more}"
        console.print(
            f"Who is late is not in this download{of}; Moodle's grading worksheet in English, "
            "given as --roster, says it.",
            highlight=False,
        )
    if not result.found:
        console.print("No notebook was taken from it: is it the right download?")


def _by_reason(left_out: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What was left out, in one line where one reason is that of many files."""
    files: dict[str, list[str]] = defaultdict(list)
    for file, problem in left_out:
        files[problem].append(file)
    for problem, named in files.items():
        if len(named) > MANY:
            named = [f"{named[0]} and {len(named) - 1} more (--json names them)"]
        for file in named:
            yield file, problem


def _as_data(result: Collected) -> dict[str, object]:
    """The result for programs."""
    return {
        "unit": result.unit,
        "due": result.due.isoformat() if result.due else None,
        "students": [
            {
                "student": line.student.id,
                "name": line.student.name,
                "state": line.state,
                "file": line.file,
                "late": line.late,
                "remarks": list(line.remarks),
                "look": line.look,
            }
            for line in result.lines
        ],
        "left_out": [{"file": file, "problem": problem} for file, problem in result.left_out],
    }
