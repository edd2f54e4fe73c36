"""What `course check` says to a person who works alone."""

import json

import pytest

from helpers.grading.commands.check import _unit_of, check_notebook
from helpers.grading.sandbox.registry import DEFAULT
from tests import COURSE
from tests.grading import sample

BROKEN = {
    "softmax_flops": "def softmax_flops(batch, n)\n    return 1",
    "prelu_flops": "def prelu_flops(x):\n    return undefined(x)",
    "mean": "def mean(values):\n    return 2",
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


def test_words_that_are_not_there_are_no_answer_yet(said):
    assert "[0 / 2] why: no answer yet" in said


def test_what_is_right_takes_one_line(said):
    assert "[1 / 1] sheets: right" in said
    assert said[-1] == "sample: 5 of 13 points"


def test_a_notebook_that_lost_its_metadata_is_known_by_its_checks(tmp_path):
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps(without_course(sample.right_notebook())))
    assert _unit_of(notebook, COURSE).name == "homework"


def test_a_notebook_without_checks_is_of_no_unit(tmp_path):
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    with pytest.raises(ValueError, match="does not say which unit it is of"):
        _unit_of(notebook, COURSE)
