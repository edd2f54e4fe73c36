"""What students write and display cannot run in a page, move a terminal, or stall the grader."""

from __future__ import annotations

import html
import json
import re
import tomllib
import unicodedata
from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from helpers.grading.handin.markup import (
    JOINER,
    TAGS,
    Budget,
    clean_html,
    clean_markdown,
    one_line,
    plain_colours,
    plain_line,
    shown_code,
)
from helpers.grading.sandbox.outputs import MAX_BYTES, Outputs
from tests import COURSE

ATTACKS: dict[str, str] = tomllib.loads((COURSE / "tests/attacks/markup.toml").read_text())
ATTRIBUTES = {"title", "href", "rel", "colspan", "rowspan"}
#: What nbconvert adds when it makes a page of Markdown: names for headings and for colours.
OF_A_PAGE = {"id", "class"}


class Page(HTMLParser):
    """What of a page is no text: its tags, with their attributes as a browser decodes them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def unsafe(page: str, attributes: set[str], links: str) -> list[tuple[str, dict[str, str]]]:
    """Tags that are not kept, or with other attributes, or that lead elsewhere."""
    return [
        (tag, given)
        for tag, given in Page(page).tags
        if tag not in TAGS
        or not attributes.issuperset(given)
        or not re.match(links, given.get("href", "https://"))
    ]


def unsafe_output(text: str) -> list[tuple[str, dict[str, str]]]:
    return unsafe(clean_html(text, Budget()), ATTRIBUTES, "https?://|mailto:")


def unsafe_page(text: str) -> list[tuple[str, dict[str, str]]]:
    page = markdown2html(clean_markdown(text, Budget()))
    return unsafe(page, ATTRIBUTES | OF_A_PAGE, "https?://|mailto:|#")


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_runs_in_an_output_or_a_text_cell(name: str) -> None:
    assert unsafe_output(ATTACKS[name]) == []
    assert unsafe_page(ATTACKS[name]) == []


PIECES = [
    *"<>\"'`=/&;![]()-#{}\n x",
    "<b",
    "<p title",
    "<a href",
    "<style",
    "<svg",
    "<math",
    "<img",
]
PIECES += ["<!--", "-->", "</", "&lt", "script", "javascript:", "onerror=1", "<table>", "<td>"]
PIECES += [
    "```",
    "``",
    "~~~",
    "\n\n",
    "\n    ",
    "\n> ",
    "\n- ",
    "$$",
    "$",
    "\\",
    "|",
    "<script>",
    "a",
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_nothing_that_is_put_together_from_pieces_runs(text: str) -> None:
    assert unsafe_output(text) == []
    assert unsafe_page(text) == []
    # Read once more, it is what it was: nothing in it can be taken in two ways.
    cleaned = clean_html(text, Budget())
    assert clean_html(cleaned, Budget()) == cleaned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<b, and c>d", "a<b, and c>d"),
        ("if a<b and c>d: <b>yes</b>", "if a<b and c>d: yes"),
        ("a list[int] or a List<int> or a <T>", "a list[int] or a List<int> or a <T>"),
        ("I used <script> and <style>.", "I used <script> and <style>."),
        ('<p title="never closed> and then', '<p title="never closed> and then'),
        ("<!-- never closed <b>x</b>", "<!-- never closed x"),
        ("x <- 3, y <= 4, <3", "x <- 3, y <= 4, <3"),
        ("<b>μ &amp; &lt;σ&gt;</b> & more", "μ & <σ> & more"),
        ("<!-- a comment --><font color=red>red</font> <kbd>K</kbd>", "red K"),
        ("<b>never closed", "never closed"),
        ("<x-y>mine", "<x-y>mine"),
    ],
)
def test_what_an_honest_student_writes_is_shown(text: str, shown: str) -> None:
    cleaned = clean_html(text, Budget())
    assert html.unescape(re.sub(r"</?(?:b|font|kbd)>", "", cleaned)) == shown


TABLE = """<div>
<style scoped>
    .dataframe tbody tr th {
        vertical-align: top;
    }
