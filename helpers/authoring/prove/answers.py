"""Answers to try on a question: the worked one and the known mistakes, as they are and with a slip.

The worked answer is the solution that the unit's text holds. What it needs of other cells, imports,
functions and constants, is found by name, and nothing else of the notebook is run.
"""

from __future__ import annotations

import ast
import contextlib
import io
import symtable
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

#: What a function of an answer cell says that a student is not to change.
_RUNNER = "leave this as it is"
_COMPOUND = ast.For | ast.While | ast.If | ast.Try | ast.With


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
    """A cell of code of a unit, with its solution: its name where it is an answer, and its code."""

    answer: str
    body: tuple[ast.stmt, ...]


def code_cells(unit: Unit) -> list[CodeCell]:
    """A unit's cells of code, from its text. ValueError for a text that cannot be built."""
    from helpers.authoring.markers import python_of
    from helpers.authoring.notebooks import solution_notebook, source_notebook

    source = source_notebook(unit)
    marks = {cell.id: cell.metadata.get("nbgrader", {}) for cell in source.cells}
    return [
        CodeCell(cell.id if marks[cell.id].get("solution") else "", tuple(python_of(cell.source)))
        for cell in solution_notebook(source).cells
        if cell.cell_type == "code" and not marks[cell.id].get("grade")
    ]


def _worked(exercise: Exercise, cells: Sequence[CodeCell]) -> Iterator[Answer]:
    (mine,) = (cell for cell in cells if cell.answer == exercise.name)
    space: dict[str, Any] = {"__name__": "answer"}
    needed = ast.Module(_needed(mine, cells), [])
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(needed, "<other cells>", "exec"), space)

    def made(tree: ast.Module) -> Callable[[], Callable[..., Any]]:
        def make() -> Callable[..., Any]:
            own = dict(space)
            exec(compile(tree, "<answer>", "exec"), own)
            return own[exercise.name]

        return make

    whole = ast.Module(list(mine.body), [])
    yield Answer(WORKED, "", made(whole))
    for statement in mine.body:
        if _RUNNER in (_docstring(statement) or ""):
            continue
        for mutant in mutants(statement):
            yield Answer(WORKED, mutant.name, made(whole))


def _docstring(statement: ast.stmt) -> str | None:
    return ast.get_docstring(statement) if isinstance(statement, ast.FunctionDef) else None


def _needed(mine: CodeCell, cells: Sequence[CodeCell]) -> list[ast.stmt]:
    """The statements of other cells that define what an answer uses, and what those use."""
    statements = [each for cell in cells if cell is not mine for each in cell.body]
    wanted, chosen = _names_used(mine.body), set[int]()
    while True:
        new = {
            index
            for index, statement in enumerate(statements)
            if index not in chosen and wanted & _names_defined(statement)
        }
        if not new:
            return [statements[index] for index in sorted(chosen)]
        chosen |= new
        wanted |= _names_used([statements[index] for index in new])


def _names_used(body: Sequence[ast.stmt]) -> set[str]:
    """The names that statements look for outside of themselves, and not a function's own."""
    return set().union(*(_free_names(table) - _assigned(table) for table in map(_table_of, body)))


def _assigned(table: symtable.SymbolTable) -> set[str]:
    return {each.get_name() for each in table.get_symbols() if each.is_assigned()}


def _table_of(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "<cell>", "exec")


def _free_names(table: symtable.SymbolTable) -> set[str]:
    outermost = table.get_type() == "module"
    free = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (outermost or symbol.is_global())
    }
    return free.union(*map(_free_names, table.get_children()))


def _names_defined(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning, or a part of it: `RULES["exp"] = …` in a loop.

    Not the names that a loop or an `if` of a notebook uses for itself.
    """
    symbols = _table_of(statement).get_symbols()
    own = {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return own
    parts = {
        _root(node)
        for node in ast.walk(statement)
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return parts if isinstance(statement, _COMPOUND) else own | parts


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


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
        and _names_defined(statement) == {exercise.name.upper()}
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
