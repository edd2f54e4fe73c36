"""`course demo`: a course of its own, a small class in it, graded, with feedback."""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.authoring.demo_class import COHORT, UNIT, write_cohort
from helpers.authoring.notebooks import KINDS, find_unit, find_units
from helpers.grading.class_run import Options
from helpers.grading.commands.grade import grade_command
from helpers.grading.report.feedback import write_feedback


def run_demo(course: Path, folder: Path, jobs: int | None) -> None:
    """Makes a course in `folder`, hands in the cohort, grades it and shows what came of it.

    `folder` is made anew: one that holds something else than an earlier demo is left alone, with
    a ValueError.
    """
    marker = folder / ".course-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.is_file():
        raise ValueError(f"{folder} holds something else than a demo: use --folder for another")
    find_units(course)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()
    for kind in KINDS:
        shutil.copytree(course / kind, folder / kind)
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(course / name, folder / name)
    unit = find_unit(folder, UNIT)
    write_cohort(unit, folder / "submitted")
    print(f"{len(COHORT)} submissions of {UNIT} in {folder / 'submitted'}")
    for submission in COHORT:
        print(f"  {submission.student:<6} {submission.about}")

    grade_command(folder, UNIT, Options(jobs=jobs))
    pages, _ = write_feedback(folder, UNIT)
    (example, *_) = list(pages.values())[1]
    print(f"{len(pages)} feedback pages, for example {example}")
