"""An answer needs what cells before and after it define."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"].insert(at, sample.added_cell("def total(values):\n    return sum(values)"))
    cell(notebook, "mean")["source"] = "def mean(values):\n    return total(values) / count(values)"
    notebook["cells"].insert(
        at + 2, sample.added_cell("def count(values):\n    return len(values)")
    )
