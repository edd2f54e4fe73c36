"""All functions stand in the cell of one answer."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    code = [name for name in sample.RIGHT if name != "why"]
    together = "\n\n\n".join(sample.RIGHT[name] for name in code)
    for name in code:
        cell(notebook, name)["source"] = sample.STUB
    cell(notebook, "scaled")["source"] = together
