"""Tests of an instructor's own in a unit's text become nbgrader's test cells, or are refused."""

import json
import re
import shutil

import pytest

from helpers.authoring.build import catalogue
from helpers.authoring.notebooks import Unit, build_unit, source_notebook
from helpers.authoring.trial import run_notebook
from tests import COURSE

HEAD = "# %% [markdown]\n# # Own tests\n"
ANSWER = '''
# %% answer="mean"
def mean(values):
    """The mean of some numbers."""
    ### BEGIN SOLUTION
    return sum(values) / len(values)
    ### END SOLUTION
'''
TEST = """
# %% test="mean" points=2
assert mean([1, 2, 3]) == 2
### BEGIN HIDDEN TESTS
assert mean([10]) == 10
### END HIDDEN TESTS
"""
MARKS = {
    "grade": True,
    "grade_id": "test_mean",
    "locked": True,
    "points": 2,
    "schema_version": 3,
    "solution": False,
    "task": False,
}


@pytest.fixture
def unit(tmp_path):
    shutil.copy(COURSE / "pyproject.toml", tmp_path)
    text = tmp_path / "source" / "00_own" / "own.py"
    text.parent.mkdir(parents=True)
    return Unit.of_text(text)


def built(unit, text):
    unit.text.write_text(text)
    return {path.parts[-3]: json.loads(built) for path, built in build_unit(unit).items()}


def test_a_test_becomes_nbgraders_cell_to_the_byte(unit):
    test = built(unit, HEAD + ANSWER + TEST)["source"]["cells"][-1]
    assert json.dumps(test, sort_keys=True) == json.dumps(
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "test_mean",
            "metadata": {"id": "test_mean", "nbgrader": MARKS},
            "outputs": [],
            "source": [
                "assert mean([1, 2, 3]) == 2\n",
                "### BEGIN HIDDEN TESTS\n",
                "assert mean([10]) == 10\n",
                "### END HIDDEN TESTS",
            ],
        },
        sort_keys=True,
    )


def test_where_it_is_judged_can_be_fixed_in_its_marker(unit):
    marker = 'points=2 place="inside" untouched="passes"'
    test = built(unit, HEAD + ANSWER + TEST.replace("points=2", marker))["source"]["cells"][-1]
    assert test["metadata"]["course"] == {"place": "inside", "untouched": "passes"}
    with pytest.raises(
        ValueError, match="a marker is one of answer, check, test, read, predict, not place"
    ):
        built(unit, HEAD + ANSWER.replace('"mean"', '"mean" place="inside"') + TEST)


@pytest.mark.parametrize("kind", ["release", "solution"])
def test_hidden_lines_are_in_no_notebook_that_students_get(unit, kind):
    test = built(unit, HEAD + ANSWER + TEST)[kind]["cells"][-1]
    assert "".join(test["source"]) == "assert mean([1, 2, 3]) == 2"


def test_a_released_test_can_be_told_from_one_that_a_student_changed(unit):
    marks = built(unit, HEAD + ANSWER + TEST)["release"]["cells"][-1]["metadata"]["nbgrader"]
    assert {**marks, "checksum": ""} == {**MARKS, "cell_type": "code", "checksum": ""}
    assert re.fullmatch("[0-9a-f]{32}", marks["checksum"])


def test_building_twice_gives_the_same_bytes(unit):
    unit.text.write_text(HEAD + ANSWER + TEST)
    assert build_unit(unit) == build_unit(unit)


def test_its_points_are_in_the_tables(unit):
    unit.text.write_text(HEAD + ANSWER + TEST)
    for name in ("docs/architecture.md", "README.md"):
        (unit.course / name).parent.mkdir(exist_ok=True)
        shutil.copy(COURSE / name, unit.course / name)
    page = catalogue({unit: source_notebook(unit)})[unit.course / "docs" / "units.md"]
    assert "Own tests. 2 points." in page
    assert "| `test_mean` | *tests* | 2 |" in page


def test_a_release_whose_tests_fail_as_nothing_is_answered_can_be_published(unit):
    notebook = built(unit, HEAD + ANSWER + TEST)["release"]
    # Without the cell that installs the course.
    del notebook["cells"][1]
    assert run_notebook(json.dumps(notebook), "own", COURSE).statuses == {}


BASH = '# %% answer="files" language="bash"\n# touch a.txt\n'
IN_PLACE = '# %%\nbasket = {}\n\n# %% answer="basket"\nbasket["egg"] = 1\n\n'


