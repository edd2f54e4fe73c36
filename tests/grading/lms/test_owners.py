"""Whose a file is: each platform's naming, and no name that a student can choose."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.lms.owners import Owners
from helpers.grading.lms.platform import Student

ADA = Student(
    "ada",
    "Ada Lovelace",
    "ada@uni.example",
    group="Team A",
    ids={"moodle_id": "901", "canvas_id": "11", "canvas_login": "ada01", "ilias_id": "4711"}
    | {"github_username": "ada-l"},
)
BEN = Student(
    "ben",
    "Ben de la Müller",
    "ben@uni.example",
    group="Team A",
    ids={"moodle_id": "902", "canvas_id": "12", "blackboard_login": "ben_m"},
)
EVE = Student("eve", "Eve", "eve@uni.example", ids={"moodle_id": "903", "canvas_id": "50001"})
CLASS = (ADA, BEN, EVE)
META = b"""
submission_7:
  :submitters:
  - :name: Ada Lovelace
    :sid: '11'
    :email: ada@uni.example
  - :name: Ben de la M\xc3\xbcller
    :email: ben@uni.example
  :created_at: 2026-11-20 12:00:00.5 Z
"""


RENAME = ": change the name in roster.csv, or give it to submitted/ yourself"
ALONE = "; if it is no student's folder, give what is in it alone"


def owners_of(
    path: str, *beside: str, students: tuple[Student, ...] = CLASS, meta: bytes = b""
) -> list[str]:
    """The ids of those whose the file is; or the problem, alone."""
    paths = [PurePosixPath(each) for each in (path, *beside)]
    sidecar = paths[0].parent.parent / "submission_metadata.yml"
    found = Owners(students, paths, {sidecar: meta}).find(paths[0])
    return [each.id for each in found.students] or [found.problem]


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("Ada Lovelace_901_assignsubmission_file/a b.ipynb", "ada"),
        ("Ada Lovelace_901_assignsubmission_file_/sub/hw.ipynb", "ada"),
        ("Ada Lovelace_901_assignsubmission_file_hw_1.ipynb", "ada"),
        ("Ada Lovelace_777_assignsubmission_file/numbers unknown.ipynb", "ada"),
        ("lovelaceada_11_678_homework-1.ipynb", "ada"),
        ("anon_LATE_aB3xY_678_hw.ipynb", "nobody in the roster is called anon"),
        ("delamüllerben_12_71_y-2.ipynb", "ben"),
        ("müllerben_12_71_a middle name is left out.ipynb", "ben"),
        ("HW 1_ada01_attempt_2026-11-20-12-00-00_hw_attempt_x.ipynb", "ada"),
        ("HW_1_ben_m_attempt_2026-11-20-12-00-00_hw.ipynb", "ben"),
        ("Lovelace_Ada_ada01_4711/20261120120000_hw.ipynb", "ada"),
        ("Team_7/Lovelace_Ada_ada01_4711/hw.ipynb", "ada"),
        ("hw-submissions/hw-ada-l/homework.ipynb", "ada"),
        ("Ada Lovelace - homework.ipynb", "ada"),
        ("Eve - homework.ipynb", "eve"),
        ("ada/x.ipynb", "ada"),
        ("submitted/ben/homework/homework.ipynb", "ben"),
        ("ada_x.ipynb", "ada"),
        ("ben@uni.example.ipynb", "ben"),
        ("ada01-homework.ipynb", "ada"),
        ("Ada Lovelace homework.ipynb", "ada"),
        ("de la Müller Ben - final.ipynb", "ben"),
        ("De La Mu\u0308ller, Ben/from macOS.ipynb", "ben"),
    ],
)
def test_every_naming_leads_to_its_student(path: str, owner: str) -> None:
    assert owners_of(path) == [owner]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        # A group's number is somebody's number.
        (
            "Team C_903_assignsubmission_file/x.ipynb",
            "903 is Eve, but it is named Team C" + RENAME,
        ),
        # A name that holds what the platform puts behind it.
        (
            "lovelaceada_11_9999999999_a_50001_77_x.ipynb",
            "its name can be read as Ada Lovelace or Eve's",
        ),
        ("x_11_9999999999_a_60002_77_x.ipynb", "its number can be read as 11 or 60002"),
        # Folders decide, and the first of them.
        ("hw1/zoe/ada.ipynb", "nobody in the roster is called zoe" + ALONE),
        ("zoe/ada/x.ipynb", "nobody in the roster is called zoe" + ALONE),
        ("zoe/lovelaceada_11_70_x.ipynb", "nobody in the roster is called zoe" + ALONE),
        (
            "zoe/HW_ada01_attempt_2026-11-20-12-00-00_x.ipynb",
            "nobody in the roster is called zoe" + ALONE,
        ),
    ],
)
def test_what_says_two_things_is_nobodys(path: str, problem: str) -> None:
    assert owners_of(path, *({"hw1/other/x.ipynb"} if path.startswith("hw1/") else {"o/x"})) == [
        problem
    ]


@pytest.mark.parametrize(
    ("ada", "ben"),
    [
        (
            "HW 1-77/Ada Lovelace_901_assignsubmission_file/x.ipynb",
            "HW 1-77/Ben Müller_902_assignsubmission_file/x.ipynb",
        ),
        ("Homework/Ada Lovelace - homework.ipynb", "Homework/Eve - homework.ipynb"),
        ("intro_to_dl_2026/ada/x.ipynb", "intro_to_dl_2026/ben/x.ipynb"),
        ("eve/ada/x.ipynb", "eve/ben/x.ipynb"),
        ("submitted/ada/hw/hw.ipynb", "submitted/ada/hw/data.csv"),
    ],
)
def test_a_folder_around_all_does_not_say_whose_they_are(ada: str, ben: str) -> None:
    """Also where it is called like a student, or as a platform calls a student's folder."""
    assert owners_of(ada, ben) == ["ada"]


