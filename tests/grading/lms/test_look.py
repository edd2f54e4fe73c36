"""What a download cannot settle is for a person, and no work that is in place is lost to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.grading.commands.collect import collect_command
from helpers.grading.lms.archive import MAX_INNER_MEMBERS
from helpers.grading.lms.collect import collect
from helpers.grading.lms.roster import parse_time
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
from tests.grading.lms.test_downloads import TEAMS, of_ada, zip_of

__all__ = ["course"]

LATER = (2026, 11, 21, 12, 0, 0)
GROUP = MOODLE.format(name="Team A", number=31, file="x.ipynb")


def test_a_groups_name_gives_nothing_where_one_of_it_handed_in_alone(
    course: Path, tmp_path: Path
) -> None:
    """A student may be called like a group."""
    (course / "roster.csv").write_text(TEAMS, encoding="utf-8")
    members = {GROUP: notebook("other"), of_ada("x.ipynb"): notebook("ada")}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert states(result) == {"ada": "collected", "ben": "missing", "cy": "missing"}
    assert handed_in(course, "ada") == notebook("ada")
    assert result.left_out == (
        (GROUP, "it is called like a group, but Ada Lovelace of that group handed in alone"),
    )


@pytest.mark.parametrize("kind", ["{} - hw{}.ipynb", "{} hw{}.ipynb"])
def test_of_two_files_that_only_a_name_gives_to_a_student_a_person_chooses(
    course: Path, tmp_path: Path, kind: str
) -> None:
    names = [kind.format("Ada Lovelace", copy) for copy in ("", " (1)")]
    different = {name: notebook(name) for name in names}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", different))
    assert states(result)["ada"] == "missing"
    assert {file for file, _ in result.left_out} == {*names}
    same = zipped(tmp_path / "e.zip", dict.fromkeys(names, notebook()))
    assert states(collect(course, sample.UNIT, same))["ada"] == "collected"


def test_a_mates_notebook_does_not_replace_a_members_own(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text(TEAMS, encoding="utf-8")
    both = {"ada/x.ipynb": notebook("ada"), "ben/x.ipynb": notebook("ben")}
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", both), groups=True)
    later = zipped(tmp_path / "e.zip", {"ada/x.ipynb": notebook("new")}, LATER)
    result = collect(course, sample.UNIT, later, groups=True)
    assert (states(result)["ada"], states(result)["ben"]) == ("replaced", "kept")
    assert handed_in(course, "ben") == notebook("ben")
    assert result.for_a_person


def test_a_mates_newer_notebook_replaces_the_mates_older_one(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text(TEAMS, encoding="utf-8")
    for mark, when in (("old", (2026, 11, 20, 12, 0, 0)), ("new", LATER)):
        download = zipped(tmp_path / f"{mark}.zip", {"ada/x.ipynb": notebook(mark)}, when)
        collect(course, sample.UNIT, download, groups=True)
    assert handed_in(course, "ben") == notebook("new")


@pytest.mark.parametrize("data", [b"", b'{"cells": [', notebook("x", unit=None)])
def test_what_can_be_read_is_not_replaced_by_what_cannot(
    course: Path, tmp_path: Path, data: bytes
) -> None:
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {"ada/x.ipynb": notebook()}))
    later = zipped(tmp_path / "e.zip", {"ada/x.ipynb": data}, LATER)
    result = collect(course, sample.UNIT, later)
    assert states(result)["ada"] == "kept"
    assert result.for_a_person
    assert handed_in(course, "ada") == notebook()


def test_all_notebooks_of_a_students_zip_are_seen(course: Path, tmp_path: Path) -> None:
    held = zip_of(
        {
            "old.ipynb": notebook("old"),
            "a/new (1).ipynb.txt": notebook("txt"),
            "b.zip": zip_of({"inner.ipynb": notebook("inner")}),
        }
    )
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {of_ada("hw.zip"): held}))
    line = lines(result)["ada"]
    assert len({line.file, *line.remarks}) == 3
    assert line.look


def test_a_zip_in_a_students_zip_is_looked_into(course: Path, tmp_path: Path) -> None:
    held = zip_of({"b.zip": zip_of({"inner.ipynb": notebook("inner")})})
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {of_ada("hw.zip"): held}))
    assert handed_in(course, "ada") == notebook("inner")


def test_more_notebooks_in_a_zip_than_are_read_is_said(course: Path, tmp_path: Path) -> None:
    many = {f"{number}.ipynb": notebook() for number in range(MAX_INNER_MEMBERS + 1)}
    download = zipped(tmp_path / "d.zip", {of_ada("hw.zip"): zip_of(many)})
    left_out = dict(collect(course, sample.UNIT, download).left_out)
    assert left_out[of_ada("hw.zip")] == "of its 1001 notebooks only 1000 were read"


def test_other_files_of_a_students_zip_do_not_count(course: Path, tmp_path: Path) -> None:
    many = {f"venv/{number}.py": b"" for number in range(MAX_INNER_MEMBERS + 1)}
    held = zip_of({**many, "hw.ipynb": notebook("ada")})
    collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {of_ada("hw.zip"): held}))
    assert handed_in(course, "ada") == notebook("ada")


def test_what_lies_beside_a_notebook_is_named(course: Path, tmp_path: Path) -> None:
    members = {of_ada("x.ipynb"): notebook(), of_ada("corrected.7z"): b"7z"}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert lines(result)["ada"].remarks == (f"beside it, no notebook: {of_ada('corrected.7z')}",)


def test_a_platforms_own_text_is_not_what_a_student_handed_in(course: Path, tmp_path: Path) -> None:
    attempt = "HW 1_ada_attempt_2026-11-20-12-00-00"
    members = {f"{attempt}_x.ipynb": notebook(), f"{attempt}.txt": b"Name: Ada"}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert lines(result)["ada"].remarks == ()


def test_a_copy_that_jupyter_made_is_named_where_there_is_nothing_else(
    course: Path, tmp_path: Path
) -> None:
    copy = of_ada(".ipynb_checkpoints/x-checkpoint.ipynb")
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", {copy: notebook()}))
    line = lines(result)["ada"]
    assert line.remarks == (f"handed in {copy}, a copy that Jupyter made by itself",)
    beside = zipped(tmp_path / "e.zip", {copy: notebook(), of_ada("x.ipynb"): notebook()})
    assert lines(collect(course, sample.UNIT, beside))["ada"].remarks == ()


DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_nbgraders_own_time_beside_a_notebook_is_when_it_was_handed_in(
    course: Path, tmp_path: Path
) -> None:
    members = {}
    for name, day in (("ada", 19), ("ben", 21)):
        members[f"submitted/{name}/{sample.UNIT}/x.ipynb"] = notebook(name)
        stamp = f"2026-11-{day} 10:00:00 UTC\n".encode()
        members[f"submitted/{name}/{sample.UNIT}/timestamp.txt"] = stamp
    result = lines(collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members), due=DUE))
    assert (result["ada"].late, result["ben"].late) == (False, True)
    assert result["ada"].remarks == ()


def test_a_time_of_a_students_own_making_says_nothing(course: Path, tmp_path: Path) -> None:
    members = {
        of_ada(f"{sample.UNIT}/x.ipynb"): notebook(),
        of_ada(f"{sample.UNIT}/timestamp.txt"): b"2026-11-01 10:00:00 UTC",
    }
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members), due=DUE)
    assert lines(result)["ada"].late is None


def test_for_whom_lateness_is_not_known_is_said(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster = "id,name,handed_in\nada,Ada Lovelace,2026-11-19T10:00\nben,Ben Müller,Freitag\n"
    (course / "roster.csv").write_text(roster, encoding="utf-8")
    members = {
        MOODLE.format(name=name, number=1, file="x.ipynb"): notebook()
        for name in ("Ada Lovelace", "Ben Müller")
    }
    download = zipped(tmp_path / "d.zip", members)
    collect_command(
        *(course, sample.UNIT, download, None, "2026-11-20"),
        replace_newer=False,
        groups=False,
        as_json=False,
    )
    assert "Who is late is not in this download for ben;" in capsys.readouterr().out


@pytest.mark.parametrize(
    "members",
    [
        {},
        {of_ada("x.pdf"): b"%PDF"},
        {of_ada("x.ipynb"): b""},
        {of_ada("x.ipynb"): notebook()[:40]},
        {"ada/a.ipynb": notebook("a"), "ada/b.ipynb": notebook("b")},
    ],
    ids=["nothing in it", "no notebook", "an empty file", "a cut file", "two of one time"],
)
def test_what_a_person_should_see_is_no_success(
    course: Path, tmp_path: Path, members: dict[str, bytes]
) -> None:
    assert collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members)).for_a_person


def test_of_two_of_one_time_the_one_that_somebody_worked_on_is_taken(
    course: Path, tmp_path: Path
) -> None:
    released = course / "release" / sample.UNIT / f"{sample.UNIT}.ipynb"
    released.parent.mkdir(parents=True, exist_ok=True)
    released.write_bytes(notebook("as released"))
    members = {"ada/a.ipynb": notebook("worked on"), "ada/z.ipynb": notebook("as released")}
    result = collect(course, sample.UNIT, zipped(tmp_path / "d.zip", members))
    assert handed_in(course, "ada") == notebook("worked on")
    assert lines(result)["ada"].remarks == (
        "handed in twice: not taken is ada/z.ipynb, which nobody worked on",
    )
    assert not result.for_a_person


def test_the_result_says_who_is_to_be_looked_at(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download = zipped(tmp_path / "d.zip", {of_ada("x.pdf"): b"%PDF", "ben/x.ipynb": notebook()})
    code = collect_command(
        *(course, sample.UNIT, download, None, None),
        replace_newer=False,
        groups=False,
        as_json=True,
    )
    shown = json.loads(capsys.readouterr().out)
    assert code == 3
    assert [each["student"] for each in shown["students"] if each["look"]] == ["ada"]


@pytest.mark.parametrize(
    "text",
    [
        "Friday, 20 November 2026, 11:58 PM",
        "Friday, 20 November 2026, 11:58\u202fPM",
        "Friday, 20 November 2026, 23:58",
        "Friday, November 20, 2026, 11:58 PM",
        "Friday, November 20, 2026, 23:58",
    ],
)
def test_every_english_way_to_write_a_time_is_read(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 20, 23, 58).astimezone(UTC)


def test_a_number_of_an_earlier_assignment_does_not_beat_the_address(
    course: Path, tmp_path: Path
) -> None:
    """Ben's number of last time is Ada's now."""
    sheet = (
        "Identifier,Full name,Email address\nParticipant 902,Ada Lovelace,ada@uni.example\n"
        "Participant 903,Ben Müller,ben@uni.example\n"
    )
    (tmp_path / "sheet.csv").write_text(sheet, encoding="utf-8")
    members = {MOODLE.format(name="Ada Lovelace", number=902, file="x.ipynb"): notebook("ada")}
    download = zipped(tmp_path / "d.zip", members)
    result = collect(course, sample.UNIT, download, roster=tmp_path / "sheet.csv")
    assert states(result) == {"ada": "collected", "ben": "missing"}


def test_a_blind_worksheet_takes_no_state_for_a_name(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").unlink()
    sheet = "ID,Status\nTeilnehmer/in 901,Keine Abgabe\nTeilnehmer/in 902,Keine Abgabe\n"
    (tmp_path / "sheet.csv").write_text(sheet, encoding="utf-8")
    members = {MOODLE.format(name="Teilnehmerin", number=901, file="x.ipynb"): notebook()}
    download = zipped(tmp_path / "d.zip", members)
    result = collect(course, sample.UNIT, download, roster=tmp_path / "sheet.csv")
    assert states(result) == {"901": "collected", "902": "missing"}
