"""Answers to questions that are asked within a program: `answers_in_cells/*.toml`.

As `test_answers.py`, but an answer is a `cell` that runs below the notebook's solution of the
question: it defines once more what the student writes, such as `axpy_kernel`, or sets a method of
`Number`.
"""

import contextlib
import functools
import io
import tomllib
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import pytest

from helpers.check import judge, plain_answer
from helpers.exercises import EXERCISES, grading_cases
from tests import COURSE

SEEDS = 5
ANSWERS = [
    pytest.param(EXERCISES[name], tried, id=f"{name}-{tried.get('slip') or tried['way']}")
    for path in sorted((Path(__file__).parent / "answers_in_cells").glob("*.toml"))
    for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items()
    for tried in table
]


@functools.cache
def cells_above(unit, question):
    """The code of a unit's solution down to a question's answer, but for what is only shown."""
    (path,) = (COURSE / "source" / unit).glob("*.py")
    code = []
    for cell in jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells:
        is_shown = "skip-grading" in cell.metadata.get("tags", ())
        if cell.cell_type == "code" and "check" not in cell.metadata and not is_shown:
            code.append(compile(cell.source, "cell", "exec"))
        if cell.metadata.get("answer") == question:
            return code
    raise LookupError(question)


def function_of(exercise, cell):
    """The answer of a notebook in which this cell stands below the solution."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code in (*cells_above(exercise.unit, exercise.name), cell):
            exec(code, names)
    plt.close("all")
    return plain_answer(names[exercise.name], draws=False)


@pytest.mark.parametrize(("exercise", "tried"), ANSWERS)
def test_an_answer_gets_what_it_is_worth_wherever_it_is_judged(exercise, tried):
    answer = function_of(exercise, tried["cell"])
    share = pytest.approx(tried.get("share", 1 if "way" in tried else 0), abs=0.005)
    seen = judge(exercise, answer, exercise.visible_cases())
    assert seen.fraction == share, seen.text()
    # What is wrong in every part of the cases shown stays so.
    seeds = range(SEEDS if seen.fraction else 0)
    drawn = [grading_cases(exercise, bytes([seed])) for seed in seeds]
    assert [judge(exercise, answer, cases).fraction for cases in drawn] == [share] * len(drawn)
    assert tried.get("hint", "") in seen.hint
    assert "no_hint" not in tried or tried["no_hint"] not in seen.hint
