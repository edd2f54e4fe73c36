"""What a platform gives becomes submitted/STUDENT/UNIT/, and nothing is taken or lost unsaid."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from helpers.grading.commands.collect import _by_reason
from helpers.grading.lms.collect import Collected, Line, collect
from helpers.grading.lms.origins import read_origins
from tests.grading import notebooks, sample

ROSTER = """\
id,name,email,canvas_id,canvas_login,sis_id,section,moodle_id
ada,Ada Lovelace,ada@uni.example,11,ada01,S1,A,901
ben,Ben de la Müller,ben@uni.example,12,ben01,S2,A,902
cy,"O'Neil, Cy",cy@uni.example,13,cy01,S3,B,903
"""
MOODLE = "{name}_{number}_assignsubmission_file/{file}"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    made = sample.make_course(tmp_path / "course")
    (made / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return made


def notebook(mark: str = "", unit: str | None = sample.UNIT) -> bytes:
    content = sample.answered({"why": mark})
    content["metadata"]["course"] = {"unit": unit} if unit else {}
    return json.dumps(content).encode()


def zipped(
    path: Path, members: dict[str, bytes], when: tuple[int, ...] = (2026, 11, 20, 12, 0, 0)
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name, when), data)  # type: ignore[arg-type]
    return path


def lines(result: Collected) -> dict[str, Line]:
    return {line.student.id: line for line in result.lines}


def states(result: Collected) -> dict[str, str]:
    return {line.student.id: line.state for line in result.lines}


def handed_in(course: Path, student: str) -> bytes:
    return (course / "submitted" / student / sample.UNIT / f"{sample.UNIT}.ipynb").read_bytes()


def tree(course: Path) -> dict[Path, Any]:
    return {p: p.read_bytes() if p.is_file() else None for p in sorted(course.rglob("*"))}


DOWNLOADS = {
    "moodle": [
        "Ada Lovelace_901_assignsubmission_file/Copy of x (1).ipynb",
        "Ben de la Müller_902_assignsubmission_file/y.ipynb",
    ],
    "moodle, old": [
        "Ada Lovelace_901_assignsubmission_file_/x.ipynb",
        "Ben de la Müller_902_assignsubmission_file_/y.ipynb",
    ],
    "moodle, flat": [
        "Ada Lovelace_901_assignsubmission_file_x.ipynb",
        "Ben de la Müller_902_assignsubmission_file_y.ipynb",
    ],
    "moodle, numbers unknown": [
        "Ada Lovelace_1_assignsubmission_file/x.ipynb",
        "Ben de la Müller_2_assignsubmission_file/y.ipynb",
    ],
    "canvas": ["lovelaceada_11_70_x.ipynb", "delamüllerben_12_71_y-2.ipynb"],
    "canvas, numbers unknown": ["lovelaceada_1_70_x.ipynb", "delamüllerben_2_71_y.ipynb"],
    "folders": ["ada/x.ipynb", "ben/y.ipynb"],
    "ids first": ["ada_x.ipynb", "ben-y (2).ipynb"],
    "names first": ["Ada Lovelace homework.ipynb", "de la Müller Ben - final.ipynb"],
}


@pytest.mark.parametrize("kind", list(DOWNLOADS))
@pytest.mark.parametrize("as_folder", [False, True])
def test_every_naming_leads_to_the_same_students(
    course: Path, tmp_path: Path, kind: str, as_folder: bool
) -> None:
    if kind == "canvas, numbers unknown":
        (course / "roster.csv").write_text(ROSTER.replace("canvas_id", "another"), "utf-8")
    ada, ben = DOWNLOADS[kind]
    download = zipped(tmp_path / "d.zip", {ada: notebook("ada"), ben: notebook("ben")})
    if as_folder:
        with zipfile.ZipFile(download) as file:
            file.extractall(tmp_path / "d")
        download = tmp_path / "d"
    result = collect(course, sample.UNIT, download)
    assert states(result) == {"ada": "collected", "ben": "collected", "cy": "missing"}
    assert (handed_in(course, "ada"), handed_in(course, "ben")) == (
        notebook("ada"),
        notebook("ben"),
    )
    assert result.left_out == ()
    before = tree(course)
    again = collect(course, sample.UNIT, download)
    assert states(again) == {"ada": "unchanged", "ben": "unchanged", "cy": "missing"}
    assert tree(course) == before


OTHERS_NAME = "Ben de la Müller_902_assignsubmission_file_y.ipynb"


@pytest.mark.parametrize(
    "path",
    [
        f"Zoe Zimmer_903_assignsubmission_file_{OTHERS_NAME}",
        f"Zoe Zimmer_903_assignsubmission_file/{OTHERS_NAME}",
        f"Zoe Zimmer_903_assignsubmission_file/{OTHERS_NAME}/x.ipynb",
        f"zimmerzoe_13_72_{OTHERS_NAME}",
        "zimmerzoe_13_72_delamüllerben_12_99_y.ipynb",
        "Zoe Zimmer_903_assignsubmission_file_delamüllerben_12_99_y.ipynb",
    ],
)
def test_what_a_student_calls_a_file_hands_in_for_nobody_else(
    course: Path, tmp_path: Path, path: str
) -> None:
    """With Moodle's "download submissions in folders" off, it follows what Moodle writes."""
    members = {OTHERS_NAME: notebook("ben"), path: notebook("zoe")}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert handed_in(course, "ben") == notebook("ben")
    assert lines(result)["ben"].remarks == ()


