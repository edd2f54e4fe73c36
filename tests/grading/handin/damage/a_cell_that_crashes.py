"""A cell of its own ends the process."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"].insert(2, sample.added_cell("import os; os._exit(1)"))