</style>
<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>FLOP</th>
</tr></thead><tbody><tr><th>0</th><td>4</td></tr></tbody></table>
</div>"""


def test_a_table_of_pandas_is_shown_as_a_table() -> None:
    cleaned = clean_html(TABLE, Budget())
    assert [tag for tag, _ in Page(cleaned).tags] == [
        *("div", "table", "thead", "tr", "th", "th", "tbody", "tr", "th", "td")
    ]
    assert "vertical-align" not in cleaned


def test_a_fault_of_the_cleaner_shows_the_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    panic = type("PanicException", (BaseException,), {})
    for fault in (ValueError, panic):

        def fails(*_: object, fault: type[BaseException] = fault, **__: object) -> str:
            raise fault

        monkeypatch.setattr(nh3, "clean", fails)
        assert clean_html("<b>x</b>", Budget()) == "&lt;b&gt;x&lt;/b&gt;"


def test_what_stops_the_grader_is_no_fault_of_the_cleaner(monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(nh3, "clean", stops)
    with pytest.raises(KeyboardInterrupt):
        clean_html("<b>x</b>", Budget())


@pytest.mark.parametrize(
    "text", ["[x](https://example.org/a?b=1)", "**bold** and `code`", "x − μ is kept: $a_1$"]
)
def test_plain_markdown_is_left_as_it_is(text: str) -> None:
    assert clean_markdown(text, Budget()) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A `List<int>`.", "A List<int>."),
        ("`a & b<c> &lt;` and <b>d</b> & e", "a & b<c> &lt; and d & e"),
        ("``a ` <b>`` and `<script>`", "a ` <b> and <script>"),
        ("> - `vector<int>`", "vector<int>"),
        ("```\nList<int> & x\n\nList<T>\n```", "List<int> & x\n\nList<T>"),
        ("~~~python\nx: List<int> = a & b\n~~~", "x: List<int> = a & b"),
        ("so:\n\n    vector<int> v = a & b;\n", "so:\nvector<int> v = a & b;"),
        ("| `List<int>` |\n|---|\n| `a<b` |", "List<int> a<b"),
        ("$0<x<n$ is <b>so</b>", "$0< x< n$ is so"),
        ("$$\na<b\\\\\nc & d<e\n$$", "$$\na< b\\\\\nc & d< e\n$$"),
    ],
)
def test_code_and_formulas_are_shown_as_they_were_written(text: str, shown: str) -> None:
    page = markdown2html(clean_markdown(text, Budget()))
    seen = html.unescape(re.sub("<[^<>]*>", "", page))
    assert seen.split() == shown.split()


def test_in_code_that_is_long_or_that_a_renderer_stops_at_nothing_begins_a_tag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stops(text: str) -> str:
        raise ValueError

    code = "`List<int>`"
    assert JOINER in clean_markdown(code + " x" * 2000, Budget())
    monkeypatch.setattr("nbconvert.filters.markdown2html", stops)
    assert clean_markdown(code, Budget()) == f"`List<{JOINER}int>`"


@pytest.mark.parametrize(
    "text",
    [
        '<b title="`x`">`" onclick=alert(1) x="`</b>',
        '<b title="> ` " onclick=alert(1) ` ">x</b>',
        '<a href="https://a.org/`">x</a> ` onclick=alert(1) "`',
        "`a\\`<script>alert(1)</script>`",
        "\\\\`<img src=x onerror=alert(1)>\\`",
        "a `\n- <script>alert(1)</script>`",
        "a `\n# <script>alert(1)</script>`",
        "| ` | <script>alert(1)</script> ` |\n|---|---|",
        "$`$<script>alert(1)</script>`",
        "```x`\n<script>alert(1)</script>\n```",
        "- a\n\n    <script>alert(1)</script>",
        "~~~\n    ~~~\n<script>alert(1)</script>\n~~~",
        "`<\\script>` <\\script> $<$script>$",
        "\ue0000\ue000`<script>alert(1)</script>`",
    ],
)
def test_what_only_looks_like_code_runs_nothing(text: str) -> None:
    assert unsafe_page(text) == []


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


@pytest.mark.parametrize("mark", ["&NewLine;", "&#10;", "&#32;", "&Tab;", "&nbsp;"])
@pytest.mark.parametrize("fence", ["```", "~~~", "> ```", "- ~~~~"])
def test_a_fence_with_a_sign_by_its_name_stops_no_renderer(fence: str, mark: str) -> None:
    text = clean_markdown(f"{fence}{mark}\nx = 1\n{fence}", Budget())
    assert "x = 1" in markdown2html(text)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(f"\x1b[2Jada: 11 points\r\n\u202e{text}")
    assert len(line.splitlines()) == 1
    assert line.startswith("?[2Jada: 11 points???")
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
