"""Who grades in the benchmarks, and what: several graders on the same class of the homework.

The class is the demo's, repeated: right and wrong answers. Every grader runs in a process of its
own, on a course of its own. For plain nbgrader, nbgrader in a process pool and Otter-Grader each
check is written as they want it: the same judge and cases, run in the student's kernel, with the
score as the cell's result.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import accounting

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
UNIT = "homework"
ONE_WORKER, TWO_WORKERS = "course, 1 worker", "course, 2 workers"
PYTHON = sys.executable
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}

#: A check as nbgrader's own autograder needs it: judged in the student's kernel.
STOCK_CHECK = """\
from helpers.check import judge as _judge
from helpers.check import plain_answer as _plain
from helpers.exercises import EXERCISES as _exercises, grading_cases as _cases
_exercise = _exercises["{name}"]
_answer = _plain({name}, draws=_exercise.read is not None)
{points} * _judge(_exercise, _answer, _cases(_exercise, b"benchmark")).fraction"""

#: nbgrader's own API, a student at a time, in a pool of processes.
POOL = """
import sys
from concurrent.futures import ProcessPoolExecutor
from traitlets.config import Config

def grade(student):
    from nbgrader.apps.api import NbGraderAPI
    config = Config()
    config.CourseDirectory.root = sys.argv[1]
    done = NbGraderAPI(config=config).autograde("homework", student)
    return done["success"]

if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(sum(pool.map(grade, sys.argv[2:])))
"""

#: Otter-Grader's own API, a student after another; no containers.
OTTER = """
import json, sys
from pathlib import Path
from otter.execute import grade_notebook

tests = sorted(str(path) for path in Path("tests").glob("*.py"))
scores = {}
for student in sys.argv[1:]:
    results = grade_notebook(f"submitted/{student}/homework/homework.ipynb", tests_glob=tests,
                             test_dir="tests", cwd=".")
    if results.has_catastrophic_failure():
        sys.exit(str(results.catastrophic_error))
    scores[student] = {name: results.get_score(name) for name in results.results}
print("scores " + json.dumps(scores))
"""

#: A question as Otter-Grader's test: six cases of equal worth, for halves and thirds.
OTTER_TEST = """\
OK_FORMAT = True
test = {{"name": {name!r}, "points": {points}, "suites": [{{"type": "doctest", "cases": [
    {{"code": {judge!r}, "hidden": True, "points": 0}},
    *({{"code": f">>> sys.fraction > {{sixth}} / 6 - 1e-9\\nTrue", "hidden": True,
       "points": {points} / 6}} for sixth in range(1, 7)),
]}}]}}
"""
OTTER_JUDGE = """\
>>> import sys
>>> from helpers.check import judge as _judge, plain_answer as _plain
>>> from helpers.exercises import EXERCISES as _exercises, grading_cases as _cases
>>> _exercise = _exercises["{name}"]
>>> sys.fraction = 0
>>> _answer = _plain({name}, draws=_exercise.read is not None)
>>> sys.fraction = _judge(_exercise, _answer, _cases(_exercise, b"benchmark")).fraction
"""

DASK = """
import json, sys
from distributed import LocalCluster
from helpers.grading.class_run import Options
from helpers.grading.commands.grade import grade_command
from pathlib import Path

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        options = Options(scheduler=cluster.scheduler_address)
        grade_command(Path(sys.argv[1]), "homework", options, as_json=True)
"""


@dataclass
class Run:
    """What one grader did."""

    name: str
    submissions: int
    seconds: float
    cpu: float
    memory: float
    scores: dict[str, dict[str, float | None]]
    student_seconds: float = 0.0
    workers: int = 1
    problems: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.submissions / self.seconds


@dataclass(frozen=True)
class Grader:
    """Who grades, and what.

    Attributes:
        size: submissions.
        grade: does it, given a name, a course and a size.
        stock: whether checks are written for nbgrader's own autograder.
        released: whether nbgrader must have released the unit.
        workers: that run students' code at once.
    """

    name: str
    size: int
    grade: Callable[[str, Path, int], Run]
    stock: bool = False
    released: bool = False
    workers: int = 2


def graders(cohort: int, sample: int, otter: str | None, large: int) -> list[Grader]:
    few, two = min(sample, cohort), _course("--jobs", "2")
    found = [
        Grader("plain nbgrader", few, _stock, stock=True, released=True, workers=1),
        Grader("nbgrader in a pool of 2", few, _pool, stock=True, released=True),
    ]
    if otter:
        found.append(Grader("Otter-Grader, no containers", few, _otter(otter), stock=True))
    found += [
        Grader("plain nbgrader, our preprocessors", few, _stock, released=True, workers=1),
        Grader(ONE_WORKER, cohort, _course("--jobs", "1"), workers=1),
        Grader(TWO_WORKERS, cohort, two),
        Grader("course, Dask with 2 workers", cohort, _dask),
    ]
    if large:
        found.append(Grader(f"course, 2 workers, {large} at once", large, two))
    return found


def make_course(
    folder: Path, size: int, secret: str, stock: bool = False, released: bool = False
) -> Path:
    """A course with the homework and `size` submissions from the demo's kinds of student."""
    from helpers.authoring.demo_class import COHORT, submission_text
    from helpers.authoring.notebooks import find_unit

    for part in ("source", "release", "solution"):
        shutil.copytree(ROOT / part / UNIT, folder / part / UNIT)
    (folder / ".course").mkdir()
    (folder / ".course" / "secret").write_text(secret)
    unit = find_unit(folder, UNIT)
    kinds = [each for each in COHORT if each.file_name == f"{UNIT}.ipynb" and each.shape is None]
    texts = [submission_text(unit, kind) for kind in kinds]
    if stock:
        (folder / "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.ignore = ['*.py', '__pycache__']\n"
            "c.Execute.timeout = 120\n"
        )
        source = unit.path("source")
        source.write_text(json.dumps(_as_stock(json.loads(source.read_text()))))
        texts = [json.dumps(_as_stock(json.loads(text))) for text in texts]
    else:
        shutil.copy(ROOT / "nbgrader_config.py", folder)
    for number in range(size):
        place = folder / "submitted" / f"s{number:04d}" / UNIT
        place.mkdir(parents=True)
        (place / f"{UNIT}.ipynb").write_text(texts[number % len(texts)])
    if released:
        _run([PYTHON, "-m", "nbgrader", "generate_assignment", UNIT, "--force"], folder)
    return folder


