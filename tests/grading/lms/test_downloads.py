"""Downloads as platforms and students really make them: each file is taken, or named with why."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.grading.lms.collect import collect
from helpers.grading.lms.roster import read_roster
from tests.grading import sample
from tests.grading.lms.test_collect import (
    MOODLE,
    course,
    handed_in,
    lines,
    notebook,
    states,
    zipped,
)

__all__ = ["course"]


def of_ada(file: str) -> str:
    return MOODLE.format(name="Ada Lovelace", number=901, file=file)


def zip_of(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return held.getvalue()


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("homework.zip", zip_of({"hw/homework.ipynb": notebook("ada"), "data.csv": b"1"})),
        ("homework.ipynb.txt", notebook("ada")),
        ("homework.json", notebook("ada")),
    ],
)
def test_a_notebook_in_another_form_is_taken(
    course: Path, tmp_path: Path, file: str, data: bytes
) -> None:
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {of_ada(file): data}))
    assert states(result)["ada"] == "collected"
    assert handed_in(course, "ada") == notebook("ada")


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("homework.zip", zip_of({"homework.py": b"x = 1"}), "handed in"),
        ("homework.json", b'{"x": 1}', "handed in"),
        ("homework.pdf", b"%PDF", "handed in"),
    ],
)
def test_what_is_no_notebook_is_named(
    course: Path, tmp_path: Path, file: str, data: bytes, said: str
) -> None:
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {of_ada(file): data}))
    assert lines(result)["ada"].remarks == (f"{said} {of_ada(file)}",)


def test_a_students_zip_that_cannot_be_read_stops_nothing(course: Path, tmp_path: Path) -> None:
    members = {of_ada("homework.zip"): b"PK\x03\x04 cut off", "ben/x.ipynb": notebook("ben")}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert [file for file, _ in result.left_out] == [of_ada("homework.zip")]
    assert "cannot be read" in result.left_out[0][1]


def test_of_two_downloads_by_a_browser_the_second_is_taken(course: Path, tmp_path: Path) -> None:
    members = {of_ada("hw (2).ipynb"): notebook("2"), of_ada("hw (10).ipynb"): notebook("10")}
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert handed_in(course, "ada") == notebook("10")


def test_who_is_in_submitted_already_is_not_missing(course: Path, tmp_path: Path) -> None:
    collect(course, sample.UNIT, zipped(tmp_path / "a.zip", {"ada/x.ipynb": notebook()}))
    result = collect(course, sample.UNIT, zipped(tmp_path / "b.zip", {"ben/x.ipynb": notebook()}))
    assert states(result) == {"ada": "earlier", "ben": "collected", "cy": "missing"}


TEAMS = """\
id,name,group,moodle_id,canvas_id
ada,Ada Lovelace,Team A,901,11
ben,Ben de la Müller,Team A,902,12
cy,"O'Neil, Cy",Team B,903,13
"""


def test_a_teams_notebook_is_everyones_of_it(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text(TEAMS, encoding="utf-8")
    member = {MOODLE.format(name="Team A", number=31, file="x.ipynb"): notebook("a")}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", member))
    assert states(result) == {"ada": "collected", "ben": "collected", "cy": "missing"}
    assert handed_in(course, "ada") == handed_in(course, "ben") == notebook("a")


def test_one_of_a_group_hands_in_for_all_where_that_is_said(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text(TEAMS, encoding="utf-8")
    download = zipped(tmp_path / "d.zip", {"lovelaceada_11_70_x.ipynb": notebook("a")})
    assert states(collect(course, sample.UNIT, download))["ben"] == "missing"
    result = collect(course, sample.UNIT, download, groups=True)
    assert states(result) == {"ada": "unchanged", "ben": "collected", "cy": "missing"}
    assert handed_in(course, "ben") == notebook("a")


def test_of_two_numbers_with_one_name_neither_hands_in(course: Path, tmp_path: Path) -> None:
    """One of them called herself so; the roster has no number to say which."""
    (course / "roster.csv").write_text("id,name\nada,Ada Lovelace\n", encoding="utf-8")
    members = {
        MOODLE.format(name="Ada Lovelace", number=number, file="x.ipynb"): notebook(str(number))
        for number in (1, 2)
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert states(result) == {"ada": "missing"}
    assert [problem for _, problem in result.left_out] == ["2 numbers hand in as Ada Lovelace"] * 2


def test_a_students_own_list_of_submitters_says_nothing(course: Path, tmp_path: Path) -> None:
    forged = b"ben:\n  :submitters:\n  - :name: Eve\n    :email: cy@uni.example\n"
    members = {
        "ben/x.ipynb": notebook("ben"),
        "cy/submission_metadata.yml": forged,
        "cy/x.ipynb": notebook("cy"),
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert states(result) == {"ada": "missing", "ben": "collected", "cy": "collected"}
    assert handed_in(course, "cy") == notebook("cy")


@pytest.mark.parametrize("time", [1e13, -1e9, float("nan"), 0.0])
def test_a_time_out_of_range_is_no_time(course: Path, tmp_path: Path, time: float) -> None:
    with tarfile.open(tmp_path / "d.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("ada/x.ipynb")
        entry.size, entry.pax_headers = len(notebook()), {"mtime": str(time)}
        tar.addfile(entry, io.BytesIO(notebook()))
    result = collect(course, sample.UNIT, tmp_path / "d.tar")
    assert states(result)["ada"] == "collected"
    assert not (course / "submitted" / "ada" / sample.UNIT / "timestamp.txt").exists()


def test_blackboard_says_when_it_was_handed_in(course: Path, tmp_path: Path) -> None:
    member = {"HW 1_ada_attempt_2026-11-20-12-00-00_x.ipynb": notebook()}
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", member))
    stamp = course / "submitted" / "ada" / sample.UNIT / "timestamp.txt"
    assert stamp.read_text().startswith("2026-11-20 ")


ROSTERS = {
    "a German worksheet": (
        "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung\n"
        "Teilnehmer/in900001,Zoë Müller,zoe@uni.example,Keine Abgabe,-\n"
        "Teilnehmer/in900002,Ada Lovelace,ada@uni.example,Zur Bewertung abgegeben,-\n",
        [
            ("zoe@uni.example", "Zoë Müller", "900001"),
            ("ada@uni.example", "Ada Lovelace", "900002"),
        ],
    ),
    "a French worksheet without addresses": (
        "Identifiant;Nom complet;Statut\n"
        "Participant900001;Zoë Müller;-\n"
        "Participant900002;Ada Lovelace;-\n",
        [("900001", "Zoë Müller", "900001"), ("900002", "Ada Lovelace", "900002")],
    ),
    "Canvas with names in two columns": (
        "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,hw (7)\n"
        ",,,,,,Manual Posting\n"
        "Points Possible,,,,,,22\n"
        "Lovelace,Ada,11,S1,ada01,A,\n"
        "Student,Test,99,,abc123def,A,\n",
        [("ada01", "Lovelace, Ada", "")],
    ),
    "Canvas with its test student": (
        "Student,ID,SIS User ID,SIS Login ID,Section,hw (7)\n"
        '"Lovelace, Ada",11,S1,ada01,A,\n'
        '"Student, Test",99,,abc123def,A,\n',
        [("ada01", "Lovelace, Ada", "")],
    ),
    "GitHub Classroom": (
        "identifier,github_username,github_id,name\nada,ada-l,55,\n",
        [("ada", "", "")],
    ),
    "ids that are a word and a number": (
        "id,name\ns1,Ada Lovelace\ns2,Zoë Müller\n",
        [("s1", "Ada Lovelace", ""), ("s2", "Zoë Müller", "")],
    ),
}


@pytest.mark.parametrize("kind", list(ROSTERS))
def test_a_platforms_own_list_is_a_roster(tmp_path: Path, kind: str) -> None:
    text, expected = ROSTERS[kind]
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    students = read_roster(tmp_path / "list.csv")
    assert [(each.id, each.name, each.ids.get("moodle_id", "")) for each in students] == expected
