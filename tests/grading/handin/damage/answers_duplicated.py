"""Answers are there twice."""

from copy import deepcopy

from tests.grading.handin.damage import EVERYTHING, Notebook, cell, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for name in ("mean", "softmax_flops", "why"):
        notebook["cells"].insert(index(notebook, name), deepcopy(cell(notebook, name)))
