"""There is no cell."""

from tests.grading import sample
from tests.grading.handin.damage import Notebook, waits

EXPECTED = waits(sample.POINTS)


def damage(notebook: Notebook) -> None:
    notebook["cells"] = []
