"""What a notebook uses that is not there when it is graded, so that nobody learns it from a grade.

Colab has more packages, which `check` says once for each module. What gives the numbers that
questions ask for is out of sight of graded answers, and some of our cells are left out when a
notebook is graded: `check` names what an answer uses of them.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import re
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from itertools import chain
from types import CodeType, FunctionType
from typing import Any

from helpers.grading_packages import PACKAGES
from helpers.notebook_names import lent
from helpers.skipped_cells import DIGESTS

_THERE = frozenset(PACKAGES.split())
_SKIPPED = frozenset(DIGESTS.split())
#: Of the course's package, what an answer can use in a notebook and not when it is graded.
OUT_OF_SIGHT = (
    *("helpers.reference", "helpers.recorded_calls", "helpers.meter", "helpers.roofline"),
    *("helpers.widgets", "helpers.exercises"),
)
#: Modules that were told of in this kernel.
_told: set[str] = set()


def _cells() -> list[str]:
    """The texts of the cells that ran in this kernel; none outside of IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell.user_ns.get("In", []) if shell is not None else []


def warning() -> str:
    """A line on the modules that cells of this notebook imported since the last time and that
    grading lacks; empty if there are none, and outside of IPython."""
    cells = _cells()
    new = [name for name in lacking(cells) if name not in _told]
    _told.update(new)
    if not new:
        return ""
    one = len(new) == 1
    return (
        f"{' and '.join(new)} {'is' if one else 'are'} here, but not where your work is graded: "
        f"a cell that imports {'it' if one else 'them'} fails there"
    )


def out_of_sight(answer: Any) -> str:
    """A line on what an answer, or a function that it calls, uses of the course's package and
    will not find where it is graded; empty if there is nothing."""
    found = {name for name, used in names_used(answer) if _is_hidden(name, used)}
    if not found:
        return ""
    return (
        f"{_are(found)} here to look at, but not where your work is graded: there your answer "
        "fails. Write what it gives yourself"
    )


def of_skipped_cells(answer: Any) -> str:
    """A line on the names that an answer, or a function that it calls, has from cells that are left
    out when the notebook is graded, where those compute them; empty if there are none."""
    cells = dict.fromkeys(_cells())
    skipped = [cell for cell in cells if digest(cell) in _SKIPPED]
    running = [cell for cell in cells if cell not in skipped]
    used = {name for name, _ in names_used(answer)}
    names = _defined(skipped) - _defined(running)
    names = names.difference(*(each.defines for each in chain(*lent(used, running, skipped))))
    found = used & names
    if not found:
        return ""
    return (
        f"{_are(found)} from a cell that is left out when your work is graded: there your answer "
        "fails. Compute in your own cell what it needs"
    )


def digest(cell: str) -> str:
    """What a cell is known by: a digest of its text."""
    return hashlib.sha256(cell.strip().encode()).hexdigest()[:12]


def _are(names: Iterable[str]) -> str:
    first, *rest = sorted(names)
    return f"{' and '.join([first, *rest])} {'are' if rest else 'is'}"


def _defined(cells: Iterable[str]) -> set[str]:
    """The names that cells give a meaning."""
    return set().union(*map(_defined_by, cells))


@functools.cache
def _defined_by(cell: str) -> frozenset[str]:
    try:
        symbols = symtable.symtable(cell, "<cell>", "exec").get_symbols()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    given = (each for each in symbols if each.is_assigned() or each.is_imported())
    return frozenset(each.get_name() for each in given)


def names_used(answer: Any) -> Iterator[tuple[str, Any]]:
    """The names that a function uses of its notebook, and the functions that it calls there: each
    with what it stands for."""
    waiting, seen = [answer] if isinstance(answer, FunctionType) else [], set[FunctionType]()
    while waiting:
        function = waiting.pop()
        seen.add(function)
        for name in _names_in(function.__code__):
            used = function.__globals__.get(name)
            yield name, used
            if isinstance(used, FunctionType) and used.__globals__ is function.__globals__:
                waiting += [used] if used not in seen else []


def _is_hidden(name: str, used: Any) -> bool:
    return _is_out_of_sight(name) or _is_out_of_sight(_module_of(used))


def _names_in(code: CodeType) -> Iterator[str]:
    """What code looks for outside of itself: no attribute, as in `text.count`."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _module_of(used: Any) -> str:
    """The module that a value is, or that it comes from."""
    name = getattr(used, "__name__", "") if isinstance(used, type(sys)) else ""
    module = name or getattr(used, "__module__", None) or type(used).__module__
    return module if isinstance(module, str) else ""


def _is_out_of_sight(module: str) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in OUT_OF_SIGHT)


def lacking(cells: Iterable[str]) -> list[str]:
    """Of the modules that these cells import and that are here, those that grading lacks.

    A module that no package brought is a file of the student's own, and is left alone.
    """
    named = sorted(set().union(*(_imported(cell) for cell in cells)))
    return [name for name in named if name in sys.modules and not _is_there(name)]


@functools.cache
def _imported(cell: str) -> frozenset[str]:
    """The top-level modules that a cell's text imports."""
    try:
        tree = ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return frozenset(name.split(".")[0] for name in names)


def _is_there(module: str) -> bool:
    if module in sys.stdlib_module_names or module == "helpers" or _package(module) in _THERE:
        return True
    # Read only now: it looks through all that is installed, which takes Colab a second.
    brought_by = _packages().get(module, ())
    return not brought_by or any(_package(name) in _THERE for name in brought_by)


@functools.cache
def _packages() -> Mapping[str, list[str]]:
    return packages_distributions()


def _package(name: str) -> str:
    """A package's name as requirements.lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()
