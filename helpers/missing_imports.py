"""What a notebook has imported that is not there when it is graded: Colab has more packages.

`check` says so on the spot, once for each module, so that nobody learns it from a grade.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions

from helpers.grading_packages import PACKAGES

_THERE = frozenset(PACKAGES.split())
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
