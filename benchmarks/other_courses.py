"""Grades other people's nbgrader courses twice, as nbgrader does and here, question by question.

    python benchmarks/other_courses.py FOLDER

FOLDER holds one folder for each course, called OWNER+REPOSITORY, with source/UNIT/ in it and, where
there are real submissions, submitted/STUDENT/UNIT/. Nothing of it is kept here. Each unit has three
students more: `solution` hands in the instructor's answers, `half` every second one of them, and
`empty` what was released. `nbgrader autograde` with nbgrader's own configuration and `course grade`
grade the same files; a question is the same where the machine's points are, and whether a person
has to look where it has none.

Writes benchmarks/results/other_courses.md: a row for each unit, and each difference with what
`course grade` says of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import nbgrader

from helpers.authoring.unit_files import files_beside

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "other_courses.md"
#: Seconds for one unit by one grader.
TIMEOUT = 1800
MADE = ("solution", "half", "empty")

STOCK = """\
c = get_config()
c.CourseDirectory.course_id = "other"
# A kernel of another name is not installed here.
c.Execute.kernel_name = "python3"
c.Execute.timeout = 60
"""
OURS = 'c = get_config()\nc.CourseDirectory.course_id = "other"\n'
SCORES = """
    SELECT a.student_id, n.name, b.name, g.auto_score FROM grade g
    JOIN base_cell b ON g.cell_id = b.id JOIN submitted_notebook s ON g.notebook_id = s.id
    JOIN notebook n ON s.notebook_id = n.id JOIN submitted_assignment a ON s.assignment_id = a.id"""

#: What `course grade` says of a test that gives points without answers.
GIVEN_AWAY = re.compile(r"the test (\S+) gives a notebook without answers")

#: Of a question of a student's: student, notebook, grade id.
Key = tuple[str, str, str]
Scores = dict[Key, float | None]


@dataclass
class Unit:
    """One unit, graded by both.

    Attributes:
        uses: what its notebooks import, and how many files lie beside them.
        refused: what `course grade` said where it graded nothing.
        declared: tests that give points without answers, which `course grade` refuses until the
            source says that they may.
        said: of a question, the error that `course grade` shows.
    """

    course: str
    name: str
    stock: Scores = field(default_factory=dict)
    ours: Scores = field(default_factory=dict)
    inside: int = 0
    uses: str = ""
    refused: str = ""
    declared: list[str] = field(default_factory=list)
    said: dict[Key, str] = field(default_factory=dict)

    @property
    def different(self) -> list[Key]:
        """Questions with other points. What nbgrader could not grade at all is not among them."""
        return [key for key in self.stock if self.stock[key] != self.ours.get(key, "none")]

    def points(self, scores: Scores, student: str) -> float:
        return sum(score or 0.0 for (owner, *_), score in scores.items() if owner == student)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unit", action="append", help="only this unit; can be repeated")
    parser.add_argument("--work", type=Path, help="keeps what nbgrader gave, for another run")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    units: list[Unit] = []
    work = arguments.work or Path(tempfile.mkdtemp())
    for course in sorted(arguments.folder.iterdir()):
        for folder in sorted((course / "source").glob("*/")):
            if any(folder.glob("*.ipynb")) and (
                not arguments.unit or folder.name in arguments.unit
            ):
                units.append(grade(course, folder.name, work))
                print(row(units[-1]), flush=True)
                for line in differences(units[-1]):
                    print("   ", line, flush=True)
    arguments.output.write_text(table(units), encoding="utf-8")
    if not arguments.work:
        shutil.rmtree(work)


def grade(course: Path, name: str, work: Path) -> Unit:
    """A unit by both graders, each in a copy of its own."""
    unit = Unit(course.name.replace("+", "/"), name, uses=uses_of(course / "source" / name))
    stock, ours = (work / course.name / name / each for each in ("stock", "ours"))
    if not (stock / "graded").exists():
        unit.refused = grade_with_nbgrader(course, name, stock)
        if unit.refused:
            return unit
    unit.stock = scores_in(stock)
    shutil.rmtree(ours, ignore_errors=True)
    copy_unit(course, name, ours, OURS)
    shutil.copytree(stock / "submitted", ours / "submitted")
    said = run(ours, "-m", "helpers.cli", "grade", name, "--json", "--jobs", "2")
    while found := GIVEN_AWAY.search(said.stderr):
        # As its instructor would, who is told so.
        declare(ours / "source" / name, found[1])
        unit.declared.append(found[1])
        said = run(ours, "-m", "helpers.cli", "grade", name, "--json", "--jobs", "2")
    if said.returncode in (0, 3):
        read_ours(unit, ours, json.loads(said.stdout))
    else:
        unit.refused = said.stderr.strip().splitlines()[-1]
    return unit


def declare(folder: Path, test: str) -> None:
    """Says in the source that a test may pass without answers."""
    for path in folder.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for name, cell in marked(notebook):
            if name == test:
                cell["metadata"]["course"] = {"untouched": "passes"}
        path.write_text(json.dumps(notebook), encoding="utf-8")


def uses_of(folder: Path) -> str:
    """Of what kind a unit is, by what its notebooks import and what lies beside them."""
    notebooks = sorted(folder.glob("*.ipynb"))
    code = "\n".join(
        "".join(cell["source"])
        for path in notebooks
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    )
    imported = set(re.findall(r"^\s*(?:import|from) +(\w+)", code, re.MULTILINE))
    own = {path.stem for path in folder.glob("*.py")}
    said = [*sorted(imported - sys.stdlib_module_names - own), *(f"{name}.py" for name in own)]
    beside = len(files_beside(folder)) - len(own)
    said += [f"{len(notebooks)} notebooks"] if len(notebooks) > 1 else []
    said += [f"{beside} files"] if beside else []
    return ", ".join(said) or "Python alone"


def grade_with_nbgrader(course: Path, name: str, stock: Path) -> str:
    """Release the unit, make the students' files, grade them. Returns why it cannot be released."""
    shutil.rmtree(stock, ignore_errors=True)
    copy_unit(course, name, stock, STOCK)
    run(stock, "-m", "nbgrader", "update", "source")
    released = run(stock, "-m", "nbgrader", "generate_assignment", name, "--force")
    if released.returncode:
        errors = re.findall(r"^\s*(\w+Error: .*)$", released.stderr, re.MULTILINE)
        return f"nbgrader makes no release of it ({errors[-1] if errors else 'no error is said'})"
    for student in MADE:
        hand_in(stock, name, student)
    for real in sorted((course / "submitted").glob(f"*/{name}")):
        shutil.copytree(real, stock / "submitted" / real.parent.name / name)
    run(stock, "-m", "nbgrader", "autograde", name, "--force")
    (stock / "graded").touch()
    return ""


