"""A course written as notebooks is graded: all of them, with what lies beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from helpers.authoring.notebooks import find_unit, find_units
from helpers.grading.class_run import (
    ClassResult,
    Options,
    SubmissionResult,
    grade_class,
    headings_of,
)
from helpers.grading.commands.grade import as_data, print_table
from helpers.grading.engine.grade_submission import CellScore
from helpers.grading.handin.ipynb import kernel_of, read_notebook, shown_lines
from helpers.grading.handin.template import make_template
from helpers.grading.lms.export import grades_of
from helpers.grading.nbgrader.config import open_course
from helpers.grading.nbgrader.course_files import graded_notebooks
from helpers.grading.preprocessors import Rebuild
from helpers.grading.report.data import read_class
from helpers.grading.report.feedback import write_feedback
from helpers.grading.sandbox.inside.fork_server import COPIED
from helpers.grading.sandbox.registry import BACKENDS
from tests import COURSE
from tests.executed import once, shared_folder
from tests.grading import notebooks, sample
from tests.grading.notebooks import UNIT

ONE = Options(jobs=1)
#: An answer that is wrong, and one that changes what is beside it.
WRONG = {"part_a": {**notebooks.RIGHT["part_a"], "rows": "rows = [1]"}, "part_b": {}}
WRITES = """\
with open("data.csv", "a") as file:
    file.write("4 5")
open("images/own.txt", "w").write("6")
rows = [*open("data.csv").read().split()[-2:], open("images/own.txt").read(), 7]"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClassResult]:
    return once(shared_folder(tmp_path_factory) / "any course", graded_in)


def graded_in(folder: Path) -> tuple[Path, ClassResult]:
    course = notebooks.make_course(folder / "course")
    notebooks.hand_in(course, "half", {"part_a": notebooks.RIGHT["part_a"]})
    notebooks.hand_in(course, "right", notebooks.RIGHT)
    notebooks.hand_in(course, "writes", {**notebooks.RIGHT, "part_a": {"rows": WRITES}})
    notebooks.hand_in(course, "wrong", WRONG)
    return course, grade_class(course, UNIT, ONE)


@pytest.fixture
def copied(graded: tuple[Path, ClassResult], tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded[0], tmp_path / "course"))


def of(result: ClassResult, student: str) -> Any:
    return next(each for each in result.results if each.student == student)


def test_every_notebook_of_a_unit_is_graded(graded: tuple[Path, ClassResult]) -> None:
    right = of(graded[1], "right")
    assert [(each.notebook, each.grade_id, each.score) for each in right.scores] == [
        ("part_a", "test_rows", 2.0),
        ("part_a", "test_seven", 1.0),
        ("part_b", "test_rows", 4.0),
    ]
    assert (right.status, right.total, right.max_total) == ("graded", 7.0, 7.0)


def test_what_is_wrong_or_not_answered_has_no_points(graded: tuple[Path, ClassResult]) -> None:
    assert [each.score for each in of(graded[1], "wrong").scores] == [0.0, 1.0, 0.0]


def test_a_notebook_that_was_not_handed_in_is_for_a_person(
    graded: tuple[Path, ClassResult],
) -> None:
    half = of(graded[1], "half")
    assert [each.score for each in half.scores] == [2.0, 1.0, None]
    assert half.status == "for a person"
    assert half.remarks == ("part_b: no part_b.ipynb in ps/",)


def test_what_is_written_beside_the_units_files_or_into_them_is_there(
    graded: tuple[Path, ClassResult],
) -> None:
    assert of(graded[1], "writes").scores[0].score == 2.0
    assert (graded[0] / "source" / UNIT / "data.csv").read_text() == notebooks.BESIDE["data.csv"]


def test_the_gradebook_has_each_notebooks_points(
    graded: tuple[Path, ClassResult], grades: Callable[[Path], list[Any]]
) -> None:
    rows = [row[:3] for row in grades(graded[0]) if row[0] == "right"]
    assert sorted(rows) == [
        ("right", "test_rows", 2.0),
        ("right", "test_rows", 4.0),
        ("right", "test_seven", 1.0),
    ]


def test_the_table_has_a_column_for_each_notebook(
    graded: tuple[Path, ClassResult], capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(graded[1])
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.split() == ["student", "part_a", "part_b", "total", "to", "read"] for line in lines
    )
    assert any(line.split() == ["right", "3", "4", "7"] for line in lines)


def test_programs_are_told_which_notebook_a_score_is_of(
    graded: tuple[Path, ClassResult],
) -> None:
    student = next(
        each for each in as_data(graded[1], "bwrap")["submissions"] if each["student"] == "right"
    )
    assert {each["notebook"] for each in student["scores"]} == {"part_a", "part_b"}


def test_everyone_gets_a_page_for_each_notebook(copied: Path) -> None:
    pages, failed = write_feedback(copied, UNIT, ["half", "right"])
    assert failed == {}
    assert {student: [page.name for page in found] for student, found in pages.items()} == {
        student: ["part_a.html", "part_b.html"] for student in ("half", "right")
    }


