"""A handed-in notebook becomes the instructor's notebook with the student's answers in it.

The instructor's cells come from the instructor; only answers and cells that the student added are
taken over. So deleted, duplicated, reordered or edited test cells and lost metadata do not matter.
What belongs to an answer is found by grade id, by cell id, by the names of the functions that it
defines, and, for text, by where it stands. An answer that cannot be found is named in
`Rebuilt.unmatched`, for a person to look at.
"""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from helpers.grading.handin.ipynb import Cell, Notebook, is_graded, is_test, marks_of
from helpers.grading.handin.markup import Budget, clean_markdown

#: Cells with these tags are demonstrations that no answer depends on; they are not run.
NOT_RUN = frozenset({"gpu", "skip-grading"})
HIDDEN_TESTS = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to grade.

    Attributes:
        notebook: the instructor's, with the student's answers and added cells.
        unmatched: grade ids of answers that no cell of the student's could be found for.
        unmatched_names: names of functions that those answers should define.
        unanswered: grade ids of answers that are there, as they were released.
        remarks: what a person may want to know, one line each.
    """

    notebook: Notebook
    unmatched: tuple[str, ...]
    unmatched_names: tuple[str, ...]
    unanswered: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Template:
    """The instructor's notebook as it is graded: tests whole, answers replaced by stubs."""

    notebook: Notebook
    answers: tuple[Answer, ...]
    _by_name: dict[str, int] = field(repr=False)

    @property
    def cells(self) -> list[Cell]:
        return self.notebook["cells"]

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

    @cached_property
    def by_source(self) -> dict[str, list[int]]:
        """Positions of the instructor's own cells, by their text as students have it."""
        positions = defaultdict(list)
        answers = {answer.position for answer in self.answers}
        for position, cell in enumerate(self.cells):
            if position not in answers and cell["source"].strip():
                positions[_key(cell)].append(position)
        return dict(positions)

    def position_of(self, cell: Cell) -> int | None:
        """Where the cell stands that a student's cell says it is, by grade id or cell id."""
        for name in _names_of(cell):
            if name in self._by_name:
                return self._by_name[name]
        return None


@dataclass(frozen=True)
class Answer:
    """A cell that students fill in: where it stands, its stub, and the names it defines."""

    grade_id: str
    position: int
    stub: str
    cell_type: str
    names: frozenset[str]


def make_template(source: Notebook, config: Any = None) -> Template:
    """The template of a unit, from its source notebook (with solutions and hidden tests).

    `config` is nbgrader's (a traitlets Config), for courses that changed its delimiters or stubs.
    """
    from nbformat.notebooknode import from_dict
    from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums, LockCells

    solved = [cell["source"] for cell in source["cells"]]
    node = from_dict(copy.deepcopy(source))
    for preprocessor in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums):
        node, _ = preprocessor(config=config).preprocess(node, {})
    notebook = json.loads(json.dumps(node)) | {"nbformat": 4, "nbformat_minor": 5}
    answers: list[Answer] = []
    by_name: dict[str, int] = {}
    for position, cell in enumerate(notebook["cells"]):
        for name in _names_of(cell):
            by_name.setdefault(name, position)
        marks = marks_of(cell)
        if marks.get("solution") or marks.get("task"):
            names = _defined(solved[position]) if cell["cell_type"] == "code" else set()
            answers.append(
                Answer(
                    marks["grade_id"], position, cell["source"], cell["cell_type"], frozenset(names)
                )
            )
    return Template(notebook, tuple(answers), by_name)


def rebuild(template: Template, handed_in: Notebook) -> Rebuilt:
    """The template with the answers and added cells of `handed_in`."""
    match = _Match(template, handed_in["cells"])
    return match.rebuilt()


def runs(cell: Cell) -> bool:
    """Whether a cell of a rebuilt notebook is code that the student's process runs."""
    skipped = NOT_RUN & set(cell["metadata"].get("tags", ()))
    return cell["cell_type"] == "code" and not is_test(cell) and not skipped


def hidden_lines(source: str) -> list[tuple[str, bool]]:
    """The lines of a grade cell, and whether each is of a hidden test (its marks included)."""
    lines, hidden = [], False
    for line in source.splitlines():
        begins, ends = (mark in line for mark in HIDDEN_TESTS)
        lines.append((line, hidden or begins))
        hidden = (hidden or begins) and not ends
    return lines


