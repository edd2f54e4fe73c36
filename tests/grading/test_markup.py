"""What students write and display cannot run in a page, move a terminal, or stall the grader."""

from __future__ import annotations

import html
import re

import pytest
from nbconvert.filters import markdown2html

from helpers.grading.markup import Allowance, clean_html, clean_markdown, plain_line
from helpers.grading.outputs import MAX_BYTES, Outputs

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
        "<javascript:alert(1)>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<iframe src='https://example.org'></iframe>",
    ],
)
def test_nothing_in_a_text_cell_runs(text: str) -> None:
    page = markdown2html(clean_markdown(text, Allowance()))
    assert not DANGER.search(html.unescape(page)), page


@pytest.mark.parametrize(
    "text", ["[x](https://example.org/a?b=1)", "**bold** and `code`", "x − μ is kept: $a_1$"]
)
def test_plain_markdown_is_left_as_it_is(text: str) -> None:
    assert clean_markdown(text, Allowance()) == text


@pytest.mark.parametrize(
    "text", ["<div>" * 12_000, '<b style="' + "color:(" * 2000 + '">x</b>', "<b>" * 100_000]
)
def test_markup_that_takes_long_to_clean_is_shown_as_text(text: str) -> None:
    cleaned = clean_html(text, Allowance())
    assert "<div>" not in cleaned
    assert "style" not in cleaned or cleaned == html.escape(text)


def test_a_notebook_has_an_allowance_of_tags() -> None:
    allowance = Allowance(tags=100)
    first, second = (clean_html("<b>x</b>" * 40, allowance) for _ in range(2))
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


def test_all_cells_of_a_notebook_share_one_allowance() -> None:
    allowance = Allowance(characters=1_000_000)
    kept = 0
    for _ in range(5):
        outputs = Outputs(allowance)
        outputs.add("stream", {"name": "stdout", "text": "A" * 300_000})
        kept += sum(len(item["text"]) for item in outputs.items)
    assert kept == 900_000


def test_a_negative_execution_count_is_none() -> None:
    outputs = Outputs()
    outputs.add("execute_result", {"data": {"text/plain": "1"}, "execution_count": -10})
    assert outputs.items[0]["execution_count"] is None
