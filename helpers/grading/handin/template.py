"""The instructor's notebook as submissions are rebuilt into it: tests whole, answers stubs."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers.grading.handin.ipynb import (
    HIDDEN_TESTS,
    Cell,
    Notebook,
    is_graded,
    is_test,
    marks_of,
    shown_lines,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Answer:
    """A cell that students fill in.

    Attributes:
        grade_id: nbgrader's name of it.
        position: where it stands in the template.
        stub: what students find in it.
        cell_type: "code" or "markdown".
        names: what its solution defines; none where it is words or an expression.
    """

    grade_id: str
    position: int
    stub: str
    cell_type: str
    names: frozenset[str]

    def is_untouched(self, source: str) -> bool:
        """Whether a text is still the stub."""
        return _normal(source) == _normal(self.stub)


@dataclass(frozen=True)
class Template:
    """A unit's notebook with its answers, and the ways to find a cell in it.

    Attributes:
        notebook: as it is graded.
        answers: in their order.
        by_id: position of a cell, by each of its ids (see `ids_of`).
    """

    notebook: Notebook
    answers: tuple[Answer, ...]
    by_id: dict[str, int]

    @property
    def cells(self) -> list[Cell]:
        return self.notebook["cells"]

    @cached_property
    def answer_at(self) -> dict[int, Answer]:
        """The answers by their position."""
        return {answer.position: answer for answer in self.answers}

    @cached_property
    def by_text(self) -> dict[str, list[int]]:
        """Positions of the cells that are no answers, by their text as students have it."""
        positions = defaultdict(list)
        for position, cell in enumerate(self.cells):
            if position not in self.answer_at and cell["source"].strip():
                positions[released_text(cell)].append(position)
        return dict(positions)

    @cached_property
    def headings(self) -> dict[str, str]:
        """Of each graded cell, the part of the notebook that it belongs to: the words of the last
        second-level heading before it, up to a colon or parenthesis."""
        heading, found = "", {}
        for cell in self.cells:
            if cell["cell_type"] == "markdown":
                for title in re.findall(r"^##\s+([^:(\n]+)", cell["source"], re.MULTILINE):
                    heading = title.strip()
            if is_graded(cell):
                found[marks_of(cell)["grade_id"]] = heading
        return found

    def position_by_id(self, cell: Cell) -> int | None:
        """The position of the cell whose id a student's cell bears."""
        return next((self.by_id[name] for name in ids_of(cell) if name in self.by_id), None)


def make_template(source: Notebook, config: Any = None) -> Template:
    """The template of a unit, from its source notebook (with solutions and hidden tests).

    `config` is nbgrader's (a traitlets Config), for courses that changed its delimiters or stubs.
    Metadata of older versions of nbgrader are brought up to date; a cell without an id gets one.

    ValueError where the metadata are not what nbgrader takes, as for a name given twice.
    """
    from nbformat.notebooknode import from_dict
    from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums, LockCells

    solved = [cell["source"] for cell in source["cells"]]
    parts = {name: copy.deepcopy(source[name]) for name in ("cells", "metadata")}
    node = from_dict(parts)
    _upgrade_metadata(node)
    _use_our_marks(node, config)
    for preprocessor in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums):
        node, _ = preprocessor(config=config).preprocess(node, {})
    notebook = json.loads(json.dumps(node)) | {"nbformat": 4, "nbformat_minor": 5}
    answers: list[Answer] = []
    by_id: dict[str, int] = {}
    for position, cell in enumerate(notebook["cells"]):
        for name in ids_of(cell):
            by_id.setdefault(name, position)
        marks, kind = marks_of(cell), cell["cell_type"]
        if marks.get("solution") or marks.get("task"):
            names = defined_names(solved[position]) if kind == "code" else ()
            answers.append(
                Answer(marks["grade_id"], position, cell["source"], kind, frozenset(names))
            )
    _give_ids(notebook["cells"])
    return Template(notebook, tuple(answers), by_id)


def _upgrade_metadata(node: NotebookNode) -> None:
    from nbgrader.nbgraderformat import MetadataValidator, ValidationError

    try:
        MetadataValidator().upgrade_notebook_metadata(node)
        MetadataValidator().validate_nb(node)
    except (ValidationError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"its nbgrader metadata are not in order: {reason}") from None


def _use_our_marks(node: NotebookNode, config: Any) -> None:
    """Hidden tests between nbgrader's own marks, where a course has set others."""
    from nbgrader.preprocessors import ClearHiddenTests

    theirs = ClearHiddenTests(config=config)
    marks = (theirs.begin_test_delimeter, theirs.end_test_delimeter)
    if marks == HIDDEN_TESTS:
        return
    for cell in filter(is_test, node["cells"]):
        lines = cell["source"].split("\n")
        for mark, ours in zip(marks, HIDDEN_TESTS, strict=True):
            lines = [f"### {ours}" if mark in line else line for line in lines]
        cell["source"] = "\n".join(lines)


def _give_ids(cells: list[Cell]) -> None:
    """Each cell an id of its own, the same each time; before nbformat 4.5 they have none."""
    own = Counter(cell.get("id") for cell in cells)
    taken = {name for name in own if name}
    for position, cell in enumerate(cells):
        name = cell.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name) or own[name] > 1:
            wanted = marks_of(cell).get("grade_id", "")
            usable = _ID.fullmatch(wanted) and wanted not in taken
            cell["id"] = wanted if usable else f"cell-{position:03d}"
            while not usable and cell["id"] in taken:
                cell["id"] += "-"
            taken.add(cell["id"])


#: What nbformat takes for a cell's id.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def ids_of(cell: Cell) -> Iterator[str]:
    """What a cell says it is: its grade id, its id, the id that Colab moves into the metadata."""
    marks = cell["metadata"].get("nbgrader")
    candidates = [marks.get("grade_id") if isinstance(marks, dict) else None]
    candidates += [cell.get("id"), cell["metadata"].get("id")]
    return (name for name in candidates if isinstance(name, str) and name)


def released_text(cell: Cell) -> str:
    """A cell's text as students have it, without its type: a test that was made text is still
    that test."""
    return _normal(shown_lines(cell["source"]))


def defined_names(source: str) -> set[str]:
    """Names that a cell defines at its top level: functions, classes, assignments.

    Read from the look of its lines, not by a parser: a text that is made to break a parser would
    break this process with it.
    """
    names = set(_DEFINITION.findall(source))
    for targets in _ASSIGNMENT.findall(source):
        names |= set(re.findall(r"\w+", targets))
    return names


_DEFINITION = re.compile(r"^(?:async[ ]+)?(?:def|class)[ ]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(
    r"^(\w+(?:[ ]*[,=][ ]*\w+){0,20})[ ]*(?::[^=\n]{1,80})?=[^=]", re.MULTILINE
)


def _normal(text: str) -> str:
    """A text without what editors change on saving: spaces at the end of lines, empty lines
    around it."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
