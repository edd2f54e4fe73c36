"""No name that a student can choose makes a file count as somebody else's, whatever the platform
and whatever the roster knows of her."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading.lms.names import forms, spaced
from helpers.grading.lms.owners import Found, Owners
from helpers.grading.lms.platform import Student
from tests.grading.lms.platform_names import WRITERS, Chosen, Given, canvas, moodle
from tests.grading.lms.test_owners import ADA, BEN, EVE

GIVEN = Given()
#: What the roster knows of the one who chooses.
ROSTERS = {
    "her numbers": (ADA, BEN, EVE),
    "her name alone": (ADA, BEN, replace(EVE, ids={})),
    "nothing": (ADA, BEN),
}
META = b"submission_9:\n  :submitters:\n  - {':name': %s, ':email': eve@uni.example}\n"

#: Pieces of what platforms write, and of other students.
PIECES = st.sampled_from(
    """ada|Ada Lovelace|Lovelace, Ada|lovelaceada|Ben de la Müller|ada-l|ada01|_|__|___| | - |-|/|
    11|12|901|4711|50001|9999999999|lovelaceada__11___9999999999__a|__11___9999999999__|_11_70_|
    LATE|_LATE_|anon|anon_|aB3xY|Team A|_901_assignsubmission_file_|_attempt_2026-11-20-12-00-00_|
    Lovelace_Ada_ada01_4711|hw-submissions|hw-ada-l|submission_7|x|hw|.ipynb|\u202e|ａｄａ|.""".replace(
        "\n    ", ""
    ).split("|")
)
WORDS = st.lists(PIECES, max_size=6).map("".join) | st.text(max_size=12)
NAMES = st.builds(Chosen, name=WORDS, login=WORDS, folder=WORDS, file=WORDS)


def found_for(chosen: Chosen, path: str, students: tuple[Student, ...]) -> Found:
    paths = [PurePosixPath(path), PurePosixPath("other", "x")]
    name = chosen.name.encode("unicode_escape", "replace").replace(b"'", b"")
    sidecars = {PurePosixPath("submission_metadata.yml"): META % (b"'" + name + b"'")}
    return Owners(students, paths, sidecars).find(paths[0])


@settings(max_examples=200)
@given(st.sampled_from(WRITERS), st.sampled_from(sorted(ROSTERS)), NAMES)
def test_no_chosen_name_hands_in_for_somebody_else(
    write: Callable[[Chosen, Given], str], known: str, chosen: Chosen
) -> None:
    found = found_for(chosen, write(chosen, GIVEN), ROSTERS[known])
    others = {each.id for each in found.students} - {"eve"}
    # Moodle's numbers are new ones in each assignment: who calls herself exactly like somebody
    # else is told apart by a list of this assignment's numbers, or by the other's own hand-in.
    name = spaced(found.claim.owner)
    alike = [each.id for each in (ADA, BEN) if name in {*forms(each.name), spaced(each.group)}]
    assert others <= (set(alike) if found.claim.platform == "moodle" else set())


@pytest.mark.parametrize("number", ["50001", "60002"])
def test_a_name_that_holds_another_number_is_for_a_person(number: str) -> None:
    """Also where the one who chose it is in no roster."""
    for name in ("lovelaceada__11___9999999999__a", "lovelaceada_11", "lovelaceada_11_a"):
        chosen = Chosen(name, "", "", "hw")
        path = canvas(chosen, replace(GIVEN, canvas=number))
        assert found_for(chosen, path, ROSTERS["her numbers"]).students == ()


@pytest.mark.parametrize("file", ["02_flops", "10_many_devices", "hw_2_3_x"])
def test_numbers_in_a_files_own_name_are_not_taken_for_a_students(file: str) -> None:
    for late in ("", "_LATE"):
        path = PurePosixPath(f"lovelaceada{late}_11_67890_{file}.ipynb")
        beside = PurePosixPath(f"müllerben_12_67911_{file}.ipynb")
        found = Owners((ADA, BEN, EVE), [path, beside], {}).find(path)
        assert [each.id for each in found.students] == ["ada"]


def test_a_name_alone_is_not_enough_where_others_have_numbers() -> None:
    students = (replace(ADA, ids={}), BEN, EVE)
    found = found_for(Chosen("", "", "", ""), "lovelaceada_60002_77_x.ipynb", students)
    assert found.problem == "the roster has no canvas number of Ada Lovelace: is it 60002?"


def test_with_the_assignments_own_numbers_a_name_is_not_enough_on_moodle_either() -> None:
    path = PurePosixPath(moodle(Chosen("Ada Lovelace", "", "", "hw"), replace(GIVEN, moodle="999")))
    owners = Owners((ADA, BEN, EVE), [path], {}, numbers_are_current=True)
    assert owners.find(path).problem.startswith("999 is not Ada Lovelace's number")
