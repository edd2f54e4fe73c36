"""What a file imports is declared in pyproject.toml, in an extra that its readers install."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import COURSE

PROJECT = tomllib.loads((COURSE / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

#: Which extras there are beside the base where a file is used; the first folder that holds it says.
INSTALLED: dict[str, tuple[str, ...]] = {
    "helpers/grading": ("units", "grade"),
    "helpers/authoring": ("units", "grade"),
    "helpers/cli.py": ("units", "grade"),
    "helpers": ("units",),
    "docs/site": ("units", "grade", "site"),
    "nbgrader_config.py": ("grade",),
    "tests": tuple(EXTRAS),
}
#: Used where a user has it, and asked for in one line where not.
OPTIONAL = {Path("helpers/meter/models.py"): {"transformers"}}
#: A part's own command and how it prints, of whatever part.
COMMANDS = ("units", "grade")
FILES = sorted(
    path.relative_to(COURSE)
    for place in INSTALLED
    for path in ([COURSE / place] if place.endswith(".py") else (COURSE / place).rglob("*.py"))
)


def imported(path: Path) -> Iterator[str]:
    """The top names of other packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse((COURSE / path).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in (name.split(".")[0] for name in names):
            beside = (COURSE / path).parent / f"{name}.py"
            own = name in ("helpers", "tests") or beside.exists()
            if not own and name not in sys.stdlib_module_names:
                yield name


@cache
def every_package() -> Mapping[str, list[str]]:
    return packages_distributions()


def packages_of(name: str) -> set[str]:
    """The packages that bring what is imported by this name."""
    return {canonicalize_name(package) for package in every_package().get(name, [name])}


def declared(path: Path) -> set[str]:
    """The packages that are installed where a file is used."""
    extras = next(INSTALLED[place] for place in INSTALLED if path.is_relative_to(place))
    extras = COMMANDS if path.name in ("command.py", "printing.py") else extras
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("path", sorted(set(FILES)), ids=str)
def test_every_import_is_declared(path: Path) -> None:
    known = declared(path) | OPTIONAL.get(path, set())
    assert [name for name in imported(path) if not packages_of(name) & known] == []
