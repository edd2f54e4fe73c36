"""A notebook's tests, tried once: which are judged inside is kept until something of it changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from helpers import parts
from helpers.files import write_text
from helpers.grading.engine.grade_submission import Unit
from helpers.grading.engine.trust import Grade, settle
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.sandbox.backend import Backend, Files
from helpers.grading.sandbox.inside.codec import dumps


def version_of(source: bytes, beside: Files) -> str:
    """Of everything that a score depends on beside the submission and the course's secret."""
    digest = hashlib.sha256(source)
    for name, data in beside:
        digest.update(f"{name}\0".encode() + hashlib.sha256(data).digest())
    for path in parts.files(scores=True):
        digest.update(f"{path}\0".encode() + (parts.PACKAGE / path).read_bytes())
    return digest.hexdigest()


class TrustedTests:
    """What came of trying a notebook's tests, in the course's own folder `.course/`."""

    def __init__(
        self, course: Path, unit: Unit, source: bytes, beside: Files, sandbox: Backend
    ) -> None:
        """`source` is the source notebook of the unit, and `beside` the files beside it."""
        self._path = course / ".course" / "tests" / unit.name / f"{unit.notebook_name}.json"
        self._unit, self._source = unit, source
        version = version_of(source, beside) + sandbox.name
        # How a solution is marked in a cell is a setting of the course's.
        template = dumps(unit.template.notebook)
        self._digest = hashlib.sha256(version.encode() + template).hexdigest()

    @property
    def inside(self) -> frozenset[str] | None:
        """Grade ids of the tests that are judged inside; None where it has to be tried (again)."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return frozenset(kept["inside"]) if kept["digest"] == self._digest else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def settled(self, grade: Grade, keep: bool = True) -> frozenset[str]:
        """The same, tried where it is not known. ValueError, in one line that names the cell, where
        the tests cannot be trusted."""
        known = self.inside
        if known is not None:
            return known
        found = settle(self._unit, dumps(read_notebook(self._source)), grade)
        if keep:
            about = {"digest": self._digest, "inside": sorted(found)}
            write_text(self._path, json.dumps(about, indent=1) + "\n")
        return found
