"""The instructor's first cell is overwritten."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    cell(notebook, "setup")["source"] = "import nothing_of_this_name"
