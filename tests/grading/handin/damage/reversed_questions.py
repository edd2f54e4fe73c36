"""The questions stand in reverse order."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"] = notebook["cells"][:2] + notebook["cells"][:1:-1]
