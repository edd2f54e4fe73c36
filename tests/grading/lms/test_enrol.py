"""What an instructor says once is in the gradebook: who students are, and when a unit is due."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.commands.collect import collect_command
from helpers.grading.lms.collect import collect
from helpers.grading.lms.enrol import enrol, split_name
from helpers.grading.lms.export import export_grades
from helpers.grading.lms.roster import Student, read_roster
from helpers.grading.nbgrader.config import open_course
from helpers.grading.report.data import read_class
from helpers.grading.report.feedback import write_feedback
from tests.grading import classbook, sample

ROSTER = """\
id,name,email
ada,Ada Lovelace,ada@uni.example
ben,"Müller, Ben",
cy,,cy@uni.example
"""
DUE = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    made = sample.make_course(tmp_path / "course")
    (made / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return made


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """Ada's is an hour early, Ben's an hour late."""
    for student, hours in {"ada": -1, "ben": 1}.items():
        folder = tmp_path / "download" / student
        folder.mkdir(parents=True)
        notebook = sample.hand_in(tmp_path / "drafts", student, sample.right_notebook())
        path = notebook.rename(folder / "x.ipynb")
        time = (DUE + timedelta(hours=hours)).timestamp()
        os.utime(path, (time, time))
    return tmp_path / "download"


def names(course: Path) -> dict[str, tuple[Any, ...]]:
    """As formgrader's page of the students has them."""
    students = open_course(course).get_students()
    return {each["id"]: (each["last_name"], each["first_name"], each["email"]) for each in students}


def grades(course: Path, folder: Path) -> dict[str, dict[str, str]]:
    export_grades(course, sample.UNIT, "csv", folder / "grades.csv")
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_formgrader_shows_the_rosters_names_and_the_due_date(course: Path, download: Path) -> None:
    collect(course, sample.UNIT, download, due=DUE)
    assert names(course) == {
        "ada": ("Lovelace", "Ada", "ada@uni.example"),
        "ben": ("Müller", "Ben", None),
        "cy": (None, None, "cy@uni.example"),
    }
    api = open_course(course)
    assert api.get_assignment(sample.UNIT)["duedate_notimezone"] == "2026-11-20T23:59:00"
    shown = {each["student"]: each["last_name"] for each in api.get_submissions(sample.UNIT)}
    assert shown == {"ada": "Lovelace", "ben": "Müller"}


def test_nbgraders_own_command_lists_the_due_date(course: Path, download: Path) -> None:
    collect(course, sample.UNIT, download, due=DUE.astimezone())
    command = [sys.executable, "-m", "nbgrader", "db", "assignment", "list"]
    listed = subprocess.run(command, cwd=course, capture_output=True, text=True, check=True)
    assert f"{sample.UNIT} (due: 2026-11-20 23:59:00)" in listed.stdout


def test_late_penalties_follow_the_rule_and_the_due_date_also_when_they_change(
    course: Path, download: Path, tmp_path: Path
) -> None:
    collect(course, sample.UNIT, download, due=DUE)
    grade_class(course, sample.UNIT, Options(jobs=1))
    assert {each["penalty"] for each in grades(course, tmp_path).values() if each["grade"]} == {"0"}
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    collect(course, sample.UNIT, download)
    before = grades(course, tmp_path)
    assert (before["ada"]["penalty"], before["ada"]["grade"]) == ("0", "11")
    assert (before["ben"]["penalty"], before["ben"]["grade"]) == ("11", "0")
    # Two hours more for everyone: nobody is graded again, and nobody is late.
    collect(course, sample.UNIT, download, due=DUE + timedelta(hours=2))
    assert all(each.unchanged for each in grade_class(course, sample.UNIT, Options(jobs=1)).results)
    after = grades(course, tmp_path)
    assert [after[name]["penalty"] for name in ("ada", "ben")] == ["0", "0"]
    collect(course, sample.UNIT, download, due=DUE)
    assert grades(course, tmp_path) == before


def test_a_due_date_is_said_once(course: Path, download: Path) -> None:
    assert collect(course, sample.UNIT, download).due is None
    for due in (DUE, None):
        result = collect(course, sample.UNIT, download, due=due)
        assert result.due == DUE
        late = {line.student.id: line.late for line in result.lines}
        assert late == {"ada": False, "ben": True, "cy": None}


