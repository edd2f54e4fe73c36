"""Students' markup, without what a browser would run.

It is shown in feedback pages and in formgrader, to an instructor who is logged in, beside buttons
that change scores. Cleaning takes time that no limit of the sandbox counts, so a notebook has an
`Allowance`; what goes beyond it is shown as plain text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 100_000
#: Cleaning nested tags takes time that grows with the square of their number.
MAX_TAGS = 1500


@dataclass
class Allowance:
    """What one notebook may still send: characters of output, and tags to be cleaned."""

    characters: int = 16_000_000
    tags: int = 20_000


def clean_html(text: str, allowance: Allowance) -> str:
    """HTML without scripts, styles and links to anything but pages."""
    tags = text.count("<")
    if not _TAG.search(text):
        return text
    if tags > min(MAX_TAGS, allowance.tags) or len(text) > MAX_CHARACTERS:
        return html.escape(text)
    allowance.tags -= tags
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


def clean_markdown(text: str, allowance: Allowance) -> str:
    """Markdown without scripts, and with no link or picture but plain web addresses: what a link
    says is decoded only when it is drawn, so anything else is taken apart here."""
    cleaned = _LINK.sub(r"]\\(", clean_html(text, allowance))
    return _REFERENCE.sub(r"\1\\[", cleaned)


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
_LINK = re.compile(r"\]\((?!\s*https?://[\w\-./?=%#:+~,@]*\s*\))")
#: The beginning of a definition such as `[1]: address`, also in quotes and lists.
_REFERENCE = re.compile(r"^([ \t>*+\-\d.]*)\[(?=[^\]]{1,999}\]:)", re.MULTILINE)
