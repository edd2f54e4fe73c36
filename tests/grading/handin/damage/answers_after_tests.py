"""All tests are moved to the top."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    tests = [c for c in notebook["cells"] if c.get("id", "").startswith("check_")]
    rest = [c for c in notebook["cells"] if c not in tests]
    notebook["cells"] = tests + rest
