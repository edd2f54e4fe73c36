"""Students' markup, without what a browser would run.

It is shown in feedback pages and in formgrader, to an instructor who is logged in, beside buttons
that change scores. Cleaning takes time that no limit of the sandbox counts, so a notebook has an
`Budget`; what goes beyond it is shown as plain text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 100_000
#: Cleaning nested tags takes time that grows with the square of their number.
MAX_TAGS = 1500
#: Laying out Markdown, too: a text of this length takes seconds at worst.
MAX_MARKDOWN = 10_000
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
    """HTML without scripts, styles and links to anything but pages."""
    tags = text.count("<")
    if not _TAG.search(text):
        return text
    if tags > min(MAX_TAGS, budget.tags) or len(text) > min(MAX_CHARACTERS, budget.html):
        return html.escape(text)
    if _LONG_TAG.search(text):  # so does cleaning the attributes of one
        return html.escape(text)
    budget.tags -= tags
    budget.html -= len(text)
    import bleach

    try:
        cleaned: str = bleach.clean(
            text,
            tags=TAGS,
            attributes={"*": ["title"], "a": ["href"], "td": _SPANS, "th": _SPANS},
            protocols={"http", "https", "mailto"},
            strip=True,
        )
    except Exception:
        # Whatever a parser stumbles over, by its own limits or by a fault, is shown as it is.
        return html.escape(text)
    return cleaned


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
    cleaned = _LINK.sub(f"]{JOINER}(", clean_html(text, budget))
    return cleaned.replace("]:", f"]{JOINER}:").replace("![", f"!{JOINER}[")


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


def plain_line(text: str) -> str:
    """A student's text as part of one line for people: nothing that moves a terminal's cursor, no
    markup, 100 characters at most."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else "?" for c in text)
    shown = shown if len(shown) <= 100 else f"{shown[:99]}…"
    return re.sub(r"[<>&`\[\]*\\]", "?", shown)


TAGS = frozenset(
    {"p", "br", "hr", "div", "span", "pre", "code", "blockquote", "details", "summary", "a"}
    | {"b", "i", "u", "s", "em", "strong", "small", "sub", "sup", "ul", "ol", "li"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd"}
    | {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
)
_SPANS = ["colspan", "rowspan"]
_TAG = re.compile(r"<[A-Za-z/!?]")
_LONG_TAG = re.compile(r"<[^<>]{2000}")
#: A word joiner takes no space, and nothing in Markdown goes over it.
JOINER = "\u2060"
_LINK = re.compile(r"\]\((?!\s*https?://[\w\-./?=%#:+~,@]*\s*\))")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,5}[@-~])?")
_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;]{0,40}m)(?:\[[0-?]{0,40}[ -/]{0,5}[@-~])?")
