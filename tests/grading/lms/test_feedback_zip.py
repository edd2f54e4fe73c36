"""Pages of feedback, called as Moodle and Canvas take them back."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.lms.collect import collect
from helpers.grading.lms.feedback_zip import TAKERS, zip_feedback
from helpers.grading.lms.origins import Origin, add_origins, read_origins
from tests.grading import sample
from tests.grading.lms.test_collect import ROSTER, notebook, zipped

UNIT = sample.UNIT
GROUPS = """\
id,name,group
ada,Ada Lovelace,Team B
ben,Ben de la Müller,Team B
cy,"O'Neil, Cy",Team C
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    made = sample.make_course(tmp_path / "course")
    (made / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return made


def pages_of(course: Path, *students: str) -> dict[str, list[Path]]:
    pages = {}
    for student in students:
        page = course / "feedback" / student / UNIT / f"{UNIT}.html"
        page.parent.mkdir(parents=True)
        page.write_text(f"for {student}")
        pages[student] = [page]
    return pages


def packed(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def moodle_takes(name: str) -> tuple[str, str] | None:
    """Whose a file of a zip is, and how it is then called, as Moodle since 3.1 reads it."""
    parts = name.split("/")
    while parts:
        info = parts.pop(0).split("_", 4)
        if len(info) < 4 or not info[1].isdecimal():
            continue
        if (info[2], info[3]) not in (("assignsubmission", "file"), ("assignfeedback", "file")):
            continue
        return info[1], "/".join([*(info[4:] or [""]), *parts])
    return None


def canvas_takes(name: str) -> tuple[str, str]:
    """The user's number and that of the file that was handed in, as Canvas reads them."""
    parts = [part for part in name.split("_") if part != "LATE"]
    if parts[0] == "anon":
        return parts[1], parts[2]
    user, file, *_ = [part for part in parts if re.fullmatch(r"\d+", part)]
    return user, file


def test_moodle_gives_each_page_to_who_handed_in(course: Path, tmp_path: Path) -> None:
    members = {
        f"Ada Lovelace_5001_assignsubmission_file/{UNIT}.ipynb": notebook("a"),
        f"Ben de la Müller_5002_assignsubmission_file_{UNIT}.ipynb": notebook("b"),
    }
    collect(course, UNIT, zipped(tmp_path / "download.zip", members))
    pages = pages_of(course, "ada", "ben", "cy")
    lines, complete = zip_feedback(course, UNIT, "moodle", pages, tmp_path / "back.zip")
    found = {moodle_takes(name): text for name, text in packed(tmp_path / "back.zip").items()}
    assert found == {("5001", f"{UNIT}.html"): "for ada", ("5002", f"{UNIT}.html"): "for ben"}
    assert lines[0].startswith(f"2 pages in {tmp_path / 'back.zip'}: Submissions → ")
    assert lines[1:] == ["NOT in it, as not collected from moodle: cy"]
    assert not complete


def test_canvas_gives_each_page_to_the_file_that_was_handed_in(
    course: Path, tmp_path: Path
) -> None:
    members = {
        f"lovelaceada_11_70001_{UNIT}.ipynb": notebook("a"),
        f"lovelaceada_11_70009_{UNIT}-1.ipynb": notebook("aa"),
        f"delamullerben_LATE_12_70002_2_{UNIT}.ipynb": notebook("b"),
    }
    collect(course, UNIT, zipped(tmp_path / "download.zip", members))
    zip_feedback(course, UNIT, "canvas", pages_of(course, "ada", "ben"), tmp_path / "back.zip")
    found = {canvas_takes(name): text for name, text in packed(tmp_path / "back.zip").items()}
    assert found == {("11", "70009"): "for ada", ("12", "70002"): "for ben"}


def test_a_group_that_moodle_knows_gets_one_page(course: Path, tmp_path: Path) -> None:
    (course / "roster.csv").write_text(GROUPS, encoding="utf-8")
    members = {f"Team B_77_assignsubmission_file/{UNIT}.ipynb": notebook("a")}
    collect(course, UNIT, zipped(tmp_path / "download.zip", members))
    pages = pages_of(course, "ada", "ben")
    lines, complete = zip_feedback(course, UNIT, "moodle", pages, tmp_path / "back.zip")
    assert [moodle_takes(name) for name in packed(tmp_path / "back.zip")] == [
        ("77", f"{UNIT}.html")
    ]
    assert lines[1] == "one page for all of a group, as moodle knows it: ben (ada's)"
    assert complete
    assert not read_origins(course, UNIT)["ben"].own


def test_a_second_download_adds_to_the_first(course: Path, tmp_path: Path) -> None:
    for name, number in [("Ada Lovelace", 5001), ("Ben de la Müller", 5002)]:
        members = {f"{name}_{number}_assignsubmission_file/{UNIT}.ipynb": notebook(name)}
        collect(course, UNIT, zipped(tmp_path / f"{number}.zip", members))
    assert {who: origin.number for who, origin in read_origins(course, UNIT).items()} == {
        "ada": "5001",
        "ben": "5002",
    }


def test_who_was_collected_from_elsewhere_is_counted_and_who_was_not_is_named(
    course: Path, tmp_path: Path
) -> None:
    add_origins(
        course,
        UNIT,
        {
            "ada": Origin("moodle", "Ada", "5001"),
            "ben": Origin("canvas", "ben", "12", 70002),
            "cy": Origin("canvas", "cy", "13", 70003),
        },
    )
    pages = pages_of(course, "ada", "ben", "cy", "dan")
    lines, complete = zip_feedback(course, UNIT, "moodle", pages, tmp_path / "back.zip")
    assert lines[1:] == [
        "NOT in it, as collected from elsewhere: 2 from canvas",
        "NOT in it, as not collected from moodle: dan",
    ]
    assert not complete


def test_moodles_own_list_stands_for_a_download(course: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Identifier,Full name,Email address\n"
        "Participant 5001,Ada Lovelace,ada@uni.example\n"
        "Participant 5002,Ben de la Müller,ben@uni.example\n"
    )
    pages = pages_of(course, "ada", "ben")
    zip_feedback(course, UNIT, "moodle", pages, tmp_path / "back.zip", sheet)
    found = {moodle_takes(name): text for name, text in packed(tmp_path / "back.zip").items()}
    assert found == {("5001", f"{UNIT}.html"): "for ada", ("5002", f"{UNIT}.html"): "for ben"}


@pytest.mark.parametrize(
    ("to", "said"),
    [("gradescope", "pages go back to moodle, canvas"), ("canvas", "collect .* from it first")],
)
def test_where_nothing_can_go_back_nothing_is_written(
    course: Path, tmp_path: Path, to: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        zip_feedback(course, UNIT, to, pages_of(course, "ada"), tmp_path / "back.zip")
    assert not (tmp_path / "back.zip").exists()


@pytest.mark.parametrize("kept", ["", "[]", '{"ada": {}}', '{"ada": 1}', '{"ada": {"owner": 1}}'])
def test_a_damaged_list_of_origins_stops_before_anything_is_changed(
    course: Path, tmp_path: Path, kept: str
) -> None:
    add_origins(course, UNIT, {"ada": Origin("moodle", "Ada", "5001")})
    path = course / "submitted" / f"{UNIT}.origins.json"
    path.write_text(kept)
    members = {f"Ben de la Müller_5002_assignsubmission_file/{UNIT}.ipynb": notebook("b")}
    with pytest.raises(ValueError, match="cannot be read: remove it"):
        collect(course, UNIT, zipped(tmp_path / "download.zip", members))
    assert path.read_text() == kept
    assert not (course / "submitted" / "ben").exists()


@given(st.text(max_size=20), st.from_regex(r"[0-9]{1,9}", fullmatch=True), st.integers(1, 10**15))
def test_no_name_leads_a_page_to_somebody_else(owner: str, number: str, order: int) -> None:
    origin = Origin("", owner, number, order)
    file = f"{UNIT}.html"
    assert moodle_takes(TAKERS["moodle"].feedback_name(origin, file)) == (number, file)
    assert canvas_takes(TAKERS["canvas"].feedback_name(origin, file)) == (number, str(order))


def test_what_is_kept_is_what_was_read(course: Path) -> None:
    add_origins(course, UNIT, {"ada": Origin("canvas", "anon", "a1B2c", 70001)})
    kept = json.loads((course / "submitted" / f"{UNIT}.origins.json").read_text())
    assert kept["ada"]["number"] == "a1B2c"
    assert read_origins(course, UNIT) == {"ada": Origin("canvas", "anon", "a1B2c", 70001)}
