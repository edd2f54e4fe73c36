"""A cost is a sum of named terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.ledger import Alternative, Ledger, Term

SOFTMAX = Ledger(
    "FLOP",
    (Term("exponentials", 128, 40), Term("sum", 124, 1), Term("division", 128, 4)),
    title="softmax(batch=4, n=32)",
)

terms = st.builds(
    Term,
    name=st.sampled_from(["a", "b", "c/d", "c/e"]),
    count=st.integers(0, 10**12),
    price=st.sampled_from([0, 0.5, 1, 4, 40]),
)
ledgers = st.builds(Ledger, unit=st.just("FLOP"), terms=st.lists(terms, max_size=5).map(tuple))


def test_total_is_the_sum_of_count_times_price():
    assert SOFTMAX.total == 128 * 40 + 124 + 128 * 4 == 5756


def test_it_prints_as_an_aligned_table():
    assert str(SOFTMAX) == (
        "softmax(batch=4, n=32)  count  price   FLOP\n"
        "  exponentials            128     40  5,120\n"
        "  sum                     124      1    124\n"
        "  division                128      4    512\n"
        "                                      5,756"
    )


def test_where_every_price_is_1_a_count_is_the_amount_and_stands_once():
    held = Ledger("B", (Term("weights", 4096), Term("inputs", 128)), title="held")
    assert str(held) == ("held           B\n  weights  4,096\n  inputs     128\n           4,224")


def test_it_shows_as_an_html_table_with_names_escaped():
    table = Ledger("B", (Term("<x>", 1),))._repr_html_()
    assert "&lt;x&gt;" in table
    assert "<x>" not in table


@given(ledgers, ledgers)
def test_adding_adds_totals(a, b):
    assert (a + b).total == a.total + b.total


@given(ledgers, st.integers(0, 1000))
def test_scaling_scales_the_total(ledger, factor):
    assert (factor * ledger).total == factor * ledger.total


@given(ledgers)
def test_summary_and_names_below_keep_the_total(ledger):
    assert ledger.summary().total == ledger.total
    assert ledger.under("layer").total == ledger.total


def test_terms_of_one_name_and_price_are_merged():
    both = Ledger("B", (Term("weights", 3, 4),)) + Ledger("B", (Term("weights", 5, 4),))
    assert both.terms == (Term("weights", 8, 4),)


def test_terms_of_different_price_are_kept_apart():
    both = Ledger("B", (Term("weights", 3, 4),)) + Ledger("B", (Term("weights", 5, 2),))
    assert len(both.terms) == 2
    assert both["weights"] == 22


def test_a_name_finds_the_terms_below_it():
    ledger = Ledger("MAC", (Term("conv1/weights", 2), Term("conv1/bias", 3), Term("conv2", 7)))
    assert ledger["conv1"] == 5
    assert "conv1" in ledger
    assert "conv" not in ledger


def test_whole_totals_are_ints_and_half_bytes_are_not_lost():
    assert isinstance(Ledger("B", (Term("int4", 4, 0.5),)).total, int)
    assert Ledger("B", (Term("int4", 3, 0.5),)).total == 1.5


def test_every_combination_of_alternatives_is_accepted():
    ledger = Ledger(
        "FLOP",
        (
            Term("sum", 9, 1, (Alternative("from zero", 10),)),
            Term("root", 2, 4, (Alternative("not priced", 0),)),
            Term("rest", 100),
        ),
    )
    assert ledger.accepted_totals() == {9 + 8 + 100, 10 + 8 + 100, 9 + 100, 10 + 100}
    assert next(ledger.derivations()) == ((), 117)


@given(st.integers(0, 100))
def test_alternatives_scale_with_their_term(factor):
    ledger = Ledger("FLOP", (Term("sum", 9, 1, (Alternative("from zero", 10),)),))
    assert (factor * ledger).accepted_totals() == {9 * factor, 10 * factor}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: SOFTMAX + Ledger("B"), "cannot add a ledger in B to one in FLOP"),
        (lambda: SOFTMAX * -1, "whole number"),
        (lambda: SOFTMAX * True, "whole number"),
        (lambda: Term("sum", -1), "'sum'"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_a_missing_name_lists_those_there_are():
    with pytest.raises(KeyError, match="exponentials, sum, division"):
        SOFTMAX["exponential"]


def test_it_exports_as_plain_data():
    assert SOFTMAX.to_dict()["total"] == 5756
    assert SOFTMAX.to_dict()["terms"][0] == {
        "name": "exponentials",
        "count": 128,
        "price": 40,
        "amount": 5120,
    }


def test_a_ledger_in_another_unit_is_refused() -> None:
    """Explanations go by the unit: of bytes under another name they would be untrue."""
    with pytest.raises(ValueError, match=r"a ledger's unit is one of FLOP, .*, not 'bytes'"):
        Ledger("bytes")