def test_the_report_knows_questions_by_their_notebook(graded: tuple[Path, ClassResult]) -> None:
    report = read_class(graded[0], UNIT)
    assert [(each.name, each.points, each.topic) for each in report.questions] == [
        ("part_a/test_rows", 2.0, "tests"),
        ("part_a/test_seven", 1.0, "tests"),
        ("part_b/test_rows", 4.0, "tests"),
    ]
    assert [each.reasons for each in report.look if each.student == "half"] == [
        ("part_b: no part_b.ipynb in ps/",)
    ]
    assert (report.out_of, report.questions[0].difficulty) == (7.0, 0.75)


def test_a_grade_is_of_all_notebooks(graded: tuple[Path, ClassResult]) -> None:
    with open_course(graded[0]).gradebook as gradebook:
        found = grades_of(gradebook, UNIT)
    points = {student: grade.points for student, grade in found.items()}
    assert points == {"half": 3.0, "right": 7.0, "writes": 6.0, "wrong": 1.0}
    assert found["half"].to_read == 1


def test_nothing_is_graded_again_until_a_file_beside_changes(copied: Path) -> None:
    assert all(each.unchanged for each in grade_class(copied, UNIT, ONE).results)
    (copied / "source" / UNIT / "data.csv").write_text("5\n6\n7\n8\n")
    assert not any(each.unchanged for each in grade_class(copied, UNIT, ONE).results)


def test_a_notebook_that_is_added_later_is_graded_too(
    copied: Path, grades: Callable[[Path], list[Any]]
) -> None:
    folder = copied / "source" / UNIT
    (folder / "part_c.ipynb").write_text((folder / "part_b.ipynb").read_text())
    for student in ("half", "wrong", "writes"):
        shutil.rmtree(copied / "submitted" / student)
    handed_in = copied / "submitted" / "right" / UNIT
    (handed_in / "part_c.ipynb").write_text((handed_in / "part_b.ipynb").read_text())
    assert of(grade_class(copied, UNIT, ONE), "right").total == 11.0
    assert sum(row[2] for row in grades(copied) if row[0] == "right") == 11.0


@pytest.mark.parametrize(
    ("name", "metadata", "said"),
    [
        ("r", {"kernelspec": {"name": "ir", "language": "R"}}, "kernel ir runs R"),
        ("bare", {"kernelspec": {"name": "julia-1.9"}}, "kernel julia-1.9 runs another language"),
        ("info", {"kernelspec": {}, "language_info": {"name": "scala"}}, "runs scala"),
    ],
)
def test_another_kernel_is_refused_in_one_line_before_anything_is_graded(
    tmp_path: Path, name: str, metadata: dict[str, Any], said: str
) -> None:
    course = notebooks.make_course(tmp_path)
    notebooks.hand_in(course, "ada", notebooks.RIGHT)
    other = notebooks.source("part_b")
    other["metadata"] = metadata
    (course / "source" / UNIT / "part_b.ipynb").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=said) as error:
        grade_class(course, UNIT, ONE)
    assert str(error.value).startswith("ps/part_b.ipynb: its kernel")
    assert not (course / "gradebook.db").exists()
    assert not (course / "autograded").exists()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "python3"}},
        {"kernelspec": {"name": "my-course", "display_name": "ours"}},
        {"kernelspec": {"name": "conda-env-x-py", "language": "python"}},
        {"language_info": {"name": "python"}},
    ],
)
def test_any_kernel_of_python_is_taken(metadata: dict[str, Any]) -> None:
    data = json.dumps(notebooks.notebook([], kernelspec=None) | {"metadata": metadata}).encode()
    from helpers.grading.engine.grade_submission import Unit

    assert Unit.read("u", "n", data, b"").template.cells == []
    assert kernel_of(read_notebook(data))[1] in ("", "python")


def test_cells_without_ids_get_the_same_ones_each_time() -> None:
    source = read_notebook(json.dumps(notebooks.source("part_a")).encode())
    ids = [cell["id"] for cell in make_template(source).cells]
    assert ids == ["cell-000", "rows", "test_rows", "seven", "test_seven"]
    assert [cell["id"] for cell in make_template(source).cells] == ids


@pytest.mark.parametrize("own", ["", "a b", "x" * 65, "twice"])
def test_ids_that_nbformat_refuses_are_replaced(own: str) -> None:
    cells = [notebooks.code("1"), notebooks.code("2"), notebooks.code("3", grade_id="cell-000")]
    cells[2]["metadata"]["nbgrader"]["locked"] = True
    for cell in cells[:2]:
        cell["id"] = own
    made = make_template(read_notebook(json.dumps(notebooks.notebook(cells)).encode())).notebook
    nbformat.validate(nbformat.from_dict(made))
    assert len({cell["id"] for cell in made["cells"]}) == 3


def test_plain_nbgrader_can_write_what_was_rebuilt_from_a_source_without_ids(
    tmp_path: Path,
) -> None:
    from traitlets.config import Config

    course = notebooks.make_course(tmp_path)
    config = Config()
    config.CourseDirectory.root = str(course)
    about = {"assignment": UNIT, "notebook": "part_a", "student": "ada"}
    handed_in = nbformat.from_dict(notebooks.answered("part_a", notebooks.RIGHT["part_a"]))
    rebuilt, _ = Rebuild(config=config).preprocess(handed_in, {"nbgrader": about})
    nbformat.validate(rebuilt)


