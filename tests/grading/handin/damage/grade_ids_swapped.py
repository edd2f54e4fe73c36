"""Two answers stand in each other's cell."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    one, other = cell(notebook, "mean"), cell(notebook, "scaled")
    one["source"], other["source"] = other["source"], one["source"]