def test_a_class_in_a_folder_called_like_a_student_is_not_that_students(
    course: Path, tmp_path: Path
) -> None:
    members = {
        "ada/lovelaceada_11_70_x.ipynb": notebook("ada"),
        "ada/delamüllerben_12_71_x.ipynb": notebook("ben"),
        "ada/x.ipynb": notebook("anybody"),
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert states(result) == {"ada": "collected", "ben": "missing", "cy": "missing"}
    assert handed_in(course, "ada") == notebook("ada")
    assert [file for file, _ in result.left_out] == list(members)[1:]
    assert result.for_a_person


def test_of_two_canvas_files_the_later_is_taken_and_the_other_named(
    course: Path, tmp_path: Path
) -> None:
    members = {
        "lovelaceada_11_99_hw-1.ipynb": notebook("new"),
        "lovelaceada_11_70_hw.ipynb": notebook("old"),
    }
    line = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)))["ada"]
    assert handed_in(course, "ada") == notebook("new")
    assert line.file == "lovelaceada_11_99_hw-1.ipynb"
    assert line.remarks == ("handed in twice: not taken is the older lovelaceada_11_70_hw.ipynb",)


def test_of_two_files_of_one_time_one_is_taken_and_that_is_said(
    course: Path, tmp_path: Path
) -> None:
    members = {f"ada/{name}.ipynb": notebook(name) for name in ("a", "b")}
    line = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)))["ada"]
    assert line.file == "ada/b.ipynb"
    assert line.remarks == (
        "handed in twice, which is newer is not said: not taken is ada/a.ipynb",
    )


def test_a_notebook_that_says_its_unit_comes_before_one_that_does_not(
    course: Path, tmp_path: Path
) -> None:
    members = {"ada/a.ipynb": notebook("good"), "ada/z.ipynb": b'{"cells": ['}
    line = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)))["ada"]
    assert handed_in(course, "ada") == notebook("good")
    assert "not taken is ada/z.ipynb, the file is no valid notebook" in line.remarks[0]


def test_what_cannot_be_read_is_still_collected_and_said(course: Path, tmp_path: Path) -> None:
    members = {"ada/a.ipynb": b'{"cells": [', "ben/b.ipynb": notebook(unit=None)}
    result = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)))
    assert handed_in(course, "ada") == b'{"cells": ['
    assert "cut off" in result["ada"].remarks[0]
    assert result["ben"].remarks == ("it does not say which unit it is of",)


