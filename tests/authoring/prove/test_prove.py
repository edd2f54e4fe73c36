"""What is found of a question whose cases do not tell a slip from the right answer."""

import ast
import json
from dataclasses import replace
from importlib import import_module

import pytest
from typer.testing import CliRunner

from helpers.authoring.notebooks import find_unit
from helpers.authoring.prove import judging, report, run
from helpers.authoring.prove.answers import (
    WORKED,
    Answer,
    CodeCell,
    answers,
    code_cells,
    question_names,
)
from helpers.authoring.prove.judging import Question
from helpers.authoring.prove.run import Proof, prove_one
from helpers.cli import app
from helpers.exercises import EXERCISES, Exercise, Misconception
from tests import COURSE


def window(examples, hidden, misconceptions=()):
    """Numbers in a square window, by its side."""
    return Exercise(
        name="window",
        points=1,
        topic="",
        examples=examples,
        hidden=hidden,
        reference=lambda side: side**2,
        misconceptions=misconceptions,
        spare=(),
    )


def outcome(exercise, function, seeds=8):
    return Question(exercise, seeds).outcome(Answer(WORKED, "a → b", lambda: function))


SQUARE = window([(2,)], lambda draw: [(draw.randrange(3, 9),)])


def test_the_right_answer_is_right_and_a_slip_that_earns_all_survives():
    found = outcome(SQUARE, lambda side: side * side)
    assert found.is_right
    assert found.survives
    assert not found.is_lucky
    assert not found.is_falsely_green
    assert not found.has_false_hint


def test_right_on_what_is_shown_and_never_when_graded_is_falsely_green():
    found = outcome(SQUARE, lambda side: 2 * side)
    assert (found.shown, found.graded) == (1.0, (0.0,))
    assert found.is_falsely_green


def test_a_mark_that_depends_on_the_cases_drawn_is_luck():
    found = outcome(SQUARE, lambda side: side**2 if side < 6 else 0)
    assert found.graded == (0.0, 1.0)
    assert found.is_lucky


def test_a_spare_case_tells_before_the_grade():
    exercise = replace(SQUARE, spare=((5,),))
    found = outcome(exercise, lambda side: 2 * side)
    assert (found.shown, found.graded) == (0.0, (0.0,))
    assert not found.is_falsely_green


def test_a_hint_that_the_cases_drawn_contradict_is_false():
    twice = Misconception("twice", "is it two sides?", lambda side: 2 * side)
    exercise = window([(4,)], SQUARE.hidden, (twice,))
    found = outcome(exercise, lambda side: 8)
    assert found.hint == "is it two sides?"
    assert found.has_false_hint
    assert not outcome(exercise, lambda side: 2 * side).has_false_hint


def test_an_answer_that_never_ends_is_stopped():
    def endless(side):
        while True:
            side += 1

    assert outcome(SQUARE, endless).shown == 0


def test_an_answer_is_asked_once_about_each_case():
    asked = []
    exercise = replace(SQUARE, hidden=lambda draw: [(draw.randrange(100, 10**9),)])
    outcome(exercise, lambda side: asked.append(side) or side**2)
    assert asked.count(2) == 1
    assert len(asked) == len(set(asked)) == 1 + 8


def test_a_slow_answer_is_judged_under_fewer_seeds(monkeypatch):
    monkeypatch.setattr(judging, "BUDGET", 0)
    question = Question(SQUARE, 40)
    question.time(Answer(WORKED, "", lambda: lambda side: side**2))
    assert len(question._drawn) == 1


def test_what_there_is_no_time_for_is_counted(monkeypatch):
    monkeypatch.setattr(run, "SECONDS", 0)
    proof = prove_one(COURSE, "padding", seeds=1)
    assert len(proof.outcomes) == 1
    assert proof.untried > 10
    assert "untried" in report.text([proof])


def test_an_import_is_not_stopped_halfway(tmp_path, monkeypatch):
    (tmp_path / "slowly_made.py").write_text("sum(range(3 * 10**6))\nwhole = True")
    monkeypatch.syspath_prepend(tmp_path)

    def importing():
        return import_module("slowly_made").whole

    with judging.limit(0.001):
        assert importing()


def test_code_that_cannot_be_run_is_no_answer():
    def make():
        raise NameError("x")

    assert Question(SQUARE, 1).outcome(Answer(WORKED, "", make)) is None


def cell(answer, code):
    return CodeCell(answer, tuple(ast.parse(code).body))


def test_what_an_answer_needs_of_other_cells_is_run_and_nothing_else():
    cells = [
        cell("", "import math as m\nraise SystemExit"),
        cell("", "RULES = {}\nfor name in 'ab':\n    RULES[name] = 2\nx = undefined"),
        cell("", "def helper(x):\n    return m.floor(x) + RULES['b']"),
        cell("window", "def window(side):\n    x = side\n    return helper(x) ** 2"),
    ]
    first = next(answers(replace(SQUARE, misconceptions=()), cells))
    assert first.make()(1.5) == 9


def test_every_slip_of_a_question_of_the_course_is_judged():
    proof = prove_one(COURSE, "padding", seeds=3)
    origins = {each.origin for each in proof.outcomes}
    assert origins == {WORKED, *(each.name for each in EXERCISES["padding"].misconceptions)}
    assert sum(bool(each.slip) for each in proof.outcomes) > 10
    assert report.is_proven(proof)


def test_worked_answers_of_every_unit_are_found():
    cells = code_cells(find_unit(COURSE, "homework"))
    asked = {each.name for each in EXERCISES.values() if each.unit == "homework"}
    assert asked <= {each.answer for each in cells}


@pytest.fixture
def surviving(monkeypatch):
    proof = Proof("padding", (outcome(SQUARE, lambda side: side * side),))

    def known(slips):
        entry = replace(EXERCISES["padding"], known_slips=slips)
        monkeypatch.setattr(report, "EXERCISES", {"padding": entry})
        return proof

    return known


def test_what_the_entry_knows_is_not_reported(surviving):
    assert not report.is_proven(surviving(None))
    assert report.is_proven(surviving({"a → b": "equivalent: the same power"}))


def test_what_the_entry_knows_and_is_found_no_more_is_told(surviving):
    proof = surviving({"a → b": "equivalent", "c → d": "gone"})
    assert report.stale(proof) == ["c → d"]
    assert "padding knows a slip that is found no more: c → d" in report.text([proof])


def test_the_table_names_the_slip(surviving):
    told = report.text([surviving(None)])
    assert "padding, survives: a slip that earns all: is it one?" in told
    assert "a → b  (worked answer): shown 1, graded 1" in told


def test_the_command_says_json_and_ends_with_0():
    ran = CliRunner().invoke(app, ["prove", "padding", "--seeds", "2", "--json"])
    assert ran.exit_code == 0, ran.output
    (proof,) = json.loads(ran.stdout)
    assert (proof["question"], proof["proven"]) == ("padding", True)


def test_an_unknown_question_is_told_with_what_is_near():
    with pytest.raises(ValueError, match=r"no question or unit 'paddin': did you mean padding"):
        question_names(["paddin"])


def test_a_unit_stands_for_its_questions():
    asked = [each.name for each in question_names(["02_flops", "padding", "linear_cost"])]
    unit = [each.name for each in EXERCISES.values() if each.unit == "02_flops"]
    assert asked == [*unit, "padding"]
