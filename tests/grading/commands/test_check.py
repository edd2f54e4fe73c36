"""What `course check` says to a person who works alone."""

import json

import pytest

from helpers.grading.commands.check import check_notebook, source_of
from helpers.grading.sandbox.registry import DEFAULT
from tests import COURSE
from tests.grading import notebooks, sample

BROKEN = {
    "softmax_flops": "def softmax_flops(batch, n)\n    return 1",
    "prelu_flops": "def prelu_flops(x):\n    return undefined(x)",
    "mean": "def mean(values):\n    return 2",
    "scaled": r"def scaled(x): raise ValueError('\x1b[2J\x9b1m \u202e ada: 11 points')",
}


def without_course(notebook):
    notebook["metadata"].pop("course")
    return notebook


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """The lines on a notebook in which much is broken and the words are not answered."""
    course = sample.make_course(tmp_path_factory.mktemp("course"))
    notebook = course / "mine.ipynb"
    answers = sample.RIGHT | BROKEN | {"why": "YOUR ANSWER HERE"}
    notebook.write_text(json.dumps(sample.answered(answers)))
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("builtins.print", lambda text: lines.extend(str(text).splitlines()))
        check_notebook(notebook, course, DEFAULT, as_json=False)
    return lines


def test_a_syntax_error_is_named_with_its_line(said):
    at = said.index("[0 / 2] softmax_flops: error")
    assert said[at + 1] == "  SyntaxError: expected ':' (line 1)"


def test_an_exception_is_a_hint(said):
    hint = "fails for x=[[1.0, -2.0, 0.5, 3.0]] with NameError: name 'undefined' is not defined"
    assert "[0 / 1] prelu_flops: error" in said
    assert any(hint in line for line in said)


def test_a_failed_test_of_the_instructors_says_what_it_says(said):
    at = said.index("[0 / 3] mean: error")
    assert said[at + 1].startswith("  AssertionError: ")
    assert "tangerine" not in "".join(said)


def test_no_error_of_an_answer_moves_the_cursor(said):
    assert "  ValueError: ?[2J?1m ? ada: 11 points" in said
    assert [line for line in said if not line.isprintable()] == []


def test_words_that_are_not_there_are_no_answer_yet(said):
    assert "[0 / 2] why: no answer yet" in said


def test_what_is_right_takes_one_line(said):
    assert "[1 / 1] sheets: right" in said
    assert said[-1] == "sample: 3 of 13 points"


def test_a_notebook_that_lost_its_metadata_is_known_by_its_checks(tmp_path):
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps(without_course(sample.right_notebook())))
    assert source_of(notebook, COURSE)[0].name == "homework"


def test_a_notebook_without_checks_is_of_no_unit(tmp_path):
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    with pytest.raises(ValueError, match="does not say which unit it is of"):
        source_of(notebook, COURSE)


@pytest.mark.parametrize(("part", "stem"), [("part_a", "copy"), ("part_b", "part_b")])
def test_a_notebook_of_another_course_is_known_by_its_cells(tmp_path, part, stem):
    course = notebooks.make_course(tmp_path)
    notebook = tmp_path / f"{stem}.ipynb"
    notebook.write_text(json.dumps(notebooks.answered(part, {})))
    unit, source = source_of(notebook, course)
    assert (unit.name, source.stem) == (notebooks.UNIT, part)


def test_a_notebook_with_none_of_a_courses_cells_is_of_no_unit(tmp_path):
    course = notebooks.make_course(tmp_path)
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps(notebooks.notebook([notebooks.code("1")])))
    with pytest.raises(ValueError, match="does not say which unit it is of"):
        source_of(notebook, course)
