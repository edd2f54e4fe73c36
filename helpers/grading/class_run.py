"""Grades everyone's submission of a unit. Killed at any moment and run again, it goes on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.authoring.unit_files import files_beside
from helpers.grading.engine.grade_submission import (
    CellScore,
    Graded,
    Scored,
    Status,
    Times,
    Unit,
)
from helpers.grading.engine.job import GradingJob, Results, Task
from helpers.grading.engine.patience import grade_patiently
from helpers.grading.engine.worker_state import grade_task
from helpers.grading.engine.workers import grade_all, grade_one
from helpers.grading.handin.folder import SubmissionFolder, why
from helpers.grading.nbgrader.autograded import AutogradedFiles
from helpers.grading.nbgrader.course_files import (
    CourseFiles,
    course_secret,
    graded_notebooks,
    installed_modules,
    read_source,
    refuse_secret,
)
from helpers.grading.nbgrader.lock import only_run
from helpers.grading.nbgrader.validated_tests import trust
from helpers.grading.sandbox.backend import Backend, Files, Limits, Server
from helpers.grading.sandbox.cgroup import protection
from helpers.grading.sandbox.confined import CONFINED, refuse_shown
from helpers.grading.sandbox.memory import memory, that_fits, workers_that_fit
from helpers.grading.sandbox.registry import DEFAULT

if TYPE_CHECKING:
    from helpers.grading.nbgrader.gradebook import GradebookWriter


#: What is said of a submission in such a folder.
NO_NAME = "its folder's name is no text in UTF-8 without control characters: rename it"


@dataclass(frozen=True)
class Options:
    """How a class is graded.

    Attributes:
        students: only these; all by default.
        jobs: local worker processes; one for each core by default.
        scheduler: address of a Dask scheduler to use instead.
        force: also what has not changed since it was graded.
        timeout: seconds for one cell, and at most for one call of an answer.
        limits: what a student's process may take.
        sandbox: where students' code runs.
    """

    students: tuple[str, ...] = ()
    jobs: int | None = None
    scheduler: str | None = None
    force: bool = False
    timeout: float | None = None
    limits: Limits = field(default_factory=Limits)
    sandbox: Backend = DEFAULT

    def job(self, unit: Unit, modules: tuple[str, ...], files: Files) -> GradingJob:
        """What workers are told of a unit's notebook."""
        times = times_for(self.timeout)
        return GradingJob(unit, modules, times, self.limits, self.sandbox, files)

    def server(
        self, modules: tuple[str, ...], files: Files
    ) -> contextlib.AbstractContextManager[Server | None]:
        """What local workers share; nothing where there are none, as each other worker has its
        own."""
        if self.scheduler is not None or self.jobs == 1:
            return contextlib.nullcontext()
        return self.sandbox.serve(modules, self.limits, files)


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
class ClassResult:
    """Everyone's results, by student.

    Attributes:
        headings: of each graded cell, by `CellScore.key`, the part of the unit that it belongs to.
        inside: tests, by the same key, that are judged in the students' process.
        protection: how the memory that students' processes take is counted.
    """

    unit: str
    results: tuple[SubmissionResult, ...]
    headings: Mapping[str, str]
    inside: tuple[str, ...] = ()
    protection: str = field(default_factory=protection)

    @property
    def needs_review(self) -> tuple[SubmissionResult, ...]:
        """Those where something could not be read, matched or judged."""
        return tuple(result for result in self.results if result.status != "graded")


Progress = Callable[[int, int, SubmissionResult], None]


