"""Every question of the course: right answers earn all, known mistakes less and their own hint.

One suite, parametrised over the table of exercises.
"""

import random

import pytest

from helpers.authoring.notebooks import find_units
from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from tests import COURSE
from tests.exercises.questions import mistaken, plain

SEED = b"a seed for tests"
JUDGED = [exercise for exercise in EXERCISES.values() if exercise.read is None]
MISCONCEPTIONS = [
    pytest.param(exercise, misconception, id=f"{exercise.name}-{misconception.name}")
    for exercise in JUDGED
    for misconception in exercise.misconceptions
]


@pytest.mark.parametrize("exercise", JUDGED, ids=lambda exercise: exercise.name)
def test_the_reference_earns_full_marks(exercise):
    verdict = judge(
        exercise,
        lambda *args: plain(exercise.reference(*args)),
        grading_cases(exercise, SEED),
    )
    assert (verdict.status, verdict.fraction, verdict.hint) == ("right", 1.0, "")


@pytest.mark.parametrize(("exercise", "misconception"), MISCONCEPTIONS)
def test_a_misconception_earns_less_and_gets_its_own_hint(exercise, misconception):
    cases = grading_cases(exercise, SEED)
    verdict = judge(exercise, mistaken(exercise, misconception), cases)
    assert verdict.fraction < 1
    assert misconception.hint in verdict.hint
    # Its own and no other: none of a question gives the numbers of one that is listed before it.
    assert verdict.misconceptions == (misconception.name,)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_no_answer_yet(exercise):
    def untouched(*args):
        raise NotImplementedError

    verdict = judge(exercise, untouched, exercise.visible_cases())
    assert (verdict.status, verdict.fraction) == ("no answer yet", 0.0)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_hidden_cases_are_fresh_for_a_seed_and_the_same_for_the_same(exercise):
    first, again = grading_cases(exercise, b"1"), grading_cases(exercise, b"1")
    other = grading_cases(exercise, b"2")
    assert first == again
    if exercise.hidden(random.Random(0)):
        assert first != other


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_hidden_cases_are_not_one_case_several_times(exercise):
    drawn = [repr(args) for args in exercise.hidden(random.Random(SEED))]
    assert len(drawn) < 2 or len(set(drawn)) > 1


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_hidden_cases_never_show(exercise):
    cases = grading_cases(exercise, SEED)
    shown = {case.label for case in exercise.visible_cases()}
    verdict = judge(exercise, lambda *args: -1, cases)
    for case in cases:
        if case.hidden and case.label not in shown:
            assert case.label not in verdict.text()
            assert case.label not in verdict.html()


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_an_entry_is_complete(exercise):
    assert exercise.points > 0
    assert exercise.topic
    assert exercise.examples
    # Its name is written as a function's name in a notebook.
    assert exercise.name.isidentifier()
    assert all(len(args) == len(exercise.parameters) for args in exercise.examples)
    hints = [misconception.hint for misconception in exercise.misconceptions]
    assert all(hint and not hint.endswith(".") for hint in hints)
    names = [misconception.name for misconception in exercise.misconceptions]
    assert len(set(names)) == len(names)


def test_every_unit_with_questions_has_a_text():
    asked = {exercise.unit for exercise in EXERCISES.values()}
    assert asked <= {unit.name for unit in find_units(COURSE)}


def test_a_slow_question_is_graded_on_hidden_cases_alone():
    cases = grading_cases(EXERCISES["model_size"], SEED)
    assert cases
    assert all(case.hidden for case in cases)
