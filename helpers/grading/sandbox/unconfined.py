"""Students' code with the grader's own rights, for an instructor's own tests."""

from __future__ import annotations

from pathlib import Path

from helpers.grading.sandbox.host import ForkBackend, Launch

WARNING = (
    "runs students' code with your rights: it can read the tests, the gradebook and other "
    "submissions, change them, and reach the network."
)


def launch(folder: Path) -> Launch:
    """A fork server like any other process of the grader's."""
    home = str(folder / "home")
    return Launch((), str(folder / "course"), home, home, namespaces=False)


UNCONFINED = ForkBackend("none", launch, WARNING)
