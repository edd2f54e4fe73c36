"""Autograded notebooks: what came of a submission, and of what it was graded.

Such a file is put in place after the gradebook has the scores, so what has none is graded (again),
and what has one is left alone until the submission, the unit or the course's code changes.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Any

from helpers.files import remove_unfinished, replacing, write_text
from helpers.grading.engine.grade_submission import CellScore, Graded, Status, Unit
from helpers.grading.handin.folder import SubmissionFolder
from helpers.grading.nbgrader.course_files import CourseFiles
from helpers.grading.nbgrader.validated_tests import version_of
from helpers.grading.sandbox.cgroup import protection
from helpers.grading.sandbox.inside.codec import dumps


@dataclass(frozen=True)
class Record:
    """What an autograded notebook says of how it was graded.

    Attributes:
        digest: of everything that the scores depend on.
        sandbox: name of the backend in which the student's code ran.
        memory: how what it took was counted, for people; empty in those of earlier versions.
    """

    digest: str
    status: Status
    scores: tuple[CellScore, ...]
    remarks: tuple[str, ...]
    sandbox: str
    memory: str = ""

    @classmethod
    def of(cls, notebook: dict[str, Any]) -> Record:
        """As a notebook has it. KeyError or TypeError where it has none."""
        said = notebook["metadata"]["course"]["graded"]
        scores = tuple(CellScore(*score) for score in said["scores"])
        return cls(**{**said, "scores": scores, "remarks": tuple(said["remarks"])})

    def put_into(self, notebook: dict[str, Any]) -> None:
        """Into a notebook's metadata."""
        said = {**asdict(self), "scores": [astuple(score) for score in self.scores]}
        notebook["metadata"].setdefault("course", {})["graded"] = said


class AutogradedFiles:
    """The autograded notebooks of a unit's submissions."""

    def __init__(self, files: CourseFiles, unit: Unit, sandbox: str) -> None:
        """`unit` is the one that is graded, with its secret, in a sandbox of this name."""
        self._files, self._unit, self._sandbox = files, unit, sandbox

    def earlier(self, submission: SubmissionFolder) -> Record | None:
        """What an earlier run says, where nothing has changed since."""
        try:
            path = self._files.autograded(submission.student)
            record = Record.of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return record if record.digest == self._digest(submission, submission.data) else None

    @contextmanager
    def written(self, submission: SubmissionFolder, data: bytes, graded: Graded) -> Iterator[None]:
        """Write what came of a submission; it is put in place when the block has succeeded.

        `data` is what was graded: what is handed in meanwhile is for the next run.
        """
        path = self._files.autograded(submission.student)
        digest = self._digest(submission, data)
        metadata = copy.deepcopy(graded.notebook["metadata"])
        notebook = graded.notebook | {"metadata": metadata}
        said = graded.status, graded.scores, graded.remarks
        Record(digest, *said, self._sandbox, protection()).put_into(notebook)
        remove_unfinished(path)
        with replacing(path) as unfinished:
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            unfinished.write_text(f"{text}\n", encoding="utf-8")
            unfinished.chmod(0o444)
            yield
            stamp = path.with_name("timestamp.txt")
            if submission.timestamp is not None:
                # As nbgrader writes it, which reads it again: not what a student wrote.
                write_text(stamp, f"{submission.timestamp:%Y-%m-%d %H:%M:%S.%f} UTC\n")
            else:
                # Else the lateness of one file would be that of another.
                stamp.unlink(missing_ok=True)

    def _digest(self, submission: SubmissionFolder, data: bytes) -> str:
        return submission.digest(self._version, data)

    @cached_property
    def _version(self) -> str:
        """Of everything that a score depends on beside the submission."""
        version = version_of(self._files.source, self._files.beside).encode()
        tests = dumps([sorted(self._unit.inside), self._unit.values])
        return hashlib.sha256(version + self._unit.secret + tests).hexdigest()