def test_unknown_students_and_other_units_are_listed_and_left_out(
    course: Path, tmp_path: Path
) -> None:
    members = {
        MOODLE.format(name="Eve Else", number=999, file="x.ipynb"): notebook(),
        "ada/x.ipynb": notebook(unit="02_flops"),
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert set(states(result).values()) == {"missing"}
    assert [problem for _, problem in result.left_out] == [
        "nobody in the roster is called Eve Else",
        "it is a notebook of 02_flops, not of sample",
    ]
    assert result.for_a_person
    assert list((course / "submitted").iterdir()) == []


def test_a_name_that_two_students_have_decides_nothing(course: Path, tmp_path: Path) -> None:
    with (course / "roster.csv").open("a", encoding="utf-8") as file:
        file.write("ada2,Ada Lovelace,ada2@uni.example,21,,,,921\n")
    member = {MOODLE.format(name="Ada Lovelace", number=5, file="x.ipynb"): notebook()}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", member))
    assert result.left_out[0][1] == (
        "2 students are called Ada Lovelace, and no number tells which it is"
    )


def test_a_file_called_like_a_name_of_one_word_is_nobodys(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text("id,name\ns1,Homework\n")
    result = collect(
        course, sample.UNIT, zipped(tmp_path / "d.zip", {"homework.ipynb": notebook()})
    )
    assert result.left_out == (("homework.ipynb", "nobody in the roster is called homework.ipynb"),)


def test_who_handed_in_something_else_is_missing_and_that_is_said(
    course: Path, tmp_path: Path
) -> None:
    download = zipped(tmp_path / "d.zip", {"ada/homework.pdf": b"%PDF", "__MACOSX/._x.ipynb": b""})
    line = lines(collect(course, sample.UNIT, download))["ada"]
    assert (line.state, line.remarks) == ("missing", ("handed in ada/homework.pdf",))


def test_late_is_what_the_platform_marks(course: Path, tmp_path: Path) -> None:
    members = {
        "lovelaceada_LATE_11_70_x.ipynb": notebook(),
        "delamüllerben_12_71_y.ipynb": notebook(),
    }
    result = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)))
    assert [result[name].late for name in ("ada", "ben", "cy")] == [True, False, None]


DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_late_is_what_the_file_says_where_the_platform_does_not(
    course: Path, tmp_path: Path
) -> None:
    for name, hours in {"ada": 13, "ben": 11}.items():
        path = tmp_path / "d" / name / "x.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook())
        time = DUE.replace(hour=hours).timestamp()
        os.utime(path, (time, time))
    result = lines(collect(course, sample.UNIT, tmp_path / "d", due=DUE))
    assert (result["ada"].late, result["ben"].late) == (True, False)
    stamp = course / "submitted" / "ada" / sample.UNIT / "timestamp.txt"
    assert stamp.read_text() == "2026-11-20 13:00:00 UTC\n"


def test_the_time_of_a_moodle_download_is_not_when_it_was_handed_in(
    course: Path, tmp_path: Path
) -> None:
    member = {MOODLE.format(name="Ada Lovelace", number=901, file="x.ipynb"): notebook()}
    download = zipped(tmp_path / "d.zip", member, (2027, 1, 1, 0, 0, 0))
    result = collect(course, sample.UNIT, download, due=DUE)
    assert result.lateness_unknown
    assert lines(result)["ada"].late is None


WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Last modified (submission)\n"
    'Participant 901,Ada Lovelace,ada@uni.example,Submitted,-,"Friday, 20 November 2026, '
    '11:59 PM"\n'
    "Participant 902,Ben Müller,ben@uni.example,No submission,-,-\n"
)


def test_moodles_grading_worksheet_is_a_roster_that_knows_the_time(
    course: Path, tmp_path: Path
) -> None:
    (course / "roster.csv").unlink()
    (tmp_path / "sheet.csv").write_text(WORKSHEET, encoding="utf-8")
    member = {MOODLE.format(name="Ada Lovelace", number=901, file="x.ipynb"): notebook()}
    download = zipped(tmp_path / "d.zip", member)
    result = collect(course, sample.UNIT, download, roster=tmp_path / "sheet.csv", due=DUE)
    assert states(result) == {"ada@uni.example": "collected", "ben@uni.example": "missing"}
    stamp = course / "submitted" / "ada@uni.example" / sample.UNIT / "timestamp.txt"
    expected = datetime(2026, 11, 20, 23, 59).astimezone(UTC)
    assert stamp.read_text() == f"{expected:%Y-%m-%d %H:%M:%S} UTC\n"
    assert lines(result)["ada@uni.example"].late is (expected > DUE)


