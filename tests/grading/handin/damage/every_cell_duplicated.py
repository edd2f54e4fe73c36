"""Every cell is there twice."""

from copy import deepcopy

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"] = [each for c in notebook["cells"] for each in (c, deepcopy(c))]
