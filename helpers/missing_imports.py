"""What a notebook uses that is not there when it is graded, so that nobody learns it from a grade.

Colab has more packages, which `check` says once for each module. And what gives the numbers that
questions ask for is out of sight of graded answers: `check` names it where an answer uses it.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from types import CodeType, FunctionType
from typing import Any

from helpers.grading_packages import PACKAGES

_THERE = frozenset(PACKAGES.split())
#: Of the course's package, what an answer can use in a notebook and not when it is graded.
OUT_OF_SIGHT = (
    *("helpers.reference", "helpers.recorded_calls", "helpers.meter", "helpers.roofline"),
    *("helpers.widgets", "helpers.exercises"),
)
#: Modules that were told of in this kernel.
_told: set[str] = set()


def warning() -> str:
    """A line on the modules that cells of this notebook imported since the last time and that
    grading lacks; empty if there are none, and outside of IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cells = shell.user_ns.get("In", []) if shell is not None else []
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
    if not isinstance(answer, FunctionType):
        return ""
    found = sorted(_hidden_names(answer, set()))
    if not found:
        return ""
    return (
        f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} here to look at, but not "
        "where your work is graded: there your answer fails. Write what it gives yourself"
    )


def _hidden_names(function: FunctionType, seen: set[FunctionType]) -> set[str]:
    seen.add(function)
    found: set[str] = set()
    for name in _names_in(function.__code__):
        used = function.__globals__.get(name)
        if _is_out_of_sight(name) or _is_out_of_sight(_module_of(used)):
            found.add(name)
        elif (
            isinstance(used, FunctionType)
            and used.__globals__ is function.__globals__
            and used not in seen
        ):
            found |= _hidden_names(used, seen)
    return found


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
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
