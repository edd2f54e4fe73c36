"""Answers in code are made raw cells."""

from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for name in ("mean", "softmax_flops"):
        answer = cell(notebook, name)
        answer["cell_type"] = "raw"
        del answer["outputs"], answer["execution_count"]
