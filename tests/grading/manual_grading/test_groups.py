"""Equal and similar answers are together, and nothing that means the opposite."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading.manual_grading.groups import difference, equal, similar, words_of

WORDS = ("the", "weights", "are", "not", "read", "twice", "2", "4", "−", "_", "ü")
TEXTS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.lists(st.sampled_from(WORDS)).map(" ".join),
    max_size=8,
)


@given(TEXTS)
@settings(max_examples=15)
def test_every_answer_is_in_one_group_and_equal_ones_are_never_parted(texts):
    for groups in (equal(texts), similar(texts)):
        assert sorted(name for group in groups for name in group) == sorted(texts)
    together = {name: number for number, group in enumerate(similar(texts)) for name in group}
    for group in equal(texts):
        assert len({together[name] for name in group}) == 1


def test_case_and_spaces_make_no_difference():
    assert equal({"a": "Read  ONCE.\n", "b": "read once.", "c": "read twice."}) == [
        ["a", "b"],
        ["c"],
    ]


@pytest.mark.parametrize(
    "other",
    [
        "I think that the weights are read once for all samples of the batch, so it pays off",
        "the weights are read once for all the samples of a batch so it pays off!",
        "The wieghts are read once for all samples of the batch, so it pays off",
    ],
)
def test_the_same_in_nearly_the_same_words_is_similar(other):
    text = "The weights are read once for all samples of the batch, so it pays off."
    assert len(similar({"a": text, "b": other})) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "the weights are read once for all samples",
            "the weights are not read once for all samples",
        ),
        ("a batch of 8 reads them once", "a batch of 16 reads them once"),
        ("the layer is limited by memory", "the layer is limited by compute"),
        ("there is more traffic for each sample", "there is less traffic for each sample"),
        ("the time isn't spent in the product", "the time is spent in the product"),
        ("n + 1 rows of the matrix are read", "n − 1 rows of the matrix are read"),
        ("die Gewichte werden einmal gelesen", "die Gewichte werden nicht einmal gelesen"),
        ("warps hide the latency of loads", "convolutions share weights over positions"),
    ],
)
def test_what_means_something_else_is_not_similar(one, other):
    assert len(similar({"a": one, "b": other})) == 2


def test_what_differs_is_named():
    assert difference("read once, in all", "read twice, in all") == "+ twice, − once"
    assert difference("read once", "Read  once!") == ""


def test_numbers_stay_whole():
    assert words_of("1,024 × 0.5 ≥ 3 − B") == ["1,024", "×", "0.5", "≥", "3", "-", "b"]
