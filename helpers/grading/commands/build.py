"""What `course build` says of tests of an instructor's own: they are tried as a class's are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.authoring.notebooks import Unit as UnitFiles
from helpers.grading.class_run import Options
from helpers.grading.engine.grade_submission import Unit
from helpers.grading.engine.judging_places import has_own_tests
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.nbgrader.config import load_config
from helpers.grading.nbgrader.course_files import files_beside, ignored_by, installed_modules
from helpers.grading.nbgrader.validated_tests import trust
from helpers.grading.sandbox.backend import SandboxError


def try_tests(units: Iterable[UnitFiles], texts: Mapping[Path, str]) -> list[str]:
    """Lines on the units, with these texts of their notebooks, that have tests beside `check`.

    What is known since an earlier time is not tried again. ValueError, in one line that names the
    cell, for tests that the unit's solution does not pass, or a notebook without answers does.
    """
    lines = []
    for files in units:
        source = texts[files.path("source")].encode()
        has_config = (files.course / "nbgrader_config.py").is_file()
        config = load_config(files.course) if has_config else None
        unit = Unit.read(files.name, files.notebook, source, b"", config)
        if not has_own_tests(unit):
            # A check is held to its question's reference when notebooks are tried.
            continue
        beside = files_beside(files.folder, ignored_by(config) if config else ())
        try:
            job = Options().job(unit, installed_modules(source, beside), beside)
            inside = trust(files.course, job, source).unit.inside
        except SandboxError as error:
            lines.append(f"{files.name}: its tests are tried when it is graded, not here: {error}")
            continue
        lines.append(
            f"{files.name}: judged inside the students' process, where answers can cheat: "
            + ", ".join(sorted(inside))
            if inside
            else f"{files.name}: all tests are judged outside the students' process, where no "
            "answer can cheat"
        )
    close_worker()
    return lines
