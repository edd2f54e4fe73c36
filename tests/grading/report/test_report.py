"""The page on a class: its numbers by other means, and nothing of a student's that is not text."""

from __future__ import annotations

import json
import re
import sqlite3
import statistics
from collections import defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers.check import judge
from helpers.exercises import EXERCISES, Exercise, grading_cases
from helpers.grading.engine.judge_inside import note_inside
from helpers.grading.engine.verdict_outputs import MIME_TYPE, verdict_output, verdicts_of
from helpers.grading.report.data import correlation, hints_seen, read_class
from helpers.grading.report.page import page, write_report
from helpers.verdict import Verdict
from tests.exercises.questions import mistaken
from tests.grading import classbook
from tests.grading.classbook import OUT_OF, SCORES, UNIT

SCORES_SQL = """
SELECT a.student_id, b.name, COALESCE(g.manual_score, g.auto_score, 0) + COALESCE(g.extra_credit, 0)
FROM grade g JOIN base_cell b ON g.cell_id = b.id JOIN submitted_notebook n ON g.notebook_id = n.id
JOIN submitted_assignment a ON n.assignment_id = a.id
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return classbook.make(tmp_path / "course")


def text_of(course: Path) -> str:
    return write_report(course, UNIT, course / "report.html")[1].read_text(encoding="utf-8")


def test_difficulty_and_discrimination_are_those_of_the_gradebook(course: Path) -> None:
    with classbook.open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("compare_measured", UNIT, UNIT, "ada")
        grade.manual_score, grade.needs_manual_grade = 1, False
        gradebook.db.commit()
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    with sqlite3.connect(course / "gradebook.db") as database:
        for student, cell, score in database.execute(SCORES_SQL):
            scores[cell][student] = score
    assert len(scores) == 4
    for question in read_class(course, UNIT).questions:
        cell = next(name for name in scores if name.removeprefix("check_") == question.name)
        own = [scores[cell][student] for student in SCORES]
        rest = [sum(scores[c][s] for c in scores if c != cell) for s in SCORES]
        assert question.difficulty == pytest.approx(statistics.mean(own) / classbook.CELLS[cell])
        assert question.discrimination == pytest.approx(statistics.correlation(own, rest))


def test_the_bonus_is_spoken_of_where_there_is_one(course: Path) -> None:
    report = read_class(course, UNIT)
    without = replace(report, questions=tuple(q for q in report.questions if not q.bonus))
    assert len(without.questions) == len(report.questions) - 1
    assert "Points of the bonus make up for others, up to 4." in page(report)
    assert "bonus" not in page(without).split("<h2>Questions")[0].split("<h2>Points")[1]


def test_a_question_in_words_is_not_rated_before_it_is_read(course: Path) -> None:
    words = read_class(course, UNIT).questions[-1]
    assert (words.name, words.difficulty, words.discrimination) == ("compare_measured", None, None)
    assert words.waiting == ("ada",)


def test_the_correlation_of_a_right_or_wrong_answer_is_the_point_biserial() -> None:
    """(M1 - M0) / s · √(n1 n0) / n: means of the rest of those who are right and wrong."""
    x, y = np.array([1.0, 1, 0, 0, 1]), np.array([5.0, 3, 2, 1, 4])
    by_hand = (4 - 1.5) / np.std(y) * np.sqrt(3 * 2) / 5
    assert correlation(x, y) == pytest.approx(by_hand)
    assert correlation(np.ones(5), y) is None
    assert correlation(x[:2], y[:2]) is None


def test_misconceptions_are_counted_with_the_hint_that_was_seen(course: Path) -> None:
    held = read_class(course, UNIT).hints
    assert [(each.question, each.hint) for each in held] == [("softmax_flops", classbook.HINT)]
    assert held[0].students == ("cy", "dan", "fay")


def test_a_verdict_is_read_from_a_notebook_that_nbgrader_wrote(course: Path) -> None:
    """nbgrader's own autograde writes texts as lists of lines, and data as they are."""
    path = course / "autograded" / "cy" / UNIT / f"{UNIT}.ipynb"
    nbformat.write(nbformat.read(path, as_version=4), path)
    assert isinstance(
        json.loads(path.read_text())["cells"][0]["outputs"][0]["data"]["text/plain"], list
    )
    assert read_class(course, UNIT).hints[0].students == ("cy", "dan", "fay")


