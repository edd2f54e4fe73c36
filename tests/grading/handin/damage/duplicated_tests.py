"""Tests are there twice."""

from copy import deepcopy

from tests.grading.handin.damage import EVERYTHING, Notebook, cell, index

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for name in ("check_mean", "check_softmax_flops"):
        notebook["cells"].insert(index(notebook, name), deepcopy(cell(notebook, name)))
