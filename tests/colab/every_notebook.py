"""What tests/colab does not do for time: `make colab`, some minutes.

Every released notebook runs in a place like Colab, with the whole package and with the one that
holds no solutions; the homework and a unit are graded in every shape that Colab gives them.
"""

import json

import pytest

from helpers.authoring.build import build_units
from helpers.authoring.first_cell import Origin
from helpers.authoring.notebooks import find_unit, find_units
from helpers.authoring.student_branch import students_files
from helpers.authoring.trial import try_units
from helpers.grading.class_run import grade_class
from helpers.recorded_calls import merged
from tests import COURSE
from tests.colab.round_trip import EDITS, FORMATS, as_colab_saves_it
from tests.colab.test_colab import runs_to_its_end
from tests.colab.test_round_trip import answered

SHAPES = {
    f"{minor} {edit}".replace(" ", "-").replace("'", ""): (minor, edit)
    for minor in FORMATS
    for edit in EDITS
}


@pytest.mark.parametrize("name", [unit.name for unit in find_units(COURSE)])
def test_a_released_notebook_runs_to_its_end(colab, published, name):
    runs_to_its_end(colab, published, name)


@pytest.fixture(scope="module")
def students(forge):
    """Where the package for the students of a graded course lies."""
    units = find_units(COURSE)
    texts = build_units(units)
    asked = [trials["release"].reference for _, trials in try_units(units, texts, note=True)]
    built = {path.relative_to(COURSE).as_posix(): text for path, text in texts.items()}
    address = f"{forge.address}/uni/students.git"
    origin = Origin(address, "1.2.4")
    forge.publish(
        "uni/students.git", students_files(COURSE, built, origin, merged(asked)), "v1.2.4"
    )
    return origin


@pytest.mark.parametrize("name", [unit.name for unit in find_units(COURSE)])
def test_a_released_notebook_runs_to_its_end_without_the_solutions(colab, students, name):
    runs_to_its_end(colab, students, name)
    assert not (colab.packages / "helpers" / "authoring").exists()


@pytest.fixture(scope="module", params=["homework", "04_roofline"])
def graded(request, tmp_path_factory):
    """The unit, graded by a course in which every shape is one student's submission."""
    course, unit = tmp_path_factory.mktemp("course"), find_unit(COURSE, request.param)
    for name in ("nbgrader_config.py", "pyproject.toml", f"source/{unit.name}"):
        (course / name).parent.mkdir(exist_ok=True)
        (course / name).symlink_to(COURSE / name)
    for student, (minor, edit) in SHAPES.items():
        saved = as_colab_saves_it(answered(unit), minor, edit)
        path = course / "submitted" / student / unit.name / f"{unit.notebook}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(saved))
    return {each.student: each for each in grade_class(course, unit.name).results}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_right_submission_earns_full_marks(graded, shape):
    judged = [s for s in graded[shape].scores if s.grade_id.startswith("check_")]
    assert graded[shape].status == "graded"
    assert [score.score for score in judged] == [score.max_score for score in judged]
