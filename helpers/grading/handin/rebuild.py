"""A handed-in notebook becomes the instructor's notebook with the student's answers in it.

The instructor's cells come from the instructor; only answers and cells that the student added are
taken over. So deleted, duplicated, reordered or edited test cells and lost metadata do not matter.
`match` says which cell is which; here the notebook to grade is put together from that. An answer
that cannot be found is named in `Rebuilt.unmatched`, for a person to look at.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from dataclasses import dataclass

from helpers.grading.handin.guesses import asked_of, keep
from helpers.grading.handin.ipynb import Cell, Notebook, is_test
from helpers.grading.handin.markup import Budget, clean_html, clean_markdown
from helpers.grading.handin.match import Match, Matching, Role, match
from helpers.grading.handin.template import Answer, Template, defined_names

SKIP = "skip-grading"
#: Cells with these tags are demonstrations that no answer depends on; they are not run.
NOT_RUN = frozenset({"gpu", SKIP})


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


def rebuild(template: Template, handed_in: Notebook) -> Rebuilt:
    """The template with the answers, added cells and guesses of `handed_in`."""
    rebuilt = assemble(template, match(template, handed_in["cells"]))
    asked = [name for cell in template.cells for name in asked_of(cell)]
    keep(rebuilt.notebook, handed_in.get("guesses", {}), asked)
    return rebuilt


def runs(cell: Cell) -> bool:
    """Whether a cell of a rebuilt notebook is code that the student's process runs."""
    return cell["cell_type"] == "code" and not is_test(cell) and not is_left_out(cell)


def is_left_out(cell: Cell) -> bool:
    """Whether a cell of a rebuilt notebook is one that no answer depends on."""
    return bool(NOT_RUN & set(cell["metadata"].get("tags", ())))


def assemble(template: Template, matching: Matching) -> Rebuilt:
    """The notebook to grade, from the template and what each of the student's cells is."""
    budget = Budget()
    claims = {
        answer.position: matching.claims.get(answer.position, []) for answer in template.answers
    }
    own = _own_cells(template, matching, budget)
    elsewhere = _defined_elsewhere(template, claims, own)
    changed = {found.position for found in matching.matches if found.role is Role.CHANGED}
    cells = list(own[-1])
    unmatched: list[Answer] = []
    unanswered: list[Answer] = []
    for position, ours in enumerate(template.cells):
        cell = copy.deepcopy(ours)
        answer = template.answer_at.get(position)
        if answer is not None:
            text = _text_of(answer, claims[position])
            if text is not None:
                is_code = cell["cell_type"] == "code"
                cell["source"] = text if is_code else clean_markdown(text, budget)
            elif answer.names and answer.names <= elsewhere:
                # The stub would undo the answer that stands in another cell.
                cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), SKIP]
            elif claims[position]:
                unanswered.append(answer)
            else:
                unmatched.append(answer)
        # A guess is written into a cell of ours, which asks for it no more.
        cells += own[position] if asked_of(ours) and position in changed else [cell, *own[position]]
    cells = _tests_after_answers(template, cells, elsewhere)
    metadata = copy.deepcopy(template.notebook["metadata"])
    return Rebuilt(
        template.notebook | {"cells": cells, "metadata": metadata},
        tuple(answer.grade_id for answer in unmatched),
        tuple(name for answer in unmatched for name in answer.names),
        tuple(answer.grade_id for answer in unanswered),
        _remarks(template, claims, unmatched),
    )


def _text_of(answer: Answer, claims: list[Cell]) -> str | None:
    """What the student wrote; None where nothing was handed in or the stub is unchanged."""
    sources = [cell["source"] for cell in claims if not answer.is_untouched(cell["source"])]
    if not sources:
        return None
    # Of a function the last version counts, of words all: none is lost.
    return sources[-1] if answer.names else "\n\n".join(dict.fromkeys(sources))


def _own_cells(template: Template, matching: Matching, budget: Budget) -> dict[int, list[Cell]]:
    """The student's own cells, by the position in the template that they come after."""
    own: dict[int, list[Cell]] = defaultdict(list)
    number, last = 0, -1
    for found in matching.matches:
        last = last if found.position is None else found.position
        if found.role in (Role.OWN, Role.CHANGED, Role.EARLIER):
            number += 1
            after = last - 1 if found.role is Role.EARLIER else last
            own[after].append(_own_cell(template, found, f"added-{number}", budget))
    return own


def _own_cell(template: Template, found: Match, name: str, budget: Budget) -> Cell:
    """A cell of the student's without its metadata; what stands in for one of ours is run, or not
    run, as ours is."""
    cell = found.cell
    new: Cell = {
        "cell_type": cell["cell_type"],
        "id": name,
        "metadata": {"id": name},
        "source": cell["source"],
    }
    if found.position is not None:
        tags = NOT_RUN & set(template.cells[found.position]["metadata"].get("tags", []))
        if tags:
            new["metadata"]["tags"] = sorted(tags)
    if cell["cell_type"] == "code":
        return new | {"execution_count": None, "outputs": []}
    # A page shows a raw cell as it is: what is code in Markdown is none there.
    clean = clean_markdown if cell["cell_type"] == "markdown" else clean_html
    return new | {"source": clean(cell["source"], budget)}


def _defined_elsewhere(
    template: Template, claims: dict[int, list[Cell]], own: dict[int, list[Cell]]
) -> set[str]:
    """Names that the student's own cells and the cells of other answers define."""
    names: set[str] = set()
    for cell in (cell for cells in own.values() for cell in cells):
        if cell["cell_type"] == "code":
            names |= defined_names(cell["source"])
    for answer in template.answers:
        for cell in claims[answer.position]:
            if not answer.is_untouched(cell["source"]):
                names |= defined_names(cell["source"]) - answer.names
    return names


def _tests_after_answers(template: Template, cells: list[Cell], elsewhere: set[str]) -> list[Cell]:
    """The cells, with each test behind the cell that defines its answer, where that stands in a
    later one."""
    answered = frozenset(name for answer in template.answers for name in answer.names)
    defined = {id(cell): defined_names(cell["source"]) for cell in cells if runs(cell)}
    moved = list(cells)
    for test in filter(is_test, cells):
        names = set(re.findall(r"\w+", test["source"])) & answered & elsewhere
        defining = [at for at, cell in enumerate(moved) if names & defined.get(id(cell), set())]
        here = next(at for at, cell in enumerate(moved) if cell is test)
        if defining and defining[0] > here:
            moved.insert(defining[-1] + 1, test)
            del moved[here]
    return moved


def _remarks(
    template: Template, claims: dict[int, list[Cell]], unmatched: list[Answer]
) -> tuple[str, ...]:
    counts = {answer.grade_id: len(claims[answer.position]) for answer in template.answers}
    twice = [f"the answer {name} was there {n} times" for name, n in counts.items() if n > 1]
    lost = [f"no cell was found for the answer {answer.grade_id}" for answer in unmatched]
    return (*twice, *lost)
