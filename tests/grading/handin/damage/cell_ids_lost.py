"""Cells have no ids."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"].pop("id", None)
    notebook["nbformat_minor"] = 4
