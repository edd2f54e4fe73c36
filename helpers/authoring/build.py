"""All that is built from the units' texts and the lock: notebooks, and the tables of other texts.

`docs/units.md` lists every unit with its sections, questions and points; README.md shows the same
short, docs/architecture.md the parts, and docs/student.md the packages, each between two markers.
`course build` writes them, helpers/grading_packages.py and helpers/skipped_cells.py.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.authoring.first_cell import Origin
from helpers.authoring.markers import TEST
from helpers.authoring.notebooks import Unit, notebook_texts, source_notebook
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Exercise
from helpers.missing_imports import digest
from helpers.parts import PACKAGE, PARTS

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SKIPPED = '''\
"""The cells of our notebooks that are left out when they are graded, by a digest of their text.

Built from the units' texts by `course build`.
"""

DIGESTS = """
{digests}
"""
'''
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

Built from the units' texts by `course build`. A question marked *read* is read by a person,
one marked *tests* judged by asserts in the notebook.
"""


def build_units(
    units: Iterable[Unit], origin: Origin | None = None, tables: bool = True
) -> dict[Path, str]:
    """The texts of everything that is built from these units, by path; nothing is written.

    Args:
        units: all of the course's, where its tables are built as well.
        origin: where notebooks install the course from; what pyproject.toml says if not given.
        tables: whether the `catalogue` is among it.
    """
    sources = {unit: source_notebook(unit, origin) for unit in units}
    texts: dict[Path, str] = {}
    for unit, source in sources.items():
        texts |= notebook_texts(unit, source)
    return texts | catalogue(sources) if tables else texts


def out_of_date(files: Mapping[Path, str] | Mapping[Path, bytes]) -> list[Path]:
    """The files that are missing or hold something else than this."""
    return [
        path
        for path, wanted in files.items()
        if not path.is_file()
        or path.read_bytes() != (wanted.encode() if isinstance(wanted, str) else wanted)
    ]


def catalogue(sources: Mapping[Unit, NotebookNode]) -> dict[Path, str]:
    """The texts that hold such a table, renewed, by path.

    `sources` are all units' source notebooks. ValueError where a text has lost the markers of its
    table.
    """
    course = next(iter(sources)).course
    contents = [_contents(unit, source) for unit, source in sources.items()]
    texts = {course / "docs" / "units.md": _HEAD + "".join(f"\n{_long(each)}" for each in contents)}
    rows = ["| unit | questions | points | what it is about |", "|---|---|---|---|"]
    texts |= _with_table(course / "README.md", "units", [*rows, *map(_short, contents)])
    texts |= _with_table(course / "docs" / "architecture.md", "parts", _parts())
    if (page := course / "docs" / "student.md").is_file():
        texts |= _with_table(page, "packages", _importable(course))
    return texts | _grading_packages(course) | _skipped_cells(course, sources.values())


@dataclass(frozen=True)
class _Contents:
    """What a unit holds: texts of its headings, its questions, points of tests of one's own and of
    what a person reads."""

    unit: Unit
    title: str
    sections: list[str]
    questions: list[Exercise]
    tests: dict[str, float]
    words: dict[str, float]

    @property
    def points(self) -> str:
        bonus = sum(exercise.points for exercise in self.questions if exercise.bonus)
        judged = sum(exercise.points for exercise in self.questions)
        points = judged - bonus + sum(self.tests.values()) + sum(self.words.values())
        return f"{points:g} (+ {bonus:g})" if bonus else f"{points:g}"


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
    heads = ("part", "what it is", "students' code sees it", "a score depends on it")
    rows = [f"| {' | '.join(heads)} | on the site's pages |", "|---|---|---|---|---|"]
    for part in PARTS:
        name = f"{part.name}/" if (PACKAGE / part.name).is_dir() else f"{part.name}.py"
        marks = ("yes" if yes else "" for yes in (part.students, part.scores, part.web))
        rows.append(f"| `{name}` | {part.about} | {' | '.join(marks)} |")
    return rows


def _short(unit: _Contents) -> str:
    name = unit.unit.name
    link = f"[{name}](release/{name}/{unit.unit.notebook}.ipynb)"
    asked = len(unit.questions) + len(unit.tests) + len(unit.words)
    return f"| {link} | {asked} | {unit.points} | {unit.title.split(': ', 1)[-1]} |"


def _importable(course: Path) -> list[str]:
    """The packages that a notebook may use: the base and [units]."""
    project = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["units"]]
    names = [re.split(r"[<>=!~;\[ ]", line)[0] for line in wanted]
    return textwrap.wrap(", ".join(names) + ".", 100, break_on_hyphens=False)


def _grading_packages(course: Path) -> dict[Path, str]:
    """helpers/grading_packages.py of a checkout; nothing where the package is an installed one."""
    lock, path = course / "requirements.lock", course / "helpers" / "grading_packages.py"
    if not (lock.is_file() and path.parent.is_dir()):
        return {}
    names = re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = textwrap.wrap(" ".join(dict.fromkeys(names)), 100, break_on_hyphens=False)
    return {path: _LOCKED.format(names="\n".join(lines))}


def _skipped_cells(course: Path, notebooks: Iterable[NotebookNode]) -> dict[Path, str]:
    """helpers/skipped_cells.py of a checkout; nothing where the package is an installed one."""
    path = course / "helpers" / "skipped_cells.py"
    if not path.parent.is_dir():
        return {}
    digests = {
        digest(cell.source)
        for notebook in notebooks
        for cell in notebook.cells
        if "skip-grading" in cell.metadata.get("tags", ())
    }
    return {path: _SKIPPED.format(digests="\n".join(sorted(digests)))}


def _long(unit: _Contents) -> str:
    lines = [
        f"## {unit.unit.name}",
        "",
        f"{unit.title}. {unit.points} points.",
        "",
        f"Sections: {'; '.join(unit.sections)}.",
        "",
        "| question | about | points |",
        "|---|---|---|",
    ]
    for exercise in unit.questions:
        bonus = " (bonus)" if exercise.bonus else ""
        lines.append(f"| `{exercise.name}` | {exercise.topic} | {exercise.points:g}{bonus} |")
    for name, points in unit.tests.items():
        lines.append(f"| `{name}` | *tests* | {points:g} |")
    for name, points in unit.words.items():
        lines.append(f"| `{name}` | *read* | {points:g} |")
    return "\n".join(lines) + "\n"


def _contents(unit: Unit, source: NotebookNode) -> _Contents:
    headings = [
        match
        for cell in source.cells
        if cell.cell_type == "markdown"
        for match in re.findall(r"^(#{1,2}) (.+)$", cell.source, flags=re.MULTILINE)
    ]
    marks = [cell.metadata.get("nbgrader", {}) for cell in source.cells]
    return _Contents(
        unit,
        title=next(text for level, text in headings if level == "#"),
        sections=[text for level, text in headings if level == "##"],
        questions=[exercise for exercise in EXERCISES.values() if exercise.unit == unit.name],
        tests={
            mark["grade_id"]: mark["points"]
            for mark in marks
            if mark.get("grade") and mark["grade_id"].startswith(TEST) and not mark["solution"]
        },
        words={
            mark["grade_id"]: mark["points"]
            for mark in marks
            if mark.get("grade") and mark.get("solution") and mark["points"]
        },
    )
