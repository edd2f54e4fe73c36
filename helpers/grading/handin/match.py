"""Which cell of a student's notebook is which of the instructor's.

Cells come deleted, doubled, reordered, retyped and without their ids, so a cell is known by
whatever is left of it. The rules, in the order in which they are tried:

| a cell that                                     | is                                     |
|-------------------------------------------------|----------------------------------------|
| has the text of one of ours, and no answer's id | that one (`copies_of_ours`)            |
| defines what an answer defines, or bears its id | that answer (`as_answer`)              |
| bears the id of a test                          | that test, changed (`as_changed_test`) |
| bears the id of another cell of ours            | that one, changed (`as_changed_cell`)  |
| is empty                                        | nothing (`as_nothing`)                 |
| is anything else                                | the student's own (`as_own`)           |

Then an answer in words that nothing was found for is what the student wrote in its place
(`texts_in_place`), and of several versions of one answer the last counts (`earlier_versions`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from helpers.grading.handin.ipynb import Cell, is_test
from helpers.grading.handin.template import Answer, Template, defined_names, released_text


class Role(Enum):
    """What becomes of a student's cell."""

    OURS = "the instructor's: ours is taken, whatever became of it"
    CHANGED = "code of the instructor's that was changed: it runs, too, after ours"
    ANSWER = "an answer"
    EARLIER = "an earlier version of an answer: it runs, too, before the last"
    OWN = "the student's own: it stays where it stood"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Match:
    """A student's cell, what it is, and the position of its counterpart in the template."""

    cell: Cell
    role: Role
    position: int | None = None


@dataclass(frozen=True)
class Matching:
    """What each of a student's cells is, in the student's order."""

    matches: tuple[Match, ...]

    @cached_property
    def claims(self) -> dict[int, list[Cell]]:
        """The cells that give an answer, all versions of it, by the answer's position."""
        claims: dict[int, list[Cell]] = defaultdict(list)
        for match in self.matches:
            if match.role in (Role.ANSWER, Role.EARLIER) and match.position is not None:
                claims[match.position].append(match.cell)
        return claims


def match(template: Template, cells: Iterable[Cell]) -> Matching:
    """What each cell of a handed-in notebook is."""
    cells = list(cells)
    copies = copies_of_ours(template, cells)
    matches = [copies.get(at) or _by_rule(template, cell) for at, cell in enumerate(cells)]
    given = {match.position for match in matches if match.role is Role.ANSWER}
    for answer in template.answers:
        if not answer.names and answer.position not in given:
            matches = texts_in_place(answer, matches)
    return Matching(tuple(earlier_versions(template, matches)))


def copies_of_ours(template: Template, cells: list[Cell]) -> dict[int, Match]:
    """Cells with the text of one of ours, by their index.

    Where ours has the text more than once, each copy is another of them as long as there are any:
    the one whose id it bears, or else the first.
    """
    unused = {text: list(positions) for text, positions in template.by_text.items()}
    copies = {}
    for index, cell in enumerate(cells):
        by_id, text = template.position_by_id(cell), released_text(cell)
        if by_id in template.answer_at or text not in unused:
            continue
        left = unused[text]
        position = by_id if by_id in left else (left or template.by_text[text])[0]
        if position in left:
            left.remove(position)
        copies[index] = Match(cell, Role.OURS, position)
    return copies


def as_answer(template: Template, cell: Cell) -> Match | None:
    """A cell is the answer whose id it bears, unless it defines what only another one defines."""
    by_id = template.position_by_id(cell)
    claimed = template.answer_at.get(by_id) if by_id is not None else None
    if claimed is not None and (not claimed.names or claimed.cell_type != "code"):
        return Match(cell, Role.ANSWER, claimed.position)
    defined = defined_names(cell["source"])
    given = [answer for answer in template.answers if answer.names & defined]
    found = claimed if claimed in given or not given else given[0]
    return Match(cell, Role.ANSWER, found.position) if found is not None else None


def as_changed_test(template: Template, cell: Cell) -> Match | None:
    """Only our own tests judge."""
    by_id = template.position_by_id(cell)
    if by_id is not None and is_test(template.cells[by_id]):
        return Match(cell, Role.OURS, by_id)
    return None


def as_changed_cell(template: Template, cell: Cell) -> Match | None:
    """Code that was added to a cell of ours may be needed by an answer; words are not."""
    by_id = template.position_by_id(cell)
    if by_id is None:
        return None
    kept = cell["cell_type"] == "code" and cell["source"].strip()
    return Match(cell, Role.CHANGED if kept else Role.OURS, by_id)


def as_nothing(template: Template, cell: Cell) -> Match | None:
    return None if cell["source"].strip() else Match(cell, Role.NOTHING)


def as_own(template: Template, cell: Cell) -> Match | None:
    return Match(cell, Role.OWN)


#: What is asked of a cell that is no copy of ours; the first that knows it decides.
RULES: tuple[Callable[[Template, Cell], Match | None], ...] = (
    as_answer,
    as_changed_test,
    as_changed_cell,
    as_nothing,
    as_own,
)


def texts_in_place(answer: Answer, matches: list[Match]) -> list[Match]:
    """An answer in words without any id is found by where it stands: between the last cell from
    above it and the first from below it."""
    above, below = -1, len(matches)
    for index, match in enumerate(matches):
        if match.position is not None and match.position < answer.position:
            above = index
        elif match.position is not None and match.position > answer.position:
            below = min(below, index)
    return [
        replace(match, role=Role.ANSWER, position=answer.position)
        if above < index < below and match.role is Role.OWN and match.cell["cell_type"] != "code"
        else match
        for index, match in enumerate(matches)
    ]


def earlier_versions(template: Template, matches: list[Match]) -> list[Match]:
    """Of the cells that define the same answer, the last one that is filled in counts."""
    filled: dict[int, int] = {}
    for index, match in enumerate(matches):
        if match.role is Role.ANSWER and match.position is not None:
            answer = template.answer_at[match.position]
            if answer.names and not answer.is_untouched(match.cell["source"]):
                filled[index] = answer.position
    last = set({position: index for index, position in filled.items()}.values())
    return [
        replace(match, role=Role.EARLIER) if index in filled and index not in last else match
        for index, match in enumerate(matches)
    ]


def _by_rule(template: Template, cell: Cell) -> Match:
    return next(found for rule in RULES if (found := rule(template, cell)) is not None)
