"""From one text to three notebooks: the same bytes every time, and nothing leaks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.authoring import markers, notebooks
from helpers.authoring.build import catalogue
from helpers.authoring.notebooks import (
    KINDS,
    build_unit,
    find_unit,
    find_units,
    notebook_text,
    release_notebook,
    source_notebook,
)
from helpers.exercises import EXERCISES, Exercise
from helpers.files import write_text
from tests import COURSE

UNITS = find_units(COURSE)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


@pytest.fixture(scope="module")
def sources():
    return {unit: source_notebook(unit) for unit in UNITS}


@pytest.fixture(scope="module")
def built():
    return {unit.name: build_unit(unit) for unit in UNITS}


@pytest.fixture
def course(tmp_path):
    """A copy of the course with the homework alone."""
    shutil.copytree(COURSE / "source" / "homework", tmp_path / "source" / "homework")
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(COURSE / name, tmp_path / name)
    return tmp_path


def sources_of(course):
    return {unit: source_notebook(unit) for unit in find_units(course)}


@each_unit
def test_what_is_committed_is_what_is_built(unit, built):
    for path, text in built[unit.name].items():
        assert path.read_bytes() == text.encode(), f"{path}: run `course build`"


def test_no_notebook_is_left_from_a_unit_that_is_gone():
    expected = {unit.path(kind) for unit in UNITS for kind in KINDS}
    found = {path for kind in KINDS for path in (COURSE / kind).rglob("*.ipynb")}
    assert {path for path in found if ".ipynb_checkpoints" not in path.parts} == expected


@each_unit
def test_notebooks_are_valid_and_carry_no_outputs(unit, built):
    for text in built[unit.name].values():
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.course.unit == unit.name
        for cell in notebook.cells:
            assert cell.metadata["id"] == cell.id
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None


@each_unit
def test_release_holds_no_solution_and_no_hidden_test(unit, built):
    released = built[unit.name][unit.path("release")]
    assert "SOLUTION" not in released
    assert "HIDDEN TESTS" not in released
    cells = {cell.id: cell for cell in nbformat.reads(released, as_version=4).cells}
    for cell in source_notebook(unit).cells:
        about = cell.metadata.get("nbgrader", {})
        if not about.get("solution"):
            continue
        stub = cells[cell.id].source
        assert re.search("# YOUR CODE HERE\n|YOUR ANSWER HERE", stub)
        for region in re.findall(
            "### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, flags=re.DOTALL
        ):
            for line in filter(None, map(str.strip, region.splitlines())):
                assert line not in stub or len(line) < 12


@each_unit
def test_solutions_carry_no_markers(unit, built):
    solution = built[unit.name][unit.path("solution")]
    assert "### BEGIN" not in solution
    assert '"nbgrader"' not in solution
    cells = nbformat.reads(solution, as_version=4).cells
    assert all(cell.source.strip() not in ("", "YOUR ANSWER HERE") for cell in cells)


@each_unit
def test_every_question_of_the_unit_is_asked_with_its_points(unit):
    points = {
        cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"]["points"]
        for cell in source_notebook(unit).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    for exercise in EXERCISES.values():
        if exercise.unit == unit.name:
            assert points[f"check_{exercise.name}"] == exercise.points


def test_the_tables_of_units_are_up_to_date(sources):
    for path, text in catalogue(sources).items():
        assert path.read_text() == text, f"{path}: run `course build`"


def test_the_homework_is_listed_with_22_points_and_a_bonus(course):
    (table,) = catalogue(sources_of(course)).values()
    assert "22 (+ 4) points" in table
    assert "| `fused` | what fusing PReLU into Linear saves | 2 (bonus) |" in table
    assert "| `compare_measured` | *read* | 1 |" in table


def test_a_readme_without_its_table_is_refused(course):
    (course / "README.md").write_text("# A course\n")
    with pytest.raises(ValueError, match=r"README\.md needs the lines"):
        catalogue(sources_of(course))


def test_no_text_of_a_unit_lies_in_release():
    assert not list((COURSE / "release").rglob("*.py"))


@each_unit
def test_text_cells_are_short(unit):
    for cell in source_notebook(unit).cells:
        if cell.cell_type == "markdown":
            assert len(cell.source.split()) <= 80, cell.source


def test_nbgrader_makes_the_same_release(course, built):
    """`nbgrader generate_assignment` and `course build` agree to the byte."""
    unit = find_unit(course, "homework")
    for path, text in build_unit(unit).items():
        if path == unit.path("source"):
            write_text(path, text)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "homework", "--create"]
    # nbgrader calls alembic by name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, cwd=course, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert ran.returncode == 0, ran.stderr
    released = course / "release" / "homework"
    assert [path.name for path in released.iterdir()] == ["homework.ipynb"]
    assert (released / "homework.ipynb").read_text() == built["homework"][
        COURSE / "release" / "homework" / "homework.ipynb"
    ]


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "notebook.ipynb"
    write_text(target, "first")

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_text(target, "second")
    assert [path.name for path in tmp_path.iterdir()] == ["notebook.ipynb"]
    assert target.read_text() == "first"


HEAD = "# %% [markdown]\n# # Homework\n\n"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ('# %% check="no_such_question"\npass\n', "no question 'no_such_question' of this unit"),
        (
            '# %% anser="padding"\npass\n',
            "a marker is one of answer, check, test, read, predict, not anser",
        ),
        ('# %% answer="padding" check="padding"\npass\n', "a marker is one of"),
        ('# %% answer="padding" points=3\npass\n', "a marker is one of"),
        ('# %% answer="a"\npass\n\n# %% answer="a"\npass\n', "two cells are called 'a'"),
        ('# %% [markdown] read="why"\n# because\n', 'read="why" needs points='),
        ("# %%\npass\n", "no cell 'own_bytes' for the question"),
    ],
)
def test_a_unit_that_does_not_add_up_is_refused_with_the_place(course, cells, message):
    unit = find_unit(course, "homework")
    unit.text.write_text(HEAD + cells)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        build_unit(unit)
    assert "homework.py" in str(error.value)


def area_asked(course, cell, **changed):
    """The homework's text with the one question area(width, height), answered in this cell."""
    unit = find_unit(course, "homework")
    unit.text.write_text(f'{HEAD}# %% answer="area"\n{cell}\n\n# %% check="area"\ncheck()\n')
    given = {
        "points": 1,
        "topic": "an area",
        "examples": [(2, 3)],
        "hidden": lambda draw: [],
        "reference": lambda width, height: width * height,
        **changed,
    }
    return unit, {"area": Exercise(name="area", unit="homework", **given)}


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("def area(width, length):\n    pass", "area(width, length)"),
        ("def area(height, width):\n    pass", "area(height, width)"),
        ("def area(width):\n    pass", "area(width)"),
        ("def area(*sides):\n    pass", "area(*sides)"),
        ("def surface(width, height):\n    pass", "surface(width, height)"),
        ("area = 3", "no function"),
    ],
)
def test_a_function_that_is_not_called_as_its_reference_is_refused(course, monkeypatch, cell, says):
    unit, questions = area_asked(course, cell)
    monkeypatch.setattr(markers, "EXERCISES", questions)
    message = (
        f"{unit.text}:4: the answer to 'area' defines {says}, and the reference says "
        "area(width, height): make them the same"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build_unit(unit)


@pytest.mark.parametrize(
    "cell",
    [
        "def area(width, height=1):\n    pass",
        "def half(n):\n    pass\n\n\ndef area(width, height):\n    pass",
        "%matplotlib inline\ndef area(width, height):\n    pass",
    ],
)
def test_a_function_that_is_called_as_its_reference_is_built(course, monkeypatch, cell):
    unit, questions = area_asked(course, cell)
    monkeypatch.setattr(markers, "EXERCISES", questions)
    assert build_unit(unit)


def test_an_answer_that_is_no_python_is_refused_with_its_line(course, monkeypatch):
    unit, questions = area_asked(course, "def area(width, height)\n    pass")
    monkeypatch.setattr(markers, "EXERCISES", questions)
    with pytest.raises(ValueError, match=r"homework\.py:4: line 1 is not Python: expected"):
        build_unit(unit)


def test_a_case_that_cannot_be_asked_is_refused_when_the_unit_is_built(course, monkeypatch):
    unit, questions = area_asked(
        course, "def area(width, height):\n    pass", hidden=lambda draw: [(1, 2, 3)]
    )
    monkeypatch.setattr(markers, "EXERCISES", questions)
    with pytest.raises(ValueError, match=r"area: a hidden case, \(1, 2, 3\), has 3 arguments"):
        build_unit(unit)


def test_a_copied_entry_that_was_not_renamed_is_refused_when_the_unit_is_built(
    course, monkeypatch, tmp_path
):
    folder = tmp_path / "questions" / "homework"
    folder.mkdir(parents=True)
    (folder / "tasks.py").write_text("AREA = 1\nAREA = 2\n")
    monkeypatch.setattr(notebooks.exercises, "__path__", [str(folder.parent)])
    with pytest.raises(ValueError, match=r"tasks\.py gives the name AREA in line 1 and again in"):
        build_unit(find_unit(course, "homework"))


def test_a_unit_opens_with_its_title(course):
    unit = find_unit(course, "homework")
    unit.text.write_text("# %%\npass\n")
    with pytest.raises(ValueError, match="opens with a markdown cell"):
        build_unit(unit)


def test_no_course_here(tmp_path):
    with pytest.raises(ValueError, match="holds no course"):
        find_units(tmp_path)


def test_a_folder_without_a_text_is_no_unit(course):
    (course / "source" / "09_later").mkdir()
    assert [unit.name for unit in find_units(course)] == ["homework"]


def test_a_unit_has_one_text(course):
    (course / "source" / "homework" / "other.py").write_text(HEAD)
    with pytest.raises(ValueError, match="the unit's text; it has 2"):
        find_unit(course, "homework")


def test_no_such_unit():
    with pytest.raises(ValueError, match=r"no unit 'homewrk' in source/: use one of .*homework"):
        find_unit(COURSE, "homewrk")


def test_ids_do_not_depend_on_anything_but_the_text():
    first, second = (source_notebook(UNITS[-1]) for _ in range(2))
    assert notebook_text(first) == notebook_text(second)
    assert json.loads(notebook_text(release_notebook(first)))["cells"][1]["id"] == "cell-001"


def test_what_only_draws_is_folded_and_what_is_to_be_read_is_not(sources):
    cells = [cell for source in sources.values() for cell in source.cells]
    folded = [cell for cell in cells if "jupyter" in cell.metadata]
    assert folded
    assert all("skip-grading" in cell.metadata.tags for cell in folded)
    assert not any("nbgrader" in cell.metadata for cell in folded)
    # In Colab the cell that installs has a title in its place.
    in_colab = [cell for cell in cells if "cellView" in cell.metadata and cell not in folded]
    assert {cell.source.partition(":")[0] for cell in in_colab} == {"# @title Run this cell first"}
