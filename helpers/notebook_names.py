"""The names that cells of a notebook define and use, found in their code: nothing is run.

An answer stands among other cells: some define what it uses, some are left out when it is graded.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
import symtable
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

_COMPOUND = ast.For | ast.While | ast.If | ast.Try | ast.With
_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
#: A cell of more characters holds data: it is not looked into.
_LONGEST = 200_000
#: Statements of one notebook that are looked at, each of which takes a tenth of a millisecond.
_MOST = 5_000


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement of a cell.

    Attributes:
        node: its code.
        defines: the names that it gives a meaning, or a part of it: `RULES["exp"] = …` in a loop.
            Not the names that a loop or an `if` of a notebook uses for itself.
        uses: the names that it looks for outside of itself, and not a function's own.
    """

    node: ast.stmt
    defines: frozenset[str]
    uses: frozenset[str]


_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
#: Cell magics below which a cell is Python.
_OF_PYTHON = frozenset(("time", "timeit", "capture", "prun"))


def python_of(source: str) -> list[ast.stmt]:
    """The statements of a cell, without IPython's own lines; none of one in another language, as
    below `%%bash`. SyntaxError for what is none."""
    magic = _CELL_MAGIC.match(source)
    if magic and magic[1] not in _OF_PYTHON:
        return []
    try:
        return ast.parse(source).body
    except SyntaxError:
        return ast.parse(re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.MULTILINE)).body


def statements_of(cells: Iterable[str]) -> list[Statement]:
    """The statements of all cells that are Python, up to `_MOST`."""
    found: list[Statement] = []
    for cell in cells:
        # A statement is on a line of its own, or behind a semicolon.
        if len(found) + cell.count("\n") + cell.count(";") < _MOST:
            found += _statements_of(cell)
    return found


@lru_cache(maxsize=1024)
def _statements_of(cell: str) -> tuple[Statement, ...]:
    try:
        return tuple(map(statement, python_of(cell))) if len(cell) <= _LONGEST else ()
    except _NO_PYTHON:
        return ()


def statement(node: ast.stmt) -> Statement:
    """A statement with the names that it defines and uses: none where it means nothing, as a
    `return` outside of a function."""
    try:
        table = symtable.symtable(ast.unparse(node), "<cell>", "exec")
    except _NO_PYTHON:
        return Statement(node, frozenset(), frozenset())
    assigned = {each.get_name() for each in table.get_symbols() if each.is_assigned()}
    imported = {each.get_name() for each in table.get_symbols() if each.is_imported()}
    uses = frozenset(_free_names(table) - assigned)
    defines = assigned | imported
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        parts = {
            _root(each)
            for each in ast.walk(node)
            if isinstance(each, ast.Subscript | ast.Attribute) and isinstance(each.ctx, ast.Store)
        }
        defines = parts if isinstance(node, _COMPOUND) else defines | parts
    return Statement(node, frozenset(defines), uses)


def _free_names(table: symtable.SymbolTable) -> set[str]:
    outermost = table.get_type() == "module"
    free = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (outermost or symbol.is_global())
    }
    return free.union(*map(_free_names, table.get_children()))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def needed(names: Collection[str], statements: Sequence[Statement]) -> list[Statement]:
    """The statements that define these names, and what those use, in their order."""
    defining = defaultdict[str, list[int]](list)
    for index, each in enumerate(statements):
        for name in each.defines:
            defining[name].append(index)
    wanted, todo, chosen = set(names), list(names), set[int]()
    while todo:
        for index in defining[todo.pop()]:
            if index not in chosen:
                chosen.add(index)
                new = statements[index].uses - wanted
                wanted |= new
                todo += new
    return [statements[index] for index in sorted(chosen)]


def lent(
    names: Collection[str], running: Sequence[str], left_out: Sequence[str]
) -> list[list[Statement]]:
    """What of each cell that is left out is run all the same, as an answer uses it: imports,
    functions, classes and constants, where no cell that runs defines those names.

    Args:
        names: of the answers.
        running: the texts of the cells that run.
        left_out: the texts of those that do not.
    """
    own = statements_of(running)
    taken = frozenset[str]().union(*(each.defines for each in own))
    others = [
        [
            each
            for each in statements_of([cell])
            if computes_nothing(each.node) and not each.defines <= taken
        ]
        for cell in left_out
    ]
    found = needed(names, [*own, *chain(*others)]) if any(others) else []
    return [[each for each in cell if each in found] for cell in others]


def guarded(statements: Sequence[Statement]) -> str:
    """Code that makes each of these, also where another fails."""
    nothing: list[ast.stmt] = [ast.Pass()]
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, nothing)
    tried: list[ast.stmt] = [ast.Try([each.node], [handler], [], []) for each in statements]
    return ast.unparse(ast.Module(tried, []))


def computes_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        with contextlib.suppress(TypeError, *_NO_PYTHON):
            ast.literal_eval(node.value)
            return all(isinstance(target, ast.Name) for target in node.targets)
        return False
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def names_called(function: str, cells: Sequence[str]) -> set[str]:
    """The names that a function of these cells uses, and the functions that it calls there."""
    functions = [each for each in statements_of(cells) if isinstance(each.node, ast.FunctionDef)]
    called = needed({function}, functions)
    return set[str]().union(*(each.uses for each in called)) - set(dir(builtins))