def test_metadata_of_an_older_nbgrader_are_read() -> None:
    old = {"grade_id": "a", "grade": True, "solution": False, "points": 1, "schema_version": 1}
    cell = notebooks.code("assert x == 1")
    cell["metadata"]["nbgrader"] = {**old, "locked": False}
    template = make_template(read_notebook(json.dumps(notebooks.notebook([cell])).encode()))
    assert template.cells[0]["metadata"]["nbgrader"]["schema_version"] == 3


def test_a_name_given_twice_is_said_in_one_line() -> None:
    cells = [notebooks.code("1", grade_id="a", locked=True)] * 2
    with pytest.raises(ValueError, match=r"metadata are not in order: Duplicate grade id: a$"):
        make_template(read_notebook(json.dumps(notebooks.notebook(cells)).encode()))


def test_a_courses_own_marks_hide_its_tests() -> None:
    from traitlets.config import Config

    config = Config()
    config.ClearHiddenTests.begin_test_delimeter = "VVV"
    config.ClearHiddenTests.end_test_delimeter = "AAA"
    text = "assert x\n# VVV\nassert x == 17\n# AAA\nassert 1"
    cell = notebooks.code(text, grade_id="t", grade=True, locked=True, points=1)
    source = read_notebook(json.dumps(notebooks.notebook([cell])).encode())
    made = make_template(source, config).cells[0]["source"]
    assert shown_lines(made) == "assert x\nassert 1"
    assert shown_lines(make_template(source).cells[0]["source"]) == text


def test_a_unit_without_headings_has_its_points_under_the_notebooks_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = notebooks.make_course(tmp_path)
    for name in ("part_b", "read_me"):
        (course / "source" / UNIT / f"{name}.ipynb").unlink()
    headings = headings_of(graded_notebooks(course, UNIT))
    assert headings == {"test_rows": "part_a", "test_seven": "part_a"}
    scores = (CellScore("test_rows", 2.0, 2.0, False),)
    print_table(ClassResult(UNIT, (SubmissionResult("ada", "graded", scores, ()),), headings))
    assert "part_a" in capsys.readouterr().out


def test_a_module_beside_notebooks_is_not_the_units_text(tmp_path: Path) -> None:
    course = notebooks.make_course(tmp_path)
    unit = find_unit(course, UNIT)
    assert (unit.text, unit.notebooks) == (None, ("part_a", "part_b", "read_me"))
    with pytest.raises(ValueError, match="is built from a text: of notebooks, `nbgrader generate"):
        find_units(course)


def test_a_module_beside_a_text_is_not_the_text(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "hw"
    folder.mkdir(parents=True)
    (folder / "beside.py").write_text('"""Helps."""\n')
    (folder / "hw.py").write_text("\n# %% [markdown]\n# # Homework\n")
    assert find_unit(tmp_path, "hw").text == folder / "hw.py"


def test_another_notebook_beside_a_text_is_named_instead_of_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "hw"
    folder.mkdir(parents=True)
    (folder / "hw.py").write_text("# %% [markdown]\n# # Homework\n")
    (folder / "hw.ipynb").touch()
    (folder / "more.ipynb").touch()
    with pytest.raises(ValueError, match=r"holds more\.ipynb beside the text hw\.py"):
        find_unit(tmp_path, "hw")


BESIDE_IN_A_PROCESS = """\
import os
from helpers import word
there = sorted(os.listdir())
open("x", "w")
print("er", end="", file=open("a/b.txt", "a"))
read = open("a/b.txt").read()
linked = os.path.islink("large.bin")"""


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_each_process_finds_the_files_in_its_own_folder(name: str) -> None:
    files = (("helpers.py", b"word = 'theirs'"), ("a/b.txt", b"deep"), ("large.bin", bytes(COPIED)))
    with BACKENDS[name].serve((), Options().limits, files) as server:
        for _ in range(2):
            process = server.client().start()
            process.run(BESIDE_IN_A_PROCESS, 30)
            assert process.get("word", 10) == "theirs"
            process.run("import matplotlib.pyplot as plt\nfigure = plt.figure()", 30)
            assert type(process.get("figure", 10)) is dict
            assert process.get("there", 10) == ["a", "helpers.py", "large.bin"]
            assert (process.get("read", 10), process.get("linked", 10)) == ("deeper", True)
            process.close()


def test_this_courses_nbgrader_releases_modules_and_no_text(tmp_path: Path) -> None:
    from helpers.grading.nbgrader.config import load_config
    from helpers.grading.nbgrader.course_files import ignored_by

    course = sample.make_course(tmp_path)
    (course / "source" / sample.UNIT / f"{sample.UNIT}.py").write_text("# %% [markdown]\n# # S\n")
    assert f"{sample.UNIT}.py" in ignored_by(load_config(course))
    assert "flops.py" in ignored_by(load_config(COURSE))
    assert "*.py" not in ignored_by(load_config(COURSE))
