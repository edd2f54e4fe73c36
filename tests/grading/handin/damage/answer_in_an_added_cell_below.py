"""An answer stands in a new cell below its own."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"].insert(at + 1, sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = sample.STUB
