"""The instructor's first cell is deleted."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "setup"))
