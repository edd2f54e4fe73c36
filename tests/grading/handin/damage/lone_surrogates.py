"""A text that is no valid Unicode."""

import json

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> bytes:
    notebook["cells"].append(sample.added_cell("print('\ud800')"))
    return json.dumps(notebook).encode()
