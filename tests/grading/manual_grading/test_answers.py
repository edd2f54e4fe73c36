"""Answers are shown as feedback pages show them, and nothing in them runs."""

import html
import re
import tomllib

import pytest

from helpers.grading.handin.markup import TAGS, Budget
from helpers.grading.manual_grading.answers import shown
from tests import COURSE

ATTACKS = tomllib.loads((COURSE / "tests/attacks/markup.toml").read_text())


def text(source):
    return shown({"cell_type": "markdown", "source": source}, Budget())


def code(source, *outputs):
    return shown({"cell_type": "code", "source": source, "outputs": outputs}, Budget())


def tags_in(shown):
    return set(re.findall(r"<([a-z0-9]+)", shown))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_markup_that_was_never_cleaned_has_no_tag_that_runs(attack):
    assert tags_in(text(attack)) <= TAGS
    assert tags_in(code(attack)) <= {"pre", "code"}


def test_a_text_is_laid_out():
    shown = text("**Once** for the batch:\n\n- `x`\n- $a_1$ and $a_2$")
    assert "<strong>Once</strong>" in shown
    assert shown.count("<li>") == 2
    assert "$a_1$" in shown


def test_code_and_what_it_shows_are_text():
    stream = {"output_type": "stream", "text": ["<b>\x1b[31mred\x1b[0m"]}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "<x>", "traceback": []}
    shown = code("if a < b: pass", stream, error)
    assert "if a &lt; b: pass" in shown
    assert html.escape("<b>red") in shown
    assert "ValueError: &lt;x&gt;" in shown


def test_a_picture_is_shown_and_what_says_it_is_one_is_not():
    picture = {"output_type": "display_data", "data": {"image/png": "aGk=\n"}}
    assert 'src="data:image/png;base64,aGk="' in code("plot()", picture)
    false = {"output_type": "display_data", "data": {"image/png": '"><script>'}}
    assert "<script" not in code("plot()", false)
    assert "<img" not in code("plot()", false)


@pytest.mark.parametrize(
    "output", [None, 3, [], {"data": 1}, {"text": None}, {"data": {"image/png": None}}]
)
def test_an_output_that_is_none_is_left_out(output):
    assert code("x", output) == "<pre><code>x</code></pre>"
