"""An answer stands in a new cell, its own is gone."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"][at] = sample.added_cell(sample.RIGHT["mean"])