def test_a_platforms_list_makes_nobody_of_roster_csv_a_second_student(
    course: Path, tmp_path: Path
) -> None:
    """Ada by her number, Ben by his address, and who is new by it."""
    sheet = WORKSHEET.replace("Participant 902", "Participant 77")
    sheet += "Participant 904,Dan New,dan@uni.example,No submission,-,-\n"
    (tmp_path / "sheet.csv").write_text(sheet, encoding="utf-8")
    names = {"Ada Lovelace": 901, "Ben de la Müller": 77}
    members = {
        MOODLE.format(name=name, number=number, file="x.ipynb"): notebook(name)
        for name, number in names.items()
    }
    download = zipped(tmp_path / "d.zip", members)
    for roster, missing in ((None, "cy"), (tmp_path / "sheet.csv", "dan@uni.example")):
        result = lines(collect(course, sample.UNIT, download, roster=roster))
        assert {name for name, line in result.items() if line.state == "missing"} == {missing}
        assert {*result} == {"ada", "ben", missing}
    assert (result["ada"].state, result["ada"].student.section) == ("unchanged", "A")
    assert (course / "submitted" / "ada" / sample.UNIT / "timestamp.txt").is_file()


def test_two_of_a_list_cannot_be_one_of_roster_csv(course: Path, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("id,email,moodle_id\nx,ada@uni.example,5\ny,,901\n")
    download = zipped(tmp_path / "d.zip", {"ada/x.ipynb": notebook()})
    with pytest.raises(ValueError, match=r"sheet\.csv: students 1 and 2 both have the id 'ada'"):
        collect(course, sample.UNIT, download, roster=tmp_path / "sheet.csv")


def test_canvas_gradebook_is_a_roster(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").unlink()
    (tmp_path / "grades.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Homework (7)\n"
        "    Points Possible,,,,,22\n"
        '"Lovelace, Ada",11,S1,ada01,A,\n',
        encoding="utf-8",
    )
    member = {"lovelaceada_11_70_x.ipynb": notebook()}
    download = zipped(tmp_path / "d.zip", member)
    result = collect(course, sample.UNIT, download, roster=tmp_path / "grades.csv")
    assert states(result) == {"ada01": "collected"}


def test_a_course_can_keep_what_was_handed_in_elsewhere(course: Path, tmp_path: Path) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.CourseDirectory.submitted_directory = "inbox"\n')
    name = MOODLE.format(name="Ada Lovelace", number=901, file="a.ipynb")
    collect(course, sample.UNIT, zipped(tmp_path / "all.zip", {name: notebook("here")}))
    assert (course / "inbox" / "ada" / sample.UNIT / f"{sample.UNIT}.ipynb").is_file()
    assert read_origins(course, sample.UNIT)["ada"].number == "901"
    assert not (course / "submitted" / "ada").exists()


def test_without_a_roster_students_are_called_as_the_platform_calls_them(
    course: Path, tmp_path: Path
) -> None:
    (course / "roster.csv").unlink()
    members = {
        MOODLE.format(name="Zoë Müller", number=7, file="x.ipynb"): notebook(),
        "lovelaceada_11_70_x.ipynb": notebook(),
        "ben/x.ipynb": notebook(),
        "nobody.ipynb": notebook(),
        "-rf/x.ipynb": notebook(),
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert set(states(result)) == {"zoe-muller-7", "lovelaceada-11", "ben"}
    assert [file for file, _ in result.left_out] == ["nobody.ipynb", "-rf/x.ipynb"]


def test_a_newer_submission_in_place_stays_unless_asked(course: Path, tmp_path: Path) -> None:
    old = zipped(tmp_path / "old.zip", {"ada/x.ipynb": notebook("old")}, (2026, 1, 1, 0, 0, 0))
    new = zipped(tmp_path / "new.zip", {"ada/x.ipynb": notebook("new")}, (2026, 2, 1, 0, 0, 0))
    collect(course, sample.UNIT, old)
    assert states(collect(course, sample.UNIT, new))["ada"] == "replaced"
    kept = collect(course, sample.UNIT, old)
    assert lines(kept)["ada"].remarks == ("submitted/ has a newer sample.ipynb: it stays",)
    assert kept.for_a_person
    assert handed_in(course, "ada") == notebook("new")
    collect(course, sample.UNIT, old, replace_newer=True)
    assert handed_in(course, "ada") == notebook("old")


def test_a_run_that_fails_on_the_way_changes_nothing(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helpers.grading.lms import archive

    members = {f"{name}/x.ipynb": notebook(name) for name in ("ada", "ben")}
    download = zipped(tmp_path / "d.zip", members)
    before = tree(course)
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", len(notebook("ada")) + 1)
    with pytest.raises(ValueError, match="holds more than"):
        collect(course, sample.UNIT, download)
    assert tree(course) == before


def test_a_link_in_submitted_is_not_followed(course: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (course / "submitted" / "ada").symlink_to(tmp_path / "elsewhere")
    download = zipped(tmp_path / "d.zip", {"ben/x.ipynb": notebook(), "ada/x.ipynb": notebook()})
    with pytest.raises(ValueError, match="no plain folder"):
        collect(course, sample.UNIT, download)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [path.name for path in (course / "submitted").iterdir()] == ["ada"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column id"),
        ("name\nAda\n", "has no column id"),
        ("id,name\n", "names no student"),
        ("id,name\n../x,Ada\n", r"line 2: '../x' cannot be a student's id"),
        ("id,name\n=cmd,Ada\n", "'=cmd' cannot be a student's id"),
        ("id,name\nada,A\nADA,B\n", "students 1 and 2 both have the id 'ada'"),
        ("id,canvas_id\na,1\nb,1\n", "both have the canvas_id '1'"),
    ],
)
def test_a_roster_that_cannot_be_used_changes_nothing(
    course: Path, tmp_path: Path, text: str, said: str
) -> None:
    (course / "roster.csv").write_text(text)
    download = zipped(tmp_path / "d.zip", {"ada/x.ipynb": notebook()})
    before = tree(course)
    with pytest.raises(ValueError, match=said):
        collect(course, sample.UNIT, download)
    assert tree(course) == before


def collected_of_two(tmp_path: Path, members: dict[str, str]) -> tuple[Path, Collected]:
    """A download of files, each with the answers of a part, of the unit of two notebooks."""
    course = notebooks.make_course(tmp_path / "two")
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    data = {
        f"Ada Lovelace_901_assignsubmission_file/{name}": json.dumps(
            notebooks.answered(part, notebooks.RIGHT[part])
        ).encode()
        for name, part in members.items()
    }
    return course, collect(course, notebooks.UNIT, zipped(tmp_path / "two.zip", data))


def test_each_notebook_of_a_unit_is_put_in_its_place_and_is_sure_by_its_cells(
    tmp_path: Path,
) -> None:
    course, result = collected_of_two(tmp_path, {"part_a.ipynb": "part_a", "b (1).ipynb": "part_b"})
    ada = lines(result)["ada"]
    assert (ada.state, ada.remarks, ada.look) == ("collected", (), False)
    folder = course / "submitted" / "ada" / notebooks.UNIT
    assert sorted(path.name for path in folder.glob("*.ipynb")) == ["part_a.ipynb", "part_b.ipynb"]
    assert (
        json.loads((folder / "part_b.ipynb").read_text())["cells"]
        == (notebooks.answered("part_b", notebooks.RIGHT["part_b"])["cells"])
    )
    again = collect(course, notebooks.UNIT, tmp_path / "two.zip")
    assert lines(again)["ada"].state == "unchanged"


def test_a_remark_says_which_of_a_units_notebooks_it_is_on(tmp_path: Path) -> None:
    _, result = collected_of_two(
        tmp_path, {"part_a.ipynb": "part_a", "part_a (1).ipynb": "part_a", "part_b.ipynb": "part_b"}
    )
    (remark,) = lines(result)["ada"].remarks
    assert remark.startswith("part_a: handed in twice, the same: ")


def test_a_file_that_may_be_any_of_a_units_notebooks_is_left_out_with_their_names(
    tmp_path: Path,
) -> None:
    course, _ = collected_of_two(tmp_path, {})
    data = {"Ada Lovelace_901_assignsubmission_file/mine.ipynb": notebook(unit=None)}
    result = collect(course, notebooks.UNIT, zipped(tmp_path / "one.zip", data))
    assert [problem for _, problem in result.left_out] == [
        "it has no cell of ps and is not called part_a.ipynb, part_b.ipynb, read_me.ipynb"
    ]


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("lovelaceada_60002_90_x.ipynb", "60002 is new for ada"),
        ("lovelaceada_14_90_x.ipynb", "14 was zoe"),
    ],
)
def test_who_takes_anothers_name_later_is_known_by_the_number(
    course: Path, tmp_path: Path, then: str, why: str
) -> None:
    """Where the roster has names only: a number of Canvas's lasts."""
    (course / "roster.csv").write_text("id,name\nada,Ada Lovelace\nzoe,Zoe Zimmer\n")
    first = {"lovelaceada_11_70_x.ipynb": notebook("ada"), "zimmerzoe_14_71_x.ipynb": notebook("z")}
    collect(course, sample.UNIT, zipped(tmp_path / "1.zip", first))
    again = zipped(tmp_path / "2.zip", {then: notebook("eve")})
    result = collect(course, sample.UNIT, again, replace_newer=True)
    assert handed_in(course, "ada") == notebook("ada")
    assert result.left_out[0][1].startswith(why)
    assert result.for_a_person


def named(unit: str | None) -> dict[str, bytes]:
    """A class's download that is of a unit, but for one that does not say so."""
    return {
        MOODLE.format(name=name, number=number, file="x.ipynb"): notebook(name, each)
        for name, number, each in (
            ("Ada Lovelace", 901, unit),
            ("Ben de la Müller", 902, unit),
            ("Eve Stranger", 999, unit),
            ("Cy O'Neil", 903, None),
        )
    }


def test_of_another_units_download_nothing_is_taken(course: Path, tmp_path: Path) -> None:
    """Also what does not say its unit: it would wait, broken, in a unit it was never meant for."""
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", named("other")))
    assert result.for_a_person
    assert set(states(result).values()) == {"missing"}
    reasons = dict(result.left_out)
    assert reasons.pop("Cy O'Neil_903_assignsubmission_file/x.ipynb") == (
        "it may be of another unit: nothing beside it is of sample"
    )
    assert set(reasons.values()) == {"it is a notebook of other, not of sample"}
    assert not list((course / "submitted").glob("*/sample"))


def test_among_its_own_what_does_not_say_its_unit_is_taken(course: Path, tmp_path: Path) -> None:
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", named(sample.UNIT)))
    assert states(result)["cy"] == "collected"


def test_a_zip_that_was_cut_off_is_refused_in_one_line_that_says_so(
    course: Path, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "d.zip", named(sample.UNIT))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match=r"^d\.zip cannot .* ends too early: was it cut off\?"):
        collect(course, sample.UNIT, path)


def test_of_a_folder_of_downloads_each_is_named_as_one(course: Path, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    zipped(tmp_path / "downloads/moodle.zip", named(sample.UNIT))
    result = collect(course, sample.UNIT, tmp_path / "downloads")
    assert len(result.left_out) == 4
    for _, problem in result.left_out:
        assert problem.endswith("if moodle.zip is a whole download, collect it by itself")


def test_one_reason_for_many_files_is_one_line() -> None:
    left_out = [(f"{number}.ipynb", "it is another") for number in range(12)]
    assert list(_by_reason([*left_out, ("a.ipynb", "nobody's")])) == [
        ("0.ipynb and 11 more (--json names them)", "it is another"),
        ("a.ipynb", "nobody's"),
    ]
