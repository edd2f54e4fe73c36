"""Where a test is best judged, by its text: outside the student's process, or inside it.

Outside it cannot be cheated, but a test sees only what an answer returns. One that asks about
anything else could pass there whatever the answer does, and so it is tried inside first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from helpers.grading.engine.grade_submission import Unit
from helpers.grading.handin.ipynb import Cell, is_test, marks_of
from helpers.grading.handin.template import defined_names

Place = Literal["outside", "inside"]

#: What a test says that asks about the process itself: its output, files, modules, names.
OF_THE_PROCESS = frozenset(
    (
        *("globals", "locals", "vars", "dir", "open", "input", "id", "get_ipython", "In", "Out"),
        *("inspect", "io", "sys", "os", "builtins", "gc", "pathlib", "Path", "tempfile", "shutil"),
        *("subprocess", "warnings", "logging", "tracemalloc", "threading", "weakref", "dis"),
        *("doctest", "__main__", "importlib", "atexit", "signal", "multiprocessing"),
        *("redirect_stdout", "redirect_stderr", "capture_output", "mock", "patch", "MagicMock"),
    )
)
_AUTOTEST = re.compile(r"^[ \t]*###[ \t]*(?:HASHED[ \t]+)?AUTOTEST\b", re.MULTILINE)
_CHECK_IMPORTED = re.compile(r"^\s*from helpers\.check import [^#\n]*\bcheck\b", re.MULTILINE)


@dataclass(frozen=True)
class Test:
    """A test of a unit.

    Attributes:
        place: where it has to be judged; None where its solution may tell.
        first: where it is tried first.
        untouched_passes: whether it may give points to a notebook that nobody has answered.
        binds: names that it leaves for later tests.
    """

    grade_id: str
    source: str
    points: float
    place: Place | None
    first: Place
    untouched_passes: bool
    binds: frozenset[str]

    def words(self) -> set[str]:
        """Everything in its text that could be a name."""
        return set(re.findall(r"\w+", self.source))


def tests_of(unit: Unit) -> list[Test]:
    """A unit's tests in their order. ValueError for a cell's metadata that say no place."""
    cells = unit.template.cells
    answers = {name for answer in unit.template.answers for name in answer.names}
    has_check = any(_CHECK_IMPORTED.search(cell["source"]) for cell in cells)
    return [_read(cell, unit, answers, has_check) for cell in filter(is_test, cells)]


def has_own_tests(unit: Unit) -> bool:
    """Whether a unit has tests beside those that `check` judges."""
    return any(test.place != "outside" for test in tests_of(unit))


def _read(cell: Cell, unit: Unit, answers: set[str], has_check: bool) -> Test:
    marks, source = marks_of(cell), cell["source"]
    said = cell["metadata"].get("course", {})
    place, untouched = said.get("place"), said.get("untouched")
    if place not in (None, *get_args(Place)) or untouched not in (None, "passes"):
        raise ValueError(
            f'{unit.name}: the metadata of {marks["grade_id"]} say "course": {said}, where "place" '
            'is "inside" or "outside", and "untouched" can be "passes"'
        )
    if _AUTOTEST.search(source):
        raise ValueError(
            f"{unit.name}: the test {marks['grade_id']} holds lines of nbgrader's AUTOTEST, which "
            "nothing is made of here: write asserts in their place"
        )
    if has_check and re.search(r"\bcheck\(", source):
        place = "outside"
    points = float(marks["points"])
    # Where there is nothing to win, nobody cheats.
    inside = not points or _asks_about_the_process(source, answers)
    imported = re.findall(r"^(?:from [\w.]+ )?import (.+)", source, re.MULTILINE)
    binds = defined_names(source) | {name for line in imported for name in line.split()}
    return Test(
        marks["grade_id"],
        source,
        points,
        place,
        "inside" if inside else "outside",
        untouched == "passes",
        frozenset(binds),
    )


def _asks_about_the_process(source: str, answers: set[str]) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        # Magics, or an await outside of a function.
        return True
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {name for node in ast.walk(tree) for name in _imported(node)}
    return (
        bool(names & (OF_THE_PROCESS - answers))
        or any(map(_is_identity, ast.walk(tree)))
        or _looks_at_arguments(tree, answers)
    )


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")
    if isinstance(node, ast.ImportFrom | ast.Import):
        for alias in node.names:
            yield from alias.name.split(".")


def _is_identity(node: ast.AST) -> bool:
    """`a is b`, where neither is a constant: what comes from a process is never the same object."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Is | ast.IsNot):
        return False
    return not any(isinstance(each, ast.Constant) for each in (node.left, *node.comparators))


def _looks_at_arguments(tree: ast.Module, answers: set[str]) -> bool:
    """Whether something is compared after an answer got it: what it does to it stays with it."""
    given: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            for each in arguments if node.func.id in answers else ():
                if isinstance(each, ast.Name):
                    given[each.id] = min(node.lineno, given.get(each.id, node.lineno))
    return any(
        given.get(name, line) < line for node in ast.walk(tree) for name, line in _compared(node)
    )


def _compared(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that are compared as they are, or a part of them, and the line."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and re.search("equal|close", ast.unparse(node.func).lower()):
        operands = node.args
    for each in operands:
        while isinstance(each, ast.Subscript | ast.Attribute):
            each = each.value
        if isinstance(each, ast.Name):
            yield each.id, node.lineno  # type: ignore[attr-defined]
