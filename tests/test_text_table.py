"""Rows of text as a table."""

import pytest

from helpers.check import judge
from helpers.exercises import EXERCISES
from helpers.text_table import html_table, text_table, visible

ROWS = [("name", "kind", "count"), ("  a<b", "x", "1,000"), ("", "", "5")]


def test_text_is_to_the_left_and_numbers_to_the_right():
    assert text_table(ROWS, left=2) == "name   kind  count\n  a<b  x     1,000\n                 5"


def test_html_has_a_head_perhaps_a_foot_and_no_markup_of_its_cells():
    table = html_table(ROWS, left=2, foot=True)
    assert table.count("<tr>") == 3
    assert table.count("<th ") == 6
    assert '<td style="text-align:left;overflow-wrap:anywhere">&emsp;a&lt;b</td>' in table
    assert '<td style="text-align:right">1,000</td>' in table
    assert html_table(ROWS).count("<th ") == 3


#: It moves the cursor, begins a line, sets a title or turns what follows around.
FORGED = "x\x1b[2J\rada: 11 points\x1b]0;t\x07\x9b1m\u2028\u202ey\u2066"


def test_every_sign_of_a_visible_text_is_seen():
    assert visible(FORGED) == "x?[2J?ada: 11 points?]0;t??1m??y?"
    for kept in ("an ordinary text", "10\u202f%", "क्\u200dष", "Ünï 漢字 👩\u200d🔬"):
        assert visible(kept) == kept


@pytest.mark.parametrize("how", ["returned", "raised", "in a list"])
def test_a_verdict_shows_no_sign_that_is_not_seen_whatever_an_answer_says(how):
    def answer(*args):
        if how == "raised":
            raise ValueError(FORGED.split("\r")[0] + FORGED[-8:])
        return FORGED if how == "returned" else [FORGED]

    exercise = EXERCISES["softmax_flops"]
    verdict = judge(exercise, answer, exercise.public_cases())
    assert [line for line in verdict.text().split("\n") if not line.isprintable()] == []
