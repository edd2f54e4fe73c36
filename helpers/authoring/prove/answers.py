"""Answers to try on a question: the worked one and the known mistakes, as they are and with a slip.

The worked answer is the solution that the unit's text holds. What it needs of other cells, imports,
functions and constants, is found by name, and nothing else of the notebook is run.
"""

from __future__ import annotations

import ast
import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from helpers.authoring.notebooks import Unit
from helpers.authoring.prove.mutants import mutants
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Exercise, OneOf
from helpers.ledger import Ledger
from helpers.notebook_names import needed, python_of, statement

#: What a function of an answer cell says that a student is not to change.
_RUNNER = "leave this as it is"


@dataclass(frozen=True)
class Answer:
    """An answer to try.

    Attributes:
        origin: what it was made from: "worked answer", or the name of a known mistake.
        slip: what was changed in it, "before → after"; empty for the answer as it stands.
        make: gives the function; it may fail, as a student's cell may.
    """

    origin: str
    slip: str
    make: Callable[[], Callable[..., Any]]


WORKED = "worked answer"


def answers(exercise: Exercise, cells: Sequence[CodeCell]) -> Iterator[Answer]:
    """Every answer to try; use each before the next is asked for.

    `cells`: those of the question's unit, see `code_cells`.
    """
    yield from _worked(exercise, cells)
    yield from _mistakes(exercise)


@dataclass(frozen=True)
class CodeCell:
    """A cell of code of a unit, with its solution.

    Attributes:
        answer: its name where it is one.
        body: its code.
        left_out: whether it is not run when graded.
    """

    answer: str
    body: tuple[ast.stmt, ...]
    left_out: bool = False


def code_cells(unit: Unit) -> list[CodeCell]:
    """A unit's cells of code, from its text. ValueError for a text that cannot be built."""
    from helpers.authoring.notebooks import solution_notebook, source_notebook

    source = source_notebook(unit)
    marks = {cell.id: cell.metadata.get("nbgrader", {}) for cell in source.cells}
    return [
        CodeCell(
            cell.id if marks[cell.id].get("solution") else "",
            tuple(python_of(cell.source)),
            "skip-grading" in cell.metadata.get("tags", ()),
        )
        for cell in solution_notebook(source).cells
        if cell.cell_type == "code" and not marks[cell.id].get("grade")
    ]


def _worked(exercise: Exercise, cells: Sequence[CodeCell]) -> Iterator[Answer]:
    (mine,) = (cell for cell in cells if cell.answer == exercise.name)
    space: dict[str, Any] = {"__name__": "answer"}
    others = ast.Module(_needed(mine, cells), [])
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(others, "<other cells>", "exec"), space)

    def made(tree: ast.Module) -> Callable[[], Callable[..., Any]]:
        def make() -> Callable[..., Any]:
            own = dict(space)
            exec(compile(tree, "<answer>", "exec"), own)
            return own[exercise.name]

        return make

    whole = ast.Module(list(mine.body), [])
    yield Answer(WORKED, "", made(whole))
    for node in mine.body:
        if _RUNNER in (_docstring(node) or ""):
            continue
        for mutant in mutants(node):
            yield Answer(WORKED, mutant.name, made(whole))


def _docstring(statement: ast.stmt) -> str | None:
    return ast.get_docstring(statement) if isinstance(statement, ast.FunctionDef) else None


def _needed(mine: CodeCell, cells: Sequence[CodeCell]) -> list[ast.stmt]:
    """The statements of other cells that define what an answer uses, and what those use."""
    others = [statement(each) for cell in cells if cell is not mine for each in cell.body]
    names = set[str]().union(*(statement(each).uses for each in mine.body))
    return [each.node for each in needed(names, others)]


def _mistakes(exercise: Exercise) -> Iterator[Answer]:
    for known in exercise.misconceptions:
        yield Answer(known.name, "", partial(_whole, exercise, known.gives))
    module = sys.modules[_module_of(exercise)]
    for name, code in _codes_of_mistakes(exercise, module.__file__ or ""):
        for mutant in mutants(code):
            yield Answer(name, mutant.name, partial(_compiled, exercise, code, module))


def _whole(exercise: Exercise, gives: Callable[..., Any]) -> Callable[..., Any]:
    """The answer of a student who has a misconception, and nothing else wrong."""

    def answer(*args: Any) -> Any:
        value = plain_right(gives(*args))
        if isinstance(value, dict):
            return {**plain_right(exercise.reference(*args)), **value}
        return value

    return answer


def plain_right(value: Any) -> Any:
    """What a student would return for a reference's value: totals, the first of several."""
    if isinstance(value, OneOf):
        return plain_right(value.values[0])
    if isinstance(value, dict):
        return {part: plain_right(each) for part, each in value.items()}
    return value.total if isinstance(value, Ledger) else value


def _compiled(exercise: Exercise, code: ast.AST, module: Any) -> Callable[..., Any]:
    """What the changed code of a misconception gives, among the names of its own module."""
    space = dict(vars(module))
    if isinstance(code, ast.Lambda):
        gives = eval(compile(ast.Expression(code), "<misconception>", "eval"), space)
    else:
        assert isinstance(code, ast.FunctionDef)
        exec(compile(ast.Module([code], []), "<misconception>", "exec"), space)
        gives = space[code.name]
    return _whole(exercise, gives)


def _module_of(exercise: Exercise) -> str:
    """The module that holds a question's entry."""
    folder = f"unit_{exercise.unit}" if exercise.unit[0].isdigit() else exercise.unit
    for name, module in list(sys.modules.items()):
        if f".exercises.{folder}." in name and hasattr(module, exercise.name.upper()):
            entry = getattr(module, exercise.name.upper())
            if isinstance(entry, Exercise) and entry.reference is exercise.reference:
                return name
    raise LookupError(f"no module holds the entry of {exercise.name}")


def _codes_of_mistakes(exercise: Exercise, path: str) -> Iterator[tuple[str, ast.AST]]:
    """Of each misconception whose code stands in the entry or its module: its name and its code."""
    with open(path, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    (entry,) = (
        statement.value
        for statement in body
        if isinstance(statement, ast.Assign)
        and ast.unparse(statement.targets[0]) == exercise.name.upper()
    )
    listed = [
        node
        for node in ast.walk(entry)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Misconception"
    ]
    if len(listed) != len(exercise.misconceptions):
        return  # some are made elsewhere, so which is which is not to be told
    listed.sort(key=lambda node: (node.lineno, node.col_offset))
    for known, call in zip(exercise.misconceptions, listed, strict=True):
        given = [*call.args, *(each.value for each in call.keywords if each.arg == "gives")]
        code: ast.AST | None = given[-1]
        if isinstance(code, ast.Name):
            code = functions.get(code.id)
        if isinstance(code, ast.Lambda | ast.FunctionDef):
            yield known.name, code


def question_names(names: Sequence[str]) -> list[Exercise]:
    """The questions of these names, or of the units of these names; all of them if none is named.

    ValueError, with names that are near, for one that there is not.
    """
    units = {exercise.unit for exercise in EXERCISES.values()}
    chosen: dict[str, Exercise] = {}
    for name in names or sorted(units):
        if name in EXERCISES:
            chosen[name] = EXERCISES[name]
        elif name in units:
            chosen |= {each.name: each for each in EXERCISES.values() if each.unit == name}
        else:
            raise ValueError(_unknown(name, units))
    return list(chosen.values())


def _unknown(name: str, units: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*EXERCISES, *units])
    mend = f"did you mean {' or '.join(near)}?" if near else "docs/units.md lists them"
    return f"no question or unit {name!r}: {mend}"
