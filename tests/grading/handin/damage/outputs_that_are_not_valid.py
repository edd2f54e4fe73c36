"""Outputs and attachments that are none."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["outputs"] = [{"output_type": "nothing"}, 7]
        each["attachments"] = {"x.png": "not a dictionary"}
