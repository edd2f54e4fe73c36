"""Grades in the columns of Canvas, Moodle and any spreadsheet."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.lms.export import escape_formula, export_grades, write_csv
from helpers.grading.lms.origins import Origin, add_origins
from helpers.grading.lms.platform import Platform
from helpers.grading.lms.registry import GRADEBOOKS
from helpers.grading.lms.roster import read_roster, students_of
from tests.grading import classbook
from tests.grading.classbook import UNIT

#: padding + softmax_flops + compare_measured, and the bonus where the grade has room for it:
#: 4 points that count; ada's 1 + 2 + 0 + bonus 2 would be 5.
GRADES = {"ada": "4", "ben": "2", "cy": "1", "dan": "0", "eva": "3", "fay": "3"}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classbook.make(tmp_path_factory.mktemp("class"))


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_own_columns(course: Path, tmp_path: Path) -> None:
    lines = export_grades(course, UNIT, "canvas", tmp_path / "c.csv")
    head, possible, *students = rows(tmp_path / "c.csv")
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", UNIT]
    assert possible == ["    Points Possible", "", "", "", "", "4"]
    assert students[0] == ["Ada Lovelace", "11", "S1", "ada01", "A", "4"]
    assert {row[3][:-2]: row[5] for row in students} == GRADES | {"gus": ""}
    assert lines == [
        f"7 students in {tmp_path / 'c.csv'}",
        "no grade, as nothing is graded: gus",
        "not in the grades yet, as a person has to read or confirm them: 1 (ada)",
    ]


def test_an_assignment_that_canvas_has_is_called_as_there(course: Path, tmp_path: Path) -> None:
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    there = ["Homework 2 (4712)", "Home-work (4711)", "Total (1)"]
    write_csv(
        tmp_path / "book.csv", [[*columns, *there], ["Lovelace, Ada", 11, "S1", "ada01", "A"]]
    )
    export_grades(course, UNIT, "canvas", tmp_path / "c.csv", tmp_path / "book.csv")
    assert rows(tmp_path / "c.csv")[0] == [*columns, "Home-work (4711)"]
    export_grades(course, UNIT, "canvas", tmp_path / "d.csv", title="Sheet 3 (9)")
    assert rows(tmp_path / "d.csv")[0] == [*columns, "Sheet 3 (9)"]


def test_that_canvas_would_make_a_new_assignment_is_said(course: Path, tmp_path: Path) -> None:
    book, out = tmp_path / "book.csv", tmp_path / "c.csv"
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Set 1 (4711)"]
    write_csv(book, [columns, ["Lovelace, Ada", 11, "S1", "ada01", "A", ""]])
    said = "canvas makes a new assignment of it, 'homework': of those that it has, Set 1 (4711), --"
    assert any(line.startswith(said) for line in export_grades(course, UNIT, "canvas", out, book))
    lines = export_grades(course, UNIT, "canvas", out, book, title="Set 1 (4711)")
    assert not any("new assignment" in line for line in lines)


def test_moodle_gets_its_own_columns(course: Path, tmp_path: Path) -> None:
    export_grades(course, UNIT, "moodle", tmp_path / "m.csv")
    head, *students = rows(tmp_path / "m.csv")
    assert {"Identifier", "Email address", "Grade", "Last modified (grade)"} <= set(head)
    by_name = [dict(zip(head, row, strict=True)) for row in students]
    assert by_name[0]["Identifier"] == "Participant 901"
    assert [row["Grade"] for row in by_name] == [*GRADES.values(), ""]
    assert {row["Maximum Grade"] for row in by_name} == {"4"}


def identifiers(path: Path) -> list[str]:
    return [row[0] for row in rows(path)[1:]]


def test_moodles_numbers_are_those_of_this_assignment(tmp_path: Path) -> None:
    course, out = classbook.make(tmp_path / "course"), tmp_path / "m.csv"
    (course / "submitted" / f"{UNIT}.origins.json").unlink()
    with pytest.raises(ValueError, match="moodle_id is another number in each assignment"):
        export_grades(course, UNIT, "moodle", out)
    found = {
        "ada": Origin("moodle", "Ada Lovelace", "301"),
        "ben": Origin("moodle", "Team B", "302", own=False),
    }
    add_origins(course, UNIT, found)
    export_grades(course, UNIT, "moodle", out)
    # Who was not in the download is known to Moodle by the address.
    assert identifiers(out) == ["Participant 301", *[""] * 6]
    old = shutil.copy(course / "roster.csv", tmp_path / "earlier.csv")
    out.unlink()
    with pytest.raises(
        ValueError, match=r"earlier.csv is of another assignment: .*901 for ada.*301"
    ):
        export_grades(course, UNIT, "moodle", out, old)
    assert not out.exists()
    text = (course / "roster.csv").read_text().replace(",901", ",301")
    (tmp_path / "now.csv").write_text(text)
    export_grades(course, UNIT, "moodle", out, tmp_path / "now.csv")
    assert identifiers(out)[:2] == ["Participant 301", "Participant 902"]


def test_points_by_question_on_request(course: Path, tmp_path: Path) -> None:
    export_grades(course, UNIT, "csv", tmp_path / "q.csv", questions=True)
    head, ada, ben, *_ = rows(tmp_path / "q.csv")
    assert head[-4:] == ["padding", "softmax_flops", "fused", "compare_measured"]
    assert [ada[-4:], ben[-4:]] == [["1", "2", "2", "0"], ["0", "2", "0", "0"]]
    with pytest.raises(ValueError, match=r"canvas takes one grade a unit: .* --to csv"):
        export_grades(course, UNIT, "canvas", tmp_path / "no.csv", questions=True)
    assert not (tmp_path / "no.csv").exists()


def test_csv_tells_points_from_bonus(course: Path, tmp_path: Path) -> None:
    export_grades(course, UNIT, "csv", tmp_path / "g.csv")
    head, *students = rows(tmp_path / "g.csv")
    ada = dict(zip(head, students[0], strict=True))
    assert (ada["points"], ada["bonus"], ada["grade"], ada["out_of"]) == ("3", "2", "4", "4")
    assert ada["to_read"] == "1"


def test_a_grade_given_by_hand_and_a_penalty_count(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    with classbook.open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("compare_measured", UNIT, UNIT, "ben")
        grade.manual_score, grade.needs_manual_grade, grade.extra_credit = 1, False, 0.5
        book = gradebook.find_submission_notebook(UNIT, UNIT, "ben")
        book.late_submission_penalty = 0.75
        gradebook.db.commit()
    export_grades(course, UNIT, "csv", tmp_path / "g.csv")
    head, *students = rows(tmp_path / "g.csv")
    ben = dict(zip(head, students[1], strict=True))
    # padding 0, softmax 2, words 1 and 0.5 extra; late: 0.75
    assert (ben["points"], ben["penalty"], ben["grade"]) == ("3.5", "0.75", "2.75")


def test_without_a_roster_csv_still_has_everyone(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    (course / "roster.csv").unlink()
    export_grades(course, UNIT, "csv", tmp_path / "g.csv")
    assert [row[1] for row in rows(tmp_path / "g.csv")[1:]] == list(GRADES)
    with pytest.raises(ValueError, match="canvas knows students by the ids in a roster"):
        export_grades(course, UNIT, "canvas", tmp_path / "c.csv")
    assert not (tmp_path / "c.csv").exists()


def test_moodles_worksheet_names_those_of_roster_csv(course: Path, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text(
        "Identifier,Full name,Email address\nParticipant 901,Ada Lovelace,ada@uni.example\n"
    )
    export_grades(course, UNIT, "moodle", tmp_path / "m.csv", tmp_path / "sheet.csv")
    assert [row[:4] for row in rows(tmp_path / "m.csv")[1:]] == [
        ["Participant 901", "Ada Lovelace", "ada@uni.example", "4"]
    ]


def test_a_roster_that_is_named_has_to_be_there(course: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such roster"):
        export_grades(course, UNIT, "csv", tmp_path / "g.csv", tmp_path / "none.csv")


def test_who_is_not_in_the_roster_is_named(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    classbook.hand_in(course, "zoe", (1, 0, 0, 0))
    lines = export_grades(course, UNIT, "moodle", tmp_path / "m.csv")
    assert "graded but not in the roster, NOT in the file: zoe" in lines


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", " =1", "\t1", "＝1"])
def test_a_cell_that_would_be_a_formula_is_text(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Eve;=1+1", "Eve;'=1+1"),
        ("Eve\t=1+1", "Eve\t'=1+1"),
        ("Eve\n@SUM(A1)", "Eve\n'@SUM(A1)"),
        ('Eve;" +1', "Eve;\" '+1"),
        ("=1;=2", "'=1;'=2"),
        ("Lovelace; Ada", "Lovelace; Ada"),
    ],
)
def test_a_reader_that_parts_cells_otherwise_gets_no_formula(text: str, shown: str) -> None:
    assert escape_formula(text) == shown


def test_every_cell_is_in_quotes(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [["Eve", 1.5], ["", "Ada, L."]])
    assert (tmp_path / "x.csv").read_text().splitlines() == ['"Eve","1.5"', '"","Ada, L."']


def test_a_name_that_is_a_formula_is_text_in_every_file(course: Path, tmp_path: Path) -> None:
    for to, column in {"canvas": 0, "moodle": 1, "csv": 2}.items():
        export_grades(course, UNIT, to, tmp_path / "x.csv")
        names = [row[column] for row in rows(tmp_path / "x.csv")]
        assert "'=1+1" in names
        assert "=1+1" not in names


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=4))
def test_no_cell_begins_a_formula_and_every_other_comes_back(cells: list[list[str]]) -> None:
    import tempfile

    # A surrogate is no text that a file can hold; csv reads "\r" as the end of a line.
    clean = [[c.encode("utf-8", "ignore").decode().replace("\0", "") for c in r] for r in cells]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        write_csv(path, clean)
        read = [row for row in rows(path) if row]
    assert all(cell[:1] not in tuple("=+@\t\r\n") for row in read for cell in row)
    assert read == [[escape_formula(cell) for cell in row] for row in clean if row]


def test_nbgraders_own_export_takes_the_plugin(course: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nbgrader", "export", f"--to={tmp_path / 'c.csv'}"]
    command += [
        "--exporter=helpers.grading.lms.export.UnitExport",
        "--UnitExport.platform=canvas",
        f'--assignment=["{UNIT}"]',
    ]
    ran = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    export_grades(course, UNIT, "canvas", tmp_path / "own.csv")
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "own.csv").read_bytes()


@pytest.mark.parametrize("platform", GRADEBOOKS, ids=lambda platform: platform.name)
def test_a_platforms_own_sheet_is_a_roster_of_the_same_students(
    course: Path, tmp_path: Path, platform: Platform
) -> None:
    export_grades(course, UNIT, platform.name, tmp_path / "sheet.csv")
    students = read_roster(tmp_path / "sheet.csv")
    known = [each for each in students_of(course) if each.ids]
    assert [each.ids[platform.number] for each in students] == [
        each.ids[platform.number] for each in known
    ]


def test_canvas_line_on_manual_posting_is_no_student(tmp_path: Path) -> None:
    (tmp_path / "gradebook.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,homework (77)\n"
        ",,,,,Manual Posting\n"
        "    Points Possible,,,,,22\n"
        '"Lovelace, Ada",11,S1,ada01,A,\n'
    )
    assert [each.id for each in read_roster(tmp_path / "gradebook.csv")] == ["ada01"]
