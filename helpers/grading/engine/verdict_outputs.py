"""A verdict in the outputs of a graded cell: as data, beside the text and HTML that people read.

Only the grader writes it: outputs of this type that students' code sends are dropped, see
`sandbox.outputs`, and none is read from another cell than a test.
"""

from __future__ import annotations

from typing import Any

from helpers.grading.handin.ipynb import Cell, is_test
from helpers.verdict import Verdict

MIME_TYPE = "application/vnd.network-costs.verdict+json"


def verdict_output(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a notebook holds it."""
    data = {
        "text/plain": verdict.text(),
        "text/html": verdict.html(),
        MIME_TYPE: verdict.to_data(),
    }
    return {"output_type": "display_data", "data": data, "metadata": {}}


def verdicts_of(cell: Cell) -> list[Verdict]:
    """The verdicts in a graded notebook's cell. Raises VerdictError for one that cannot be read."""
    if not is_test(cell):
        return []
    bundles = [output.get("data", {}) for output in cell.get("outputs", ())]
    return [Verdict.from_data(data[MIME_TYPE]) for data in bundles if MIME_TYPE in data]
