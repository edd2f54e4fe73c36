"""Guesses on a unit's page: a field for each, and its result covered until a guess is in."""

from __future__ import annotations

import re
from html import escape

from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.predict import MIME_TYPE, Prediction

#: What a page has no dots for.
_DOTS = re.compile(r"\bin (?:the )?place of the (?:three )?dots\b")
#: What a cell asks for; and whose result it shows, as far as the text says so.
_ASKED = re.compile(r'\bpredict\("([^"]+)"')
_SHOWN = re.compile(r'\b(?:guessed|outcome)\("([^"]+)"')


def put_guesses(notebook: NotebookNode, unit: str) -> None:
    """Puts a field in the place of each `predict(…)` of a page's notebook, and covers results.

    Our own guess is not shown: what came out goes with the field, to be compared with the reader's.
    """
    asking, results = {}, {}
    shown: dict[str, None] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _DOTS.sub("below", cell.source)
            shown = {}
        elif "predict" in cell.metadata.get("course", {}):
            cell.metadata["tags"] = ["remove-input"]
            asking[cell.id] = _ASKED.findall(cell.source)
        elif cell.cell_type == "code":
            taken = _take_results(cell)
            results.update(taken)
            # What follows at once, without a word between, shows the same results.
            own = dict.fromkeys([*_SHOWN.findall(cell.source), *taken])
            shown = own or shown
            if own or (shown and cell.get("outputs")):
                tags = [_tag(name) for name in shown]
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), *tags]
    for cell in notebook.cells:
        if names := asking.get(cell.id):
            fields = [_field(name, len(names) > 1, unit, results.get(name)) for name in names]
            cell.outputs = [new_output("display_data", {"text/html": "\n".join(fields)})]


def _take_results(cell: NotebookNode) -> dict[str, float]:
    """What came out, by name, where the notebook was run; what compares it with our guess is
    removed."""
    taken, left = {}, []
    for output in cell.get("outputs", []):
        kept = Prediction.from_data(dict(output.get("data", {}).get(MIME_TYPE, {})))
        if kept is None:
            left.append(output)
        elif cell.cell_type == "code":
            taken[kept.name] = kept.result
    cell.outputs = left
    return taken


def _tag(name: str) -> str:
    """What marks the cells that show a guess's result; a class of their elements ends so."""
    return f"guess-{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}"


def _field(name: str, one_of_several: bool, unit: str, result: float | None) -> str:
    known = "" if result is None else f' data-result="{result!r}"'
    label = f"Your guess, {name.replace('_', ' ')}" if one_of_several else "Your guess"
    return f"""\
<section class="guess" data-predict="{escape(name)}" data-covers="{_tag(name)}" \
data-unit="{unit}"{known} aria-label="{escape(label)}">
<form><label><span>{escape(label)}:</span> <input type="text" inputmode="decimal" size="8" \
autocomplete="off"></label>
<button type="submit">Guess</button></form>
<p role="status"></p>
</section>"""
