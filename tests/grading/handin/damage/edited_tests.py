"""Tests are changed or emptied."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    cell(notebook, "check_mean")["source"] = "assert False"
    cell(notebook, "check_sheets")["source"] = ""