def grade_class(
    course: Path, unit: str, options: Options | None = None, progress: Progress | None = None
) -> ClassResult:
    """Grade the submissions of a unit into the course's gradebook.

    Args:
        course: the folder with source/, submitted/ and nbgrader_config.py.
        progress: called after each submission with how many are done, of how many, and which.

    Raises ValueError, in one line, for a unit, student, secret or gradebook that cannot be used,
    and for a unit whose tests its own solution does not pass, or a notebook without answers does.
    """
    options = options or Options()
    options = replace(options, limits=that_fits(options.limits, memory()[0]))
    notebooks = graded_notebooks(course.resolve(), unit)
    modules = tuple(dict.fromkeys(name for each in notebooks for name in each.modules))
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_run(course / "source" / unit, f"{unit} is being graded"))
        # Begun first: while it imports torch, this process imports nbgrader.
        server = stack.enter_context(options.server(modules, notebooks[0].beside))
        submissions = [each.submissions(options.students) for each in notebooks]
        refuse_secret(notebooks[0].course)
        if options.sandbox is CONFINED:
            refuse_shown(course)
        jobs = [
            trust(
                each.course,
                options.job(each.unit, modules, each.beside),
                each.source,
                partial(grade_one, scheduler=options.scheduler, server=server),
            )
            for each in notebooks
        ]
        headings = headings_of(notebooks)
        # Each is registered before the first submission is: that has all of them.
        gradebooks = [
            stack.enter_context(each.open_gradebook(options.students)) for each in notebooks
        ]
        runs = [
            ClassRun(files, gradebook, job, options, _counting(progress, done, len(notebooks)))
            for done, (files, job, gradebook) in enumerate(
                zip(notebooks, jobs, gradebooks, strict=True)
            )
        ]
        for run, handed_in in zip(runs, submissions, strict=True):
            run.grade(handed_in, server)
        # Of all: the due date or the rule may have changed since an earlier run.
        gradebooks[0].renew_penalties()
    results = {each.notebook_name: run.results for each, run in zip(notebooks, runs, strict=True)}
    names = {job.unit.notebook_name: sorted(job.unit.inside) for job in jobs}
    nobodys = [] if options.students else notebooks[0].nobodys()
    unusable = tuple(SubmissionResult(name, "unreadable", (), (NO_NAME,)) for name in nobodys)
    return ClassResult(unit, (*together(results), *unusable), headings, _keys(names))


