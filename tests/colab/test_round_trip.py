"""A right submission stays right in every shape that Colab gives it.

Grading reads nothing of a submission but what `rebuild` takes from it, so here every unit is
rebuilt in every shape, and one unit is graded in the largest. `make colab` grades two in all.
"""

import json
from functools import cache

import nbformat
import pytest

from helpers.authoring.demo_class import answer, right_answers
from helpers.authoring.notebooks import find_unit, find_units
from helpers.grading.class_run import grade_notebook
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.handin.rebuild import rebuild
from helpers.grading.handin.template import make_template
from tests import COURSE
from tests.colab.round_trip import EDITS, FORMATS, as_colab_saves_it


@cache
def answered(unit):
    """The released notebook with right answers and a text in every answer of words."""
    notebook = nbformat.read(unit.path("release"), as_version=4)
    answer(notebook, right_answers(unit))
    for cell in notebook.cells:
        if cell.source == "YOUR ANSWER HERE":
            cell.source = f"My words on {cell.id}."
    return notebook


@cache
def template_of(unit):
    return make_template(nbformat.read(unit.path("source"), as_version=4))


def rebuilt(unit, notebook):
    return rebuild(template_of(unit), read_notebook(json.dumps(notebook).encode()))


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("minor", FORMATS)
@pytest.mark.parametrize("unit", find_units(COURSE), ids=lambda unit: unit.name)
def test_what_is_graded_is_what_was_answered(unit, minor, edit):
    plain = rebuilt(unit, answered(unit))
    saved = rebuilt(unit, as_colab_saves_it(answered(unit), minor, edit))
    own = [cell for cell in saved.notebook["cells"] if not cell["id"].startswith("added-")]
    assert own == plain.notebook["cells"]
    assert (saved.unmatched, saved.unanswered, saved.remarks) == ((), (), ())


@pytest.mark.parametrize("minor", FORMATS)
def test_cells_of_the_students_own_stay_where_they_stood(minor):
    unit = find_unit(COURSE, "04_roofline")
    saved = rebuilt(unit, as_colab_saves_it(answered(unit), minor, "cells added"))
    sources = [cell["source"] for cell in saved.notebook["cells"]]
    at = next(i for i, source in enumerate(sources) if source.startswith("def layer_time"))
    assert sources[at - 1] == "print('before layer_time', scratch)"
    assert sources[at + 1] == "I tried layer_time by hand first."
    assert sources.index("scratch = 1 + 1") < at


def test_a_unit_with_all_of_it_earns_full_marks(tmp_path):
    unit = find_unit(COURSE, "04_roofline")
    saved = as_colab_saves_it(answered(unit), "4.0", "all of it")
    path = tmp_path / "Copy of roofline.ipynb"
    path.write_text(json.dumps(saved))
    graded = grade_notebook(path, unit.path("source"))
    judged = [score for score in graded.scores if score.grade_id.startswith("check_")]
    assert graded.status == "graded"
    assert [score.score for score in judged] == [score.max_score for score in judged]
    assert [s.needs_manual for s in graded.scores if s not in judged] == [True]
