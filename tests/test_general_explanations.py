"""What is said of plain numbers in any question, and of two slips at once."""

from dataclasses import replace

import pytest
import torch

from helpers.check import judge, plain_answer
from helpers.diagnosis import General
from helpers.exercises import EXERCISES, Exercise, Misconception
from helpers.ledger import Ledger, Term
from helpers.reference import batch_norm_flops


def question(reference, examples, topic=""):
    return Exercise(
        name="question",
        points=1,
        topic=topic,
        examples=examples,
        hidden=lambda draw: [],
        reference=reference,
    )


RATE = question(lambda size, width: 1.5 * size + width / 7, [(3, 5), (10, 2), (4, 9)], "bytes")
SHARE = question(lambda size, width: size / (size + width), [(3, 5), (10, 2), (4, 9)])
COUNT = question(lambda size, width: 3 * size + width + 40, [(3, 5), (10, 2), (4, 9)])


def said(exercise, answer):
    verdict = judge(exercise, answer, exercise.visible_cases())
    assert verdict.fraction < 1
    return verdict


@pytest.mark.parametrize(
    ("exercise", "factor", "name", "words"),
    [
        (SHARE, 100, General.UNIT, "percent, where a share"),
        (RATE, 100, General.CONSTANT_FACTOR, "in every case this is 100 times"),
        (SHARE, 1 / 4, General.CONSTANT_FACTOR, "exactly a quarter: what has a factor of 4?"),
        (SHARE, 8, General.CONSTANT_FACTOR, "eight times too much: what has a factor of 8?"),
        (RATE, 8, General.BITS_FOR_BYTES, "eight times too much: bits, not bytes?"),
    ],
)
def test_a_factor_is_told_as_what_it_can_be_in_the_question(exercise, factor, name, words):
    verdict = said(exercise, lambda *args: factor * exercise.reference(*args))
    assert verdict.misconceptions == (name,)
    assert words in verdict.hint


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda r: 2 * r, General.COUNTED_TWICE, "exactly double"),
        (lambda r: r / 2, General.COUNTED_HALF, "exactly half"),
        (lambda r: r / 4, General.ELEMENTS_FOR_BYTES, "a quarter"),
        (lambda r: 8 * r, General.BITS_FOR_BYTES, "bits"),
        (lambda r: 1e3 * r, General.UNIT, "too large by 1000:"),
        (lambda r: r / 1e9, General.UNIT, "too small by 1000^3:"),
        (lambda r: r * 1024, General.UNIT, "too large by 1024:"),
        (lambda r: r * 1e6 / 2**20, General.STEPS_OF_1024, "of 1000 or of 1024"),
        (lambda r: 1 / r, General.RECIPROCAL, "1 ÷ what is right"),
        (lambda r: -r, General.SIGN, "sign"),
        (lambda r: round(r, 1), General.ROUNDED, "all its digits"),
        (lambda r: int(r), General.ROUNDED, "whole number|whole numbers|digits"),
        (lambda r: 3 * r, General.CONSTANT_FACTOR, "3 times"),
    ],
)
def test_a_factor_of_all_numbers_is_said(change, name, words):
    verdict = said(RATE, lambda *args: change(RATE.reference(*args)))
    assert verdict.misconceptions == (name,)
    assert any(word in verdict.hint for word in words.split("|"))


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (lambda size, width: COUNT.reference(1, width), General.ARGUMENT_FORGOTTEN, "size = 1"),
        (lambda size, width: COUNT.reference(size, 0), General.ARGUMENT_FORGOTTEN, "width = 0"),
        (
            lambda size, width: COUNT.reference(width, size),
            General.ARGUMENTS_EXCHANGED,
            "exchanged",
        ),
        (lambda size, width: size * COUNT.reference(size, width), General.ARGUMENT_TWICE, "size"),
        (lambda size, width: COUNT.reference(size, width) + 1, General.ONE_OFF, "1 too much"),
        (
            lambda size, width: COUNT.reference(size, width) - 2 * size,
            General.TERM_OF_ARGUMENTS,
            "too little by 2 × size",
        ),
    ],
)
def test_what_became_of_an_argument_is_said(answer, name, words):
    verdict = said(COUNT, answer)
    assert verdict.misconceptions == (name,)
    assert words in verdict.hint


def test_numbers_that_do_not_vary_are_explained_by_no_factor_of_their_own():
    constant = question(lambda size: 21, [(1,), (2,)])
    assert said(constant, lambda size: 9).misconceptions == ()


def test_what_explains_all_parts_is_said_before_what_explains_one():
    exercise = EXERCISES["alexnet_layer_macs"]
    verdict = said(exercise, lambda *args: _doubled(exercise.reference(*args)))
    assert "two groups" not in verdict.hint
    assert len(verdict.misconceptions) == 1


def _doubled(parts):
    return {part: 2 * getattr(value, "total", value) for part, value in parts.items()}


def test_two_parts_exchanged():
    both = question(lambda n: {"read": n * n, "written": 3 * n}, [(5,), (9,)])
    verdict = said(both, lambda n: {"read": 3 * n, "written": n * n})
    assert verdict.hint == "are read and written exchanged?"


def batch_norm(batch, channels, height, width):
    n, positions = batch * channels * height * width, channels * height * width
    return (n + positions * 4) + (2 * n + positions * 4) + 4 * n


