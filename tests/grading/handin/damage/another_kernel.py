"""Another language's kernel."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia"}
    notebook["metadata"]["language_info"] = {"name": "julia"}
