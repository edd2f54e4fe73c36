"""The cases of tests/attacks/inside as a class that is graded, with right submissions among them.

Two tests are judged inside (2 points and 1), one outside (4), all partly hidden.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.sandbox.backend import Limits, MiB
from tests.attacks import read_cases
from tests.executed import once
from tests.grading.notebooks import code, notebook

CASES = read_cases("inside")
UNIT = "attacked"
ANSWERS = {
    "frame": 'frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})',
    "mean": "def mean(values):\n    return sum(values) / len(values)",
    "quiet": "def quiet(x):\n    return x",
}
TESTS = {
    "frame": (
        "assert frame.shape == (3, 2)\n### BEGIN HIDDEN TESTS\n"
        "assert frame.b.sum() == 15, 'tangerine'\n### END HIDDEN TESTS",
        2,
    ),
    "mean": (
        "assert mean([1, 2, 3]) == 2\n### BEGIN HIDDEN TESTS\n"
        "assert mean([10]) == 10, 'clementine'\n### END HIDDEN TESTS",
        4,
    ),
    "quiet": (
        "import io\nfrom contextlib import redirect_stdout\n### BEGIN HIDDEN TESTS\n"
        "said = io.StringIO()\nwith redirect_stdout(said):\n    assert quiet(1) == 1, 'tangerine'\n"
        "assert said.getvalue() == ''\n### END HIDDEN TESTS\nassert quiet(2) == 2",
        1,
    ),
}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


def _notebook(answers: dict[str, str], solved: bool = False) -> dict[str, object]:
    cells = [code("import pandas as pd")]
    for name, (test, points) in TESTS.items():
        source = answers.get(name, STUB)
        source = f"### BEGIN SOLUTION\n{source}\n### END SOLUTION" if solved else source
        cells.append(code(source, grade_id=name, solution=True))
        cells.append(code(test, grade_id=f"test_{name}", grade=True, points=points, locked=True))
    return notebook([*cells, code("print('after')")])


@dataclass(frozen=True)
class Graded:
    """The class, with right submissions before and after the attacks."""

    course: Path
    result: ClassResult

    def of(self, student: str) -> SubmissionResult:
        return next(each for each in self.result.results if each.student == student)

    def shown(self, student: str) -> str:
        path = self.course / "autograded" / student / UNIT / f"{UNIT}.ipynb"
        cells = json.loads(path.read_text())["cells"]
        return json.dumps([cell.get("outputs", []) for cell in cells])


def graded_once(shared: Path, name: str = "") -> Graded:
    """The class graded; `shared` is a folder of the test run, for all its workers."""
    return once(shared / "attacked_inside", _graded)


def _graded(folder: Path) -> Graded:
    course = folder / "course"
    handed_in = {case.name: {"frame": case.cell} for case in CASES}
    handed_in |= {"0-right": ANSWERS, "zz-right": ANSWERS}
    (course / "source" / UNIT).mkdir(parents=True)
    source = json.dumps(_notebook(ANSWERS, solved=True))
    (course / "source" / UNIT / f"{UNIT}.ipynb").write_text(source)
    (course / "nbgrader_config.py").write_text("c = get_config()\n")
    for student, answers in handed_in.items():
        place = course / "submitted" / student / UNIT
        place.mkdir(parents=True)
        (place / f"{UNIT}.ipynb").write_text(json.dumps(_notebook(answers)))
    limits = Limits(memory=1024 * MiB)
    result = grade_class(course, UNIT, Options(jobs=1, timeout=2.0, limits=limits))
    close_worker()
    return Graded(course, result)