@pytest.mark.parametrize(
    ("name", "answer", "first"),
    [
        (
            "block_flops",
            lambda batch, i, o: 2 * i * batch + i * o * 2,
            "the batch is missing in: Linear multiply-accumulates",
        ),
        (
            "block_bytes",
            lambda batch, i, o: i * batch * 4 + (i * batch + o) * 4,
            "you left out: read weights",
        ),
    ],
)
def test_of_several_slips_the_first_to_look_at_is_said(name, answer, first):
    # Without its misconceptions: these very answers have names by now.
    exercise = replace(EXERCISES[name], misconceptions=())
    verdict = judge(exercise, answer, exercise.public_cases())
    assert verdict.misconceptions == (General.SEVERAL_SLIPS,)
    assert first in verdict.hint


def test_what_is_nearly_right_has_not_two_slips_that_undo_each_other():
    exercise = EXERCISES["optimizer_ledger"]
    known = [each for each in exercise.misconceptions if each.name == "two bytes a number"]
    states = {"sgd": 0, "momentum": 4, "adam": 8}
    verdict = judge(
        replace(exercise, misconceptions=tuple(known)),
        lambda p, optimizer: {
            "weights": 4 * p,
            "gradients": 4 * p,
            "states": states[optimizer] * p + 4 * (optimizer == "adam"),
        },
        exercise.public_cases(),
    )
    assert "how many bytes" not in verdict.hint


def test_a_term_too_many_is_not_made_of_one_counted_twice_and_one_without_its_batch():
    exercise = replace(EXERCISES["pair_costs"], misconceptions=())
    verdict = judge(
        exercise,
        lambda batch, i, o: {
            "FLOP": batch * i * (1 + 2 * o),
            "bytes": 4 * (3 * batch * i + i + i * o + batch * o),
        },
        exercise.public_cases(),
    )
    assert "slope" not in verdict.hint


def test_a_misconception_and_another_slip_are_found_together():
    """A student's own: statistics divided c·h·w times, and half of the rest left out."""
    exercise = replace(
        question(batch_norm_flops, [(4, 3, 220, 220), (2, 8, 5, 5), (3, 5, 7, 9)]),
        misconceptions=(Misconception("per element", "how many means are there?", _per_element),),
    )
    verdict = said(exercise, batch_norm)
    assert verdict.misconceptions == (General.SEVERAL_SLIPS,)
    assert verdict.hint.endswith("look at this first: how many means are there?")


def _per_element(batch, channels, height, width):
    right = batch_norm_flops(batch, channels, height, width)
    divided = "divisions of mean and variance"
    return Ledger(
        "FLOP",
        tuple(
            replace(term, count=2 * channels * height * width) if term.name == divided else term
            for term in right.terms
        ),
    )


def test_a_number_too_large_for_a_float_stops_no_search():
    assert said(COUNT, lambda size, width: 10**400 * size).fraction == 0


def test_where_it_is_right_is_said_when_nothing_explains_it():
    steps = question(lambda size, stride: size // stride, [(9, 1), (9, 2), (11, 3)])
    verdict = said(steps, lambda size, stride: size - (stride > 1) * 7)
    assert verdict.hint == "this is right where stride is 1: what is different elsewhere?"
    assert verdict.misconceptions == ()


def test_an_answer_that_ignores_what_comes_in_is_told():
    verdict = said(COUNT, lambda size, width: 77)
    assert verdict.hint == "this is the same in every case: does it use what comes in?"


def test_two_bytes_of_a_number_are_not_taken_for_the_two_flop_of_a_mac():
    def moved(rows, columns):
        return Ledger(
            "B",
            (
                Term("numbers", rows * columns, 4),
                Term("offsets", rows, 2),
                Term("scales", columns, 2),
            ),
        )

    exercise = question(moved, [(30, 50), (70, 20), (40, 90)])
    verdict = said(exercise, lambda rows, columns: 4 * rows * columns + 2 * rows + columns)
    assert verdict.hint == "numbers where bytes are asked for: scales"


def test_a_share_that_is_lost_beside_a_product_is_not_said_to_be_in_it():
    large = [(512, 768), (2048, 4096), (1000, 300)]
    share = question(lambda size, width: size / (size + width), large)
    assert "too much by" not in said(share, lambda size, width: 8 * size * width**2).hint


def test_a_constant_0_was_not_rounded_and_is_asked_about_both():
    small = question(lambda size, rate: size / rate, [(3, 500), (10, 2000), (4, 900)])
    for exercise, words in ((RATE, ""), (small, " Or does // or int() make 0 of what is less")):
        verdict = said(exercise, lambda *args: 0)
        assert verdict.misconceptions == ()
        assert "same in every case: does it use what comes in?" + words in verdict.hint


def test_whole_numbers_as_floats_of_32_bits_are_told_from_wrong_ones():
    exercise = EXERCISES["residual_traffic"]
    answer = plain_answer(
        lambda elements, inputs: torch.tensor(4.0 * elements) * (3 * inputs - 1), draws=False
    )
    assert "float of 32 bits" in judge(exercise, answer, exercise.public_cases()).hint


def test_the_square_of_what_is_right_is_said_to_be_one():
    exercise = EXERCISES["output_size"]
    verdict = judge(exercise, lambda *args: exercise.reference(*args) ** 2, exercise.public_cases())
    assert "the square of what is right" in verdict.hint
