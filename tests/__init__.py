"""Statements of fact about the course, its package and its notebooks."""

import os
import sys
from pathlib import Path

#: The root of the checkout.
COURSE = Path(__file__).parents[1]

#: In the place of what is imported slowly for nothing.
STUBS = COURSE / "tests" / "import_stubs"


def environment(course: Path = COURSE) -> dict[str, str]:
    """For a program that a test starts: a checkout's package, and the programs of this Python."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(STUBS), str(course)]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
