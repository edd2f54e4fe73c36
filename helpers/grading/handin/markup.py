"""Students' markup, without what a browser would run.

It is shown in feedback pages and in formgrader, to an instructor who is logged in, beside buttons
that change scores. Cleaning takes time that no limit of the sandbox counts, so a notebook has a
`Budget`; what goes beyond it is shown as plain text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from helpers.text_table import visible

MAX_CHARACTERS = 100_000
#: Cleaning nested tags takes time that grows with the square of their number: a tenth of a second.
MAX_TAGS = 5000
#: Laying out Markdown, too: a text of this length takes seconds at worst.
MAX_MARKDOWN = 10_000
#: Markdown of up to this length is laid out to see whether code in it is shown as it was written.
MAX_COMPARED = 2000
#: And so does colouring code.
MAX_CODE = 10_000


@dataclass
class Budget:
    """What one notebook may still send: characters of output, tags and characters of HTML to be
    cleaned, colours of text, and characters of Markdown and code that are laid out."""

    characters: int = 16_000_000
    tags: int = 20_000
    html: int = 2_000_000
    colours: int = 10_000
    markdown: int = 100_000
    code: int = 100_000


def clean_html(text: str, budget: Budget) -> str:
    """HTML without scripts, styles and links to anything but pages. What is no tag of those that
    are kept or dropped is text, and stays: a student may write `List<int>` or `a<b`."""
    tags = text.count("<")
    if not _TAG.search(text):
        return text
    if tags > min(MAX_TAGS, budget.tags) or len(text) > min(MAX_CHARACTERS, budget.html):
        return html.escape(text)
    if _LONG_TAG.search(text):  # its attributes take as long
        return html.escape(text)
    budget.tags -= tags
    budget.html -= len(text)
    import nh3

    try:
        return nh3.clean(
            _MARKUP.sub(_kept, _STYLE_SHEET.sub("", text)),
            tags=set(TAGS),
            attributes={"*": {"title"}, "a": {"href"}, "td": set(_SPANS), "th": set(_SPANS)},
            url_schemes={"http", "https", "mailto"},
            url_relative="deny",
        )
    except BaseException as error:
        # Whatever a parser stumbles over, by its own limits or by a fault, is shown as it is. What
        # comes out of Rust is no Exception, but neither is what stops this process.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        return html.escape(text)


def _kept(found: re.Match[str]) -> str:
    """What is given to the cleaner of a tag, a comment, or a sign that is neither."""
    if found["tag"]:
        return found["tag"]
    return "&lt;" if found[0] == "<" else ""


def clean_markdown(text: str, budget: Budget) -> str:
    """Markdown without scripts, without pictures from elsewhere, and with no link but to plain web
    addresses: what a link says is decoded only when it is drawn, so anything else is taken apart
    here, by a character that is not seen. What is too long to be laid out is shown as it is."""
    if len(text) > min(MAX_MARKDOWN, budget.markdown):
        cut = text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}\n… and so on"
        # An empty line would end the block; brackets are looked through for links in any page.
        lines = (line or " " for line in html.escape(cut).replace("[", "&#91;").splitlines())
        return "<pre>\n{}\n</pre>".format("\n".join(lines))
    budget.markdown -= len(text)
    # A sign by its name in a fence's language (`&NewLine;`) can leave no language, for which
    # renderers stop.
    text = _FENCE.sub(lambda found: found[0].replace("&", "&amp;"), text)
    return _without_links(_clean_around_code(text, budget))


def _clean_around_code(text: str, budget: Budget) -> str:
    """Markdown without tags that run; code and formulas in it stay as they are written."""
    if not _TAG.search(text):
        return text
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"{_MARK}{len(held) - 1}{_MARK}"

    around = _VERBATIM.sub(hold, text)
    # In a tag, what is held would be put back without being cleaned.
    if _MARK in text or any(_MARK in found[0] for found in _MARKUP.finditer(around)):
        return clean_html(text, budget)
    cleaned = clean_html(around, budget)
    inert = [_inert(each) for each in held]
    safe = _put_back(cleaned, inert)
    as_written = _put_back(cleaned, [each.replace(f"<{JOINER}", "<") for each in inert])
    return as_written if safe == as_written or _look_alike(as_written, safe) else safe


def _put_back(cleaned: str, held: list[str]) -> str:
    return re.sub(f"{_MARK}(\\d+){_MARK}", lambda found: held[int(found[1])], cleaned)


def _inert(verbatim: str) -> str:
    """Code or a formula in which no sign begins a tag, even where it is taken for something else.
    TeX does not know a word joiner, and does not show a space."""
    return _BEFORE_TAG.sub("< " if verbatim.startswith("$") else f"<{JOINER}", verbatim)


def _look_alike(as_written: str, safe: str) -> bool:
    """Whether a page shows a text in the same tags as the one in which nothing begins a tag: what
    is code for us is code for the renderer then."""
    if len(as_written) > MAX_COMPARED:
        return False
    from nbconvert.filters import markdown2html

    try:
        pages = [
            _COLOUR.sub("", markdown2html(_without_links(text))) for text in (as_written, safe)
        ]
    except Exception:  # whatever it stumbles over
        return False
    return pages[0] == pages[1].replace(f"&lt;{JOINER}", "&lt;")


def _without_links(text: str) -> str:
    text = _LINK.sub(f"]{JOINER}(", text)
    return text.replace("]:", f"]{JOINER}:").replace("![", f"!{JOINER}[")


def shown_code(text: str, budget: Budget) -> str:
    """A code cell as it stands in a page, cut where nobody reads on."""
    room = max(0, min(MAX_CODE, budget.code))
    budget.code -= min(len(text), room)
    if len(text) <= room:
        return text
    return f"{text[:room]}\n# … {len(text) - room:,} more characters: see what was handed in"


def plain_colours(text: str, budget: Budget) -> str:
    """Text with no other escape sequences than colours, and not too many of those: to draw them
    takes time that grows with the square of their number, and of the length of one."""
    if "\x1b" not in text:
        return text
    budget.colours -= text.count("\x1b")
    return (_NO_COLOUR if budget.colours >= 0 else _ESCAPE).sub("", text)


def one_line(text: str, most: int = 500) -> str:
    """Text in which a student may have a word as one line for people, as of `visible`."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def plain_line(text: str) -> str:
    """A student's text as part of one line for people: nothing that moves a terminal's cursor, no
    markup, 100 characters at most."""
    return re.sub(r"[<>&`\[\]*\\]", "?", one_line(text, most=100))


