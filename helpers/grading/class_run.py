"""Grades everyone's submission of a unit. Killed at any moment and run again, it goes on.

A submission is done when its autograded notebook names the digest of what was graded. That file
is put in place after the gradebook has the scores, so what is not done is graded (again), and
what is done is left alone until the submission, the unit or the course's code changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from helpers import parts
from helpers.authoring.notebooks import Unit as UnitFiles
from helpers.authoring.notebooks import find_unit, write_text
from helpers.grading.engine.grade import (
    CellScore,
    Graded,
    Scored,
    Status,
    Times,
    Unit,
    modules_of,
)
from helpers.grading.engine.workers import Setting, Task, grade_all, grade_task
from helpers.grading.handin.folder import SubmissionFolder, is_real_folder
from helpers.grading.nbgrader.config import load_config
from helpers.grading.sandbox.host import Limits, Mode, Warm


@dataclass(frozen=True)
class SubmissionResult(Scored):
    """One line of the table.

    Attributes:
        unchanged: graded by an earlier run, and left alone now.
        student_seconds: time that the student's own code took.
    """

    student: str
    status: Status
    scores: tuple[CellScore, ...]
    remarks: tuple[str, ...]
    unchanged: bool = False
    student_seconds: float = 0.0


@dataclass(frozen=True)
class CohortResult:
    """Everyone's results, by student.

    Attributes:
        headings: of each graded cell, the part of the notebook that it belongs to.
    """

    unit: str
    results: tuple[SubmissionResult, ...]
    headings: Mapping[str, str]

    @property
    def for_a_person(self) -> tuple[SubmissionResult, ...]:
        """Those where something could not be read, matched or judged."""
        return tuple(result for result in self.results if result.status != "graded")


Progress = Callable[[int, int, SubmissionResult], None]


def grade_unit(
    course: Path,
    unit: str,
    *,
    students: Sequence[str] | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    timeout: float | None = None,
    limits: Limits | None = None,
    sandbox: Mode = "bwrap",
    progress: Progress | None = None,
) -> CohortResult:
    """Grade the submissions of a unit into the course's gradebook.

    Args:
        course: the folder with source/, submitted/ and nbgrader_config.py.
        students: only these; all by default.
        jobs: local worker processes; one for each core by default.
        scheduler: address of a Dask scheduler to use instead.
        force: also what has not changed since it was graded.
        timeout: seconds for one cell, and at most for one call of an answer.
        limits: what a student's process may take.
        sandbox: "none" runs students' code without protection.
        progress: called after each submission with how many are done, of how many, and which.

    Raises ValueError, in one line, for a unit, student or gradebook that cannot be used.
    """
    found = find_unit(course.resolve(), unit)
    modules = modules_of(_source(found.path("source")))
    limits = limits or Limits()
    with contextlib.ExitStack() as stack:
        warm = None
        if scheduler is None and jobs != 1:
            # Begun first: while it imports torch, this process imports nbgrader.
            warm = stack.enter_context(Warm(modules, sandbox, limits))
        from helpers.grading.nbgrader.gradebook import GradebookWriter

        place = CoursePlace(course, found)
        submissions = place.submissions(students)
        gradebook = stack.enter_context(
            GradebookWriter(place.db_url, place.course_id, place.without_secret, place.config)
        )
        # After the gradebook: where that cannot be used, no secret is made either.
        setting = Setting(place.unit, modules, times_for(timeout), limits, sandbox)
        recorded = gradebook.recorded()
        results: dict[str, SubmissionResult] = {}
        todo: dict[str, SubmissionFolder] = {}
        for submission in submissions:
            earlier = None
            if not force and submission.student in recorded:
                earlier = place.earlier_result(submission)
            if earlier is None:
                todo[submission.student] = submission
            else:
                results[submission.student] = earlier

        def tasks() -> Iterator[Task]:
            for submission in todo.values():
                yield Task(submission.student, submission.data)

        def finish(task: Task, graded: Graded) -> None:
            submission = todo[task.student]
            graded = _with_remarks(graded, submission)
            # Of what was graded: what is handed in meanwhile is for the next run.
            digest = place.digest(submission, task.data)
            with place.autograded_file(submission, graded, digest, sandbox):
                gradebook.record(task.student, graded, submission.timestamp)
            result = SubmissionResult(
                task.student,
                graded.status,
                graded.scores,
                graded.remarks,
                student_seconds=graded.student_seconds,
            )
            results[result.student] = result
            if progress is not None:
                progress(len(results), len(submissions), result)

        workers = min(jobs or os.cpu_count() or 1, max(1, len(todo)))
        slow: list[Task] = []
        for task, graded in grade_all(setting, tasks(), workers, scheduler, warm):
            if graded.timed_out and len(todo) > 1 and (workers > 1 or scheduler):
                slow.append(task)
            else:
                finish(task, graded)
        # A neighbour may have taken the time: what ran out of it gets another chance, alone.
        for task, graded in grade_all(setting, slow):
            finish(task, graded)
        # Of all: the due date or the rule may have changed since an earlier run.
        gradebook.renew_penalties()
    ordered = tuple(results[name] for name in sorted(results))
    return CohortResult(unit, ordered, place.unit.template.headings)


def _with_remarks(graded: Graded, submission: SubmissionFolder) -> Graded:
    """The result, with what was noticed about the file."""
    if submission.problem:
        return replace(graded, remarks=(submission.problem,))
    if submission.remark:
        return replace(graded, remarks=(submission.remark, *graded.remarks))
    return graded


def grade_notebook(
    notebook: Path, source: Path, *, timeout: float | None = None, sandbox: Mode = "bwrap"
) -> Graded:
    """Grade one notebook against the unit's source notebook; no gradebook, no course folder.

    Raises ValueError when `source` is no notebook; an unreadable `notebook` is a result.
    """
    data = _source(source)
    unit = Unit.read(source.parent.name, source.stem, data, secrets.token_bytes(32))
    setting = Setting(unit, modules_of(data), times_for(timeout), sandbox=sandbox)
    return grade_task(setting, Task("", notebook.read_bytes()))


def _source(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(f"{path} is not built: run `course build {path.parent.name}` first")
    return path.read_bytes()


def times_for(timeout: float | None) -> Times:
    """The time limits where one cell may take `timeout` seconds."""
    return Times(timeout, min(timeout, Times.call)) if timeout else Times()


class CoursePlace:
    """Where a unit's files are in a course, by its nbgrader_config.py."""

    def __init__(self, course: Path, unit: UnitFiles) -> None:
        from nbgrader.coursedir import CourseDirectory

        self.course = course.resolve()
        self._source = _source(unit.path("source"))
        self.name, self.notebook_name = unit.name, unit.notebook
        self.config = load_config(self.course)
        self._folders = CourseDirectory(config=self.config)
        self.db_url: str = self._folders.db_url
        self.course_id: str = self._folders.course_id

    @cached_property
    def without_secret(self) -> Unit:
        """The unit, read from its source notebook, without the course's secret."""
        return Unit.read(self.name, self.notebook_name, self._source, b"", self.config)

    @cached_property
    def unit(self) -> Unit:
        """The unit as it is graded."""
        return replace(self.without_secret, secret=course_secret(self.course))

    @cached_property
    def _version(self) -> str:
        """Of everything that a score depends on beside the submission."""
        digest = hashlib.sha256(self._source + self.unit.secret)
        for path in parts.files(scores=True):
            digest.update(f"{path}\0".encode() + (parts.PACKAGE / path).read_bytes())
        return digest.hexdigest()

    def submissions(self, students: Sequence[str] | None) -> list[SubmissionFolder]:
        """What was handed in, by student. ValueError when there is none, or an unknown student."""
        root = Path(self._folders.format_path(self._folders.submitted_directory, "", ""))
        folders = [
            path
            for path in sorted(root.glob("*"))
            if not path.is_symlink() and is_real_folder(path / self.name)
        ]
        if not folders:
            raise ValueError(
                f"no submissions of {self.name} in {root}: put them into STUDENT/{self.name}/"
            )
        unknown = sorted(set(students or ()) - {path.name for path in folders})
        if unknown:
            raise ValueError(f"no submission of {self.name} by {', '.join(unknown)} in {root}")
        chosen = [path for path in folders if not students or path.name in students]
        return [
            SubmissionFolder.find(path / self.name, self.name, self.notebook_name)
            for path in chosen
        ]

    def digest(self, submission: SubmissionFolder, data: bytes) -> str:
        """Of a submission with these bytes and of all else that its scores depend on."""
        return submission.digest(self._version, data)

    def earlier_result(self, submission: SubmissionFolder) -> SubmissionResult | None:
        """What an earlier run gave, where nothing has changed since."""
        try:
            notebook = json.loads(self._autograded(submission).read_text(encoding="utf-8"))
            about = notebook["metadata"]["course"]["graded"]
            if about["digest"] != self.digest(submission, submission.data):
                return None
            scores = tuple(CellScore(*score) for score in about["scores"])
            return SubmissionResult(
                submission.student, about["status"], scores, tuple(about["remarks"]), True
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextlib.contextmanager
    def autograded_file(
        self, submission: SubmissionFolder, graded: Graded, digest: str, sandbox: Mode
    ) -> Iterator[None]:
        """Write the autograded notebook; it is put in place when the block has succeeded."""
        path = self._autograded(submission)
        notebook = json.loads(graded.notebook)
        scores = [[s.grade_id, s.score, s.max_score, s.needs_manual] for s in graded.scores]
        notebook["metadata"].setdefault("course", {})["graded"] = {
            "digest": digest,
            "status": graded.status,
            "scores": scores,
            "remarks": list(graded.remarks),
            "sandbox": sandbox,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{path.name}.*"):
            stale.unlink()
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_text(
                json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
                encoding="utf-8",
            )
            unfinished.chmod(0o444)
            yield
            stamp = path.with_name("timestamp.txt")
            if submission.timestamp_text:
                write_text(stamp, submission.timestamp_text)
            else:
                stamp.unlink(missing_ok=True)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _autograded(self, submission: SubmissionFolder) -> Path:
        folder = self._folders.format_path(
            self._folders.autograded_directory, submission.student, self.name
        )
        return Path(folder) / f"{self.notebook_name}.ipynb"


def course_secret(course: Path) -> bytes:
    """What a course's hidden cases are drawn from; made when first asked for."""
    path = course / ".course" / "secret"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(f".secret.{os.getpid()}")
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            # The first one wins, should two graders start at once.
            with contextlib.suppress(FileExistsError):
                os.link(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return bytes.fromhex(path.read_text())
