"""An answer is deleted."""

from tests.grading.handin.damage import Notebook, cell, waits

EXPECTED = waits(3.0)


def damage(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "mean"))
