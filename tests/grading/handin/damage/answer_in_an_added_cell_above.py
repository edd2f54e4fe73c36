"""An answer stands in a new cell above its own."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"].insert(index(notebook, "mean"), sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = sample.STUB