def test_a_misconception_is_named_as_the_verdict_names_it(course: Path) -> None:
    """Not by its hint: another question's, or another name's, may be part of it."""
    names = ("only exponentials", "terms left out")
    classbook.hand_in(course, "gus", (0, 0, 0, 0), hint="x", misconceptions=names)
    held = {each.hint: each.name for each in read_class(course, UNIT).hints}
    assert held == {classbook.HINT: "", "x": "only exponentials, terms left out"}


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_whoever_has_a_misconception_stands_in_the_report_under_its_name_alone(
    exercise: Exercise,
) -> None:
    # A plot as what it shows, which is what misconceptions of it are written as.
    exercise = replace(exercise, read=None)
    cases = grading_cases(exercise, b"a seed for tests")
    for misconception in exercise.misconceptions:
        verdict = judge(exercise, mistaken(exercise, misconception), cases)
        cell = {
            "cell_type": "code",
            "metadata": {"nbgrader": {"grade": True}},
            "outputs": json.loads(json.dumps([verdict_output(verdict)])),
        }
        held, _ = hints_seen({"ada": verdicts_of(cell)})
        assert [(each.question, each.name) for each in held] == [
            (exercise.name, misconception.name)
        ]


def test_a_mistake_that_can_be_made_anywhere_is_counted_over_all_questions(course: Path) -> None:
    for student, name in (("gus", "MAC for FLOP"), ("hal", "MAC for FLOP"), ("ida", "no such")):
        classbook.hand_in(course, student, (0, 0, 0, 0), hint="x", misconceptions=(name,))
    kinds = read_class(course, UNIT).kinds
    assert [(kind.name, kind.students, kind.questions) for kind in kinds] == [
        ("MAC for FLOP", ("gus", "hal"), ("softmax_flops",))
    ]
    words = " ".join(re.sub("<[^>]*>", "", text_of(course)).split())
    assert "can be made in any question: MAC for FLOP (2 students in 1 question)." in words


def test_a_verdict_of_another_version_is_said_and_stops_nothing(course: Path) -> None:
    path = course / "autograded" / "cy" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["outputs"][0]["data"][MIME_TYPE]["version"] = 99
    path.write_text(json.dumps(notebook))
    report = read_class(course, UNIT)
    assert report.hints[0].students == ("dan", "fay")
    (reason,) = next(each.reasons for each in report.look if each.student == "cy")
    assert reason == (
        "its autograded notebook holds a verdict of version 99, where this course reads "
        "version 1: grade it again"
    )


def test_many_different_hints_are_cut_short_and_counted(course: Path) -> None:
    for number in range(10):
        classbook.hand_in(course, f"n{number}", (0, 0, 0, 0), hint=f"your function fails {number}")
    report = read_class(course, UNIT)
    assert len(report.hints) == 6
    assert report.hints[0].hint == classbook.HINT
    # 11 hints; 6 are listed
    assert report.more_hints == {"softmax_flops": 5}


def test_who_needs_a_look_is_named_with_the_reason(course: Path) -> None:
    classbook.hand_in(course, "lea", (None,) * 4, status="unreadable", remarks=("cut off",))
    remark = "check_padding: the answer was not found"
    classbook.hand_in(course, "max", (0, 2, 0, 0), status="for a person", remarks=(remark,))
    for number in range(12):
        classbook.hand_in(course, f"n{number}", (0, 2, 0, 0))
    report = read_class(course, UNIT)
    look = {each.student: each.reasons for each in report.look}
    assert look["lea"] == ("cut off",)
    assert look["max"] == (remark,)
    # The middle half of 19 has 2 points, so everything else is far from it.
    assert look["ada"] == ("4 points, far above the rest of the class",)
    assert look["dan"] == ("0 points, far below the rest of the class",)
    assert report.unread == 1
    assert report.missing == ("gus",)


