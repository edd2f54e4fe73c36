"""What an answer earns that knows nothing but what the notebook shows."""

import pytest

from helpers.authoring.prove import guesses, report
from helpers.authoring.prove.guesses import NO_GUESS, Guess, best_guess
from helpers.authoring.prove.run import Proof
from helpers.exercises import EXERCISES, Exercise


def question(reference, hidden, examples=((1, 2), (3, 4), (7, 5)), **how):
    return Exercise(
        name="question",
        points=1,
        topic="",
        examples=examples,
        hidden=hidden,
        reference=reference,
        spare=(),
        **how,
    )


def two_numbers(draw):
    return [(draw.randrange(10, 10**6), draw.randrange(10, 10**6)) for _ in range(4)]


@pytest.mark.parametrize(
    ("reference", "how"), [(lambda a, b: b, "#2"), (lambda a, b: 5, "always 5")]
)
def test_an_argument_and_a_constant_are_guesses(reference, how):
    assert best_guess(question(reference, two_numbers)) == Guess(1.0, how)


def test_a_word_by_a_threshold_that_fits_the_cases_shown_is_guessed():
    bound = question(
        lambda a, b: "memory" if a / b < 1.3 else "compute",
        lambda draw: [(draw.randrange(100, 110), 200), (draw.randrange(300, 310), 200)],
    )
    assert best_guess(bound).earns == 1


def test_where_the_cases_drawn_are_those_shown_a_table_is_enough():
    few = question(lambda a, b: a**2 + b, lambda draw: [draw.choice([(1, 2), (3, 4), (7, 5)])])
    assert best_guess(few).earns == 1


def test_the_nearest_case_shown_may_tell():
    steps = question(lambda a, b: 16 * round(a / 16), lambda draw: [(draw.randrange(1, 7), 2)])
    assert best_guess(steps).earns == 1


def test_a_formula_is_no_guess():
    assert best_guess(question(lambda a, b: a * b + 1, two_numbers)) == NO_GUESS


def test_a_part_that_is_an_argument_or_always_the_same_earns_nothing_of_its_own():
    parts = question(
        lambda a, b: {"product": a * b + 1, "word": "compute", "first": a}, two_numbers
    )
    assert parts.easy_parts == {"word", "first"}
    assert best_guess(parts).earns == 0


@pytest.mark.parametrize(
    ("right", "share"),
    [
        ({"first"}, 0),
        ({"product"}, 1 / 4),
        ({"product", "sum"}, 1 / 2),
        ({"product", "first"}, 3 / 8),
        ({"product", "sum", "first", "word"}, 1),
    ],
)
def test_easy_parts_count_as_far_as_the_others_are_right(right, share):
    parts = question(
        lambda a, b: {"product": a * b, "sum": a + b, "first": a, "word": "compute"}, two_numbers
    )
    rights = [parts.correct(case) for case in parts.visible_cases()]
    assert parts.easy_parts == {"first", "word"}
    assert parts.share(rights, lambda part, _: part in right) == pytest.approx(share)


def test_of_one_value_nothing_is_easy():
    one = question(lambda a, b: a, two_numbers)
    assert one.share([one.correct(case) for case in one.visible_cases()], lambda *_: True) == 1


def test_a_question_that_can_be_guessed_is_not_proven():
    guessed = Proof("residual_traffic", (), guess=Guess(0.25, "always 0"))
    assert not report.is_proven(guessed)
    said = report.text([guessed])
    assert (
        "residual_traffic, guessed: 25% of the points on average by a table of what is shown"
        in said
    )
    assert "always 0" in said
    assert report.is_proven(Proof("residual_traffic", (), guess=Guess(0.001, "always 0")))


@pytest.mark.parametrize(
    "name",
    [
        *("layer_time", "kept_micro_batches", "budget_curve"),
        *("may_run_in_parallel", "overflowing_layer", "peak_of_changes"),
    ],
)
def test_hardly_a_guess_earns_of_what_once_could_be_guessed(name, monkeypatch):
    monkeypatch.setattr(guesses, "SEEDS", 50)
    assert best_guess(EXERCISES[name]).earns <= guesses.LUCK
