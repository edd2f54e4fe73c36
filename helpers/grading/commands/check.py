"""`course check my.ipynb`: what grading says about one notebook, for a self-learner.

The notebook is graded as a submission is, with hidden cases and in the sandbox, and nothing is
written anywhere.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.authoring.notebooks import Unit, bonus_cells, every_unit, find_unit
from helpers.exercises import EXERCISES
from helpers.grading.class_run import grade_notebook
from helpers.grading.engine.grade_submission import CellScore, Graded
from helpers.grading.engine.verdict_outputs import verdicts_of
from helpers.grading.handin.guesses import kept_in
from helpers.grading.handin.ipynb import (
    Notebook,
    is_graded,
    likeness,
    marks_of,
    names_in,
    read_notebook,
    unit_of,
)
from helpers.grading.handin.markup import one_line
from helpers.grading.nbgrader.config import config_of
from helpers.grading.sandbox.backend import Backend
from helpers.predict import summary
from helpers.verdict import Verdict


def check_notebook(notebook: Path, course: Path, sandbox: Backend, as_json: bool) -> None:
    """Grades a notebook and prints each question's verdict and the total.

    Raises ValueError, in one line, for a file that is no notebook or belongs to no unit.
    """
    unit, source = source_of(notebook, course)
    graded = grade_notebook(notebook, source, sandbox=sandbox, config=config_of(course))
    if graded.status == "unreadable":
        raise ValueError(f"{notebook}: {'; '.join(graded.remarks)}")
    verdicts = {
        marks_of(cell)["grade_id"]: verdicts_of(cell)
        for cell in filter(is_graded, graded.notebook["cells"])
    }
    errors = _errors(graded)
    if as_json:
        print(json.dumps(_as_data(unit, graded, verdicts, errors), indent=1))
        return
    for score in graded.scores:
        # What is right needs no table.
        right = score.score == score.max_score
        said = [each.headline() if right else each.text() for each in verdicts[score.grade_id]]
        if score.max_score:
            shown = "\n".join(said) or errors.get(score.grade_id) or _unsaid(score)
            print(f"[{_points(score)}] {shown}")
    for remark in graded.remarks:
        print(remark)
    if guesses := summary(kept_in(graded.notebook)):
        print(guesses)
    print(_summary(unit, graded))


def _summary(unit: Unit, graded: Graded) -> str:
    """The points, the bonus apart: "homework: 20 of 22 points, bonus 2 of 2, 1 to be read"."""
    bonuses = bonus_cells()
    counted = [score for score in graded.scores if score.grade_id not in bonuses]
    bonus = [score for score in graded.scores if score.grade_id in bonuses]
    to_read = sum(score.max_score for score in graded.scores if score.needs_manual)
    line = f"{unit.name}: {_sum(counted)} of {sum(score.max_score for score in counted):g} points"
    if bonus:
        line += f", bonus {_sum(bonus)} of {sum(score.max_score for score in bonus):g}"
    return f"{line}, {to_read:g} to be read" if to_read else line


def _sum(scores: list[CellScore]) -> str:
    return f"{sum(score.score or 0.0 for score in scores):.4g}"


def source_of(notebook: Path, course: Path) -> tuple[Unit, Path]:
    """The unit and the source notebook of one that was handed in: of the unit that it says or that
    most of its checks belong to, else the one that has most of its graded cells.

    Raises ValueError, in one line, for a file that is no notebook or belongs to none.
    """
    try:
        content = read_notebook(notebook.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"{notebook}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{notebook} cannot be read: {error.strerror}") from None
    except ValueError as error:
        mend = ": download it again as .ipynb" if "notebook" in str(error) else ""
        raise ValueError(f"{notebook}: {error}{mend}") from None
    if named := unit_of(content):
        unit = find_unit(course, named)
        return unit, unit.path("source")
    checked = (
        EXERCISES[name].unit
        for cell in content["cells"]
        for name in re.findall(r"^check\([\"'](\w+)", cell["source"], re.MULTILINE)
        if name in EXERCISES
    )
    if units := Counter(checked):
        unit = find_unit(course, units.most_common(1)[0][0])
        return unit, unit.path("source")
    return _most_alike(notebook, content, course)


def _most_alike(path: Path, content: Notebook, course: Path) -> tuple[Unit, Path]:
    """The source notebook with most of the same graded cells; of equals, the one of its name."""
    own, found = names_in(content), []
    for unit in every_unit(course):
        for name in unit.notebooks:
            source = unit.path("source", name)
            if source.is_file():
                same = likeness(own, names_in(read_notebook(source.read_bytes())))
                found.append((same, name == path.stem, unit, source))
    if not any(same for same, *_ in found):
        raise ValueError(
            f"{path} does not say which unit it is of: start from a notebook in release/"
        )
    *_, unit, source = max(found, key=lambda each: each[:2])
    return unit, source


def _errors(graded: Graded) -> dict[str, str]:
    """Of each grade cell that failed, by grade id, the first error on its way: the answer's own
    where it has one."""
    errors: dict[str, str] = {}
    said: dict[str, str] = {}
    for cell in graded.notebook["cells"]:
        grade_id = marks_of(cell).get("grade_id")
        failed = [out for out in cell.get("outputs", ()) if out["output_type"] == "error"]
        if grade_id and failed:
            name = grade_id.removeprefix("check_")
            # A cell's file has a number for a name, which tells nobody anything.
            message = re.sub(r"\(\w+\.py, line", "(line", failed[0]["evalue"]).split("\n")[0]
            errors[grade_id] = one_line(f"{failed[0]['ename']}: {message}")
            said[grade_id] = f"{name}: error\n  {errors.get(name, errors[grade_id])}"
    return said


def _unsaid(score: CellScore) -> str:
    """A line on a grade cell that printed nothing."""
    name = score.grade_id.removeprefix("check_")
    if score.needs_manual:
        return f"{name}: words, which a person reads"
    return f"{name}: right" if score.score else f"{name}: no answer yet"


def _points(score: CellScore) -> str:
    given = "to read" if score.score is None else f"{score.score:.3g}"
    return f"{given} / {score.max_score:g}"


def _as_data(
    unit: Unit, graded: Graded, verdicts: dict[str, list[Verdict]], errors: dict[str, str]
) -> dict[str, Any]:
    scores = []
    for score in graded.scores:
        said = verdicts[score.grade_id]
        text = "\n".join(each.text() for each in said) or errors.get(score.grade_id, "")
        data = [each.to_data() for each in said]
        scores.append({**asdict(score), "verdict": text, "verdicts": data})
    return {
        "unit": unit.name,
        "total": graded.total,
        "max_total": graded.max_total,
        "remarks": list(graded.remarks),
        "predictions": [each.to_data() for each in kept_in(graded.notebook)],
        "scores": scores,
    }
