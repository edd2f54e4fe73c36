"""Numbers and lists among the cells."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"][1:1] = [None, 7, {"cell_type": "code"}, {"source": {"a": 1}}, []]
