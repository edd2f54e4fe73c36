"""Formulas of a text as MathML, which browsers draw by themselves: nothing runs in the page.

They are held back while the rest of a text is cleaned, and cleaned on their own. What cannot be
laid out is shown as it was typed; of the others a pointer that rests on one shows that.
"""

from __future__ import annotations

import html
import re
from uuid import uuid4

import nh3
from docutils.utils.math.latex2mathml import tex2mathml
from nbconvert.filters.markdown_mistune import IPythonRenderer

#: Characters of a formula; a longer one is shown as it was typed.
MAX_FORMULA = 1000
#: MathML's tags, as docutils uses them.
TAGS = frozenset(
    {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "mphantom"}
    | {"mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover"}
    | {"mtable", "mtr", "mtd", "menclose"}
)
_ATTRIBUTES = frozenset(
    {"display", "displaystyle", "scriptlevel", "mathvariant", "linethickness", "accent"}
    | {"stretchy", "fence", "form", "movablelimits", "minsize", "maxsize", "lspace", "rspace"}
    | {"width", "columnalign"}
)
#: Brackets that a browser sizes by itself; and digits that TeX takes one by one.
_SIZE = re.compile(r"\\[bB]igg?[lrm]?(?![A-Za-z])")
_DIGITS = re.compile(r"(\\[dtc]?frac)\s*(\d)\s*(\d)")


def mathml(tex: str, block: bool = False) -> str | None:
    """A formula as MathML with no tag or attribute but MathML's own; None where it cannot be."""
    if len(tex) > MAX_FORMULA:
        return None
    tex = _DIGITS.sub(r"\1{\2}{\3}", _SIZE.sub("", tex))
    try:
        made = tex2mathml(tex, as_block=block)
    except Exception:  # it knows but a part of TeX, and says so in many ways
        return None
    return nh3.clean(made, tags=set(TAGS), attributes={"*": set(_ATTRIBUTES)})


class Renderer(IPythonRenderer):
    """Lays out Markdown with a mark in the place of each formula, until `put_back`."""

    def __init__(self) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        # A word that no text can hold.
        self._word = uuid4().hex
        self._held: list[str] = []

    def inline_math(self, body: str) -> str:
        return self._hold(f"${body}$", body)

    def block_math(self, body: str) -> str:
        return self._hold(f"$${body}$$", body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        typed = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return self._hold(typed, typed, block=True)

    def _hold(self, typed: str, tex: str, block: bool = False) -> str:
        made, shown = mathml(tex, block), html.escape(typed)
        self._held.append(f'<span title="{shown}">{made}</span>' if made else shown)
        return f"{self._word}{len(self._held) - 1}."

    def put_back(self, cleaned: str) -> str:
        """The text with its formulas, but for those in a tag: an attribute holds no other."""
        mark = rf"""<(?:[^"'>]|"[^"]*"|'[^']*')*>|{self._word}(?P<number>\d+)\."""
        return re.sub(
            mark,
            lambda found: self._held[int(found["number"])] if found["number"] else found[0],
            cleaned,
        )