@pytest.mark.parametrize(
    "inside",
    ["ada/hw.ipynb", "Ada Lovelace_901_assignsubmission_file/hw.ipynb", "ada_hw.ipynb"],
)
def test_what_lies_in_the_only_folder_may_be_of_its_owners_making(inside: str) -> None:
    assert owners_of(f"M. Mall/{inside}") == [
        "all lies in M. Mall, which may be one student's folder: if it is not, give what is in it"
    ]


REMEDY = "; if ada is no student's folder, give what is in it alone"


@pytest.mark.parametrize(
    ("inside", "called"),
    [
        ("eve_50001_777_homework.ipynb", "Eve"),
        ("strangermal_60001_777_homework.ipynb", "strangermal"),
        ("HW 1_eve_attempt_2026-11-20-12-00-00_homework.ipynb", "Eve"),
        ("Eve_903_assignsubmission_file_homework.ipynb", "Eve"),
        ("Eve_903_assignsubmission_file/homework.ipynb", "Eve"),
        ("Team A_31_assignsubmission_file/x.ipynb", "Ada Lovelace and Ben de la Müller"),
        ("Eve - homework.ipynb", "Eve"),
        ("hw-submissions/hw-eve/homework.ipynb", "Eve"),
        ("eve/homework.ipynb", "Eve"),
    ],
)
def test_what_is_called_as_anothers_is_not_of_whom_the_only_folder_is_called_like(
    inside: str, called: str
) -> None:
    """Nor is what does not say whose it is, beside it; what says it twice is that student's."""
    denied = [f"it lies in ada, but is called as {called}'s{REMEDY}"]
    assert owners_of(f"ada/{inside}") in (denied, ["ada/eve names several students"])
    assert owners_of(f"ada/{inside}", "ada/homework.ipynb", "readme.txt") == denied
    assert owners_of("ada/homework.ipynb", f"ada/{inside}") == [
        f"it lies in ada beside what is called as another's{REMEDY}"
    ]
    assert owners_of("ada/lovelaceada_11_70_x.ipynb", f"ada/{inside}") == ["ada"]


def test_names_in_the_only_folder_that_nobody_has_are_several_peoples_or_nobodys() -> None:
    zoe, mal = "ada/Zoe Ng - hw.ipynb", "ada/Mal Mall - hw.ipynb"
    assert owners_of(zoe, mal) == [f"it lies in ada, but is called as Zoe Ng's{REMEDY}"]
    assert owners_of("ada/HW 1/eve homework.ipynb") == [
        f"it lies in ada, but is called as Eve's{REMEDY}"
    ]
    final, figure = "ada/Final version - hw.ipynb", "ada/Figure - 1.png"
    assert owners_of(final, figure) == ["ada"]


def test_a_name_that_others_share_is_not_the_folders() -> None:
    students = (*CLASS, Student("a1", "Anna Schmidt"), Student("a2", "Anna Schmidt"))
    path = "Anna Schmidt - hw.ipynb"
    assert owners_of(f"ada/{path}", students=students) == [
        f"it lies in ada, but is called as Anna Schmidt's{REMEDY}"
    ]
    assert owners_of(f"a1/{path}", students=students) == ["a1"]


