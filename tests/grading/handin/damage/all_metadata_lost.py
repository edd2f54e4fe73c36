"""No metadata are left."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] = {}
    notebook["metadata"] = {}