def _as_stock(notebook: dict[str, Any]) -> dict[str, Any]:
    """The same notebook with every check written for nbgrader's own autograder."""
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        source = "".join(cell["source"])
        if marks.get("grade") and source.startswith('check("'):
            question = source.split('"')[1]
            cell["source"] = STOCK_CHECK.format(name=question, points=float(marks["points"]))
        if set(cell["metadata"].get("tags", ())) & {"skip-grading", "gpu"}:
            cell["source"] = "pass"
    return notebook


def _stock(name: str, course: Path, size: int) -> Run:
    done = _run([PYTHON, "-m", "nbgrader", "autograde", UNIT], course)
    return _result(name, course, size, done)


def _pool(name: str, course: Path, size: int) -> Run:
    script = course / "pool.py"
    script.write_text(POOL)
    students = [f"s{number:04d}" for number in range(size)]
    done = _run([PYTHON, str(script), str(course), *students], course)
    run = _result(name, course, size, done)
    graded = int(done.output.strip().splitlines()[-1] or 0) if done.output.strip() else 0
    if graded < size:
        run.problems.append(f"{size - graded} of {size} failed")
    return run


def _otter(python: str) -> Callable[[str, Path, int], Run]:
    def grade(name: str, course: Path, size: int) -> Run:
        from helpers.exercises import EXERCISES

        (course / "tests").mkdir()
        for question in (each for each in EXERCISES.values() if each.unit == UNIT):
            judge = OTTER_JUDGE.format(name=question.name)
            test = OTTER_TEST.format(name=question.name, points=question.points, judge=judge)
            (course / "tests" / f"{question.name}.py").write_text(test)
        script = course / "with_otter.py"
        script.write_text(OTTER)
        students = [f"s{number:04d}" for number in range(size)]
        done = _run([python, str(script), *students], course)
        line = next(line for line in done.output.splitlines() if line.startswith("scores "))
        found = json.loads(line.removeprefix("scores "))
        scores = {
            student: {f"check_{question}": score for question, score in of_each.items()}
            for student, of_each in found.items()
        }
        return Run(name, size, done.seconds, done.cpu, done.memory, scores)

    return grade


def _run(command: list[str], folder: Path) -> accounting.Done:
    return accounting.run(command, folder, ENVIRONMENT)


def _course(*arguments: str) -> Callable[[str, Path, int], Run]:
    def grade(name: str, course: Path, size: int) -> Run:
        command = [PYTHON, "-m", "helpers.cli", "grade", UNIT, "--json", *arguments]
        return _ours(name, course, size, _run([*command, "--course", str(course)], course))

    return grade


def _dask(name: str, course: Path, size: int) -> Run:
    script = course / "on_dask.py"
    script.write_text(DASK)
    return _ours(name, course, size, _run([PYTHON, str(script), str(course)], course))


def _ours(name: str, course: Path, size: int, done: accounting.Done) -> Run:
    run = _result(name, course, size, done)
    data = json.loads(done.output[done.output.index("{") :])
    run.student_seconds = sum(each["student_seconds"] for each in data["submissions"])
    return run


def _result(name: str, course: Path, size: int, done: accounting.Done) -> Run:
    return Run(name, size, done.seconds, done.cpu, done.memory, _scores(course))


def _scores(course: Path) -> dict[str, dict[str, float]]:
    """The machine's score of every student and question."""
    query = """
        SELECT a.student_id, b.name, g.auto_score
        FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id
        JOIN grade g ON g.notebook_id = n.id JOIN base_cell b ON g.cell_id = b.id"""
    scores: dict[str, dict[str, float]] = {}
    with sqlite3.connect(course / "gradebook.db") as database:
        for student, question, score in database.execute(query):
            scores.setdefault(student, {})[question] = score
    return scores