@pytest.mark.parametrize(
    "inside",
    [
        "homework.ipynb",
        "ada.ipynb",
        "hw_1/homework.ipynb",
        "Ada Lovelace - homework.ipynb",
        "lovelaceada_11_70_x.ipynb",
        "HW 1/lovelaceada_11_70_x.ipynb",
        "Ada Lovelace_901_assignsubmission_file/x.ipynb",
    ],
)
def test_what_denies_nothing_in_the_only_folder_is_its_owners(inside: str) -> None:
    assert owners_of(f"ada/{inside}", "ada/data.csv") == ["ada"]
    assert owners_of(f"submitted/ada/{inside}") == ["ada"]


def test_two_students_in_one_line_of_folders_are_for_a_person() -> None:
    assert owners_of("late/eve/ada/x.ipynb") == ["late/eve/ada names several students"]


def test_a_groups_folder_is_everyones_of_it() -> None:
    assert owners_of("Team A_31_assignsubmission_file/x.ipynb") == ["ada", "ben"]
    # Not where its number is that of a student, who may have called herself so.
    assert owners_of("Team A_903_assignsubmission_file/x.ipynb") == [
        "903 is Eve, but it is named Team A" + RENAME
    ]


def test_gradescope_says_who_submitted_in_a_file_beside() -> None:
    path = "assignment_1_export/submission_7/hw.ipynb"
    assert owners_of(path, meta=META) == ["ada", "ben"]
    assert owners_of("submission_8/hw.ipynb", "o/x", meta=META) == [
        "nobody in the roster is called submission_8" + ALONE
    ]


def test_under_anonymous_marking_the_number_alone_decides() -> None:
    other = "Teilnehmer_902_assignsubmission_file/y.ipynb"
    path = "Teilnehmer_901_assignsubmission_file/x.ipynb"
    assert owners_of(path, other) == ["ada"]


def test_two_of_one_name_are_told_so() -> None:
    twins = (Student("a1", "Anna Schmidt"), Student("a2", "Anna Schmidt"))
    assert owners_of("Anna Schmidt - hw.ipynb", students=twins) == [
        "2 students are called Anna Schmidt, and no number tells which it is"
    ]


@pytest.mark.parametrize(
    ("paths", "owners"),
    [
        (("Zoë Müller_7_assignsubmission_file/x.ipynb",), ["zoe-muller-7"]),
        (("lovelaceada_11_70_x.ipynb",), ["lovelaceada-11"]),
        (("Homework/Ada Lovelace - homework.ipynb", "Homework/Ben - hw.ipynb"), ["ada-lovelace"]),
        (("HW 1_ada01_attempt_2026-11-20-12-00-00_hw.ipynb",), ["ada01"]),
        (("submitted/ada/hw/hw.ipynb", "submitted/ben/hw/hw.ipynb"), ["ada"]),
        (
            ("Homework/x.ipynb", "Homework/y.ipynb"),
            ["x.ipynb does not say whose it is, and there is no roster"],
        ),
        (
            ("a_1_2_b_3_4_c.ipynb",),
            ["its name can be read in several ways: a roster tells"],
        ),
    ],
)
def test_without_a_roster_students_are_called_as_the_path_says(
    paths: tuple[str, ...], owners: list[str]
) -> None:
    assert owners_of(*paths, students=()) == owners


#: What a student may put into a name: pieces of what platforms write, and of other students.
PIECES = st.sampled_from(
    """ada|Ada Lovelace|lovelaceada|_|__|11|901|70|LATE| - |/|-|_11_70_|_901_assignsubmission_file_|
    _assignsubmission_file|_attempt_|ada01|2026-11-20-12-00-00|anon|Team A|x|hw|.ipynb|
    Lovelace_Ada_ada01_4711""".replace("\n    ", "").split("|")
)
CHOSEN = st.lists(PIECES, max_size=8).map("".join)


@given(CHOSEN, CHOSEN)
def test_no_file_name_in_a_platforms_download_hands_in_for_somebody_else(
    folder: str, file: str
) -> None:
    """Eve chooses what her files and folders are called; the platform writes the rest."""
    inside = re.sub("/+", "/", f"{folder}/{file}.ipynb").strip("/")
    flat = file.replace("/", "_") + ".ipynb"
    beside = "Ada Lovelace_901_assignsubmission_file/x.ipynb"
    for path in (
        f"Eve_903_assignsubmission_file/{inside}",
        f"Eve_903_assignsubmission_file_{flat}",
        f"HW 1_eve_attempt_2026-11-20-12-00-00_{flat}",
        f"Doe_Eve_eve_4712/20261120120000_{flat}",
        f"Doe_Eve_eve_4712/{inside}",
        f"hw-submissions/hw-eve/{inside}",
        f"eve/{inside}",
    ):
        assert "ada" not in owners_of(path, beside)
        assert "ben" not in owners_of(path, beside)


