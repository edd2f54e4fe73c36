"""Cells of last year's release are still there."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    old = sample.added_cell('check("a question of last year", 7)')
    old["metadata"]["nbgrader"] = {"grade": True, "grade_id": "gone", "points": 5, "locked": True}
    text = sample.added_cell("Read chapter 3 first.", "markdown")
    notebook["cells"][3:3] = [old, text]
    notebook["metadata"]["course"]["version"] = "0"
