"""nbgrader's metadata are lost."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["metadata"].pop("nbgrader", None)
