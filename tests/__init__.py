"""Statements of fact about the course, its package and its notebooks."""

import os
import sys
from pathlib import Path

#: The root of the checkout.
COURSE = Path(__file__).parents[1]


def environment(course: Path = COURSE) -> dict[str, str]:
    """For a program that a test starts: the package of a checkout, and programs of this Python's.
    What is imported slowly for nothing is left out."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(COURSE / "tests" / "import_stubs"), str(course)]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
