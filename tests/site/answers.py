"""Answers to a question as text, and what Python says of each outside of a browser."""

from dataclasses import dataclass
from functools import cache

from helpers.authoring.notebooks import find_unit, solution_notebook, source_notebook
from helpers.authoring.prove.answers import answers, code_cells
from helpers.check import verdict_on
from helpers.exercises import EXERCISES
from helpers.verdict import Verdict
from tests import COURSE

#: The answer of somebody who has a misconception, and nothing else wrong.
MISTAKEN = """\
from helpers.exercises import EXERCISES, OneOf
from helpers.ledger import Ledger


def plain(value):
    if isinstance(value, OneOf):
        return plain(value.values[0])
    if isinstance(value, dict):
        return {{part: plain(each) for part, each in value.items()}}
    return value.total if isinstance(value, Ledger) else value


def {name}(*args):
    asked = EXERCISES["{name}"]
    value = plain(asked.misconceptions[{index}].gives(*args))
    return {{**plain(asked.reference(*args)), **value}} if isinstance(value, dict) else value
"""


@dataclass(frozen=True)
class Answer:
    """An answer as it is written into an editor, and its verdict in this Python."""

    question: str
    kind: str
    text: str
    verdict: Verdict


@cache
def worked(unit: str) -> dict[str, str]:
    """The worked answers of a unit, by the names of their cells."""
    source = source_notebook(find_unit(COURSE, unit))
    cells = zip(source.cells, solution_notebook(source).cells, strict=True)
    marked = [(mine.metadata.get("nbgrader", {}), cell.source) for mine, cell in cells]
    return {marks["grade_id"]: text for marks, text in marked if marks.get("solution")}


@cache
def _cells(unit: str):
    return code_cells(find_unit(COURSE, unit))


def answers_to(name: str) -> list[Answer]:
    """The right answer and every known mistake, each judged as `check` does it in a notebook."""
    exercise = EXERCISES[name]
    texts = [worked(exercise.unit)[name]]
    texts += [
        MISTAKEN.format(name=name, index=index) for index in range(len(exercise.misconceptions))
    ]
    functions = []
    for each in answers(exercise, _cells(exercise.unit)):
        if not each.slip:
            functions.append((each.origin, each.make()))
    found = zip(functions, texts, strict=True)
    return [
        Answer(name, kind, text, verdict_on(exercise, function)) for (kind, function), text in found
    ]
