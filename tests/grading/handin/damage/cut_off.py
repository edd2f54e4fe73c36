"""The file ends in the middle."""

import json

from tests.grading import sample
from tests.grading.handin.damage import Notebook, waits

EXPECTED = waits(sample.POINTS)


def damage(notebook: Notebook) -> bytes:
    return json.dumps(notebook).encode()[:2000]
