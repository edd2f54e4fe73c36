"""nbgrader's metadata are of other types, or name what does not exist."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for number, each in enumerate(notebook["cells"]):
        broken = (None, [], "x", {"grade_id": 7}, {"grade_id": "no such"})
        each["metadata"]["nbgrader"] = broken[number % len(broken)]