def test_hostile_names_and_remarks_are_text(course: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    classbook.hand_in(course, "eve", (0, 0, 0, None), status="for a person", remarks=(attack,))
    classbook.hand_in(course, "mal", (0, 1, 0, 0), hint=attack + "$\\frac{$ {{ 7*7 }}")
    page = text_of(course)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") == 2
    assert "{{ 7*7 }}" in page


def test_every_sign_of_a_name_a_remark_and_a_hint_is_seen(course: Path) -> None:
    turned = "x\x1b[2J\u202ey"
    roster = course / "roster.csv"
    roster.write_text(roster.read_text().replace("Gus Late", f"Gus {turned}"))
    classbook.hand_in(course, "eve", (0, 0, 0, None), status="for a person", remarks=(turned,))
    classbook.hand_in(course, "mal", (0, 1, 0, 0), hint=turned)
    page = text_of(course)
    assert page.count("x?[2J?y") == 3
    assert "\u202e" not in page


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.addresses: list[str] = []
        self.pictures: list[str] = []
        self.bare = 0
        self.tables = self.captions = self.heads_without_scope = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if about.get("role") == "img":
            self.pictures.append(about.get("aria-label") or "")
        self.bare += tag == "svg"
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.heads_without_scope += tag == "th" and "scope" not in about
        for name in ("src", "href", "xlink:href", "action", "data"):
            if about.get(name):
                self.addresses.append(str(about[name]))


def test_the_page_stands_alone_and_can_be_read_aloud(course: Path) -> None:
    page = text_of(course)
    outline = Outline(page)
    assert outline.headings == [1, 2, 2, 2, 2, 2, 2]
    assert len(outline.pictures) == outline.bare == 3
    assert all(len(text) > 40 for text in outline.pictures)
    assert outline.tables == outline.captions == 3
    assert outline.heads_without_scope == 0
    # Nothing is fetched: an SVG refers to its own parts only.
    assert all(address.startswith("#") for address in outline.addresses)
    assert "url(http" not in page
    assert "@import" not in page
    assert f"of {OUT_OF:g} points" in page


def test_a_class_nobody_of_which_can_be_read_has_a_page(tmp_path: Path) -> None:
    course = classbook.make(tmp_path / "course")
    with classbook.open_gradebook(course) as gradebook:
        for student in SCORES:
            gradebook.remove_submission(UNIT, student)
    with pytest.raises(ValueError, match=f"nothing of {UNIT} is graded"):
        write_report(course, UNIT, course / "report.html")
    assert not (course / "report.html").exists()
    classbook.hand_in(course, "lea", (None,) * 4, status="unreadable", remarks=("cut off",))
    page = text_of(course)
    assert "No submission could be read." in page
    assert "Nobody saw a hint." in page


def test_an_autograded_notebook_that_is_gone_is_said(course: Path) -> None:
    (course / "autograded" / "dan" / UNIT / f"{UNIT}.ipynb").unlink()
    look = {each.student: each.reasons for each in read_class(course, UNIT).look}
    assert "its autograded notebook cannot be read" in look["dan"]


def test_who_was_graded_without_a_sandbox_is_said(course: Path) -> None:
    path = course / "autograded" / "dan" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["course"]["graded"]["sandbox"] = "none"
    path.write_text(json.dumps(notebook))
    look = {each.student: each.reasons for each in read_class(course, UNIT).look}
    assert "graded without a sandbox: it could have seen the tests" in look["dan"]
    assert not any("sandbox" in reason for name in look if name != "dan" for reason in look[name])


def test_what_stands_like_a_verdict_in_a_cell_of_a_students_is_no_hint(course: Path) -> None:
    (path,) = (course / "autograded" / "ada").rglob("*.ipynb")
    before = {each.hint: each.students for each in read_class(course, UNIT).hints}
    notebook = json.loads(path.read_text(encoding="utf-8"))
    forged = verdict_output(Verdict("softmax_flops", "wrong", 0.0, (), "mine"))
    cell = {"cell_type": "code", "id": "added-9", "metadata": {"id": "added-9"}, "source": ""}
    notebook["cells"].append(cell | {"outputs": [forged], "execution_count": 1})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    report = read_class(course, UNIT)
    assert {each.hint: each.students for each in report.hints} == before
    assert not any("cannot be read" in reason for look in report.look for reason in look.reasons)


def test_a_question_that_can_be_cheated_is_marked(course: Path) -> None:
    assert "(inside)" not in text_of(course)
    path = course / "autograded" / "ada" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    (cell,) = notebook["cells"]
    note_inside(cell)
    path.write_text(json.dumps(notebook))
    marked = [question.name for question in read_class(course, UNIT).questions if question.inside]
    assert marked == ["softmax_flops"]
    assert text_of(course).count("(inside)") == 1


def test_what_the_class_guessed_is_counted_and_drawn(course: Path) -> None:
    classbook.hand_in(course, "gus", (0, 0, 0, 0), guesses={"deepest": (10, 40), "zeros": (3, 3)})
    classbook.hand_in(course, "hal", (0, 0, 0, 0), guesses={"zeros": (5, 3)})
    classbook.hand_in(course, "ida", (0, 0, 0, 0), guesses={"zeros": (300, 3)})
    deepest, zeros = read_class(course, UNIT).guesses
    assert (deepest.name, deepest.ratios, deepest.near) == ("deepest", (0.25,), 0)
    assert (zeros.median, zeros.near) == (pytest.approx(5 / 3), 2)
    text = text_of(course)
    assert "50% of the guesses within a factor of 2" in text
    assert "deepest" in text


def test_a_class_without_guesses_has_no_such_chapter(course: Path) -> None:
    assert "Predictions" not in text_of(course)


def test_how_the_memory_of_students_code_was_counted_is_said(course: Path) -> None:
    assert "Memory that" not in text_of(course)
    path = course / "autograded" / "dan" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["course"]["graded"]["memory"] = "a control group for each student"
    path.write_text(json.dumps(notebook))
    text = " ".join(text_of(course).split())
    assert "Memory that students' code took: a control group for each student." in text
