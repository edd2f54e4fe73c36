"""The released stub of an answer is pasted below everything."""

from copy import deepcopy

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    copy = deepcopy(cell(notebook, "mean"))
    copy["source"] = sample.STUB
    notebook["cells"].append(copy)
