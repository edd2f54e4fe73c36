"""Damaged shapes of a right submission: graded in full, or listed for a person with a reason.

`WHOLE` are those that must earn everything. `LOST` miss an answer, or are no notebook: what cannot
be found waits for a person, and everything else is graded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sample

from helpers.grading.cohort import CohortResult, SubmissionResult, grade_unit

Notebook = dict[str, Any]
WHOLE: dict[str, Callable[[Notebook], Notebook | bytes]] = {}
LOST: dict[str, tuple[Callable[[Notebook], Notebook | bytes], float]] = {}


def whole(change: Callable[[Notebook], Notebook | bytes]) -> Callable[..., Any]:
    WHOLE[change.__name__] = change
    return change


def lost(points: float) -> Callable[..., Any]:
    """Damage that takes answers worth these points out of reach."""

    def register(change: Callable[[Notebook], Notebook | bytes]) -> Callable[..., Any]:
        LOST[change.__name__] = (change, points)
        return change

    return register


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(each for each in notebook["cells"] if each["metadata"].get("id") == name)


def index(notebook: Notebook, name: str) -> int:
    return notebook["cells"].index(cell(notebook, name))


@whole
def as_it_was(notebook: Notebook) -> Notebook:
    return notebook


@whole
def deleted_tests(notebook: Notebook) -> Notebook:
    notebook["cells"] = [c for c in notebook["cells"] if not c.get("id", "").startswith("check_")]
    return notebook


@whole
def one_test_deleted(notebook: Notebook) -> Notebook:
    notebook["cells"].remove(cell(notebook, "check_mean"))
    return notebook


@whole
def duplicated_tests(notebook: Notebook) -> Notebook:
    for name in ("check_mean", "check_softmax_flops"):
        notebook["cells"].insert(
            index(notebook, name), json.loads(json.dumps(cell(notebook, name)))
        )
    return notebook


@whole
def answers_duplicated(notebook: Notebook) -> Notebook:
    for name in ("mean", "softmax_flops", "why"):
        notebook["cells"].insert(
            index(notebook, name), json.loads(json.dumps(cell(notebook, name)))
        )
    return notebook


@whole
def every_cell_duplicated(notebook: Notebook) -> Notebook:
    notebook["cells"] = [each for c in notebook["cells"] for each in (c, json.loads(json.dumps(c)))]
    return notebook


@whole
def untouched_copy_of_an_answer_below(notebook: Notebook) -> Notebook:
    copy = json.loads(json.dumps(cell(notebook, "mean")))
    copy["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    notebook["cells"].append(copy)
    return notebook


@whole
def reversed_questions(notebook: Notebook) -> Notebook:
    notebook["cells"] = notebook["cells"][:2] + notebook["cells"][:1:-1]
    return notebook


@whole
def answers_after_tests(notebook: Notebook) -> Notebook:
    tests = [c for c in notebook["cells"] if c.get("id", "").startswith("check_")]
    rest = [c for c in notebook["cells"] if c not in tests]
    notebook["cells"] = tests + rest
    return notebook


@whole
def edited_tests(notebook: Notebook) -> Notebook:
    cell(notebook, "check_mean")["source"] = "assert False"
    cell(notebook, "check_sheets")["source"] = ""
    return notebook


@whole
def text_in_place_of_tests(notebook: Notebook) -> Notebook:
    for name in ("check_mean", "check_softmax_flops"):
        test = cell(notebook, name)
        test["cell_type"] = "markdown"
        del test["outputs"], test["execution_count"]
    return notebook


@whole
def answers_as_text(notebook: Notebook) -> Notebook:
    for name in ("mean", "softmax_flops"):
        answer = cell(notebook, name)
        answer["cell_type"] = "raw"
        del answer["outputs"], answer["execution_count"]
    return notebook


@whole
def words_as_code(notebook: Notebook) -> Notebook:
    cell(notebook, "why")["cell_type"] = "code"
    return notebook


@whole
def points_changed(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        if "points" in each["metadata"].get("nbgrader", {}):
            each["metadata"]["nbgrader"]["points"] = 100
    return notebook


@whole
def all_marked_as_answers(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        if "nbgrader" in each["metadata"]:
            each["metadata"]["nbgrader"] |= {"solution": True, "grade": False, "locked": False}
    return notebook


@whole
def nbgrader_metadata_lost(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each["metadata"].pop("nbgrader", None)
    return notebook


@whole
def nbgrader_metadata_broken(notebook: Notebook) -> Notebook:
    for number, each in enumerate(notebook["cells"]):
        broken = (None, [], "x", {"grade_id": 7}, {"grade_id": "no such"})
        each["metadata"]["nbgrader"] = broken[number % len(broken)]
    return notebook


@whole
def cell_ids_lost(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"].pop("id", None)
    notebook["nbformat_minor"] = 4
    return notebook


@whole
def all_metadata_lost(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] = {}
    notebook["metadata"] = {}
    return notebook


@whole
def all_metadata_and_tests_lost(notebook: Notebook) -> Notebook:
    deleted_tests(notebook)
    return all_metadata_lost(notebook)


@whole
def ids_made_anew(notebook: Notebook) -> Notebook:
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"{number:08x}"
        each["metadata"] = {"id": each["id"]}
    return notebook


@whole
def all_ids_the_same(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each["id"] = "x"
        each["metadata"] = {"id": "x"}
    return notebook


@whole
def grade_ids_swapped(notebook: Notebook) -> Notebook:
    one, other = cell(notebook, "mean"), cell(notebook, "scaled")
    one["source"], other["source"] = other["source"], one["source"]
    return notebook


@whole
def as_colab_saves_it(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] |= {"colab": {"base_uri": "https://localhost:8080/"}, "outputId": "a"}
    badge = sample.added_cell('<a href="#">Open in Colab</a>', "markdown")
    notebook["cells"].insert(0, badge | {"metadata": {"id": "view-in-github"}})
    notebook["metadata"] |= {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    notebook["nbformat_minor"] = 0
    return notebook


@whole
def another_kernel(notebook: Notebook) -> Notebook:
    notebook["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia"}
    notebook["metadata"]["language_info"] = {"name": "julia"}
    return notebook


@whole
def answer_split_over_added_cells(notebook: Notebook) -> Notebook:
    at = index(notebook, "mean")
    notebook["cells"].insert(at, sample.added_cell("def total(values):\n    return sum(values)"))
    cell(notebook, "mean")["source"] = "def mean(values):\n    return total(values) / count(values)"
    notebook["cells"].insert(
        at + 2, sample.added_cell("def count(values):\n    return len(values)")
    )
    return notebook


@whole
def answer_in_an_added_cell_below(notebook: Notebook) -> Notebook:
    at = index(notebook, "mean")
    notebook["cells"].insert(at + 1, sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    return notebook


@whole
def answer_in_an_added_cell_above(notebook: Notebook) -> Notebook:
    notebook["cells"].insert(index(notebook, "mean"), sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    return notebook


@whole
def answer_cell_replaced(notebook: Notebook) -> Notebook:
    at = index(notebook, "mean")
    notebook["cells"][at] = sample.added_cell(sample.RIGHT["mean"])
    return notebook


@whole
def answer_in_the_test_cell(notebook: Notebook) -> Notebook:
    test = cell(notebook, "check_mean")
    test["source"] = f"{sample.RIGHT['mean']}\n{test['source']}"
    cell(notebook, "mean")["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    return notebook


@whole
def all_answers_in_one_cell(notebook: Notebook) -> Notebook:
    code = [name for name in sample.RIGHT if name != "why"]
    together = "\n\n\n".join(sample.RIGHT[name] for name in code)
    for name in code:
        cell(notebook, name)["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    cell(notebook, "scaled")["source"] = together
    return notebook


@whole
def import_added_to_the_setup(notebook: Notebook) -> Notebook:
    cell(notebook, "setup")["source"] += "\nimport statistics"
    cell(notebook, "mean")["source"] = "def mean(values):\n    return statistics.fmean(values)"
    return notebook


@whole
def setup_deleted(notebook: Notebook) -> Notebook:
    notebook["cells"].remove(cell(notebook, "setup"))
    return notebook


@whole
def setup_broken(notebook: Notebook) -> Notebook:
    cell(notebook, "setup")["source"] = "import nothing_of_this_name"
    return notebook


@whole
def warnings_on_stderr(notebook: Notebook) -> Notebook:
    cell(notebook, "mean")["source"] = (
        "import sys, warnings\n"
        "def mean(values):\n"
        "    warnings.warn('slow')\n"
        "    print('careful', file=sys.stderr)\n"
        "    return sum(values) / len(values)"
    )
    return notebook


@whole
def old_outputs_and_errors(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        if each["cell_type"] == "code":
            each["outputs"] = [
                {"output_type": "stream", "name": "stderr", "text": ["old\n"]},
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
            ]
            each["execution_count"] = 99
    return notebook


@whole
def outputs_that_are_not_valid(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each["outputs"] = [{"output_type": "nothing"}, 7]
        each["attachments"] = {"x.png": "not a dictionary"}
    return notebook


@whole
def sources_as_lists_with_other_line_ends(notebook: Notebook) -> Notebook:
    for each in notebook["cells"]:
        each["source"] = [line.replace("\n", "\r\n") for line in each["source"].splitlines(True)]
    return notebook


@whole
def byte_order_mark(notebook: Notebook) -> bytes:
    return b"\xef\xbb\xbf" + json.dumps(notebook).encode()


@whole
def lone_surrogates(notebook: Notebook) -> bytes:
    notebook["cells"].append(sample.added_cell("print('\ud800')"))
    return json.dumps(notebook).encode()


@whole
def cells_that_are_no_cells(notebook: Notebook) -> Notebook:
    notebook["cells"][1:1] = [None, 7, {"cell_type": "code"}, {"source": {"a": 1}}, []]
    return notebook


@whole
def a_cell_that_crashes(notebook: Notebook) -> Notebook:
    notebook["cells"].insert(2, sample.added_cell("import os; os._exit(1)"))
    return notebook


@whole
def a_cell_with_a_syntax_error(notebook: Notebook) -> Notebook:
    notebook["cells"].insert(2, sample.added_cell("def mean(:"))
    return notebook


@whole
def an_answer_with_a_magic(notebook: Notebook) -> Notebook:
    cell(notebook, "mean")["source"] = "%matplotlib inline\n" + sample.RIGHT["mean"]
    return notebook


@whole
def cells_from_an_older_release(notebook: Notebook) -> Notebook:
    old = sample.added_cell('check("a question of last year", 7)')
    old["metadata"]["nbgrader"] = {"grade": True, "grade_id": "gone", "points": 5, "locked": True}
    text = sample.added_cell("Read chapter 3 first.", "markdown")
    notebook["cells"][3:3] = [old, text]
    notebook["metadata"]["course"]["version"] = "0"
    return notebook


@lost(3.0)
def answer_deleted(notebook: Notebook) -> Notebook:
    notebook["cells"].remove(cell(notebook, "mean"))
    return notebook


@lost(sample.POINTS)
def all_cells_deleted(notebook: Notebook) -> Notebook:
    notebook["cells"] = []
    return notebook


@lost(3.0)
def function_and_ids_renamed(notebook: Notebook) -> Notebook:
    answer = cell(notebook, "mean")
    answer["source"] = answer["source"].replace("mean", "average")
    answer["id"] = "x"
    answer["metadata"] = {}
    return notebook


@lost(sample.POINTS)
def cut_off(notebook: Notebook) -> bytes:
    return json.dumps(notebook).encode()[:2000]


@lost(sample.POINTS)
def empty_file(notebook: Notebook) -> bytes:
    return b""


@lost(sample.POINTS)
def not_a_notebook(notebook: Notebook) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00"


@lost(sample.POINTS)
def another_units_notebook(notebook: Notebook) -> Notebook:
    notebook["metadata"]["course"]["unit"] = "02_flops"
    return notebook


@lost(sample.POINTS)
def a_list_of_cells(notebook: Notebook) -> bytes:
    return json.dumps(notebook["cells"]).encode()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CohortResult]:
    course = sample.make_course(tmp_path_factory.mktemp("damaged"))
    for name, change in WHOLE.items():
        sample.hand_in(course, name, change(sample.right_notebook()))
    for name, (change, _) in LOST.items():
        sample.hand_in(course, name, change(sample.right_notebook()))
    sample.hand_in(course, "renamed", sample.right_notebook(), "Copy_of_sample (1).ipynb")
    sample.hand_in(course, "beside_another", sample.right_notebook(), "mine.ipynb")
    sample.hand_in(course, "beside_another", {"cells": [], "metadata": {}}, "zzz.ipynb")
    (course / "submitted" / "nothing" / sample.UNIT).mkdir(parents=True)
    return course, grade_unit(course, sample.UNIT, jobs=1)


def result(graded: tuple[Path, CohortResult], student: str) -> SubmissionResult:
    return next(each for each in graded[1].results if each.student == student)


def test_there_are_at_least_twenty_five_shapes() -> None:
    assert len(WHOLE) + len(LOST) >= 25


@pytest.mark.parametrize("name", [*WHOLE, "renamed", "beside_another"])
def test_a_damaged_right_submission_earns_everything(graded: Any, name: str) -> None:
    each = result(graded, name)
    assert (each.total, each.status) == (sample.POINTS, "graded")


@pytest.mark.parametrize("name", WHOLE)
def test_the_words_wait_for_a_person(graded: Any, name: str) -> None:
    words = next(score for score in result(graded, name).scores if score.grade_id == "why")
    assert (words.score, words.needs_manual) == (None, True)


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_found_waits_for_a_person(graded: Any, name: str) -> None:
    each, points = result(graded, name), LOST[name][1]
    assert each.total == sample.POINTS - points
    assert each.status != "graded"
    assert each.remarks
    waiting = sum(s.max_score for s in each.scores if s.needs_manual and s.grade_id != "why")
    assert waiting == points


def test_a_folder_without_a_notebook_waits_for_a_person(graded: Any) -> None:
    each = result(graded, "nothing")
    assert each.status == "unreadable"
    assert "no notebook" in each.remarks[0]