#: Tags that are kept.
TAGS = frozenset(
    {"p", "br", "hr", "div", "span", "pre", "code", "blockquote", "details", "summary", "a"}
    | {"b", "i", "u", "s", "em", "strong", "small", "sub", "sup", "ul", "ol", "li"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd"}
    | {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
)
#: Tags that are left out; what stands between them is kept. None of them changes how a browser
#: reads what follows, as `script`, `style`, `svg` or `textarea` do: those are shown as text.
DROPPED = frozenset(
    {"abbr", "address", "article", "aside", "big", "body", "button", "center", "cite", "col"}
    | {"colgroup", "del", "figcaption", "figure", "font", "footer", "form", "head", "header"}
    | {"html", "img", "input", "ins", "kbd", "label", "link", "main", "mark", "meta", "nav"}
    | {"progress", "q", "samp", "section", "strike", "time", "tt", "var", "wbr"}
)
_SPANS = ["colspan", "rowspan"]
_TAG = re.compile(r"<[A-Za-z/!?]")
_LONG_TAG = re.compile(r"<[^<>]{2000}")
#: With a value, but for a few: `a <b and c> d` is no tag.
_ATTRIBUTE = (
    r"""\s++(?:[\w:.@-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>`]++)"""
    r"""|(?:open|hidden|nowrap|checked|disabled|scoped)\b)"""
)
# No group is repeated possessively: Python 3.11 before .5 loses matches so.
_MARKUP = re.compile(
    rf"(?P<tag></?(?:{'|'.join(sorted(TAGS))})(?:{_ATTRIBUTE})*\s*+/?>)"
    rf"|</?(?:{'|'.join(sorted(DROPPED))})(?:{_ATTRIBUTE})*\s*+/?>"
    r"|<!--[^<>-]*+(?:-(?!->)[^<>-]*+)*-->|<!doctype[^<>]*+>|<",
    re.IGNORECASE,
)
#: As pandas puts one before each table.
_STYLE_SHEET = re.compile(r"<style\b[^<>]*+>[^<{]*+\{[^<]*+</style\s*+>", re.IGNORECASE)
#: A word joiner takes no space, and nothing in Markdown goes over it.
JOINER = "\u2060"
_LINK = re.compile(r"\]\((?!\s*https?://[\w\-./?=%#:+~,@]*\s*\))")
#: Stands for what is held back while the rest is cleaned.
_MARK = "\ue000"
# Fenced and indented code, code in a line, and formulas; the last two go over no empty line.
_VERBATIM = re.compile(
    r"^[ \t>*+-]*(?:\d+[.)][ \t]+)?(?P<fence>`{3,}|~{3,})(?![^\n]*`)(?s:.*?)"
    r"(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?:\A|(?<=\n\n))(?:(?: {4}|\t)[^\n]*\n?)+"
    r"|(?<![`\\])(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n)(?s:.))+?(?<!`)(?P=ticks)(?!`)"
    r"|(?<![$\\])(?P<dollars>\${1,2})(?!\$)(?:(?!\n[ \t]*\n)[^$])+?(?<!\\)(?P=dollars)(?!\$)",
    re.MULTILINE,
)
#: A browser takes it for the beginning of a tag, or could once Markdown took something out of it.
_BEFORE_TAG = re.compile(r"<(?=[^\s<=\d-])")
#: What nbconvert puts around the words of code.
_COLOUR = re.compile(r"""<span(?: class="\w+")?>|</span>""")
_FENCE = re.compile(r"^[^`~\n]{0,200}(?:`{3,}|~{3,}).*&.*$", re.MULTILINE)
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,5}[@-~])?")
_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;]{0,40}m)(?:\[[0-?]{0,40}[ -/]{0,5}[@-~])?")