def _keys(by_notebook: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Grade ids as `CellScore.key` has them, where a unit has these notebooks."""
    if len(by_notebook) == 1:
        return tuple(*by_notebook.values())
    return tuple(f"{name}/{cell}" for name, cells in by_notebook.items() for cell in cells)


def _counting(progress: Progress | None, done: int, notebooks: int) -> Progress | None:
    """`progress` where each student has several notebooks, `done` of which are."""
    if progress is None:
        return None
    return lambda graded, students, result: progress(
        done * students + graded, notebooks * students, result
    )


def headings_of(notebooks: Sequence[CourseFiles]) -> dict[str, str]:
    """Of each graded cell of a unit, by `CellScore.key`, the part that it belongs to: below which
    heading it stands, or, where there is none or there are several notebooks, in which notebook."""
    if len(notebooks) == 1:
        headings = notebooks[0].unit.template.headings
        return {cell: heading or notebooks[0].notebook_name for cell, heading in headings.items()}
    return {
        f"{each.notebook_name}/{cell}": each.notebook_name
        for each in notebooks
        for cell in each.unit.template.headings
    }


def together(
    by_notebook: Mapping[str, Mapping[str, SubmissionResult]],
) -> tuple[SubmissionResult, ...]:
    """Each student's results in a unit's notebooks as one, by student."""
    (first, *others) = by_notebook.values()
    if not others:
        return tuple(first[student] for student in sorted(first))
    return tuple(
        _as_one({name: results[student] for name, results in by_notebook.items()})
        for student in sorted(first)
    )


def _as_one(by_notebook: Mapping[str, SubmissionResult]) -> SubmissionResult:
    results = by_notebook.values()
    statuses = {each.status for each in results}
    return SubmissionResult(
        next(iter(results)).student,
        statuses.pop() if len(statuses) == 1 else "for a person",
        tuple(
            replace(score, notebook=name)
            for name, each in by_notebook.items()
            for score in each.scores
        ),
        tuple(f"{name}: {remark}" for name, each in by_notebook.items() for remark in each.remarks),
        all(each.unchanged for each in results),
        sum(each.student_seconds for each in results),
    )


class ClassRun:
    """One run over what a class handed in of one notebook.

    Attributes:
        submissions: by student.
        results: what came of them so far.
    """

    def __init__(
        self,
        files: CourseFiles,
        gradebook: GradebookWriter,
        job: GradingJob,
        options: Options,
        progress: Progress | None = None,
    ) -> None:
        unit = replace(job.unit, secret=course_secret(files.course))
        self._job = replace(job, unit=unit)
        self._autograded = AutogradedFiles(files, unit, options.sandbox.name)
        self._gradebook, self._options, self._progress = gradebook, options, progress
        self.submissions: dict[str, SubmissionFolder] = {}
        self.results: dict[str, SubmissionResult] = {}

    def grade(self, submissions: list[SubmissionFolder], server: Server | None) -> None:
        """Grade what was not graded before as it is now."""
        self.submissions = {each.student: each for each in submissions}
        if not self._options.force:
            self._take_earlier_results()
        todo = [each for each in submissions if each.student not in self.results]
        tasks = (Task(each.student, each.data) for each in todo)
        servers = [server]
        scheduler = self._options.scheduler
        jobs = min(self._options.jobs or workers_that_fit(memory()[1]), max(1, len(todo)))
        together = len(todo) > 1 and (jobs > 1 or scheduler is not None)
        again: list[Task] = []

        def grade(job: GradingJob, some: Iterable[Task]) -> Results:
            # The server that is there ends with the first use of it.
            return grade_all(job, some, jobs, scheduler, servers.pop() if servers else None)

        for task, graded in grade_patiently(self._job, tasks, len(todo), grade):
            if graded.disturbed and together:
                again.append(task)
            else:
                self._finish(task, graded)
        # Neighbours may have taken the memory or the processors: once more, alone.
        for task, graded in grade_all(self._job, again):
            self._finish(task, graded)

    def _take_earlier_results(self) -> None:
        recorded = self._gradebook.recorded()
        for student, submission in self.submissions.items():
            record = self._autograded.earlier(submission) if student in recorded else None
            if record is not None:
                self.results[student] = SubmissionResult(
                    student, record.status, record.scores, record.remarks, unchanged=True
                )

    def _finish(self, task: Task, graded: Graded) -> None:
        """Keep what came of a submission: in the gradebook, then as its autograded notebook."""
        submission = self.submissions[task.student]
        graded = _with_remarks(graded, submission)
        try:
            with self._autograded.written(submission, task.data, graded):
                self._gradebook.record(task.student, graded, submission.timestamp)
        except (OSError, UnicodeError) as error:
            # Of this student: the others are graded all the same.
            reason = why(error) if isinstance(error, OSError) else type(error).__name__
            remark = f"autograded/ could not be written ({reason}): graded again by the next run"
            graded = replace(graded, status="for a person", remarks=(*graded.remarks, remark))
        result = SubmissionResult(
            task.student,
            graded.status,
            graded.scores,
            graded.remarks,
            student_seconds=graded.student_seconds,
        )
        self.results[task.student] = result
        if self._progress is not None:
            self._progress(len(self.results), len(self.submissions), result)


def _with_remarks(graded: Graded, submission: SubmissionFolder) -> Graded:
    """The result, with what was noticed about the file."""
    if submission.problem:
        return replace(graded, remarks=(submission.problem,))
    if submission.remark:
        return replace(graded, remarks=(submission.remark, *graded.remarks))
    return graded


def grade_notebook(
    notebook: Path,
    source: Path,
    *,
    timeout: float | None = None,
    sandbox: Backend = DEFAULT,
    config: Any = None,
) -> Graded:
    """Grade one notebook against the unit's source notebook; no gradebook, no course folder.

    `config` is nbgrader's, of a course that has one. Raises ValueError when `source` is no
    notebook; an unreadable `notebook` is a result.
    """
    data = read_source(source)
    unit = Unit.read(source.parent.name, source.stem, data, secrets.token_bytes(32), config)
    files = files_beside(source.parent)
    modules = installed_modules(data, files)
    job = Options(timeout=timeout, sandbox=sandbox).job(unit, modules, files)
    job = trust(source.parents[2], job, data, keep=False)
    return grade_task(job, Task("", notebook.read_bytes()))


def times_for(timeout: float | None) -> Times:
    """The time limits where one cell may take `timeout` seconds."""
    return Times(timeout, min(timeout, Times.call)) if timeout else Times()
