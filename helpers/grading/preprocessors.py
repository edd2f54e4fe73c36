"""The engine as preprocessors of nbgrader, for plain `nbgrader autograde`.

nbgrader_config.py puts `Rebuild` among the sanitizing ones, and `Grade` and `SaveGrades` in the
place of `Execute` and `SaveAutoGrades`. Scores are the same as of `course grade`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Enum, Float

from helpers.authoring.unit_files import files_beside
from helpers.grading.engine.grade_submission import Graded, Times, Unit
from helpers.grading.engine.job import GradingJob, RebuiltTask
from helpers.grading.engine.worker_state import grade_task
from helpers.grading.handin import rebuild
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.nbgrader.course_files import (
    course_secret,
    ignored_by,
    installed_modules,
)
from helpers.grading.nbgrader.validated_tests import trust
from helpers.grading.sandbox.backend import Backend
from helpers.grading.sandbox.registry import BACKENDS, DEFAULT, choices

Resources = dict[str, Any]

#: What is known of a rebuilt notebook beside its cells.
_ABOUT = ("unmatched", "unmatched_names", "unanswered", "remarks")


class Rebuild(NbGraderPreprocessor):
    """Replaces a handed-in notebook by the instructor's with the student's answers in it."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        unit = _job(self.config, resources).unit
        handed_in = read_notebook(json.dumps(nb).encode())
        rebuilt = rebuild.rebuild(unit.template, handed_in)
        for remark in rebuilt.remarks:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
        node = from_dict(rebuilt.notebook)
        # The next step starts from the file that is written now.
        about = {name: list(getattr(rebuilt, name)) for name in _ABOUT}
        node.metadata.setdefault("course", {})["rebuilt"] = about
        return node, resources


class Grade(NbGraderPreprocessor):
    """Runs a rebuilt notebook in the sandbox and evaluates its tests in this process."""

    timeout = Float(60.0, help="Seconds for one cell.").tag(config=True)
    call_timeout = Float(10.0, help="Seconds for one call of an answer.").tag(config=True)
    sandbox = Enum(tuple(BACKENDS), DEFAULT.name, help=f"{choices()}.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        sandbox = BACKENDS[self.sandbox]
        if sandbox.warning:
            self.log.warning("Grade.sandbox = %r %s", sandbox.name, sandbox.warning)
        times = Times(cell=self.timeout, call=self.call_timeout)
        job = _job(self.config, resources, times, sandbox, trusted=True)
        if inside := job.unit.inside:
            self.log.info(
                "An answer can cheat in tests judged inside: %s", ", ".join(sorted(inside))
            )
        about = nb.metadata.get("course", {}).pop("rebuilt", {})
        known = {name: tuple(about.get(name, ())) for name in _ABOUT}
        rebuilt = rebuild.Rebuilt(json.loads(json.dumps(nb)), **known)
        graded = grade_task(job, RebuiltTask(resources["nbgrader"]["student"], rebuilt))
        for remark in graded.remarks:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
        resources["course"] = graded
        return from_dict(graded.notebook), resources


class SaveGrades(SaveAutoGrades):
    """nbgrader's own, with the scores as they were given instead of read from a cell's outputs."""

    def _add_score(self, cell: NotebookNode, resources: Resources) -> None:
        graded: Graded = resources["course"]
        grade_id = cell.metadata.nbgrader.grade_id
        (score,) = (score for score in graded.scores if score.grade_id == grade_id)
        grade = self.gradebook.find_grade(
            grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = score.score
        grade.needs_manual_grade = score.needs_manual or grade.manual_score is not None
        self.gradebook.db.commit()


def _job(
    config: Any,
    resources: Resources,
    times: Times | None = None,
    sandbox: Backend = DEFAULT,
    trusted: bool = False,
) -> GradingJob:
    """What grades the notebook at hand; `trusted` with its tests tried before. ValueError, in one
    line, where they cannot be trusted."""
    folders = CourseDirectory(config=config)
    about = resources["nbgrader"]
    name, notebook_name = about["assignment"], about["notebook"]
    folder = folders.format_path(folders.source_directory, ".", name)
    data = (Path(folder) / f"{notebook_name}.ipynb").read_bytes()
    root = Path(folders.root)
    unit = Unit.read(name, notebook_name, data, b"", config)
    files = files_beside(Path(folder), ignored_by(config))
    modules = installed_modules(data, files)
    job = GradingJob(unit, modules, times or Times(), sandbox=sandbox, files=files)
    if trusted:
        job = trust(root, job, data)
    return replace(job, unit=replace(job.unit, secret=course_secret(root)))
