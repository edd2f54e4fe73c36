"""Notebooks are tried as their readers run them, and what they ask of the reference is noted."""

from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.authoring.notebooks import Unit, notebook_text
from helpers.authoring.trial import run_notebook, try_units
from helpers.exercises import EXERCISES
from tests import COURSE

RIGHT = "lambda rows, n: rows * (45 * n - 1)"
TODO = "lambda rows, n: exec('raise NotImplementedError')"


def text(*cells):
    return notebook_text(new_notebook(cells=[new_code_cell(cell) for cell in cells]))


def asking(answer):
    check = f"check('softmax_cost', {answer})"
    costs = "linear_bytes(1, 2, out_features=3); linear_bytes(4, 5, 6)"
    return text(
        f"from helpers.check import check\n{check}",
        f"from helpers.reference import linear_bytes\n{costs}",
    )


@pytest.fixture
def unit(tmp_path, monkeypatch):
    """A unit of one question."""
    question = replace(EXERCISES["softmax_cost"], unit="99_small")
    monkeypatch.setattr("helpers.authoring.trial.EXERCISES", {"softmax_cost": question})
    return Unit.of_text(COURSE / "source" / "99_small" / "small.py")


def tried(unit, release, solution):
    texts = {unit.path("release"): release, unit.path("solution"): solution}
    return dict(try_units([unit], texts, note=True))


def test_what_the_checks_say_and_what_the_reference_was_asked(unit):
    trials = tried(unit, asking(TODO), asking(RIGHT))[unit]
    statuses = {kind: trial.statuses for kind, trial in trials.items()}
    assert statuses == {
        "release": {"softmax_cost": "no answer yet"},
        "solution": {"softmax_cost": "right"},
    }
    linear_bytes = trials["release"].reference["linear_bytes"]
    assert linear_bytes(1, 2, out_features=3).total == 4 * (2 + 3 + 3 * 3)
    assert len(linear_bytes.calls) == 2


def test_a_solution_that_is_wrong_is_named(unit):
    said = r"^solution/99_small/small\.ipynb: check of softmax_cost says 'wrong', where 'right' is"
    with pytest.raises(ValueError, match=said):
        tried(unit, asking(TODO), asking("lambda rows, n: 1"))


def test_a_cell_that_fails_is_named_in_one_line():
    with pytest.raises(ValueError, match=r"^x\.ipynb fails with KeyError: 'y'$"):
        run_notebook(text("{}['y']"), "x.ipynb", COURSE)


def test_a_kernel_that_ends_is_named():
    with pytest.raises(ValueError, match=r"^x\.ipynb: its kernel ended"):
        run_notebook(text("import os; os._exit(1)"), "x.ipynb", COURSE)


def test_a_cell_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr("helpers.authoring.trial.TIMEOUT", 1)
    with pytest.raises(ValueError, match=r"^x\.ipynb: a cell takes longer than 1 s$"):
        run_notebook(text("while True: pass"), "x.ipynb", COURSE)
