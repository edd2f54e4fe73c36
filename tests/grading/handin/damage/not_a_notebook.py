"""A picture, called a notebook."""

from tests.grading import sample
from tests.grading.handin.damage import Notebook, waits

EXPECTED = waits(sample.POINTS)


def damage(notebook: Notebook) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00"