class _Match:
    """Which cell of the student's is which cell of the template."""

    def __init__(self, template: Template, cells: list[Cell]) -> None:
        self.template = template
        self.cells = cells
        self.remarks: list[str] = []
        self.budget = Budget()
        self.answer_at = {answer.position: answer for answer in template.answers}
        #: Position in the template of each student's cell that has one.
        self.place: dict[int, int] = {}
        self.claims: dict[int, list[int]] = defaultdict(list)
        self.added: set[int] = set()
        unused = {key: list(positions) for key, positions in template.by_source.items()}
        for index, cell in enumerate(cells):
            self._find(index, cell, unused)
        self._find_texts()

    def _find(self, index: int, cell: Cell, unused: dict[str, list[int]]) -> None:
        key, named = _key(cell), self.template.position_of(cell)
        if named is None or named not in self.answer_at:
            same = unused.get(key)
            if same:
                place = named if named in same else same[0]
                same.remove(place)
                self.place[index] = place
                return
            if key in self.template.by_source:
                # One more copy of an instructor's cell.
                self.place[index] = self.template.by_source[key][0]
                return
        answer = self._answer_for(cell, named)
        if answer is not None:
            self.place[index] = answer.position
            self.claims[answer.position].append(index)
        elif named is not None and is_test(self.template.cells[named]):
            self.place[index] = named
        elif named is not None and named not in self.answer_at:
            self.place[index] = named
            if cell["cell_type"] == "code" and cell["source"].strip():
                self.added.add(index)
        elif cell["source"].strip():
            self.added.add(index)

    def _answer_for(self, cell: Cell, named: int | None) -> Answer | None:
        """The answer that a cell gives: what it says it is, unless what it defines says better."""
        claimed = self.answer_at.get(named) if named is not None else None
        if claimed is not None and (not claimed.names or claimed.cell_type != "code"):
            return claimed
        defined = _defined(cell["source"])
        given = [answer for answer in self.template.answers if answer.names & defined]
        if claimed is not None and (claimed in given or not given):
            return claimed
        return given[0] if given else None

    def _find_texts(self) -> None:
        """Give texts without any id to the text answer in whose place they stand."""
        for answer in self.template.answers:
            if answer.position in self.claims or answer.names:
                continue
            below = [i for i, place in self.place.items() if place < answer.position]
            above = [i for i, place in self.place.items() if place > answer.position]
            start, end = max(below, default=-1), min(above, default=len(self.cells))
            found = [
                index
                for index in range(start + 1, end)
                if index in self.added and self.cells[index]["cell_type"] != "code"
            ]
            if found:
                self.claims[answer.position] = found
                self.added -= set(found)
                self.place.update(dict.fromkeys(found, answer.position))

    def rebuilt(self) -> Rebuilt:
        cells: list[Cell] = []
        unmatched: list[Answer] = []
        unanswered: list[str] = []
        extra = self._extra_cells()
        elsewhere = self._defined_elsewhere(extra)
        cells += extra.get(-1, [])
        for position, original in enumerate(self.template.cells):
            cell = copy.deepcopy(original)
            answer = self.answer_at.get(position)
            if answer is not None:
                claims = self.claims.get(position, [])
                text = self._answer_text(answer, claims)
                defined_elsewhere = bool(answer.names) and answer.names <= elsewhere
                if text is not None:
                    is_code = cell["cell_type"] == "code"
                    cell["source"] = text if is_code else clean_markdown(text, self.budget)
                elif not claims and not defined_elsewhere:
                    unmatched.append(answer)
                elif not defined_elsewhere:
                    unanswered.append(answer.grade_id)
                if defined_elsewhere and _same(cell["source"], answer.stub):
                    # The stub would undo the answer that stands in another cell.
                    cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "skip-grading"]
            cells.append(cell)
            cells += extra.get(position, [])
        self._move_tests_down(cells, elsewhere)
        self.remarks += [f"no cell was found for the answer {each.grade_id}" for each in unmatched]
        metadata = copy.deepcopy(self.template.notebook["metadata"])
        notebook = self.template.notebook | {"cells": cells, "metadata": metadata}
        return Rebuilt(
            notebook,
            tuple(answer.grade_id for answer in unmatched),
            tuple(name for answer in unmatched for name in answer.names),
            tuple(unanswered),
            tuple(self.remarks),
        )

    def _move_tests_down(self, cells: list[Cell], elsewhere: set[str]) -> None:
        """Put a test behind the cell that defines its answer, where that stands in a later one."""
        answered = frozenset(name for answer in self.template.answers for name in answer.names)
        defined = {id(cell): _defined(cell["source"]) for cell in cells if runs(cell)}
        for test in [cell for cell in cells if is_test(cell)]:
            names = set(re.findall(r"\w+", test["source"])) & answered & elsewhere
            defining = [
                index for index, cell in enumerate(cells) if names & defined.get(id(cell), set())
            ]
            here = cells.index(test)
            if defining and not any(index < here for index in defining):
                cells.insert(defining[-1] + 1, test)
                del cells[here]

    def _answer_text(self, answer: Answer, claims: list[int]) -> str | None:
        """What the student wrote; None where nothing was handed in or the stub is unchanged."""
        filled = [i for i in claims if not _same(self.cells[i]["source"], answer.stub)]
        if not filled:
            return None
        if answer.names:
            return self.cells[filled[-1]]["source"]
        texts = dict.fromkeys(self.cells[index]["source"] for index in filled)
        return "\n\n".join(texts)

    def _extra_cells(self) -> dict[int, list[Cell]]:
        """The student's own cells, by the position in the template that they come after."""
        extra: dict[int, list[Cell]] = defaultdict(list)
        for answer in self.template.answers:
            claims = self.claims.get(answer.position, [])
            filled = [i for i in claims if not _same(self.cells[i]["source"], answer.stub)]
            if len(claims) > 1:
                self.remarks.append(f"the answer {answer.grade_id} was there {len(claims)} times")
            if answer.names:
                self.added |= set(filled[:-1])
        last = -1
        for index, cell in enumerate(self.cells):
            last = self.place.get(index, last)
            if index not in self.added:
                continue
            # An earlier version of an answer stands before the answer.
            before = last - 1 if last in self.answer_at and index in self.place else last
            number = sum(map(len, extra.values())) + 1
            new: Cell = {
                "cell_type": cell["cell_type"],
                "id": f"added-{number}",
                "metadata": {"id": f"added-{number}"},
                "source": cell["source"],
            }
            tags = NOT_RUN & set(self.template.cells[last]["metadata"].get("tags", []))
            if tags and index in self.place:
                new["metadata"]["tags"] = sorted(tags)
            if cell["cell_type"] == "code":
                new |= {"execution_count": None, "outputs": []}
            else:
                new["source"] = clean_markdown(cell["source"], self.budget)
            extra[before].append(new)
        return extra

    def _defined_elsewhere(self, extra: dict[int, list[Cell]]) -> set[str]:
        """Names that the student's own cells and other answers define."""
        names: set[str] = set()
        for cell in (cell for cells in extra.values() for cell in cells):
            if cell["cell_type"] == "code":
                names |= _defined(cell["source"])
        for answer in self.template.answers:
            for index in self.claims.get(answer.position, []):
                text = self.cells[index]["source"]
                if not _same(text, answer.stub):
                    names |= _defined(text) - answer.names
        return names


