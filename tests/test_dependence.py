"""What is said of an answer that nothing explains: where it is wrong, and with which arguments."""

import math

import pytest

from helpers.check import judge
from helpers.diagnosis.dependence import probes
from helpers.exercises import Exercise


def asked(reference, examples, **options):
    return Exercise(
        name="asked",
        points=1,
        topic="",
        examples=examples,
        hidden=lambda draw: [],
        reference=reference,
        **options,
    )


#: Weights of a layer, with a bias, for each of some heads.
LAYER = asked(
    lambda heads, rows, columns: heads * (rows * columns**3 + rows),
    [(2, 3, 5), (3, 7, 4), (5, 4, 7)],
)


def hint(exercise, answer):
    return judge(exercise, answer, exercise.public_cases()).hint


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda h, r, c: r * c**3 + r + 17, "does not change with heads: where does heads come in"),
        (
            lambda h, r, c: h * (r * c**3 + 1) + 0.5,
            "that is wrong changes with heads and rows, and",
        ),
        (lambda h, r, c: h * (r * c**2 + r), "this changes too little with columns, and rightly"),
        (lambda h, r, c: h * (r * c**3 + r) + 900.5, "never changes: which term is a fixed number"),
        (
            lambda h, r, c: 9e4 * h * r / c**3,
            "this changes the wrong way with columns, and rightly",
        ),
    ],
)
def test_it_is_said_with_which_arguments_an_answer_goes_wrong(answer, said):
    assert said in hint(LAYER, answer)


def test_what_does_not_matter_and_yet_changes_an_answer_is_named():
    exercise = asked(lambda size, seed: size**2, [(3, 1), (4, 7), (5, 2)])
    assert hint(exercise, lambda size, seed: size * seed + 0.5) == (
        "this changes with seed, and what is right does not"
    )


def test_what_matters_in_another_case_than_the_first_is_not_said_not_to():
    exercise = asked(lambda many, steps: many * (1 - (1 - 2 / many) ** steps), [(8, 1), (16, 4)])
    said = hint(exercise, lambda many, steps: 3 * many**2 + 0.5 * steps)
    assert "what is right does not" not in said


def test_a_number_that_is_rounded_otherwise_has_no_wrong_term():
    exercise = asked(
        lambda a, b, c: None if c > 9 else -(-a // b) + c,
        [(70, 9, 2), (80, 11, 5), (91, 10, 3), (90, 10, 4), (90, 10, 12)],
    )
    said = hint(exercise, lambda a, b, c: None if c > 9 else a // b + c)
    assert "term" not in said


def test_a_number_cut_off_at_zero_is_not_said_to_stay():
    exercise = asked(lambda a, b: a + b, [(1, 2), (4, 9)])
    assert "does not change" not in hint(exercise, lambda a, b: max(0, -a - b))


def test_no_call_is_made_where_the_question_has_no_right_answer():
    exercise = asked(lambda size, kernel: size - kernel, [(9, 3), (50, 20)])
    assert [probe.args for probe in probes(exercise)] == [(50, 3)]


def test_an_answer_that_fails_in_such_a_call_gets_no_line_and_keeps_its_mark():
    def answer(heads, rows, columns):
        if (heads, rows, columns) not in LAYER.examples:
            raise RuntimeError
        return heads * (rows * columns**2 + rows)

    verdict = judge(LAYER, answer, LAYER.public_cases())
    assert (verdict.status, verdict.hint) == ("wrong", "")


@pytest.mark.parametrize(
    ("reference", "examples", "answer", "said"),
    [
        (
            lambda size, kind: size * (3 if kind == "mixed" else 2),
            [(5, "fp32"), (7, "mixed"), (11, "bf16")],
            lambda size, kind: 2 * size,
            "this is wrong where kind is 'mixed': try that case by hand",
        ),
        (
            lambda size: size // 2,
            [(4,), (7,), (8,)],
            lambda size: -(-size // 2),
            "this is wrong where size is odd: try that case by hand",
        ),
        (
            lambda a, b: a // b if a % b == 0 else None,
            [(6, 3), (7, 3), (8, 2)],
            lambda a, b: a // b,
            "this is wrong where there is no such number, and None is asked for",
        ),
        (
            lambda a: 36 * a * a,
            [(20,), (30,), (11,)],
            lambda a: 3 * a,
            "what is right is exactly a whole number of times this: is a factor left out?",
        ),
        (
            lambda sizes: all(each > 2 for each in sizes),
            [([3, 4],), ([3, 1],), ([1, 3],), ([4, 2, 5],)],
            lambda sizes: sizes[0] > 2,
            "where this is wrong it says True, never False: what is to fail there?",
        ),
        (
            lambda size: size + 2**21 * (size % 3 == 0),
            [(3,), (7,), (9,), (8,)],
            lambda size: size + 2**21,
            "in some cases this is 2,097,152 too much: what is different there?",
        ),
        (
            lambda size, seed: size // 6 * 6 + 3 * seed,
            [(6, 1), (22, 2), (12, 1), (16, 2)],
            lambda size, seed: size + 3 * seed,
            "in some cases this is 4 too much: what is different there?",
        ),
    ],
)
def test_it_is_said_where_an_answer_is_wrong(reference, examples, answer, said):
    assert hint(asked(reference, examples), answer) == said


MODELS = [("net 1 of 5",), ("net 2 of 9",), ("text 3 of 4",), ("text 7 of 8",)]


def numbers_in(model):
    return [int(word) for word in model.split() if word.isdigit()]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda model: math.prod(numbers_in(model)) * (8 if model[0] == "t" else 10),
            "this is exact where model begins with 'net': what is different elsewhere?",
        ),
        # Of these one is near by chance.
        (
            lambda model: 10 * math.prod(numbers_in(model)) - (1 if model == "text 7 of 8" else 9),
            "where this is wrong it is too small: try the smallest such case by hand",
        ),
    ],
)
def test_what_is_near_enough_is_not_what_is_exact(wrong, said):
    exercise = asked(
        lambda model: 10 * math.prod(numbers_in(model)), MODELS, bands={0.01: 1, 0.05: 0.5}
    )
    assert hint(exercise, wrong) == said


def test_a_number_that_is_there_beside_cases_without_one_is_compared():
    exercise = asked(
        lambda i, o, g: None if i % g else i * o * 9 // g, [(4, 3, 2), (5, 2, 3), (6, 5, 3)]
    )
    answered = hint(exercise, lambda i, o, g: None if i % g else i * o * 9 // g + o)
    assert answered == "too much by o: what is counted that is not there?"


def test_lists_of_one_sum_hide_no_argument():
    exercise = asked(
        lambda sizes, more: 3 * sum(sizes) + more, [([1, 2, 4], 5), ([4, 2, 1], 8), ([3, 4], 9)]
    )
    said = hint(exercise, lambda sizes, more: 2.5 * sum(sizes) + more)
    assert "never changes" not in said
    assert "changes with sizes" in said or "too little with sizes" in said


def test_an_argument_that_matters_in_another_case_is_not_said_to_be_left_out():
    exercise = asked(
        lambda size, room: size * (1 if room > 9 else 2) + 0.25, [(3, 2), (5, 10), (7, 12), (8, 50)]
    )
    assert "come in?" not in hint(
        exercise, lambda size, room: size * (1 if room > 9 and size > 3 else 2) + 0.5
    )
