"""Answers are shown as feedback pages show them, and nothing in them runs."""

import html
import re
import tomllib
from html.parser import HTMLParser

import pytest

from helpers.grading.handin.markup import TAGS, Budget
from helpers.grading.manual_grading import formulas
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
    assert tags_in(text(attack)) <= TAGS | formulas.TAGS
    assert tags_in(code(attack)) <= {"pre", "code"}


def test_a_text_is_laid_out():
    shown = text("**Once** for the batch:\n\n- `x`\n- *a*")
    assert "<strong>Once</strong>" in shown
    assert shown.count("<li>") == 2


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("$a_1$", "<msub><mi>a</mi><mn>1</mn></msub>"),
        (r"\\(a_1\\)", "<msub><mi>a</mi><mn>1</mn></msub>"),
        ("$$\n\\sqrt x\n$$", '<math display="block"><msqrt><mi>x</mi></msqrt></math>'),
        (r"$\frac12$", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"$\bigl(x\bigr)$", '<mo stretchy="false">(</mo><mi>x</mi>'),
        (r"$a < b$", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
    ],
)
def test_a_formula_is_drawn_and_what_was_typed_stands_with_it(typed, drawn):
    shown = text(f"It is {typed}.")
    assert drawn in re.sub(r">\s+<", "><", shown)
    assert 'title="$' in shown


@pytest.mark.parametrize(
    "typed",
    [r"$\href{javascript:alert(1)}{x}$", r"$\nosuch$", "$a & b$", f"${'x' * 2000}$", "$5 €$"],
)
def test_a_formula_that_cannot_be_drawn_is_shown_as_it_was_typed(typed):
    assert html.escape(typed) in text(f"It is {typed}.")
    assert "<math" not in text(typed)


@pytest.mark.parametrize(
    "typed",
    [
        r"$\text{</math><script>alert(1)</script>}$",
        r"$\operatorname{<img src=x onerror=alert(1)>}$",
        '$\\hspace{1" onmouseover="alert(1)}$',
        '[a](https://b.example "$x$")',
        '<a title="$x$" href="https://b.example">$y$</a>',
        "`$x$`",
    ],
)
def test_a_formula_brings_no_tag_and_no_attribute_of_its_own(typed):
    page = Parsed()
    page.feed(text(typed))
    assert page.tags <= TAGS | formulas.TAGS
    assert page.attributes <= {"title", "href", "rel", "width", "mathvariant"}


class Parsed(HTMLParser):
    """The tags and attributes of a page, as a browser finds them."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


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
