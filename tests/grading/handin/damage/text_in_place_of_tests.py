"""Tests are made text cells."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for name in ("check_mean", "check_softmax_flops"):
        test = cell(notebook, name)
        test["cell_type"] = "markdown"
        del test["outputs"], test["execution_count"]
