"""A guess through grading: it runs in the sandbox, earns nothing and stands beside the scores."""

import json

import nbformat
import pytest

from helpers.authoring.notebooks import Unit, build_unit
from helpers.grading.class_run import grade_notebook
from helpers.grading.commands.check import check_notebook
from helpers.grading.handin.guesses import kept_in
from helpers.grading.sandbox.registry import DEFAULT
from helpers.predict import Prediction
from tests import COURSE

TEXT = """\
# %% [markdown]
# # Guesses

# %%
from helpers.predict import guessed, outcome, predict

# %% predict="days"
predict("days", 300)

# %%
if guessed("days"):
    print("days in a year")
    outcome("days", 365)

# %% answer="mean"
def mean(values):
    ### BEGIN SOLUTION
    return sum(values) / len(values)
    ### END SOLUTION

# %% test="mean" points=2
assert mean([1, 2, 3]) == 2
"""
GUESS = Prediction("days", 36.5, 365.0)


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    for name in ("pyproject.toml", "nbgrader_config.py"):
        (course / name).write_text((COURSE / name).read_text())
    unit = Unit.of_text(course / "source" / "00_own" / "own.py")
    unit.folder.mkdir(parents=True)
    unit.text.write_text(TEXT)
    for path, text in build_unit(unit).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return unit


@pytest.fixture(scope="module")
def handed_in(unit):
    notebook = nbformat.read(unit.path("release"), as_version=4)
    asks, shows = notebook.cells[3:5]
    asks.source = 'predict("days", 36.5)'
    shows.outputs = [nbformat.v4.new_output("display_data", GUESS.bundle())]
    path = unit.course / "handed in.ipynb"
    nbformat.write(notebook, path)
    return path


def shown(cell):
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell["outputs"]
    )


def test_a_guess_is_shown_beside_its_result_when_graded_and_earns_nothing(unit, handed_in):
    graded = grade_notebook(handed_in, unit.path("source"))
    assert (graded.status, graded.total, graded.remarks) == ("graded", 0, ())
    _, _, _, asks, shows, *_ = graded.notebook["cells"]
    assert shown(asks) == "days: your guess is 36.5; the next cell\nshows the result\n"
    assert "10 times too low" in shown(shows)
    assert kept_in(graded.notebook) == (GUESS,)


def test_without_a_guess_a_graded_notebook_shows_no_result(unit):
    graded = grade_notebook(unit.path("release"), unit.path("source"))
    assert shown(graded.notebook["cells"][4]) == "days: no guess yet, so no result is shown\n"
    assert kept_in(graded.notebook) == ()


def test_course_check_says_how_near_the_guesses_came(unit, handed_in, capsys):
    check_notebook(handed_in, unit.course, DEFAULT, as_json=False)
    assert "1 prediction, 0 within a factor of 2; typically off by 10 times" in (
        capsys.readouterr().out
    )
    check_notebook(handed_in, unit.course, DEFAULT, as_json=True)
    assert json.loads(capsys.readouterr().out)["predictions"] == [GUESS.to_data()]