def copy_unit(course: Path, name: str, place: Path, config: str) -> None:
    shutil.copytree(course / "source" / name, place / "source" / name)
    (place / "nbgrader_config.py").write_text(config)


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A Python module's command line in a course."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # Only for ours: with it, a course's own `tests.py` would be this repository's `tests`.
    environment.pop("PYTHONPATH", None)
    if "helpers.cli" in words:
        environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def hand_in(course: Path, unit: str, student: str) -> None:
    """What one of `MADE` hands in."""
    for path in sorted((course / "release" / unit).glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        source = json.loads((course / "source" / unit / path.name).read_text(encoding="utf-8"))
        answers = {name: cell["source"] for name, cell in marked(source) if is_answer(cell)}
        for number, (name, cell) in enumerate(
            [(name, cell) for name, cell in marked(notebook) if name in answers]
        ):
            if student == "solution" or (student == "half" and number % 2 == 0):
                text = "".join(answers[name])
                cell["source"] = re.sub(r"^.*### (BEGIN|END) SOLUTION.*\n?", "", text, flags=re.M)
        folder = course / "submitted" / student / unit
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")


def marked(notebook: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """nbgrader's cells, by their names."""
    for cell in notebook["cells"]:
        if name := cell["metadata"].get("nbgrader", {}).get("grade_id"):
            yield name, cell


def is_answer(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"]["nbgrader"].get("solution"))


def scores_in(course: Path) -> Scores:
    """The machine's points in a gradebook."""
    with sqlite3.connect(course / "gradebook.db") as database:
        return {(row[0], row[1], row[2]): row[3] for row in database.execute(SCORES)}


def read_ours(unit: Unit, course: Path, said: dict[str, Any]) -> None:
    """What `course grade` gave, and what it shows of each question."""
    unit.ours = scores_in(course)
    unit.inside = len(said.get("inside", ()))
    for path in sorted((course / "autograded").glob(f"*/{unit.name}/*.ipynb")):
        for name, cell in marked(json.loads(path.read_text(encoding="utf-8"))):
            key = (path.parents[1].name, path.stem, name)
            for output in cell.get("outputs", ()):
                if output["output_type"] == "error":
                    unit.said[key] = f"{output['ename']}: {output['evalue']}"[:120]


def row(unit: Unit) -> str:
    """A row of the table."""
    cells = {key[1:] for key in unit.stock}
    students = sorted({key[0] for key in unit.stock})
    points = [
        f"{unit.points(unit.stock, student):g} / {unit.points(unit.ours, student):g}"
        if student in students
        else "–"
        for student in MADE
    ]
    same = f"{len(unit.stock) - len(unit.different)} of {len(unit.stock)}"
    same = "not graded" if unit.refused else same
    cells_of = f"{len(cells)} | {unit.inside}"
    about = f"{unit.course} | {unit.name} | {unit.uses}"
    return f"| {about} | {cells_of} | {' | '.join(points)} | {same} |"


def differences(unit: Unit) -> Iterator[str]:
    """A line for each question with other points, and why."""
    if unit.refused:
        yield f"`{unit.name}`: {unit.refused}"
        return
    if unit.declared:
        tests = ", ".join(unit.declared)
        yield f"`{unit.name}`: refused at first, for tests that pass without answers: {tests}"
    for key in unit.different:
        given = unit.ours.get(key)
        why = unit.said.get(key, "no error is shown")
        yield f"`{'/'.join((unit.name, *key))}`: {unit.stock[key]} → {given}, {why}"


def table(units: list[Unit]) -> str:
    """The page of results."""
    graded = [unit for unit in units if not unit.refused]
    total = sum(len(unit.stock) for unit in graded)
    same = sum(len(unit.stock) - len(unit.different) for unit in graded)
    head = [
        "# Other people's courses, by nbgrader and here",
        "",
        f"nbgrader {nbgrader.__version__} with its own configuration against `course grade`, "
        f"{date.today()}. Written by `benchmarks/other_courses.py`, which says who `solution`, "
        "`half` and `empty` are; their points are nbgrader's / ours. `inside`: tests that the "
        "unit's own solution passes in the student's process alone.",
        "",
        f"**{same} of {total}** questions of students have the same points, in the units that both "
        "grade.",
        "",
        "| repository | unit | uses | questions | inside | solution | half | empty | the same |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(row, units),
    ]
    listed = [f"- {unit.course}: {line}" for unit in units for line in differences(unit)]
    return "\n".join([*head, "", "## Differences", "", *(listed or ["None."])]) + "\n"


if __name__ == "__main__":
    main()
