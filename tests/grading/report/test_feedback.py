"""Who is graded gets a page, or it is said why not."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades
from sqlalchemy import Engine, event
from sqlalchemy.exc import SADeprecationWarning
from typer.testing import CliRunner

from helpers.cli import app
from helpers.grading.nbgrader.config import open_course
from helpers.grading.report.feedback import write_feedback
from helpers.grading.report.feedback_exporter import _with_names, make_pages
from helpers.grading.report.grades import NOT_READ, Grades
from tests.grading import classbook
from tests.grading.classbook import UNIT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return classbook.make(tmp_path / "course")


def test_who_handed_in_again_since_is_named(course: Path) -> None:
    """nbgrader passes over them without a word."""
    folder = course / "submitted" / "ben" / UNIT
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text("2026-11-20 10:00:00 UTC\n")
    pages, failed = write_feedback(course, UNIT, ["ada", "ben"])
    assert list(pages) == ["ada"]
    assert all(page.is_file() for page in pages["ada"])
    assert failed == {
        "ben": "what is in submitted/ is not what was graded: run `course grade homework`"
    }


def test_no_timestamp_of_a_student_stops_the_class(course: Path) -> None:
    """Read by nbgrader, the first would end the run and the second would never come to an end."""
    for student, kind in (("ada", "9999-99-99 25:61:61"), ("ben", "pipe"), ("cy", "../../x")):
        folder = course / "submitted" / student / UNIT
        folder.mkdir(parents=True)
        if kind == "pipe":
            os.mkfifo(folder / "timestamp.txt")
        else:
            (folder / "timestamp.txt").write_text(f"{kind} ../../etc/passwd")
    pages, failed = write_feedback(course, UNIT, ["ada", "ben", "cy"])
    assert (sorted(pages), failed) == (["ada", "ben", "cy"], {})


def test_the_command_says_who_has_no_page(course: Path) -> None:
    (course / "autograded" / "ben" / UNIT / f"{UNIT}.ipynb").write_text("{")
    ran = CliRunner().invoke(app, ["feedback", UNIT, "--course", str(course), "--only", "ben"])
    assert ran.exit_code == 3
    assert "ben: no page could be made; `nbgrader generate_feedback` says why" in ran.stdout


def test_who_is_not_graded_is_said_in_one_line(course: Path) -> None:
    with pytest.raises(ValueError, match=r"^gus: no graded homework; there are ada, ben, cy, "):
        write_feedback(course, UNIT, ["gus"])


def test_a_page_that_takes_too_long_keeps_nobody_from_theirs(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = course / "autograded" / "ben" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    # Colouring code takes time that grows with the square of its length.
    cell = {"cell_type": "code", "id": "added-9", "metadata": {}, "source": "." * 300_000}
    notebook["cells"].append(cell | {"outputs": [], "execution_count": None})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setattr("helpers.grading.report.feedback.PAGE", 10.0)
    pages, failed = write_feedback(course, UNIT, ["ada", "ben"])
    assert list(pages) == ["ada"]
    assert list(failed) == ["ben"]


def test_the_list_at_the_top_names_the_questions(course: Path) -> None:
    (page,) = write_feedback(course, UNIT, ["ada"])[0]["ada"]
    listed = re.findall(r"<li><a href=[^>]*>([^<]*)</a>", page.read_text(encoding="utf-8"))
    assert listed == ["softmax_flops"]


HIDDEN = "\n### BEGIN HIDDEN TESTS\nassert tangerine\n### END HIDDEN TESTS"


def test_of_any_course_hidden_tests_are_in_no_page_and_pages_are_where_it_says(
    course: Path,
) -> None:
    config = 'c = get_config()\nc.CourseDirectory.feedback_directory = "returned"\n'
    (course / "nbgrader_config.py").write_text(config)
    path = course / "autograded" / "ada" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] += HIDDEN if cell["cell_type"] == "code" else ""
    path.write_text(json.dumps(notebook), encoding="utf-8")
    (page,) = write_feedback(course, UNIT, ["ada"])[0]["ada"]
    assert page == course / "returned" / "ada" / UNIT / f"{UNIT}.html"
    assert "tangerine" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "place", "shown"),
    [
        ("Test cell", "check_padding", "padding"),
        ("Test cell", "test_1", "test_1"),
        ("Written response", "explain_padding", "explain_padding, in words"),
        ("Task", "draw", "draw, a task"),
        ("Comment", "comment-explain_padding", "Comment on explain_padding"),
    ],
)
def test_each_kind_of_line_is_named(kind: str, place: str, shown: str) -> None:
    line = '<li><a href="#{}">{}</a> (Score: 1.0 / 1.0)</li>'
    assert _with_names(line.format(place, kind)) == line.format(place, shown)


def test_a_page_is_made_without_what_sqlalchemy_will_drop(course: Path) -> None:
    path = course / "autograded" / "ada" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["metadata"]["nbgrader"] |= {
        **{"schema_version": 3, "cell_type": "code", "points": 2},
        **{"solution": False, "locked": True, "task": False},
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")
    api = open_course(course)
    # As in a course whose own settings leave to us what makes a page.
    del api.config["GenerateFeedback"]["preprocessors"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", SADeprecationWarning)
        assert make_pages(api, UNIT, "ada")
    page = course / "feedback" / "ada" / UNIT / f"{UNIT}.html"
    assert "Score: 2.0 / 2.0" in page.read_text(encoding="utf-8")


def test_the_pages_are_nbgraders_own(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same elements, texts and pictures, also where a student writes as our marks look; but
    for the list at the top."""
    monkeypatch.setattr("helpers.grading.report.feedback_exporter._with_names", lambda page: page)
    path = course / "autograded" / "ben" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    picture = {"data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}, "metadata": {}}
    added = [
        ("code", 'x = "<i class=\\"part\\">0</i>"  # <b>no tag</b>', [picture]),
        ("markdown", "# Mine\n\n<i class='part'>0</i> and ![a cat](cat.png), $x^2$", None),
    ]
    for number, (kind, source, outputs) in enumerate(added):
        cell = {"cell_type": kind, "id": f"added-{number}", "metadata": {}, "source": source}
        if outputs is not None:
            shown = [{"output_type": "display_data", **each} for each in outputs]
            cell |= {"outputs": shown, "execution_count": None}
        notebook["cells"].append(cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    students = ["ada", "ben"]
    theirs, api = {}, open_course(course)
    ours = list(api.config.GenerateFeedback.preprocessors)
    api.config.GenerateFeedback.preprocessors = [GetGrades, *ours[1:]]
    for student in students:
        assert api.generate_feedback(UNIT, student, force=True)["success"]
        page = course / "feedback" / student / UNIT / f"{UNIT}.html"
        theirs[student] = parsed(page.read_text(encoding="utf-8"))
    pages, failed = write_feedback(course, UNIT, students)
    assert failed == {}
    for student in students:
        (page,) = pages[student]
        assert parsed(page.read_text(encoding="utf-8")) == theirs[student]
    assert "Mine" in theirs["ben"]


def test_nbgraders_own_command_asks_for_all_grades_at_once(course: Path) -> None:
    """A notebook's cells are read together, whoever makes the page."""
    path = course / "autograded" / "ada" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    marks = {"schema_version": 3, "solution": False, "locked": True, "task": False}
    for number, name in enumerate(("check_padding", "check_fused")):
        cell = deepcopy(notebook["cells"][0]) | {"id": f"more-{number}"}
        cell["metadata"]["nbgrader"] |= {"grade_id": name, "points": 1, "cell_type": "code"} | marks
        notebook["cells"].append(cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    api = open_course(course)
    asked = []
    for grades in (GetGrades, api.config.GenerateFeedback.preprocessors[0]):
        with queries() as said:
            api.config.GenerateFeedback.preprocessors[0] = grades
            assert api.generate_feedback(UNIT, "ada", force=True)["success"]
        asked.append(len([each for each in said if "FROM grade" in each]))
    # One for three cells.
    assert asked[0] - asked[1] == 2


@pytest.mark.parametrize(
    ("comment", "waits", "shown"),
    [(None, True, NOT_READ), ("Yes.", True, "Yes."), (None, False, None)],
)
def test_an_answer_that_nobody_has_read_says_so(
    comment: str | None, waits: bool, shown: str | None
) -> None:
    grades = Grades()
    grades._book = {
        "comments": {"explain_it": SimpleNamespace(comment=comment)},
        "grades": {"explain_it": SimpleNamespace(needs_manual_grade=waits)},
    }
    cell = SimpleNamespace(metadata=NotebookNode(nbgrader=NotebookNode(grade_id="explain_it")))
    grades._get_comment(cell, {})
    assert cell.metadata.nbgrader.comment == shown


@contextmanager
def queries() -> Iterator[list[str]]:
    """What is asked of databases meanwhile."""
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield said
    event.remove(Engine, "before_cursor_execute", note)


class Parsed(HTMLParser):
    """A page's elements and texts, however their characters are written."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A class is a set of words.
        own = [(name, " ".join((value or "").split())) for name, value in attrs]
        self.found.append(f"<{tag} {sorted(own)}>")

    def handle_endtag(self, tag: str) -> None:
        # Browsers pass over this one.
        if tag != "wbr":
            self.found.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        # How a line without words is indented is not seen.
        blank = "\n" in data and data.isspace()
        self.found.append("\n" if blank else data)


def parsed(page: str) -> str:
    # Empty lines between elements are not seen.
    return re.sub(r"\n\s*\n", "\n", "".join(Parsed(page).found))


def test_two_processes_make_the_pages_of_one(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, _ = write_feedback(course, UNIT, jobs=1)
    alone = {student: page.read_bytes() for student, (page,) in pages.items()}
    monkeypatch.setattr("helpers.grading.report.feedback.WORTH_A_PROCESS", 1)
    pages, failed = write_feedback(course, UNIT, jobs=2)
    assert failed == {}
    assert {student: page.read_bytes() for student, (page,) in pages.items()} == alone