@given(CHOSEN, CHOSEN)
def test_no_name_of_ones_own_hands_in_for_somebody_else(name: str, file: str) -> None:
    """Eve's number is in the roster, and so are the others'."""
    flat = file.replace("/", "_")
    canvas = re.sub(r"_(\d+)_", r"\1", name.lower())
    canvas = re.sub(r"\W", "", canvas)
    moodle = name.replace("_", " ").replace("/", "")
    for path in (
        f"{canvas}_50001_77_{flat}.ipynb",
        f"{moodle}_903_assignsubmission_file/{flat}.ipynb",
    ):
        assert {*owners_of(path, "o/x")} & {"ada", "ben"} == set()


def test_a_list_of_submitters_counts_only_beside_the_folders_that_it_names() -> None:
    """In the only folder it may be of a student's making; so may one that names other folders."""
    forged = META.replace(b"submission_7", b"eve")
    assert owners_of("o/eve/x.ipynb", "o/ben/x.ipynb", meta=forged) == ["eve"]
    assert owners_of("eve/submission_7/x.ipynb", meta=META) == ["eve"]
    assert owners_of("M. Mall/submission_7/x.ipynb", meta=META) != ["ada", "ben"]


def gradescope(*submitters: str, students: tuple[Student, ...] = CLASS) -> list[str]:
    people = "".join(f"\n  - {{{who}}}" for who in submitters)
    meta = f"submission_7:\n  :submitters:{people}\n".encode()
    return owners_of("assignment_1_export/submission_7/hw.ipynb", students=students, meta=meta)


def test_gradescopes_submitters_are_found_by_address_or_number_before_the_name() -> None:
    ada = Student("ada", "Ada Lovelace", "ada@uni.example", ids={"sis_id": "S-1"})
    ben = Student("ben", "Ben Müller")
    both = (ada, ben)
    mail, name = '":email": ', '":name": '
    assert gradescope(f"{name}Countess, {mail}ada@uni.example", students=both) == ["ada"]
    private = f'{name}Countess, ":sid": S-1, {mail}a@mail.example'
    assert gradescope(private, students=both) == ["ada"]
    assert gradescope(f"{name}Ben Müller, {mail}b@mail.example", students=both) == ["ben"]
    assert gradescope(f"{name}Ada Lovelace, {mail}eve@mail.example", students=both) == [
        "eve@mail.example is not Ada Lovelace's address in the roster, which is ada@uni.example"
    ]
    assert gradescope(f"{name}Ben Müller, {mail}ada@uni.example", students=both) == [
        f"ada@uni.example is Ada Lovelace, but it is named Ben Müller{RENAME}"
    ]


def test_who_is_named_with_a_known_submitter_but_is_not_found_is_said() -> None:
    meta = (
        b"submission_7:\n  :submitters:\n  - {':name': Eve, ':email': eve@uni.example}\n"
        b"  - {':name': Ada Lovelace, ':email': x@mail.example}\n"
    )
    path = PurePosixPath("assignment_1_export/submission_7/hw.ipynb")
    sidecar = PurePosixPath("assignment_1_export/submission_metadata.yml")
    found = Owners(CLASS, [path], {sidecar: meta}).find(path)
    assert [each.id for each in found.students] == ["eve"]
    assert found.problem.startswith("x@mail.example is not Ada Lovelace's address")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lovelaceada_99999_70_x.ipynb", "99999 is not Ada Lovelace's number in the roster"),
        ("Lovelace_Ada_ada01_99999/x.ipynb", ""),
        ("Lovelace_Ada_mal_99999/x.ipynb", "99999 is not Ada Lovelace's number in the roster"),
    ],
)
def test_a_name_under_another_lasting_number_is_nobodys(path: str, said: str) -> None:
    assert owners_of(path)[0].startswith(said or "ada")


def test_a_passing_number_counts_where_the_roster_has_those_of_this_assignment() -> None:
    path = PurePosixPath("Ada Lovelace_777_assignsubmission_file/x.ipynb")
    for current, problem in (
        (False, ""),
        (True, "777 is not Ada Lovelace's number in the roster, which is 901"),
    ):
        assert Owners(CLASS, [path], {}, numbers_are_current=current).find(path).problem == problem


