"""`course demo`: a class of thirteen, with the mistakes of a real one."""

import csv
import json
import re

import nbformat
import pytest
from typer.testing import CliRunner

from helpers.authoring.demo_class import COHORT, answer, right_answers
from helpers.authoring.notebooks import find_unit
from helpers.cli import app
from helpers.grading.commands.demo import run_demo
from helpers.grading.lms.export import export_grades
from helpers.grading.report.data import read_class
from tests import COURSE
from tests.executed import once, shared_folder

#: What the machine gives each of them, of 21 points and two bonuses of 2.
POINTS = {
    "ada": 25,
    "ben": 25 - 1 - 1,
    "chloe": 25 - 2 - 2,
    "dan": 25 - 2 / 3 - 1,
    "eva": 25 - 2 / 3,
    # block_bytes and best_batch; what follows from them is asked for any block
    "finn": 25 - 1 - 1,
    "gina": 25 - 1 / 3 - 4 / 3,
    "hugo": 25 - 1,
    "iris": 25,
    "jon": 25,
    "kim": 25,
    "lea": 0,
    "max": 0,
}

HINTS = {
    "ben": ["padding 1 and a kernel of 3", "no padding"],
    "chloe": ["one mean and one variance for each channel", "an exponential and a division"],
    "dan": ["which sum does it need?", "which elements are multiplied at all?"],
    "eva": ["what does the list say of a division"],
    "finn": ["the traffic lacks its largest part", "is the reading of the weights in your traffic"],
    "gina": ["counts in steps of 1000", "what do they cost?"],
    "hugo": ["write over it?"],
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    def made(folder):
        run_demo(COURSE, folder / "demo", jobs=2)
        return folder / "demo"

    return once(shared_folder(tmp_path_factory) / "demo", made)


def page(demo, student):
    return (demo / "feedback" / student / "homework" / "homework.html").read_text()


def points(demo, tmp_path):
    export_grades(demo, "homework", "csv", tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {row["student"]: float(row["points"]) + float(row["bonus"]) for row in rows}


def test_everyone_has_the_points_that_their_answers_are_worth(demo, tmp_path):
    # Files have two digits.
    assert points(demo, tmp_path) == pytest.approx(POINTS, abs=0.005)
    assert set(POINTS) == {submission.student for submission in COHORT}


@pytest.mark.parametrize("student", list(POINTS))
def test_everyone_gets_a_page(demo, student):
    assert "homework" in page(demo, student)


@pytest.mark.parametrize(("student", "hint"), [(s, h) for s, hints in HINTS.items() for h in hints])
def test_a_mistake_is_explained_in_the_feedback(demo, student, hint):
    text = re.sub("<[^>]*>", "", page(demo, student)).replace("&#x27;", "'")
    assert hint in text


def test_the_report_counts_the_same_hints(demo):
    report = read_class(demo, "homework")
    said = {(student, held.hint) for held in report.hints for student in held.students}
    for student, hints in HINTS.items():
        own = " ".join(hint for name, hint in said if name == student)
        assert all(hint in own for hint in hints), student
    assert {student for student, _ in said} == set(HINTS)
    assert "padding 1" in {held.name for held in report.hints if "ben" in held.students}
    # Two could not be graded or were not answered; the third is far below the rest of the class.
    assert {each.student for each in report.look} == {"chloe", "lea", "max"}


@pytest.mark.parametrize("student", ["ada", "iris", "jon", "kim"])
def test_who_is_right_gets_no_hint(demo, student):
    assert "Hint:" not in page(demo, student)


def test_the_file_that_was_cut_off_is_reported_and_the_rest_is_graded(demo):
    assert "could not be graded" in page(demo, "lea")


def test_words_wait_for_a_person(demo):
    listing = CliRunner().invoke(app, ["grade", "homework", "--course", str(demo), "--json"])
    by_student = {each["student"]: each for each in json.loads(listing.stdout)["submissions"]}
    waiting = {score["grade_id"] for score in by_student["ada"]["scores"] if score["needs_manual"]}
    assert waiting == {"explain_batch_norm", "compare_measured"}
    assert all(each["unchanged"] for each in by_student.values())


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else than a demo"):
        run_demo(COURSE, tmp_path, jobs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_answer_needs_its_cell():
    unit = find_unit(COURSE, "homework")
    notebook = nbformat.read(unit.path("release"), as_version=4)
    with pytest.raises(ValueError, match="no answer cell 'paddding'"):
        answer(notebook, {"paddding": ""})
    assert set(right_answers(unit)) >= {"padding", "fused"}
