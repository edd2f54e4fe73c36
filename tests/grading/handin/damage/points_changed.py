"""Every question claims a hundred points."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        if "points" in each["metadata"].get("nbgrader", {}):
            each["metadata"]["nbgrader"]["points"] = 100
