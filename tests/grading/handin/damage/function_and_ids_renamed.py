"""A function has another name, and its cell no id: nothing is left to know it by."""

from tests.grading.handin.damage import Notebook, cell, waits

EXPECTED = waits(3.0)


def damage(notebook: Notebook) -> None:
    answer = cell(notebook, "mean")
    answer["source"] = answer["source"].replace("mean", "average")
    answer["id"] = "x"
    answer["metadata"] = {}
