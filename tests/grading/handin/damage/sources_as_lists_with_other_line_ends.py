"""Sources as lists of lines, which end as on Windows."""

from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["source"] = [line.replace("\n", "\r\n") for line in each["source"].splitlines(True)]
