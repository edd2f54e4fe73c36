"""All cells have one id."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["id"] = "x"
        each["metadata"] = {"id": "x"}