def _names_of(cell: Cell) -> Iterator[str]:
    """What a cell says it is: its grade id, its id, the id that Colab moves into the metadata."""
    marks = cell["metadata"].get("nbgrader")
    candidates = [marks.get("grade_id") if isinstance(marks, dict) else None]
    candidates += [cell.get("id"), cell["metadata"].get("id")]
    return (name for name in candidates if isinstance(name, str) and name)


def _key(cell: Cell) -> str:
    # Without its type: a test that was made text is still that test.
    shown = [line for line, hidden in hidden_lines(cell["source"]) if not hidden]
    return _normal("\n".join(shown))


def _normal(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _same(one: str, other: str) -> bool:
    return _normal(one) == _normal(other)


def _defined(source: str) -> set[str]:
    """Names that a cell defines at its top level: functions, classes, assignments.

    By the look of its lines: a student's text that is made to break a parser would break this
    process with it.
    """
    names = set(_DEFINITION.findall(source))
    for targets in _ASSIGNMENT.findall(source):
        names |= set(re.findall(r"\w+", targets))
    return names


_DEFINITION = re.compile(r"^(?:async[ ]+)?(?:def|class)[ ]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(
    r"^(\w+(?:[ ]*[,=][ ]*\w+){0,20})[ ]*(?::[^=\n]{1,80})?=[^=]", re.MULTILINE
)
