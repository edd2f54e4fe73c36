"""All tests are deleted."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["cells"] = [c for c in notebook["cells"] if not c.get("id", "").startswith("check_")]
