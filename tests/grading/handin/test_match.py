"""Each rule by which a student's cell is known, and what holds of any notebook."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.handin.match import Role, match
from helpers.grading.handin.rebuild import Rebuilt, rebuild
from helpers.grading.handin.template import Template, make_template
from tests.grading import sample

Cell = dict[str, Any]


@cache
def template() -> Template:
    return make_template(read_notebook(json.dumps(sample.source_notebook()).encode()))


def read(cells: list[Cell]) -> list[Cell]:
    return read_notebook(json.dumps({"cells": cells, "metadata": {}}).encode())["cells"]


def rebuilt(cells: list[Cell]) -> Rebuilt:
    return rebuild(template(), {"cells": read(cells), "metadata": {}})


def right(name: str) -> Cell:
    """A cell of a right submission."""
    cells = sample.right_notebook()["cells"]
    return next(cell for cell in cells if cell["id"] == name)


def at(name: str) -> int:
    return template().by_id[name]


def without_ids(cell: Cell) -> Cell:
    return {key: value for key, value in cell.items() if key != "id"} | {"metadata": {}}


def edited(name: str, source: str, **changes: Any) -> Cell:
    return right(name) | {"source": source} | changes


@pytest.mark.parametrize(
    ("cell", "role", "position"),
    [
        (without_ids(right("setup")), Role.OURS, "setup"),
        (without_ids(right("check_mean")), Role.OURS, "check_mean"),
        (right("mean"), Role.ANSWER, "mean"),
        (without_ids(right("mean")), Role.ANSWER, "mean"),
        (edited("mean", sample.RIGHT["scaled"]), Role.ANSWER, "scaled"),
        (edited("mean", "def average(values): return 2"), Role.ANSWER, "mean"),
        (edited("check_mean", sample.RIGHT["mean"]), Role.ANSWER, "mean"),
        (edited("check_mean", "assert True"), Role.OURS, "check_mean"),
        (edited("setup", "import statistics"), Role.CHANGED, "setup"),
        (edited("title", "# My title"), Role.OURS, "title"),
        (sample.added_cell("1 + 1"), Role.OWN, None),
        (sample.added_cell("  \n"), Role.NOTHING, None),
    ],
)
def test_a_cell_is_known_by_what_is_left_of_it(
    cell: Cell, role: Role, position: str | None
) -> None:
    (found,) = match(template(), read([cell])).matches
    assert found.role is role
    assert found.position == (at(position) if position else None)


def test_a_text_without_an_id_is_the_answer_in_whose_place_it_stands() -> None:
    cells = [right("text-why"), sample.added_cell("Because.", "markdown")]
    assert match(template(), read(cells)).matches[1].role is Role.ANSWER


def test_a_text_elsewhere_is_no_answer() -> None:
    cells = [right("title"), sample.added_cell("Notes.", "markdown"), right("setup")]
    assert match(template(), read(cells)).matches[1].role is Role.OWN


def test_of_two_versions_the_last_counts_and_the_first_runs_before_it() -> None:
    first = edited("mean", "def mean(values): return 0")
    found = match(template(), read([first, right("mean")])).matches
    assert [each.role for each in found] == [Role.EARLIER, Role.ANSWER]
    sources = [cell["source"] for cell in rebuilt([first, right("mean")]).notebook["cells"]]
    assert sources.index(first["source"]) + 1 == sources.index(sample.RIGHT["mean"])


def test_an_untouched_copy_is_no_later_version() -> None:
    cells = [right("mean"), edited("mean", sample.STUB)]
    assert [each.role for each in match(template(), read(cells)).matches] == [Role.ANSWER] * 2
    assert rebuilt(cells).notebook["cells"][at("mean")]["source"] == sample.RIGHT["mean"]


#: What can become of one cell.
LOSSES: tuple[Callable[[Cell], Cell], ...] = (
    lambda cell: cell,
    without_ids,
    lambda cell: cell | {"metadata": {}},
    lambda cell: cell | {"cell_type": "raw"},
    lambda cell: cell | {"source": cell["source"].replace("\n", "\r\n") + "\n\n"},
)


@given(st.data())
def test_answers_of_any_order_any_number_and_without_ids_are_found(data: st.DataObject) -> None:
    """All but the words, of which nothing is left but their place."""
    cells = sample.right_notebook()["cells"]
    twice = data.draw(st.lists(st.sampled_from(cells), max_size=5))
    shuffled = data.draw(st.permutations([*cells, *twice]))
    losses = st.sampled_from(LOSSES)
    found = rebuilt([data.draw(losses)(copy.deepcopy(cell)) for cell in shuffled])
    assert set(found.unmatched) <= {"why"}
    sources = {cell["id"]: cell["source"].strip() for cell in found.notebook["cells"]}
    for name, text in sample.RIGHT.items():
        assert name == "why" or sources[name] == text


@given(st.lists(st.tuples(st.sampled_from(sample.right_notebook()["cells"]), st.text())))
def test_our_cells_come_from_us_whatever_comes_in(came: list[tuple[Cell, str]]) -> None:
    found = rebuilt([cell | {"source": source} for cell, source in came])
    ours = {cell["id"]: cell for cell in found.notebook["cells"] if "added-" not in cell["id"]}
    assert set(ours) == {cell["id"] for cell in template().cells}
    for position, cell in enumerate(template().cells):
        assert position in template().answer_at or ours[cell["id"]] == cell


@pytest.mark.parametrize(
    "source", ["`<img src=x onerror=alert(1)>` <b>x</b>", "    <script>alert(1)</script>"]
)
def test_what_is_code_in_markdown_is_none_in_a_raw_cell(source: str) -> None:
    """Pages show a raw cell as it is."""
    cells = [*sample.right_notebook()["cells"], sample.added_cell(source, "raw")]
    (cell,) = [each for each in rebuilt(cells).notebook["cells"] if each["cell_type"] == "raw"]
    assert "<script" not in cell["source"]
    assert "<img" not in cell["source"]
