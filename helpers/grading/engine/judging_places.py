"""Where a test is best judged, by its text: outside the student's process, or inside it.

Outside it cannot be cheated, but a test sees only what an answer returns. One that asks about
anything else could pass there whatever the answer does, and so it is tried inside first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from helpers.grading.engine.name_lookup import changed_in_place
from helpers.grading.handin.ipynb import Cell, is_test, marks_of
from helpers.grading.handin.template import defined_names

if TYPE_CHECKING:
    from helpers.grading.engine.grade_submission import Unit

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
#: Of what a value, a module or a test case has: what only the process knows in which it was made.
ONLY_THERE = frozenset(
    (
        *("shares_memory", "may_share_memory", "base", "flags", "strides", "stride", "data_ptr"),
        *("is_contiguous", "untyped_storage", "requires_grad", "grad", "grad_fn", "is_leaf"),
        *("assertLogs", "assertNoLogs", "assertWarns", "assertWarnsRegex", "warns"),
        *("deprecated_call", "assert_warns", "assert_no_warnings", "MonkeyPatch", "recwarn"),
        *("stdout", "stderr", "stdin", "argv", "environ", "modules", "main"),
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
    tests: list[Test] = []
    given = set[str]()
    for cell in (each for each in cells if each["cell_type"] == "code"):
        given -= defined_names(cell["source"])
        if is_test(cell):
            tests.append(_read(cell, unit, answers, has_check, given))
        given |= _given_to_answers(cell["source"], answers).keys()
    return tests


def has_own_tests(unit: Unit) -> bool:
    """Whether a unit has tests beside those that `check` judges."""
    return any(test.place != "outside" for test in tests_of(unit))


def _read(cell: Cell, unit: Unit, answers: set[str], has_check: bool, given: set[str]) -> Test:
    """`given` are names of what answers got from cells before."""
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
    inside = not points or _asks_about_the_process(source, answers, _modules(unit), given)
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


def _modules(unit: Unit) -> set[str]:
    """Names that the instructor's cells import."""
    return {
        name
        for name, statement in unit.names.items()
        if isinstance(statement, ast.Import | ast.ImportFrom)
    }


def _asks_about_the_process(
    source: str, answers: set[str], modules: set[str], given: set[str]
) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        # Magics, or an await outside of a function.
        return True
    before = dict.fromkeys(given - _bound_in(tree), 0)
    here = _given_to_answers(source, answers)
    names = _names_in(tree)
    imported = {name for node in ast.walk(tree) for name in _imported(node)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return (
        bool((names | imported) & (OF_THE_PROCESS - answers))
        or bool((attributes | imported) & ONLY_THERE)
        or any(_is_identity(node) or _replaces(node) for node in ast.walk(tree))
        or _looks_at_arguments(tree, before | here, answers, modules)
        or not _made_by_answers(tree, answers).isdisjoint(changed_in_place(tree.body))
    )


def _replaces(node: ast.AST) -> bool:
    """`random.random = …`: what is there for all that runs in a process."""
    if not isinstance(node, ast.Attribute) or isinstance(node.ctx, ast.Load):
        return False
    return not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))


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


def _given_to_answers(source: str, answers: set[str]) -> dict[str, int]:
    """What a cell gives to answers, by name, and the first line in which it does: in a call, to
    what calls them, as `map`, or piece by piece, in a loop."""
    given: dict[str, int] = {}
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return given
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(
            isinstance(each, ast.Name) and each.id in answers for each in (call.func, *arguments)
        ):
            for name in set().union(*map(_names_passed, arguments)) - answers:
                given[name] = min(call.lineno, given.get(name, call.lineno))
    for loop in (node for node in nodes if isinstance(node, ast.For | ast.comprehension)):
        lines = [given[name] for name in _names_in(loop.target) if name in given]
        for name in _names_passed(loop.iter) if lines else ():
            given[name] = min(*lines, given.get(name, min(lines)))
    return given


def _names_passed(argument: ast.expr) -> set[str]:
    """Names in an argument, without those of which a call makes something else, as `list(data)`."""
    if isinstance(argument, ast.Call | ast.Lambda):
        return set()
    found = {argument.id} if isinstance(argument, ast.Name) else set[str]()
    parts = (each for each in ast.iter_child_nodes(argument) if isinstance(each, ast.expr))
    return found.union(*map(_names_passed, parts))


def _made_by_answers(tree: ast.Module, answers: set[str]) -> set[str]:
    """Names of answers, and those that a test gives to what comes of them: to change that in place
    changes what the answer has kept of it."""
    made = set(answers)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and made & _names_in(node.value):
            made |= {name for target in node.targets for name in _names_in(target)}
    return made


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bound_in(tree: ast.Module) -> set[str]:
    """Names that get a value in a test, parameters included."""
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _looks_at_arguments(
    tree: ast.Module, given: dict[str, int], answers: set[str], modules: set[str]
) -> bool:
    """Whether something is compared after an answer got it: what it does to it stays with it."""
    return any(
        all(given.get(name, node.lineno) < node.lineno for name in names - modules)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.Call | ast.Assert)
        for names in _compared(node, answers)
        if names - modules
    )


def _compared(node: ast.Compare | ast.Call | ast.Assert, answers: set[str]) -> Iterator[set[str]]:
    """What is compared with each other or asserted: the names of one side that is a name or a part
    of it, and those of all of it, if no answer is called there."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.Assert):
        operands = [node.test]
    elif re.search("equal|close|assert", ast.unparse(node.func).lower()):
        operands = node.args
    for each in operands:
        while isinstance(each, ast.Subscript | ast.Attribute):
            each = each.value
        if isinstance(each, ast.Name):
            yield {each.id}
    names = {name for each in operands for name in _names_of_values(each, answers)}
    if names and not names & answers:
        yield names


def _names_of_values(expression: ast.expr, answers: set[str]) -> Iterator[str]:
    """Names in an expression, without those of functions that are no answers, as `len`, and those
    that a comprehension goes through."""
    called, made = set[ast.AST](), set[str]()
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            called.add(node.func)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
    for node in ast.walk(expression):
        if not isinstance(node, ast.Name) or node.id in made:
            continue
        if node not in called or node.id in answers:
            yield node.id
