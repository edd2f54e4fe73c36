"""A module is imported in the instructor's first cell."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    cell(notebook, "setup")["source"] += "\nimport statistics"
    cell(notebook, "mean")["source"] = "def mean(values):\n    return statistics.fmean(values)"
