"""Rows of text as a table."""

from helpers.text_table import html_table, text_table

ROWS = [("name", "kind", "count"), ("  a<b", "x", "1,000"), ("", "", "5")]


def test_text_is_to_the_left_and_numbers_to_the_right():
    assert text_table(ROWS, left=2) == "name   kind  count\n  a<b  x     1,000\n                 5"


def test_html_has_a_head_perhaps_a_foot_and_no_markup_of_its_cells():
    table = html_table(ROWS, left=2, foot=True)
    assert table.count("<tr>") == 3
    assert table.count("<th ") == 6
    assert '<td style="text-align:left">&emsp;a&lt;b</td>' in table
    assert '<td style="text-align:right">1,000</td>' in table
    assert html_table(ROWS).count("<th ") == 3
