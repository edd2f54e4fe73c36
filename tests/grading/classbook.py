"""A graded class without grading: a gradebook and autograded notebooks written by hand.

Four questions of the homework: `padding` (1 point), `softmax_flops` (2), the bonus `fused` (2), and
`compare_measured` (1 point, in words).
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nbgrader.api import Gradebook

from helpers.grading.engine.verdict_outputs import verdict_output
from helpers.grading.handin.guesses import keep
from helpers.grading.lms.origins import Origin, add_origins
from helpers.grading.lms.roster import students_of
from helpers.predict import Prediction
from helpers.verdict import Verdict
from tests import COURSE

UNIT = "homework"
CELLS = {"check_padding": 1, "check_softmax_flops": 2, "check_fused": 2, "compare_measured": 1}
OUT_OF = 4.0
HINT = "an exponential and a division"

#: Of each student the machine's points; None is for a person.
SCORES: dict[str, tuple[float | None, ...]] = {
    "ada": (1, 2, 2, None),
    "ben": (0, 2, 0, 0),
    "cy": (1, 0, 0, 0),
    "dan": (0, 0, 0, 0),
    "eva": (1, 2, 0, 0),
    "fay": (1, 1, 1, 0),
}
ROSTER = """\
id,name,email,canvas_id,canvas_login,sis_id,section,moodle_id
ada,Ada Lovelace,ada@uni.example,11,ada01,S1,A,901
ben,Ben Müller,ben@uni.example,12,ben01,S2,A,902
cy,=1+1,cy@uni.example,13,cy01,S3,B,903
dan,Dan <script>alert(1)</script>,dan@uni.example,14,dan01,S4,B,904
eva,"O'Neil, Eva",eva@uni.example,15,eva01,S5,B,905
fay,Fay Zola,fay@uni.example,16,fay01,S6,B,906
gus,Gus Late,gus@uni.example,17,gus01,S7,B,907
"""


def make(folder: Path) -> Path:
    """A course with the class graded, and its roster."""
    return Path(shutil.copytree(_made(), folder, dirs_exist_ok=True))


@cache
def _made() -> Path:
    """Made once: a new database takes seconds."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    for kind in ("source", "release", "solution"):
        shutil.copytree(COURSE / kind / UNIT, folder / kind / UNIT)
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    # Collected from Moodle.
    for student in students_of(folder):
        origin = Origin("moodle", student.name, student.ids["moodle_id"])
        add_origins(folder, UNIT, {student.id: origin})
    with open_gradebook(folder) as gradebook:
        gradebook.add_assignment(UNIT)
        gradebook.add_notebook(UNIT, UNIT)
        for cell, points in CELLS.items():
            kind = "code" if cell.startswith("check_") else "markdown"
            gradebook.add_grade_cell(cell, UNIT, UNIT, max_score=points, cell_type=kind)
            gradebook.add_source_cell(cell, UNIT, UNIT, source="", cell_type=kind)
        gradebook.add_solution_cell("compare_measured", UNIT, UNIT)
    for student, points in SCORES.items():
        hand_in(folder, student, points)
    return folder


def open_gradebook(course: Path) -> Gradebook:
    # nbgrader makes a new database with a script that it looks for on the PATH.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return Gradebook(f"sqlite:///{course / 'gradebook.db'}", "network_costs")


def hand_in(
    course: Path,
    student: str,
    points: tuple[float | None, ...],
    *,
    status: str = "graded",
    remarks: tuple[str, ...] = (),
    hint: str = HINT,
    misconceptions: tuple[str, ...] = (),
    guesses: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Write one student's points; who has not all of softmax_flops saw the hint."""
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student(student)
        with warnings.catch_warnings(action="ignore"):  # of nbgrader's own session
            gradebook.add_submission(UNIT, student)
        for cell, score in zip(CELLS, points, strict=True):
            grade = gradebook.find_grade(cell, UNIT, UNIT, student)
            grade.auto_score, grade.needs_manual_grade = score, score is None
        gradebook.db.commit()
    verdict = Verdict("softmax_flops", "right", 1.0)
    if points[1] != 2:
        verdict = Verdict("softmax_flops", "wrong", 0.0, (), hint, misconceptions)
    cell = {
        "cell_type": "code",
        "id": "check_softmax_flops",
        "metadata": {"nbgrader": {"grade_id": "check_softmax_flops", "grade": True}},
        "source": "",
        "outputs": [verdict_output(verdict)],
        "execution_count": None,
    }
    about = {"unit": UNIT, "graded": {"status": status, "remarks": list(remarks)}}
    notebook = {"cells": [cell], "metadata": {"course": about}, "nbformat": 4, "nbformat_minor": 5}
    made = {name: Prediction(name, *pair) for name, pair in (guesses or {}).items()}
    keep(notebook, made, made)
    place = course / "autograded" / student / UNIT
    place.mkdir(parents=True)
    (place / f"{UNIT}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
