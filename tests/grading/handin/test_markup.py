"""What students write and display cannot run in a page, move a terminal, or stall the grader."""

from __future__ import annotations

import html
import json
import re

import pytest
from nbconvert.filters import markdown2html

from helpers.grading.handin.markup import (
    Budget,
    clean_html,
    clean_markdown,
    plain_colours,
    plain_line,
    shown_code,
)
from helpers.grading.sandbox.outputs import MAX_BYTES, Outputs

DANGER = re.compile(r"(?:href|src)=[\"']?\s*(?!https?://)|<script|<iframe|\son\w+=", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScript&colon;alert(1))",
        "[x](&#1;javascript:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](data:text/html,<b>x</b>)",
        "![x](javascript:alert(1))",
        "![x](attachment:y)",
        "[x][1]\n\n[1]: javascript:alert(1)",
        "> [1]: javascript:alert(1)\n\n[x][1]",
        "- [1]: javascript:alert(1)\n\n[x][1]",
        "1) [1]: javascript:alert(1)\n\n[x][1]",
        "[a\\]b]: javascript:alert(1)\n\n[x][a\\]b]",
        "a\n\r[1]: javascript:alert(1)\r\r[x][1]",
        "[1]: <java&#115;cript:alert(1)>\n\n[x][1]",
        "<javascript:alert(1)>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<iframe src='https://example.org'></iframe>",
    ],
)
def test_nothing_in_a_text_cell_runs(text: str) -> None:
    page = markdown2html(clean_markdown(text, Budget()))
    assert not DANGER.search(html.unescape(page)), page


@pytest.mark.parametrize(
    "text", ["[x](https://example.org/a?b=1)", "**bold** and `code`", "x − μ is kept: $a_1$"]
)
def test_plain_markdown_is_left_as_it_is(text: str) -> None:
    assert clean_markdown(text, Budget()) == text


@pytest.mark.parametrize(
    "text", ["<div>" * 12_000, '<b style="' + "color:(" * 2000 + '">x</b>', "<b>" * 100_000]
)
def test_markup_that_takes_long_to_clean_is_shown_as_text(text: str) -> None:
    cleaned = clean_html(text, Budget())
    assert "<div>" not in cleaned
    assert "style" not in cleaned or cleaned == html.escape(text)


@pytest.mark.parametrize(
    "text", ["![x](https://example.org/seen.png)", "![x][1]\n\n[1]: https://example.org/seen.png"]
)
def test_a_page_fetches_no_picture_of_a_student(text: str) -> None:
    assert "<img" not in markdown2html(clean_markdown(text, Budget()))


@pytest.mark.parametrize("text", ["\\\\[" * 20_000, "\\begin{a}" * 5_000, "a\n\n" * 20_000])
def test_markdown_that_takes_long_to_lay_out_is_shown_as_it_is(text: str) -> None:
    """Twenty thousand brackets take minutes in a feedback page, ten times as many hours."""
    cleaned = clean_markdown(text, Budget())
    assert cleaned.startswith("<pre>")
    page = markdown2html(cleaned)
    # nbconvert looks for links to files in what is laid out, too, from every bracket on.
    assert "[" not in page
    assert page.count("<pre>") == page.count("</pre>") == 1
    assert "<p>" not in page


def test_a_notebook_has_a_budget_of_markdown() -> None:
    budget = Budget(markdown=100)
    first, second = (clean_markdown("*x*" * 20, budget) for _ in range(2))
    assert first.startswith("*x*")
    assert second.startswith("<pre>")


def test_code_that_takes_long_to_colour_is_cut_where_it_is_shown() -> None:
    """Twenty thousand dots take Pygments twenty seconds, and a hundred times as many two days."""
    budget = Budget(code=25_000)
    lengths = [len(shown_code("." * 200_000, budget)) for _ in range(4)]
    assert [length // 1000 for length in lengths] == [10, 10, 5, 0]
    assert shown_code("", budget) == ""
    assert shown_code("a = 1", Budget()) == "a = 1"


def test_a_tag_of_thousands_of_attributes_is_shown_as_text() -> None:
    text = "<b " + "a " * 5_000 + ">x</b>"
    assert clean_html(text, Budget()) == html.escape(text)


def test_a_notebook_has_a_budget_of_html() -> None:
    budget = Budget(html=100)
    first, second = (clean_html("<b>x</b>" * 10, budget) for _ in range(2))
    assert first.startswith("<b>")
    assert second.startswith("&lt;b&gt;")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[1;38;5;208mbold", "\x1b[1;38;5;208mbold"),
        ("up\x1b[2A", "up"),
        ("bell\x1b]0;title", "bell]0;title"),
    ],
)
def test_of_escape_sequences_only_colours_are_kept(text: str, kept: str) -> None:
    assert plain_colours(text, Budget()) == kept


def test_a_colour_of_a_million_numbers_is_none() -> None:
    """nbconvert would take them off a list one by one, from its front."""
    outputs = Outputs()
    outputs.add("stream", {"name": "stdout", "text": "\x1b["})
    outputs.add("stream", {"name": "stdout", "text": ";" * 1000 + "m"})
    assert "\x1b" not in outputs.items[0]["text"]


def test_a_notebook_has_a_budget_of_colours() -> None:
    outputs = Outputs(Budget(colours=100))
    for _ in range(3):
        outputs.add("stream", {"name": "stdout", "text": "\x1b[0m" * 50})
    assert outputs.items[0]["text"].count("\x1b") == 100


def test_a_notebook_has_a_budget_of_tags() -> None:
    budget = Budget(tags=100)
    first, second = (clean_html("<b>x</b>" * 40, budget) for _ in range(2))
    assert first.startswith("<b>")
    assert second.startswith("&lt;b&gt;")


@pytest.mark.parametrize("text", ["a\ud800b", "\x1b[31mred", "<script>alert(1)</script>", "a\nb"])
def test_a_name_from_a_student_stays_in_its_line(text: str) -> None:
    line = plain_line(text)
    assert line.encode("utf-8").isascii()
    assert not re.search(r"[<>\x00-\x1f]", line)


def test_a_name_is_cut() -> None:
    assert len(plain_line("x" * 500)) == 100


def test_updates_of_a_display_count_for_each_display() -> None:
    outputs = Outputs()
    display = {"data": {"text/plain": "1"}, "transient": {"display_id": "x"}}
    for _ in range(40):
        outputs.add("display_data", display)
    large = {"data": {"text/plain": "A" * 900_000}, "transient": {"display_id": "x"}}
    outputs.add("update_display_data", large)
    kept = sum(len(item["data"]["text/plain"]) for item in outputs.items)
    assert kept <= MAX_BYTES


def test_all_cells_of_a_notebook_share_one_budget() -> None:
    budget = Budget(characters=1_000_000)
    kept = 0
    for _ in range(5):
        outputs = Outputs(budget)
        outputs.add("stream", {"name": "stdout", "text": "A" * 300_000})
        kept += sum(len(item["text"]) for item in outputs.items)
    assert kept == 900_000


def test_a_negative_execution_count_is_none() -> None:
    outputs = Outputs()
    outputs.add("execute_result", {"data": {"text/plain": "1"}, "execution_count": -10})
    assert outputs.items[0]["execution_count"] is None


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_an_output_nested_as_deeply_as_json_can_be_is_measured(opened: str) -> None:
    """It does not come from IPython: a student's process can write to the socket itself."""
    closed = "]" if opened == "[" else "}"
    for depth in range(400, 960, 40):
        content = json.loads(f'{{"text":"a","x":{opened * depth}1{closed * depth}}}')
        Outputs().add("stream", content)
