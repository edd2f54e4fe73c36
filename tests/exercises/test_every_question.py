"""Every question of the course: right answers earn all, known mistakes less and their own hint.

One suite, parametrised over the table of exercises.
"""

import random
from dataclasses import replace
from inspect import signature

import pytest

from helpers.authoring.notebooks import find_units
from helpers.check import judge
from helpers.exercises import EXERCISES, Exercise, Misconception, grading_cases
from tests import COURSE
from tests.exercises.questions import mistaken, plain

SEED = b"a seed for tests"
JUDGED = [exercise for exercise in EXERCISES.values() if exercise.read is None]
MISCONCEPTIONS = [
    pytest.param(exercise, misconception, id=f"{exercise.name}-{misconception.name}")
    for exercise in JUDGED
    for misconception in exercise.misconceptions
]
#: Question and misconception: who thinks so sees every example right, and gets less when graded.
#: To be shortened by better examples, never to be added to.
RIGHT_ON_EVERY_EXAMPLE: set[tuple[str, str]] = set()


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
    if objection := objection_to(exercise, misconception):
        pytest.fail(objection, pytrace=False)


def objection_to(exercise, misconception):
    """A sentence on a misconception that is no mistake, or is not told from others; else ""."""
    which = f"{exercise.name}: the misconception {misconception.name!r}"
    cases = grading_cases(exercise, SEED)
    try:
        signature(misconception.gives).bind(*cases[0].args)
    except TypeError:
        taken = ", ".join(signature(misconception.gives).parameters)
        return f"{which} takes ({taken}), and the question has ({', '.join(exercise.parameters)})"
    verdict = judge(exercise, mistaken(exercise, misconception), cases)
    if verdict.fraction == 1:
        return f"{which} gives the right answer in every case"
    # Its own and no other: none of a question gives the numbers of one that is listed before it.
    if others := [repr(name) for name in verdict.misconceptions if name != misconception.name]:
        return f"{which} gives in every case what {' and '.join(others)} gives"
    if not verdict.misconceptions or misconception.hint not in verdict.hint:
        return f"{which} does not get its own hint, but: {verdict.hint or 'none'}"
    return ""


@pytest.mark.parametrize(("exercise", "misconception"), MISCONCEPTIONS)
def test_a_misconception_is_seen_in_an_example(exercise, misconception):
    if objection := objection_to_examples(exercise, misconception, RIGHT_ON_EVERY_EXAMPLE):
        pytest.fail(objection, pytrace=False)


def objection_to_examples(exercise, misconception, excused):
    """A sentence on a misconception that no example shows to be one; else ""."""
    which = f"{exercise.name}: the misconception {misconception.name!r}"
    verdict = judge(exercise, mistaken(exercise, misconception), exercise.visible_cases())
    is_excused = (exercise.name, misconception.name) in excused
    if verdict.fraction == 1 and not is_excused:
        return f"{which} is right on every example, so nobody sees it before the grade: add one"
    if verdict.fraction < 1 and is_excused:
        return f"{which} is wrong on an example now: take it off RIGHT_ON_EVERY_EXAMPLE"
    return ""


def test_what_is_excused_is_in_the_table():
    known = {(each.name, wrong.name) for each in JUDGED for wrong in each.misconceptions}
    assert known >= RIGHT_ON_EVERY_EXAMPLE


AREA = Exercise(
    name="area",
    points=1,
    topic="an area",
    examples=[(2, 2), (2, 4)],
    hidden=lambda draw: [(draw.randrange(5, 9), 3)],
    reference=lambda width, height: width * height,
    misconceptions=(
        Misconception("a sum", "sides are multiplied", lambda width, height: width + height),
    ),
)


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (lambda width, height: height * width, "gives the right answer in every case"),
        (lambda width, height: height + width, "gives in every case what 'a sum' gives"),
        (lambda width: width, "takes (width), and the question has (width, height)"),
        (lambda a, b, c: 1, "takes (a, b, c), and the question has (width, height)"),
        (lambda width, height: None, "does not get its own hint, but: your function returns"),
    ],
)
def test_a_misconception_with_a_slip_is_told_in_a_sentence(gives, says):
    slip = Misconception("a slip", "look again", gives)
    asked = replace(AREA, misconceptions=(*AREA.misconceptions, slip))
    assert objection_to(asked, slip).startswith(f"area: the misconception 'a slip' {says}")
    assert not objection_to(asked, asked.misconceptions[0])


def test_a_misconception_that_no_example_shows_is_told_in_a_sentence():
    (wrong,) = AREA.misconceptions
    assert not objection_to_examples(AREA, wrong, set())
    said = objection_to_examples(replace(AREA, examples=[(2, 2)]), wrong, set())
    assert said.startswith("area: the misconception 'a sum' is right on every example")
    said = objection_to_examples(AREA, wrong, {("area", "a sum")})
    assert said.endswith("take it off RIGHT_ON_EVERY_EXAMPLE")


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
