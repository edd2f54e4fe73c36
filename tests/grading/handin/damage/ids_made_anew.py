"""Every cell has another id, and no metadata of nbgrader's."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"{number:08x}"
        each["metadata"] = {"id": each["id"]}
