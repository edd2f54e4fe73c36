"""An answer stands in the cell of its test."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    test = cell(notebook, "check_mean")
    test["source"] = f"{sample.RIGHT['mean']}\n{test['source']}"
    cell(notebook, "mean")["source"] = sample.STUB
