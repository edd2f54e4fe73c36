"""The parts stand on each other in one order, and files are short enough to read in one sitting."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.parts import PACKAGE, PARTS, SHELLS, part_of
from tests import COURSE

FILES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE) not in SHELLS
)


def imports(path):
    """Path below the package of every file of it that a file imports."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, *rest = name.split(".")
            if package == "helpers" and rest:
                yield Path(*rest)


def test_every_file_belongs_to_one_part():
    assert [path for path in FILES if sum(part.holds(path) for part in PARTS) != 1] == []


def test_every_part_is_there():
    assert [part.name for part in PARTS if not list(part.files())] == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_only_from_the_parts_above_it(path):
    mine = PARTS.index(part_of(path))
    for imported in imports(path):
        assert PARTS.index(part_of(imported)) <= mine, imported


@pytest.mark.parametrize(("one", "other"), [("reference", "meter"), ("meter", "reference")])
def test_the_two_derivations_do_not_know_each_other(one, other):
    (part,) = (part for part in PARTS if part.name == one)
    for path in part.files():
        assert other not in {part_of(imported).name for imported in imports(path)}, path


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path).web], ids=str)
def test_what_a_page_has_needs_nothing_else_when_it_is_imported(path):
    for node in ast.parse((PACKAGE / path).read_text()).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top == "helpers":
                assert part_of(Path(*rest)).web, name
            else:
                assert top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_says_what_it_is_for_and_can_be_read_in_one_sitting(path):
    text = (PACKAGE / path).read_text()
    assert ast.get_docstring(ast.parse(text)), path
    assert len(text.splitlines()) <= 400, path


def test_no_committed_file_names_a_place_of_one_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=COURSE, capture_output=True, text=True, check=True
    )
    # /home/student is the home that the sandbox gives every student.
    place = re.compile(r"(?<![\w.:/-])/(?:work|root|home)/(?!student)\w")
    for name in listed.stdout.splitlines():
        path = COURSE / name
        if path.suffix in {".py", ".md", ".ipynb", ".toml", ".yml", ".lock"} and path.is_file():
            found = place.search(path.read_text(encoding="utf-8"))
            assert found is None or name.startswith("tests/"), f"{name}: {found}"