def test_the_last_line_says_what_late_is(
    course: Path, download: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect_command(course, sample.UNIT, download, None, "2026-11-20T23:59Z", False, False, False)
    shown = f"{DUE.astimezone():%Y-%m-%d %H:%M %Z}"
    assert f"1 of them late (due {shown})" in capsys.readouterr().out


def test_what_stands_in_the_gradebook_stays(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    with classbook.open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("ada", first_name="Augusta", email="a@b.example")
        gradebook.update_or_create_student("old", last_name="Gone", first_name="Long")
    enrol(course, classbook.UNIT, read_roster(course / "roster.csv"), None)
    known = names(course)
    assert known["ada"] == (None, "Augusta", "a@b.example")
    assert known["old"] == ("Gone", "Long", None)
    assert known["ben"] == ("Müller", "Ben", "ben@uni.example")
    # Nothing of anybody's grade is touched.
    assert {grade.student for grade in read_class(course, classbook.UNIT).grades} == set(
        classbook.SCORES
    )


def test_a_name_cannot_run_in_formgraders_page(course: Path) -> None:
    """Its page of one answer writes names as they are."""
    enrol(course, sample.UNIT, [Student("eve", "Eve <script>alert(1)</script>\0")], None)
    shown = " ".join(filter(None, names(course)["eve"]))
    assert shown.isprintable()
    assert not set("<>&") & set(shown)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Ben de la Müller", "Ben", "de la Müller"),
        ("Augusta Ada King Lovelace", "Augusta Ada King", "Lovelace"),
        ("ada lovelace", "ada", "lovelace"),
        ("de la Müller, Ben", "Ben", "de la Müller"),
        ("Plato", "", "Plato"),
        ("", "", ""),
    ],
)
def test_a_name_has_a_first_and_a_last_part(name: str, first: str, last: str) -> None:
    assert split_name(name) == (first, last)


def test_no_gradebook_is_made_where_there_is_nothing_to_write(course: Path, download: Path) -> None:
    (course / "roster.csv").write_text("id\nada\nben\n")
    collect(course, sample.UNIT, download)
    assert not (course / "gradebook.db").exists()


def test_a_gradebook_that_cannot_be_used_changes_nothing(course: Path, download: Path) -> None:
    (course / "gradebook.db").mkdir()
    with pytest.raises(ValueError, match=r"the gradebook .* cannot be used") as error:
        collect(course, sample.UNIT, download, due=DUE)
    assert "\n" not in str(error.value)
    assert list((course / "submitted").iterdir()) == []


def test_the_gradebooks_password_is_not_printed(tmp_path: Path) -> None:
    address = "postgresql+psycopg://teacher:tangerine@127.0.0.1:9/grades"
    course = sample.make_course(tmp_path / "course", address)
    with pytest.raises(ValueError, match=r"//teacher:\*\*\*@127") as error:
        enrol(course, sample.UNIT, (), DUE)
    assert "tangerine" not in str(error.value)


def test_what_is_collected_is_not_graded_yet(course: Path, download: Path, tmp_path: Path) -> None:
    """Although there is a gradebook, and a unit in it."""
    collect(course, sample.UNIT, download, due=DUE)
    for use in (
        lambda: export_grades(course, sample.UNIT, "csv", tmp_path / "g.csv"),
        lambda: read_class(course, sample.UNIT),
        lambda: write_feedback(course, sample.UNIT),
    ):
        with pytest.raises(ValueError, match="nothing of sample is graded: run `course grade"):
            use()
    assert not (tmp_path / "g.csv").exists()


def test_a_worksheet_that_comes_later_says_when_it_was_handed_in(
    course: Path, tmp_path: Path
) -> None:
    place = tmp_path / "moodle" / "Ada Lovelace_901_assignsubmission_file"
    place.mkdir(parents=True)
    sample.hand_in(tmp_path, "ada", sample.right_notebook()).rename(place / "x.ipynb")
    (course / "roster.csv").write_text("id,name,moodle_id\nada,Ada Lovelace,901\n")
    collect(course, sample.UNIT, tmp_path / "moodle", due=DUE)
    stamp = course / "submitted" / "ada" / sample.UNIT / "timestamp.txt"
    assert not stamp.exists()
    (course / "roster.csv").write_text(
        "id,name,moodle_id,handed_in\nada,Ada Lovelace,901,2026-11-21T00:30Z\n"
    )
    (line,) = collect(course, sample.UNIT, tmp_path / "moodle").lines
    assert (line.state, line.late) == ("unchanged", True)
    assert stamp.read_text() == "2026-11-21 00:30:00 UTC\n"
    # And is known from then on.
    (course / "roster.csv").write_text("id,name,moodle_id\nada,Ada Lovelace,901\n")
    (line,) = collect(course, sample.UNIT, tmp_path / "moodle").lines
    assert (line.state, line.late) == ("unchanged", True)
