"""What students wrote, as it was graded, and as a page may show it.

An autograded notebook is cleaned when it is made. It is cleaned once more here, after it was laid
out: who grades with nbgrader's own parts has notebooks that are not.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbconvert.filters.markdown_mistune import MarkdownWithMath

from helpers.grading.handin.ipynb import marks_of
from helpers.grading.handin.markup import (
    MAX_MARKDOWN,
    Budget,
    clean_html,
    clean_markdown,
    plain_colours,
    shown_code,
)
from helpers.grading.manual_grading.formulas import Renderer
from helpers.grading.manual_grading.questions import Question
from helpers.grading.nbgrader.history import texts_of

#: Bytes of pictures that one answer shows, as they are in its notebook.
MAX_PICTURES = 4_000_000


@dataclass(frozen=True)
class Answer:
    """A student's answer.

    Attributes:
        text: as it was written.
        html: as a page shows it, without anything that a browser would run or fetch.
        digest: of what it is marked for, as `course history` keeps it.
        unread: nothing could be read, and `text` is ours: it is like no other answer.
    """

    text: str
    html: str
    digest: str
    unread: bool = False


class Answers:
    """Everyone's answer to a question. A file is read again when it is another."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._read: dict[str, tuple[tuple[int, ...], Answer | None]] = {}

    def of(self, student: str) -> Answer | None:
        """None where there is no autograded notebook, or none that can be read."""
        path = self._question.files.autograded(student)
        try:
            about = path.stat()
        except OSError:
            return None
        stamp = about.st_mtime_ns, about.st_size, about.st_ino
        known = self._read.get(student)
        if known is None or known[0] != stamp:
            self._read[student] = known = stamp, _read(path, self._question.cell)
        return known[1]


def _read(path: Path, name: str) -> Answer | None:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        (cell,) = (each for each in cells if marks_of(each).get("grade_id") == name)
        about = notebook["metadata"].get("course", {}).get("graded", {})
        digest = texts_of(cells)[name][0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if about.get("status") == "unreadable":
        reason = "; ".join(map(str, about.get("remarks", ())))
        said = f"What was handed in could not be graded: {reason}"
        return Answer(said, f"<p><em>{html.escape(said)}</em></p>", digest, unread=True)
    source = "".join(cell["source"])
    return Answer(source, shown(cell, Budget()), digest)


def shown(cell: Mapping[str, Any], budget: Budget) -> str:
    """A cell as HTML that is safe in a page without scripts: its text, or its code and outputs."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "code":
        outputs = "".join(_output(each, budget) for each in cell.get("outputs") or ())
        return f"<pre><code>{html.escape(shown_code(source, budget))}</code></pre>{outputs}"
    if len(source) > MAX_MARKDOWN and not source.startswith("<pre>"):
        source = clean_markdown(source, budget)
    renderer = Renderer()
    try:
        laid_out = str(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # whatever it stumbles over is shown as it is
        return f"<pre>{html.escape(source)}</pre>"
    return renderer.put_back(clean_html(laid_out, budget))


def _output(output: Any, budget: Budget) -> str:
    """Text and pictures of pixels; what else a cell shows is in its feedback page."""
    if not isinstance(output, dict):
        return ""
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    for kind in ("image/png", "image/jpeg"):
        picture = re.sub(r"\s", "", "".join(data.get(kind) or ""))
        if picture and re.fullmatch(r"[A-Za-z0-9+/=]+", picture):
            if len(picture) > MAX_PICTURES:
                return "<p>(a large picture: see the feedback page)</p>"
            return f'<img alt="a picture that the cell drew" src="data:{kind};base64,{picture}">'
    text = "".join(output.get("text") or data.get("text/plain") or "")
    if output.get("output_type") == "error":
        text = f"{output.get('ename')}: {output.get('evalue')}"
    shown = shown_code(re.sub(r"\x1b\[[0-9;]*m", "", plain_colours(text, budget)), budget)
    return f"<pre>{html.escape(shown)}</pre>" if shown.strip() else ""
