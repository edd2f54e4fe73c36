"""Guesses on a unit's page: a field for each, and its result covered until a guess is in."""

from __future__ import annotations

import re
from html import escape

from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.predict import MIME_TYPE, Prediction

#: A cell that shows the result of a guess.
_RESULT = r'\b(?:guessed|outcome)\("(\w+)"'


def put_guesses(notebook: NotebookNode, unit: str) -> None:
    """Puts a field in the place of each `predict(…)` of a page's notebook, and covers results.

    Our own guess is not shown: what came out goes with the field, to be compared with the reader's.
    """
    fields = {}
    for cell in notebook.cells:
        if name := cell.metadata.get("course", {}).get("predict"):
            cell.metadata["tags"] = ["remove-input"]
            fields[name] = cell
            cell.outputs = [_field(name, unit, None)]
        elif cell.cell_type == "code" and (found := re.search(_RESULT, cell.source)):
            name = found[1]
            result = _take_result(cell)
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), f"guess-{name}"]
            if result is not None and name in fields:
                fields[name].outputs = [_field(name, unit, result)]


def _take_result(cell: NotebookNode) -> float | None:
    """What came out, where the notebook was run; what compares it with our guess is removed."""
    for output in cell.get("outputs", []):
        kept = Prediction.from_data(dict(output.get("data", {}).get(MIME_TYPE, {})))
        if kept is not None:
            cell.outputs.remove(output)
            return kept.result
    return None


def _field(name: str, unit: str, result: float | None) -> NotebookNode:
    known = "" if result is None else f' data-result="{result!r}"'
    html = f"""\
<section class="guess" data-predict="{escape(name)}" data-unit="{unit}"{known} \
aria-label="Your guess">
<form><label>Your guess: <input type="text" inputmode="decimal" size="8" autocomplete="off"></label>
<button type="submit">Guess</button></form>
<p role="status"></p>
</section>"""
    return new_output("display_data", {"text/html": html})
