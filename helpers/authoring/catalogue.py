"""The tables that texts show of the course: its units, the parts of its package, and the packages
that answers may import.

`docs/units.md` lists every unit with its sections, questions and points; README.md shows the same
short, docs/architecture.md the parts, and docs/student.md the packages, each between two markers.
`course build` writes them, and helpers/graded_with.py.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path

from helpers.authoring.notebooks import Unit, find_units, source_notebook
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Exercise
from helpers.parts import PACKAGE, PARTS

_LOCKED = '''\
"""The packages that are there when an answer is graded, and what these bring along.

Built from requirements.lock by `course build`.
"""

PACKAGES = """
{names}
"""
'''
_HEAD = """\
# The units

Built from the units' texts by `course build`. A question marked *read* is read by a person.
"""


def catalogue(course: Path) -> dict[Path, str]:
    """The texts that hold such a table, renewed, by path.

    ValueError where a text has lost the markers of its table.
    """
    units = find_units(course)
    texts = {course / "docs" / "units.md": _HEAD + "".join(f"\n{_long(unit)}" for unit in units)}
    rows = ["| unit | questions | points | what it is about |", "|---|---|---|---|"]
    texts |= _with_table(course / "README.md", "units", [*rows, *map(_short, units)])
    texts |= _with_table(course / "docs" / "architecture.md", "parts", _parts())
    if (page := course / "docs" / "student.md").is_file():
        texts |= _with_table(page, "packages", _importable(course))
    return texts | _graded_with(course)


def _with_table(path: Path, name: str, rows: list[str]) -> dict[Path, str]:
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{path} needs the lines {begin} and {end} around its table")
    before, rest = text.split(begin)
    return {path: "\n".join([before + begin, *rows, end]) + rest.split(end)[1]}


def _parts() -> list[str]:
    rows = ["| part | what it is | students' code sees it | a score depends on it |"]
    rows.append("|---|---|---|---|")
    for part in PARTS:
        name = f"{part.name}/" if (PACKAGE / part.name).is_dir() else f"{part.name}.py"
        marks = ("yes" if yes else "" for yes in (part.students, part.scores))
        rows.append(f"| `{name}` | {part.about} | {' | '.join(marks)} |")
    return rows


def _importable(course: Path) -> list[str]:
    """The packages that a notebook may use: the base and [units]."""
    project = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["units"]]
    names = [re.split(r"[<>=!~;\[ ]", line)[0] for line in wanted]
    return textwrap.wrap(", ".join(names) + ".", 100, break_on_hyphens=False)


def _graded_with(course: Path) -> dict[Path, str]:
    """helpers/graded_with.py of a checkout; nothing for a course that uses an installed package."""
    lock, path = course / "requirements.lock", course / "helpers" / "graded_with.py"
    if not (lock.is_file() and path.parent.is_dir()):
        return {}
    names = re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = textwrap.wrap(" ".join(dict.fromkeys(names)), 100, break_on_hyphens=False)
    return {path: _LOCKED.format(names="\n".join(lines))}


def _short(unit: Unit) -> str:
    title, _, questions, words = _contents(unit)
    link = f"[{unit.name}](release/{unit.name}/{unit.notebook}.ipynb)"
    asked = len(questions) + len(words)
    return f"| {link} | {asked} | {_points(questions, words)} | {title.split(': ', 1)[-1]} |"


def _long(unit: Unit) -> str:
    title, sections, questions, words = _contents(unit)
    lines = [
        f"## {unit.name}",
        "",
        f"{title}. {_points(questions, words)} points.",
        "",
        f"Sections: {'; '.join(sections)}.",
        "",
        "| question | about | points |",
        "|---|---|---|",
    ]
    for exercise in questions:
        bonus = " (bonus)" if exercise.bonus else ""
        lines.append(f"| `{exercise.name}` | {exercise.topic} | {exercise.points:g}{bonus} |")
    for name, points in words.items():
        lines.append(f"| `{name}` | *read* | {points:g} |")
    return "\n".join(lines) + "\n"


def _contents(unit: Unit) -> tuple[str, list[str], list[Exercise], dict[str, float]]:
    """Title, headings of sections, judged questions, and points of what a person reads."""
    cells = source_notebook(unit).cells
    headings = [
        match
        for cell in cells
        if cell.cell_type == "markdown"
        for match in re.findall(r"^(#{1,2}) (.+)$", cell.source, flags=re.MULTILINE)
    ]
    titles = [text for level, text in headings if level == "#"]
    sections = [text for level, text in headings if level == "##"]
    questions = [exercise for exercise in EXERCISES.values() if exercise.unit == unit.name]
    words = {
        marks["grade_id"]: marks["points"]
        for marks in (cell.metadata.get("nbgrader", {}) for cell in cells)
        if marks.get("grade") and marks.get("solution") and marks["points"]
    }
    return titles[0], sections, questions, words


def _points(questions: list[Exercise], words: dict[str, float]) -> str:
    bonus = sum(exercise.points for exercise in questions if exercise.bonus)
    points = sum(exercise.points for exercise in questions) - bonus + sum(words.values())
    return f"{points:g} (+ {bonus:g})" if bonus else f"{points:g}"
