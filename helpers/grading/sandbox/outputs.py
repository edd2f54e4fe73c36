"""Outputs of a student's cell as a notebook holds them, made from what the student's process sent.

Every message may be a lie, so each is read field by field: unknown kinds are left out, markup is
cleaned of scripts, and sizes are bounded. Neighbouring texts of one stream become one output, as
in a notebook.
"""

from __future__ import annotations

import re
from typing import Any

from helpers.grading.handin.markup import Budget, clean_html, clean_markdown, plain_colours
from helpers.grading.sandbox.inside.codec import clean_text

#: Kinds of rich output that are kept: what cannot carry a script, or can be cleaned of it.
MARKUP = frozenset({"text/html", "text/markdown", "text/latex"})
IMAGES = frozenset({"image/png", "image/jpeg"})
MIME_TYPES = MARKUP | IMAGES | {"text/plain"}
MAX_OUTPUTS = 500
MAX_BYTES = 4_000_000


class Outputs:
    """Collects one cell's outputs."""

    def __init__(self, budget: Budget | None = None) -> None:
        """`budget`: what the whole notebook may still send."""
        self.items: list[dict[str, Any]] = []
        self._displayed: list[tuple[str, dict[str, Any]]] = []
        self._room = MAX_BYTES
        self._budget = budget or Budget()
        self._clear = False

    def add(self, kind: Any, content: Any) -> None:
        """One message of the student's process."""
        if type(content) is not dict:
            return
        if kind == "clear_output":
            self._clear = bool(content.get("wait"))
            if not self._clear:
                self.items.clear()
            return
        size = _sent(content)
        if kind == "update_display_data":
            size *= self._targets(content)
            if not size:
                return
        self._room -= size
        self._budget.characters -= size
        if self._room < 0 or self._budget.characters < 0:
            return
        output = _read(kind, content, self._budget)
        if output is None:
            return
        if kind == "update_display_data":
            self._update(content, output)
            return
        if len(self.items) >= MAX_OUTPUTS:
            return
        if self._clear:
            self.items.clear()
            self._clear = False
        last = self.items[-1] if self.items else {}
        if kind == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
            return
        self.items.append(output)
        display = _display_id(content)
        if display is not None:
            self._displayed.append((display, output))

    def _targets(self, content: dict[str, Any]) -> int:
        display = _display_id(content)
        return sum(name == display for name, _ in self._displayed)

    def _update(self, content: dict[str, Any], new: dict[str, Any]) -> None:
        display = _display_id(content)
        for name, output in self._displayed:
            if name == display:
                output["data"], output["metadata"] = new["data"], new["metadata"]

    def error(self, kind: str, message: str) -> None:
        """An error that the grader itself found: a time limit, a process that ended."""
        self.items.append(error_output(kind, message))


def error_output(kind: str, message: str, lines: tuple[str, ...] = ()) -> dict[str, Any]:
    """An error as a notebook holds it."""
    text = f"{kind}: {message}" if message else kind
    return {
        "output_type": "error",
        "ename": kind,
        "evalue": message,
        "traceback": [*lines, text],
    }


def _read(kind: Any, content: dict[str, Any], budget: Budget) -> dict[str, Any] | None:
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {
            "output_type": "stream",
            "name": name,
            "text": _text(content.get("text"), budget),
        }
    if kind == "error":
        lines = content.get("traceback")
        return {
            "output_type": "error",
            "ename": _text(content.get("ename"), budget)[:200],
            "evalue": _text(content.get("evalue"), budget)[:10_000],
            "traceback": [_text(line, budget) for line in lines[:200]]
            if type(lines) is list
            else [],
        }
    if kind in ("display_data", "update_display_data", "execute_result"):
        result: dict[str, Any] = {
            "output_type": "display_data",
            "data": _bundle(content, budget),
            "metadata": {},
        }
        if kind == "execute_result":
            count = content.get("execution_count")
            result["output_type"] = "execute_result"
            result["execution_count"] = count if type(count) is int and 0 <= count < 2**31 else None
        metadata = content.get("metadata")
        if type(metadata) is dict:
            result["metadata"] = {
                key: value
                for key, value in metadata.items()
                if key in MIME_TYPES and _plain_sizes(value)
            }
        return result
    return None


def _bundle(content: dict[str, Any], budget: Budget) -> dict[str, Any]:
    data = content.get("data")
    if type(data) is not dict:
        return {}
    kept = {key: _text(value, budget) for key, value in data.items() if key in MIME_TYPES}
    for key, text in kept.items():
        if key in MARKUP:
            clean = clean_markdown if key == "text/markdown" else clean_html
            kept[key] = clean(text, budget)
    # An image's text stands inside an attribute of a page.
    return {key: text for key, text in kept.items() if key not in IMAGES or _BASE64.match(text)}


_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
_SIZE = re.compile(r"[\w.%-]{1,30}\Z")


def _plain_sizes(value: Any) -> bool:
    """Such as {"width": 300, "height": 200, "needs_background": "light"}."""
    return type(value) is dict and all(
        type(key) is str and type(item) in (int, float, str) and _SIZE.match(f"{item}"[:40])
        for key, item in value.items()
    )


def _text(value: Any, budget: Budget) -> str:
    if type(value) is list:
        value = "".join(part for part in value if type(part) is str)
    return plain_colours(clean_text(value), budget) if type(value) is str else ""


def _sent(message: Any) -> int:
    """Characters of all texts in a message, however deeply it is nested."""
    size, todo = 0, [message]
    while todo:
        value = todo.pop()
        if type(value) is str:
            size += len(value)
        elif type(value) is dict:
            size += sum(map(len, value))
            todo += value.values()
        elif type(value) is list:
            todo += value
        else:
            size += 8
    return size


def _display_id(content: dict[str, Any]) -> str | None:
    transient = content.get("transient")
    name = transient.get("display_id") if type(transient) is dict else None
    return name[:200] if type(name) is str else None
