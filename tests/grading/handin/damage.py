"""Damaged shapes of a right submission, as they come in.

`WHOLE` are those that must earn everything. `LOST` miss an answer, or are no notebook.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.grading import sample

Notebook = dict[str, Any]
#: Damages a notebook in place, or returns the bytes of a file.
Change = Callable[[Notebook], bytes | None]
WHOLE: dict[str, Change] = {}
LOST: dict[str, tuple[Change, float]] = {}


def whole(change: Change) -> Change:
    WHOLE[change.__name__] = change
    return change


def lost(points: float) -> Callable[[Change], Change]:
    """Damage that takes answers worth these points out of reach."""

    def register(change: Change) -> Change:
        LOST[change.__name__] = (change, points)
        return change

    return register


def damaged(change: Change) -> Notebook | bytes:
    """A right submission with that damage."""
    notebook = sample.right_notebook()
    data = change(notebook)
    return notebook if data is None else data


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(each for each in notebook["cells"] if each["metadata"].get("id") == name)


def index(notebook: Notebook, name: str) -> int:
    return notebook["cells"].index(cell(notebook, name))


@whole
def as_it_was(notebook: Notebook) -> None:
    """Not at all."""


@whole
def deleted_tests(notebook: Notebook) -> None:
    notebook["cells"] = [c for c in notebook["cells"] if not c.get("id", "").startswith("check_")]


@whole
def one_test_deleted(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "check_mean"))


@whole
def duplicated_tests(notebook: Notebook) -> None:
    for name in ("check_mean", "check_softmax_flops"):
        notebook["cells"].insert(index(notebook, name), deepcopy(cell(notebook, name)))


@whole
def answers_duplicated(notebook: Notebook) -> None:
    for name in ("mean", "softmax_flops", "why"):
        notebook["cells"].insert(index(notebook, name), deepcopy(cell(notebook, name)))


@whole
def every_cell_duplicated(notebook: Notebook) -> None:
    notebook["cells"] = [each for c in notebook["cells"] for each in (c, deepcopy(c))]


@whole
def untouched_copy_of_an_answer_below(notebook: Notebook) -> None:
    copy = deepcopy(cell(notebook, "mean"))
    copy["source"] = sample.STUB
    notebook["cells"].append(copy)


@whole
def reversed_questions(notebook: Notebook) -> None:
    notebook["cells"] = notebook["cells"][:2] + notebook["cells"][:1:-1]


@whole
def answers_after_tests(notebook: Notebook) -> None:
    tests = [c for c in notebook["cells"] if c.get("id", "").startswith("check_")]
    rest = [c for c in notebook["cells"] if c not in tests]
    notebook["cells"] = tests + rest


@whole
def edited_tests(notebook: Notebook) -> None:
    cell(notebook, "check_mean")["source"] = "assert False"
    cell(notebook, "check_sheets")["source"] = ""


@whole
def text_in_place_of_tests(notebook: Notebook) -> None:
    for name in ("check_mean", "check_softmax_flops"):
        test = cell(notebook, name)
        test["cell_type"] = "markdown"
        del test["outputs"], test["execution_count"]


@whole
def answers_as_text(notebook: Notebook) -> None:
    for name in ("mean", "softmax_flops"):
        answer = cell(notebook, name)
        answer["cell_type"] = "raw"
        del answer["outputs"], answer["execution_count"]


@whole
def words_as_code(notebook: Notebook) -> None:
    cell(notebook, "why")["cell_type"] = "code"


@whole
def points_changed(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        if "points" in each["metadata"].get("nbgrader", {}):
            each["metadata"]["nbgrader"]["points"] = 100


@whole
def all_marked_as_answers(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        if "nbgrader" in each["metadata"]:
            each["metadata"]["nbgrader"] |= {"solution": True, "grade": False, "locked": False}


@whole
def nbgrader_metadata_lost(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["metadata"].pop("nbgrader", None)


@whole
def nbgrader_metadata_broken(notebook: Notebook) -> None:
    for number, each in enumerate(notebook["cells"]):
        broken = (None, [], "x", {"grade_id": 7}, {"grade_id": "no such"})
        each["metadata"]["nbgrader"] = broken[number % len(broken)]


@whole
def cell_ids_lost(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"].pop("id", None)
    notebook["nbformat_minor"] = 4


@whole
def all_metadata_lost(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] = {}
    notebook["metadata"] = {}


@whole
def all_metadata_and_tests_lost(notebook: Notebook) -> None:
    deleted_tests(notebook)
    all_metadata_lost(notebook)


@whole
def ids_made_anew(notebook: Notebook) -> None:
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"{number:08x}"
        each["metadata"] = {"id": each["id"]}


@whole
def all_ids_the_same(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["id"] = "x"
        each["metadata"] = {"id": "x"}


@whole
def grade_ids_swapped(notebook: Notebook) -> None:
    one, other = cell(notebook, "mean"), cell(notebook, "scaled")
    one["source"], other["source"] = other["source"], one["source"]


@whole
def as_colab_saves_it(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] |= {"colab": {"base_uri": "https://localhost:8080/"}, "outputId": "a"}
    badge = sample.added_cell('<a href="#">Open in Colab</a>', "markdown")
    notebook["cells"].insert(0, badge | {"metadata": {"id": "view-in-github"}})
    notebook["metadata"] |= {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    notebook["nbformat_minor"] = 0


@whole
def another_kernel(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia"}
    notebook["metadata"]["language_info"] = {"name": "julia"}


@whole
def answer_split_over_added_cells(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"].insert(at, sample.added_cell("def total(values):\n    return sum(values)"))
    cell(notebook, "mean")["source"] = "def mean(values):\n    return total(values) / count(values)"
    notebook["cells"].insert(
        at + 2, sample.added_cell("def count(values):\n    return len(values)")
    )


@whole
def answer_in_an_added_cell_below(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"].insert(at + 1, sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = sample.STUB


@whole
def answer_in_an_added_cell_above(notebook: Notebook) -> None:
    notebook["cells"].insert(index(notebook, "mean"), sample.added_cell(sample.RIGHT["mean"]))
    cell(notebook, "mean")["source"] = sample.STUB


@whole
def answer_cell_replaced(notebook: Notebook) -> None:
    at = index(notebook, "mean")
    notebook["cells"][at] = sample.added_cell(sample.RIGHT["mean"])


@whole
def answer_in_the_test_cell(notebook: Notebook) -> None:
    test = cell(notebook, "check_mean")
    test["source"] = f"{sample.RIGHT['mean']}\n{test['source']}"
    cell(notebook, "mean")["source"] = sample.STUB


@whole
def all_answers_in_one_cell(notebook: Notebook) -> None:
    code = [name for name in sample.RIGHT if name != "why"]
    together = "\n\n\n".join(sample.RIGHT[name] for name in code)
    for name in code:
        cell(notebook, name)["source"] = sample.STUB
    cell(notebook, "scaled")["source"] = together


@whole
def import_added_to_the_setup(notebook: Notebook) -> None:
    cell(notebook, "setup")["source"] += "\nimport statistics"
    cell(notebook, "mean")["source"] = "def mean(values):\n    return statistics.fmean(values)"


@whole
def setup_deleted(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "setup"))


@whole
def setup_broken(notebook: Notebook) -> None:
    cell(notebook, "setup")["source"] = "import nothing_of_this_name"


@whole
def warnings_on_stderr(notebook: Notebook) -> None:
    cell(notebook, "mean")["source"] = (
        "import sys, warnings\n"
        "def mean(values):\n"
        "    warnings.warn('slow')\n"
        "    print('careful', file=sys.stderr)\n"
        "    return sum(values) / len(values)"
    )


@whole
def old_outputs_and_errors(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        if each["cell_type"] == "code":
            each["outputs"] = [
                {"output_type": "stream", "name": "stderr", "text": ["old\n"]},
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
            ]
            each["execution_count"] = 99


@whole
def outputs_that_are_not_valid(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["outputs"] = [{"output_type": "nothing"}, 7]
        each["attachments"] = {"x.png": "not a dictionary"}


@whole
def sources_as_lists_with_other_line_ends(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["source"] = [line.replace("\n", "\r\n") for line in each["source"].splitlines(True)]


@whole
def byte_order_mark(notebook: Notebook) -> bytes:
    return b"\xef\xbb\xbf" + json.dumps(notebook).encode()


@whole
def lone_surrogates(notebook: Notebook) -> bytes:
    notebook["cells"].append(sample.added_cell("print('\ud800')"))
    return json.dumps(notebook).encode()


@whole
def cells_that_are_no_cells(notebook: Notebook) -> None:
    notebook["cells"][1:1] = [None, 7, {"cell_type": "code"}, {"source": {"a": 1}}, []]


@whole
def a_cell_that_crashes(notebook: Notebook) -> None:
    notebook["cells"].insert(2, sample.added_cell("import os; os._exit(1)"))


@whole
def a_cell_with_a_syntax_error(notebook: Notebook) -> None:
    notebook["cells"].insert(2, sample.added_cell("def mean(:"))


@whole
def an_answer_with_a_magic(notebook: Notebook) -> None:
    cell(notebook, "mean")["source"] = "%matplotlib inline\n" + sample.RIGHT["mean"]


@whole
def cells_from_an_older_release(notebook: Notebook) -> None:
    old = sample.added_cell('check("a question of last year", 7)')
    old["metadata"]["nbgrader"] = {"grade": True, "grade_id": "gone", "points": 5, "locked": True}
    text = sample.added_cell("Read chapter 3 first.", "markdown")
    notebook["cells"][3:3] = [old, text]
    notebook["metadata"]["course"]["version"] = "0"


@lost(3.0)
def answer_deleted(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "mean"))


@lost(sample.POINTS)
def all_cells_deleted(notebook: Notebook) -> None:
    notebook["cells"] = []


@lost(3.0)
def function_and_ids_renamed(notebook: Notebook) -> None:
    answer = cell(notebook, "mean")
    answer["source"] = answer["source"].replace("mean", "average")
    answer["id"] = "x"
    answer["metadata"] = {}


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
def another_units_notebook(notebook: Notebook) -> None:
    notebook["metadata"]["course"]["unit"] = "02_flops"


@lost(sample.POINTS)
def a_list_of_cells(notebook: Notebook) -> bytes:
    return json.dumps(notebook["cells"]).encode()
