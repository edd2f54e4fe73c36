"""The parts stand on each other in one order, and files are short enough to read in one sitting."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[1]
PACKAGE = COURSE / "helpers"

#: Each part may import the parts before it, itself, and nothing else of the package.
ORDER = (
    "conventions",
    "ledger",
    "hardware",
    "reference",
    "meter",
    "roofline",
    "figures",
    "plots",
    "widgets",
    "simulator",
    "exercises",
    "diagnosis",
    "check",
    "tried",
    "notebooks",
    "catalogue",
    "grading",
    "demo",
    "cli",
)
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

#: What draws a picture is called where the picture is asked for, whatever part asks.
LATE = {("ledger", "plots"), ("meter", "roofline"), ("meter", "plots")}


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(part, whether at the top of the file) of every import from the package."""
    tree = ast.parse(path.read_text())
    top = set(tree.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "helpers":
                names = [f"helpers.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("helpers."):
                yield name.split(".")[1], node in top


def test_every_part_has_its_place():
    assert {part_of(path) for path in FILES} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_the_parts_below_it(path):
    mine = part_of(path)
    for imported, at_top in imports(path):
        late = not at_top and (mine, imported) in LATE
        assert late or ORDER.index(imported) <= ORDER.index(mine), imported


@pytest.mark.parametrize(("one", "other"), [("reference", "meter"), ("meter", "reference")])
def test_the_two_derivations_do_not_know_each_other(one, other):
    for path in (PACKAGE / one).rglob("*.py"):
        assert other not in {imported for imported, _ in imports(path)}, path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_says_what_it_is_for_and_can_be_read_in_one_sitting(path):
    text = path.read_text()
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
