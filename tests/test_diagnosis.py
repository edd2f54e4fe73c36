"""Why a wrong number is wrong: found in the ledger, reported only where it fits every case."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.check import judge
from helpers.diagnosis import Attempt, General, explain, is_right
from helpers.exercises import Exercise, Misconception, OneOf
from helpers.ledger import Alternative, Ledger, Term


def cost(batch, n, unit="FLOP"):
    return Ledger(
        unit,
        (
            Term("exponentials", batch * n, 40),
            Term("sum", batch * (n - 1), 1, (Alternative("from zero", batch * n),)),
            Term("division", batch * n, 4),
        ),
    )


def exercise(reference=cost):
    return Exercise(
        name="question",
        unit="unit",
        points=1,
        topic="",
        examples=[(4, 32), (1, 10), (7, 100)],
        hidden=lambda draw: [],
        reference=reference,
    )


def explained(answer, question=None):
    question = question or exercise()
    attempts = [Attempt(case, answer(*case.args)) for case in question.visible_cases()]
    return explain(question, {"": attempts}).get("")


def products(batch, n):
    return Ledger("FLOP", (Term("products", batch * n, 2), Term("bias", batch)))


def test_half_is_mac_where_there_are_macs():
    question = exercise(products)
    hint = explained(lambda b, n: products(b, n).total / 2, question).hint
    assert hint.startswith("this is half: MAC")


def test_half_is_not_mac_where_there_are_none():
    found = explained(lambda b, n: cost(b, n).total / 2)
    assert found.misconception == General.COUNTED_HALF
    assert "MAC" not in found.hint


def test_more_than_the_right_count_is_not_called_left_out():
    def norm(batch, n):
        from_zero = Alternative("from zero", 2 * batch * n)
        return Ledger(
            "FLOP",
            (Term("sums", 2 * batch * n - 2 * n, 1, (from_zero,)), Term("add ε", n)),
        )

    # One more for each n: from zero (2 n more) without ε (n less) would give it as well.
    found = explained(lambda b, n: norm(b, n).total + n, exercise(norm))
    assert found.hint.startswith("too much by n")


def test_a_term_left_out_is_named():
    found = explained(lambda b, n: cost(b, n).total - b * (n - 1))
    assert found.hint == "you left out: sum"
    assert found.edits == 1


def test_a_price_taken_as_1_is_named():
    hint = explained(lambda b, n: b * n + b * (n - 1) + 4 * b * n).hint
    assert hint == "priced as 1 where the price list says more: exponentials"


def test_two_mistakes_are_both_named():
    hint = explained(lambda b, n: b * n + b * (n - 1) + b * n).hint
    assert hint == "priced as 1 where the price list says more: exponentials, division"


def test_two_explanations_that_cannot_be_told_apart_are_both_said():
    hint = explained(lambda b, n: b * n + b * (n - 1)).hint
    assert hint.startswith("you left out: exponentials; priced as 1")
    assert ", or: you left out: division; priced as 1" in hint


def test_the_simpler_of_two_explanations_is_the_one():
    # exponentials priced 1 and no sum, or no exponentials and a sum from zero: 5 b n both
    assert explained(lambda b, n: 5 * b * n).hint == "you left out: exponentials"


def test_mistakes_are_found_on_every_right_derivation():
    # sums from zero, division left out
    assert explained(lambda b, n: 41 * b * n).hint == "you left out: division"


def test_the_batch_forgotten():
    assert "the batch is missing" in explained(lambda b, n: cost(1, n).total).hint


def test_elements_for_bytes():
    question = exercise(lambda b, n: Ledger("B", (Term("read", b * n, 4), Term("write", b, 4))))
    assert "not of bytes" in explained(lambda b, n: b * n + b, question).hint


def test_terms_of_one_size_cannot_be_told_apart():
    question = exercise(lambda b, n: Ledger("B", tuple(Term(name, n, 4) for name in "wgmv")))
    assert explained(lambda b, n: 12 * n, question).hint == "you left out one of: w, g, m, v"


def test_what_fits_one_case_only_is_not_claimed():
    assert explained(lambda b, n: products(4, 32).total / 2, exercise(products)) is None


@given(st.integers(1, 10**6))
def test_a_number_from_nowhere_is_not_explained(number):
    # the same number for three cases whose costs differ
    assert explained(lambda b, n: number) is None


@given(st.sampled_from(["exponentials", "sum", "division"]), st.integers(2, 50), st.integers(5, 50))
def test_any_left_out_term_is_found_for_any_size(name, batch, n):
    question = exercise()
    cases = [question.case((batch, n)), question.case((batch + 1, n + 3)), question.case((1, n))]
    attempts = [Attempt(case, cost(*case.args).total - cost(*case.args)[name]) for case in cases]
    assert explain(question, {"": attempts})[""].hint == f"you left out: {name}"


@pytest.mark.parametrize(
    ("right", "value", "accepted"),
    [
        (5, 5, True),
        (5, 5.0, True),
        (5, 6, False),
        (1, True, False),
        (True, 1, False),
        (10**30, 10**30 + 1, False),
        (0.1, 0.1 + 1e-9, True),
        (0, 0.0, True),
        (3.0, float("nan"), False),
        (5, "5", False),
        ("memory", " Memory ", True),
        ("memory", "compute", False),
        (None, None, True),
        (None, 0, False),
        (0, None, False),
        ([1, 2], (1, 2), True),
        ([1, 2], [1], False),
        (OneOf((1, 2)), 2, True),
        (cost(4, 32), cost(4, 32).total + 4, True),
        (cost(4, 32), cost(4, 32).total + 3, False),
        (2.0, 10**400, False),
    ],
)
def test_what_counts_as_right(right, value, accepted):
    assert is_right(right, value, 1e-6) is accepted


def test_no_word_fits_a_misconception_that_says_nothing_about_the_part():
    half = Misconception("half", "which half?", lambda b, n: {"cost": b * n})
    question = replace(
        exercise(lambda b, n: {"cost": 2 * b * n, "bound": "memory"}), misconceptions=(half,)
    )
    attempts = [Attempt(case, "nothing") for case in question.visible_cases()]
    assert explain(question, {"bound": attempts}) == {}


def both(batch, n):
    return {"read": 4 * batch * n, "written": 8 * batch * n}


def of_both(*misconceptions):
    return replace(exercise(both), misconceptions=misconceptions)


ELEMENTS = Misconception("elements", "how wide?", lambda b, n: {"read": b * n})
HALVES = Misconception("halves", "which half?", lambda b, n: {"read": b * n, "written": b})


def test_one_misconception_that_gives_all_parts_is_named_before_one_that_gives_some():
    question = of_both(ELEMENTS, HALVES)
    verdict = judge(question, HALVES.gives, question.visible_cases())
    assert (verdict.misconceptions, verdict.hint) == (("halves",), "which half?")


def test_each_part_has_its_misconception_where_none_gives_them_all():
    rows = Misconception("rows", "which rows?", lambda b, n: {"written": n})
    question = of_both(ELEMENTS, rows)
    answer = {"read": lambda b, n: b * n, "written": lambda b, n: n}
    verdict = judge(
        question,
        lambda b, n: {part: number(b, n) for part, number in answer.items()},
        question.visible_cases(),
    )
    assert verdict.misconceptions == ("elements", "rows")
    assert verdict.hint == "read: how wide? And written: which rows?"


def test_of_misconceptions_that_give_the_same_numbers_the_first_is_named():
    same = replace(HALVES, name="the same")
    for first, second in ((HALVES, same), (same, HALVES)):
        question = of_both(first, second)
        verdict = judge(question, HALVES.gives, question.visible_cases())
        assert verdict.misconceptions == (first.name,)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda b, n: products(b, n).total / 2, General.MAC_FOR_FLOP),
        (lambda b, n: products(b, n).total * 2, General.COUNTED_TWICE),
        (lambda b, n: products(b, n).total - b, General.LEFT_OUT),
        (lambda b, n: products(b, n).total - b * n, General.MAC_FOR_FLOP),
        (lambda b, n: products(1, n).total, General.BATCH_FORGOTTEN),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_general_mistake_has_one_name_whatever_the_question(answer, name):
    assert explained(answer, exercise(products)).misconception == name


def test_the_name_of_what_is_left_out_is_the_same_whichever_term_it_is():
    found = {
        explained(lambda b, n, name=name: cost(b, n).total - cost(b, n)[name]).misconception
        for name in ("exponentials", "sum", "division")
    }
    assert found == {General.LEFT_OUT}


def test_a_forgotten_argument_is_named_in_its_number():
    question = exercise(lambda tokens, n: products(tokens, n))
    hint = explained(lambda tokens, n: products(1, n).total, question).hint
    assert "the tokens are missing" in hint


def test_terms_that_only_some_cases_have_stop_no_search():
    def reference(batch, n):
        rest = (Term("rest", 1, alternatives=(Alternative("kept", 2),)),) if n > 20 else ()
        return Ledger("FLOP", (Term("products", batch * n, 2), *rest))

    question = exercise(reference)
    wrong = explained(lambda batch, n: reference(batch, n).total * 7 + n, question)
    assert wrong is None
    hint = explained(lambda batch, n: reference(batch, n).total / 2, question).hint
    assert "MAC" in hint