@pytest.mark.parametrize(
    "cells",
    [
        ANSWER + TEST + TEST.replace('"mean"', '"mean_again"'),
        IN_PLACE + '# %% test="basket" points=0.5\nassert basket\n',
        ANSWER + '\n# %% test="mean" points=1\n# %%time\nassert mean([1]) == 1\n',
        ANSWER + '\n# %% test="mean" points=1 tags=["slow"]\nassert mean([1]) == 1\n',
        BASH + '\n# %% test="files" points=1\nassert open("a.txt")\n',
    ],
    ids=["two tests of one answer", "an answer that changes something", "magic", "tagged", "bash"],
)
def test_a_test_of_an_answer_is_built(unit, cells):
    assert built(unit, HEAD + cells)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (ANSWER + '\n# %% test="mean"\nassert mean([1])\n', 'test="mean" needs points=…, more'),
        (ANSWER + '\n# %% test="mean" points=0\nassert mean([1])\n', "needs points=…, more than 0"),
        (ANSWER + '\n# %% test="mean" points="2"\nassert mean([1])\n', "needs points=…, more"),
        (ANSWER + "\n# %% test=mean points=2\nassert mean([1])\n", "stand in quotation marks"),
        (ANSWER + TEST + TEST, "two cells are called 'test_mean'"),
        (TEST, "no answer stands above the test 'mean'"),
        (TEST + ANSWER, "no answer stands above the test 'mean'"),
        (
            ANSWER + '\n# %% test="median" points=1\nassert median([1]) == 1\n',
            "the test 'median' uses nothing that an answer above it defines (mean)",
        ),
        (ANSWER + '\n# %% test="a mean" points=1\nassert mean([1])\n', "test='a mean' is no name"),
        (ANSWER + '\n# %% test="" points=1\nassert mean([1])\n', "test='' is no name"),
        (ANSWER + '\n# %% test="mean" check="mean" points=1\n1\n', "a marker is one of"),
        (ANSWER + '\n# %% [markdown] test="mean" points=1\n# mean\n', "is text: a test is a code"),
        (ANSWER + '\n# %% test="mean" points=1\nassert mean([1]\n', "line 1 is not Python"),
        (ANSWER + TEST.replace("### END HIDDEN TESTS\n", ""), "### END HIDDEN TESTS come in pairs"),
        (ANSWER + TEST.replace("### BEGIN", "# BEGIN"), "### END HIDDEN TESTS come in pairs"),
        (
            ANSWER.replace("SOLUTION", "HIDDEN TESTS"),
            "### BEGIN HIDDEN TESTS belongs into a cell with test=… or check=…",
        ),
        (ANSWER.replace("    ### END SOLUTION\n", ""), "### END SOLUTION come in pairs"),
        (ANSWER.replace(' answer="mean"', ""), "### BEGIN SOLUTION belongs into a cell with ans"),
    ],
)
def test_what_cannot_be_a_test_is_refused_in_one_line_with_the_place(unit, cells, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        built(unit, HEAD + cells)
    assert re.match(r"\S+own\.py:\d+: ", str(error.value))
    assert "\n" not in str(error.value)


def test_a_unit_of_notebooks_is_nbgraders_to_release(tmp_path):
    folder = tmp_path / "source" / "ps1"
    folder.mkdir(parents=True)
    (folder / "problem1.ipynb").touch()
    with pytest.raises(ValueError, match="nbgrader generate_assignment ps1"):
        source_notebook(Unit(tmp_path, "ps1", ("problem1",)))


GUESS = """
# %% predict="depth"
predict("deepest", 3)
predict("best_h", 1e-5)
"""


def test_our_guess_stands_in_the_solution_only(unit):
    cells = {kind: each["cells"][-1] for kind, each in built(unit, HEAD + GUESS).items()}
    assert {kind: "".join(cell["source"]) for kind, cell in cells.items()} == {
        "source": 'predict("deepest", ...)\npredict("best_h", ...)',
        "release": 'predict("deepest", ...)\npredict("best_h", ...)',
        "solution": 'predict("deepest", 3)\npredict("best_h", 1e-5)',
    }
    assert {cell["id"] for cell in cells.values()} == {"predict_depth"}
    assert cells["release"]["metadata"] == cells["source"]["metadata"]


@pytest.mark.parametrize(
    "line",
    ['predict("deepest", ...)', 'predict("a", 3)\npredict("b", guess)', 'x = predict("a", 3)', ""],
)
def test_a_cell_that_asks_for_a_guess_holds_ours(unit, line):
    with pytest.raises(ValueError, match=r'lines predict\("NAME", NUMBER\)'):
        built(unit, HEAD + f'\n# %% predict="depth"\n{line}\nx = 1\n')
