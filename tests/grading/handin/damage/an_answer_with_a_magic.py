"""An answer begins with a magic of IPython's."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook, cell

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    cell(notebook, "mean")["source"] = "%matplotlib inline\n" + sample.RIGHT["mean"]
