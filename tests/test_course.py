"""The whole road for every unit: released, answered, graded; run in a real kernel."""

import json
from functools import cache

import nbformat
import pytest

from helpers.authoring.demo_class import answer, right_answers
from helpers.authoring.notebooks import Unit, find_units
from helpers.authoring.unit_files import files_beside
from helpers.exercises import EXERCISES
from helpers.grading.class_run import Options
from helpers.grading.engine.grade_submission import Unit as GradedUnit
from helpers.grading.engine.grade_submission import modules_of
from helpers.grading.engine.job import Task
from helpers.grading.engine.worker_state import grade_task
from helpers.grading.handin.rebuild import NOT_RUN
from tests import COURSE
from tests.executed import Run, executed, kept_in, shared_folder

#: Runs below a unit's solution: its answers, judged in the cases of some submissions. Proving does
#: that with many more, and with wrong answers.
DRAWN = """\
import json

import matplotlib.pyplot as plt

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases

judged, wrong = [], []
for exercise in EXERCISES.values():
    if exercise.unit != "{unit}" or exercise.read:
        continue
    for seed in range(3):
        cases = grading_cases(exercise, bytes([seed]))
        verdict = judge(exercise, globals()[exercise.name], cases)
        if verdict.fraction != 1:
            wrong.append(f"{{exercise.name}}, seed {{seed}}: {{verdict}}")
    judged.append(exercise.name)
plt.close("all")  # else each picture is shown
print(json.dumps([judged, wrong]))"""


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a notebook, once for all tests and workers."""
    return kept_in(shared_folder(tmp_path_factory) / "executed")


@pytest.fixture
def solution(unit: Unit, run: Run) -> nbformat.NotebookNode:
    """The unit's solution with outputs; its last cell is `DRAWN`."""
    notebook = nbformat.read(unit.path("solution"), as_version=4)
    drawn = nbformat.v4.new_code_cell(DRAWN.format(unit=unit.name), id="drawn")
    notebook.cells.append(drawn)
    return run(f"solution-{unit.name}", notebook)


@cache
def every_module():
    """What all units import: with it one fork server serves them all."""
    sources = [unit.path("source").read_bytes() for unit in find_units(COURSE)]
    return tuple(dict.fromkeys(name for data in sources for name in modules_of(data)))


def graded(unit, notebook):
    source = unit.path("source").read_bytes()
    read = GradedUnit.read(unit.name, unit.notebook, source, b"a secret")
    job = Options().job(read, every_module(), files_beside(unit.folder))
    return grade_task(job, Task("ada", nbformat.writes(notebook).encode()))


def verdicts(notebook):
    """First line of what each check shows, by cell."""
    shown = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            # A figure that an answer draws is shown as well, but not as HTML.
            if cell.source.startswith("check(") and "text/html" in data:
                shown[cell.id] = "".join(data["text/plain"]).splitlines()[0]
    return shown


class OfAUnit:
    """What holds for every unit; a class of its own for each."""

    source: Unit

    @pytest.fixture
    def unit(self):
        return self.source

    def test_the_solution_earns_full_marks(self, unit):
        notebook = nbformat.read(unit.path("release"), as_version=4)
        answer(notebook, right_answers(unit))
        result = graded(unit, notebook)
        assert result.status == "graded"
        assert result.remarks == ()
        judged = [score for score in result.scores if score.grade_id.startswith("check_")]
        assert [score.score for score in judged] == [score.max_score for score in judged]

    def test_the_solution_is_right_whatever_is_drawn(self, unit, solution):
        """The cases drawn for one submission must not be harder than those for another."""
        # What a library tells on a busy machine, on stderr, is not what is asked here.
        told = [out.text for out in solution.cells[-1].outputs if out.get("name") == "stdout"]
        judged, wrong = json.loads("".join(told))
        assert judged == [e.name for e in EXERCISES.values() if e.unit == unit.name and not e.read]
        assert wrong == []

    def test_an_untouched_release_earns_nothing_and_says_so(self, unit):
        notebook = nbformat.read(unit.path("release"), as_version=4)
        result = graded(unit, notebook)
        assert result.total == 0
        assert not any(score.needs_manual for score in result.scores)
        said = verdicts(nbformat.from_dict(result.notebook))
        assert len(said) == sum(score.grade_id.startswith("check_") for score in result.scores)
        assert all(line.endswith(": no answer yet") for line in said.values())

    def test_a_released_notebook_runs_to_its_end_and_says_no_answer_yet(self, unit):
        said = verdicts(executed(nbformat.read(unit.path("release"), as_version=4)))
        assert said
        assert all(line.endswith(": no answer yet") for line in said.values())

    def test_a_solution_runs_from_top_to_bottom_with_every_check_right(self, solution):
        said = verdicts(solution)
        assert said
        assert all(line.endswith(": right") for line in said.values())


for _unit in find_units(COURSE):
    _name = f"TestUnit_{_unit.name}"
    globals()[_name] = type(_name, (OfAUnit,), {"source": _unit})


def test_the_homework_run_twice_in_one_kernel_gives_the_same_verdicts():
    (homework,) = (unit for unit in find_units(COURSE) if unit.name == "homework")
    once = nbformat.read(homework.path("release"), as_version=4)
    answers = {**right_answers(homework), "padding": "def padding(i, o, k):\n    return 1"}
    answer(once, answers)
    # The training step at the end is slow and judged by no check.
    once.cells = [cell for cell in once.cells if not NOT_RUN & set(cell.metadata.get("tags", ()))]
    cells = len(once.cells)
    again = nbformat.reads(nbformat.writes(once), as_version=4).cells
    for cell in again:
        cell.id = f"again-{cell.id}"
    once.cells += again
    said = verdicts(executed(once))
    first = {name: line for name, line in said.items() if not name.startswith("again-")}
    assert cells == len(again)
    assert said == {**first, **{f"again-{name}": line for name, line in first.items()}}
    assert first["check_padding"] == "padding: wrong"