@pytest.mark.parametrize(
    ("name", "folder"),
    [("राम कुमार", "रमा कमार"), ("Anna Lee", "Ann Alee"), ("राम", "रमा"), ("Anna Lee", "AnnaLee")],
)
def test_vowel_signs_and_the_ends_of_words_tell_names_apart(name: str, folder: str) -> None:
    students = (Student("a", name), Student("b", "Bob Ross"))
    beside = "Bob Ross/x.ipynb"
    assert owners_of(f"{name}/x.ipynb", beside, students=students) == ["a"]
    assert owners_of(f"{folder}/x.ipynb", beside, students=students) != ["a"]
    assert owners_of(f"{folder}_7_assignsubmission_file/x.ipynb", beside, students=students) != [
        "a"
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Ben Müller", "Mueller_Ben_login_5/x.ipynb"),
        ("Ben Müller", "Muller_Ben_login_5/x.ipynb"),
        ("Anna Groß", "Gros_Anna_login_5/x.ipynb"),
        ("Anna Groß", "Gross_Anna_login_5/x.ipynb"),
        ("Łukasz Nowak", "Nowak_Lukasz_login_5/x.ipynb"),
        ("Joerg Mueller", "Team 7/Müller_Jörg_login_5/x.ipynb"),
    ],
)
def test_beside_a_number_a_name_may_be_spelt_in_any_usual_way(name: str, path: str) -> None:
    assert owners_of(path, students=(Student("one", name, ids={"ilias_id": "5"}),)) == ["one"]


def test_what_only_another_platform_calls_a_file_weighs_as_little_as_any_name() -> None:
    paths = [
        PurePosixPath(each)
        for each in (
            "Ada Lovelace_901_assignsubmission_file_x.ipynb",
            "Ada Lovelace - hw.ipynb",
            "Eve - hw.ipynb",
        )
    ]
    assert Owners(CLASS, paths, {}).find(paths[0]).by == "file"


def test_a_login_that_is_another_students_id_is_not_nobodys() -> None:
    students = (Student("ada"), Student("mal", ids={"github_username": "ada"}))
    problem = "2 students are called ada, and no number tells which it is"
    assert owners_of("ada/x.ipynb", "mal/x.ipynb", students=students) == [problem + ALONE]
    blackboard = "HW_ada_attempt_2026-11-20-12-00-00_x.ipynb"
    assert owners_of(blackboard, students=students) == [problem]
    assert owners_of("hw-submissions/hw-ada/x.ipynb", students=students) == ["mal"]


def test_canvass_test_student_is_named_so() -> None:
    assert owners_of("studenttest_99_70_x.ipynb") == ["it is of Canvas's test student"]


@pytest.mark.parametrize(
    ("one", "other", "called"),
    [("Zoë", "Zoe", "Zoe"), ("张伟01", "李娜01", "01"), ("u_a_b_1", "u_a_c_1", "u-a-1")],
)
def test_without_a_roster_two_students_never_become_one(one: str, other: str, called: str) -> None:
    assert owners_of(f"{one}/x.ipynb", f"{other}/x.ipynb", students=()) == [
        f"several would be called {called}: a roster.csv tells them apart"
    ]


@pytest.mark.parametrize(
    ("path", "beside", "owner"),
    [
        ("submitted/ada/hw/hw.ipynb", (), "ada"),
        ("ada/hw.ipynb", ("ada/data.csv",), "ada"),
        ("intro_to_dl_2026/ada/x.ipynb", ("intro_to_dl_2026/ben/x.ipynb",), "ada"),
    ],
)
def test_without_a_roster_a_folder_around_all_is_nobody(
    path: str, beside: tuple[str, ...], owner: str
) -> None:
    assert owners_of(path, *beside, students=()) == [owner]


@given(CHOSEN, CHOSEN, st.sampled_from(["eve", "M. Mall", "Eve_903_assignsubmission_file"]))
def test_nothing_in_the_only_folder_hands_in_for_somebody_else(
    folder: str, file: str, only: str
) -> None:
    """Also with a list of submitters of one's own, and whether the roster knows the owner."""
    inside = re.sub("/+", "/", f"{folder}/{file}.ipynb").strip("/")
    path = PurePosixPath(f"{only}/{inside}")
    meta = META.replace(b"submission_7", inside.split("/")[0].encode())
    sidecars = {each / "submission_metadata.yml": meta for each in path.parents if each.parts}
    found = Owners(CLASS, [path], sidecars).find(path)
    assert {each.id for each in found.students} <= {"eve"}
