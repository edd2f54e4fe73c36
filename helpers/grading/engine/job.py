"""What a worker is given: a job, the same for all submissions of a run, and one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from helpers.grading.engine.grade_submission import Graded, Unit, grade_rebuilt, grade_submission
from helpers.grading.engine.run_cells import Times
from helpers.grading.handin.rebuild import Rebuilt
from helpers.grading.sandbox.backend import Backend, Files, Limits, Process, Server
from helpers.grading.sandbox.registry import DEFAULT


@dataclass(frozen=True)
class GradingJob:
    """What is the same for all submissions of a run: the unit, and what its code may take.

    Attributes:
        modules: imported before a student's process begins.
        files: what lies beside the unit's notebooks.
        sandbox: where students' code runs.
    """

    unit: Unit
    modules: tuple[str, ...]
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)
    sandbox: Backend = DEFAULT
    files: Files = ()

    def serve(self) -> Server:
        """Begin what starts the students' processes."""
        return self.sandbox.serve(self.modules, self.limits, self.files)

    def shares_server_with(self, other: GradingJob | None) -> bool:
        """Whether a server of one can start the processes of the other."""
        return other is not None and self._served == other._served

    @property
    def _served(self) -> tuple[Any, ...]:
        return self.sandbox, self.modules, self.limits, self.files


@dataclass(frozen=True)
class Task:
    """One submission to grade: whose it is and the bytes of the notebook."""

    student: str
    data: bytes

    def grade(self, job: GradingJob, start: Callable[[], Process]) -> Graded:
        """Grade it in this process; `start` makes a process for the student's cells."""
        return grade_submission(job.unit, self.student, self.data, start, job.times)


@dataclass(frozen=True)
class RebuiltTask:
    """One submission to grade that was rebuilt before."""

    student: str
    rebuilt: Rebuilt

    def grade(self, job: GradingJob, start: Callable[[], Process]) -> Graded:
        """As of a `Task`."""
        return grade_rebuilt(job.unit, self.student, self.rebuilt, start, job.times)


#: Each task with what came of it, in the order in which they are done.
Results = Iterator[tuple[Task, Graded]]
