"""Calls that give an answer without any work are found; those that every answer makes are not."""

import ast
from dataclasses import replace

import pytest

from helpers.authoring.prove import report, shortcuts
from helpers.authoring.prove.answers import CodeCell
from helpers.authoring.prove.run import Proof
from helpers.exercises import EXERCISES, Exercise

#: Before a test puts a few functions in its place.
IN_SIGHT = shortcuts.in_sight


def question(reference, examples):
    return Exercise(
        name="question",
        points=1,
        topic="",
        examples=examples,
        hidden=lambda draw: [],
        reference=reference,
        spare=(),
    )


def given(exercise, cells=()):
    return {each.call for each in shortcuts.shortcuts(exercise, cells)}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Three functions instead of a hundred."""
    functions = {
        "area": lambda width, height: width * height + 1,
        "grow": lambda side: side**2 + 1,
        "endless": lambda side: [None for _ in iter(int, 1)],
    }
    monkeypatch.setattr(shortcuts, "in_sight", lambda: functions)
    monkeypatch.setattr(shortcuts.library, "calls", dict)


def test_a_call_with_the_arguments_in_any_order_is_found():
    exercise = question(lambda height, depth, width: width * height + 1, [(2, 3, 5), (7, 1, 4)])
    assert given(exercise) == {"area(height, width)", "area(width, height)"}


def test_of_several_parts_each_is_looked_at():
    exercise = question(lambda a: {"grown": a**2 + 1, "rest": a**3 + 2}, [(2,), (5,)])
    assert [(each.part, each.call) for each in shortcuts.shortcuts(exercise, ())] == [
        ("grown", "grow(a)")
    ]


@pytest.mark.parametrize("right", [lambda a: 5, lambda a: a, lambda a: 3 * a])
def test_what_takes_no_thought_is_not_asked_for(right):
    assert given(question(right, [(2,), (2,)])) == set()


def test_a_call_that_is_right_at_times_is_none():
    assert given(question(lambda a: a**2 + 1 if a < 5 else 0, [(2,), (3,), (7,)])) == set()


def test_a_function_that_empties_a_list_changes_no_question(monkeypatch):
    monkeypatch.setattr(shortcuts, "in_sight", lambda: {"clear": lambda sizes: sizes.clear()})
    exercise = question(lambda sizes: sum(sizes) + 1, [([1, 2],), ([3, 4],)])
    assert given(exercise) == set()
    assert exercise.examples == [([1, 2],), ([3, 4],)]


def test_functions_of_cells_that_run_are_tried():
    def cell(text, **how):
        return CodeCell(body=tuple(ast.parse(text).body), **how)

    exercise = question(lambda a: a**3 + 4, [(2,), (5,)])
    text = "def {}(x):\n    return x**3 + 4"
    cells = [
        cell(text.format("ours"), answer=""),
        cell(text.format("answer"), answer="question"),
        cell(text.format("measured"), answer="", left_out=True),
    ]
    assert given(exercise, cells) == {"ours(a)"}


def test_an_entry_may_say_why_a_call_is_right(monkeypatch):
    padding = EXERCISES["padding"]
    proof = Proof("padding", (), (shortcuts.Shortcut("", "f(x)"),))
    assert not report.is_proven(proof)
    said = report.text([proof])
    assert "padding, free: one call gives a part of the answer" in said
    assert "the answer = f(x)" in said
    monkeypatch.setitem(report.__dict__, "EXERCISES", {"padding": replace(padding, library="so")})
    assert "free:" not in report.text([proof])


def test_private_functions_are_in_sight_but_those_that_measure_are_not():
    names = IN_SIGHT()
    assert "helpers.plots.devices._passes" in names
    assert not [each for each in names if each.startswith("helpers.hardware._")]


@pytest.mark.parametrize(
    "name", ["kept_micro_batches", "pipeline_bubble", "sent_bytes", "lines_touched", "tensor_mlp"]
)
def test_no_function_of_a_picture_answers_what_the_picture_is_about(name, monkeypatch):
    monkeypatch.setattr(shortcuts, "in_sight", IN_SIGHT)
    assert list(shortcuts.shortcuts(EXERCISES[name], [])) == []
