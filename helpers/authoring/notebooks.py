"""From the one text that a unit is written in to its three notebooks.

`source/UNIT/NAME.py` (jupytext, py:percent) is the only place where a unit is written. From it come

- `source/UNIT/NAME.ipynb`: with solutions and nbgrader's metadata, what grading starts from;
- `release/UNIT/NAME.ipynb`: what students open;
- `solution/UNIT/NAME.ipynb`: for self-study, with no markers and no hidden tests.

What a cell is for it says in its marker: see `markers`, and beside those

    # %% tags=["gpu"]                  needs a GPU; not run when grading
    # %% tags=["skip-grading"]         a demonstration that no answer needs; not run when grading

Long code that only draws such a demonstration is folded.

Building is deterministic to the byte: a cell's id is its name here or its position, and there are
no outputs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import exercises
from helpers.authoring.first_cell import Origin, colab_badge, first_cell, read_origin
from helpers.authoring.markers import mark, questions_of
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.registry import complain_about_repeated_names

if TYPE_CHECKING:
    from nbformat import NotebookNode

KINDS = ("source", "release", "solution")
#: How a unit's text begins; any other .py in its folder is a module that its notebooks import.
_TEXT = "# %%"


@dataclass(frozen=True)
class Unit:
    """One unit of a course: a folder of source/.

    Attributes:
        name: the folder's, "02_flops": what nbgrader calls the assignment.
        notebooks: their names without ending, ("flops",).
        text: what the notebook is built from; None where the unit is written as notebooks.
    """

    course: Path
    name: str
    notebooks: tuple[str, ...]
    text: Path | None = None

    @classmethod
    def of_text(cls, text: Path) -> Unit:
        """The unit that is built from source/UNIT/NAME.py."""
        return cls(text.parents[2], text.parent.name, (text.stem,), text)

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return self.course / "source" / self.name

    @property
    def notebook(self) -> str:
        """The name of the first notebook, which is the only one where there is a text."""
        return self.notebooks[0]

    def path(self, kind: str, notebook: str = "") -> Path:
        """Where a notebook lies, in "source", "release" or "solution"; the first by default."""
        return self.course / kind / self.name / f"{notebook or self.notebook}.ipynb"


def find_units(course: Path) -> list[Unit]:
    """All units that are built from a text, in order. ValueError where there is none, or a folder
    is odd."""
    units = every_unit(course)
    texts = [unit for unit in units if unit.text is not None]
    if not texts:
        raise ValueError(
            f"no unit in {course / 'source'} is built from a text: of notebooks, `nbgrader "
            f"generate_assignment {units[0].name}` makes the release"
        )
    return texts


def find_unit(course: Path, name: str) -> Unit:
    """The unit of that name, written as a text or as notebooks. ValueError, listing what there is,
    when there is none."""
    folders = {folder.name: folder for folder in _folders(course)}
    if name not in folders:
        raise ValueError(f"no unit {name!r} in source/: use one of {', '.join(folders)}")
    return _unit_in(folders[name])


def every_unit(course: Path) -> list[Unit]:
    """All units, written as texts or as notebooks. ValueError as of `find_units`."""
    return [_unit_in(folder) for folder in _folders(course)]


def _folders(course: Path) -> list[Path]:
    # A folder without either is not begun yet, or holds what an editor left.
    folders = filter(Path.is_dir, sorted((course / "source").glob("*")))
    found = [folder for folder in folders if _notebooks_in(folder) or any(folder.glob("*.py"))]
    if not found:
        raise ValueError(f"{course} holds no course: run this where source/ is, or use --course")
    return found


def _unit_in(folder: Path) -> Unit:
    modules, notebooks = sorted(folder.glob("*.py")), _notebooks_in(folder)
    # Where nothing else can be the unit, a .py is meant to be it.
    texts = [path for path in modules if is_text(path)] or ([] if notebooks else modules)
    if len(texts) > 1:
        raise ValueError(
            f"{folder} should hold one .py that begins with {_TEXT}, the unit's text; it has "
            f"{len(texts)}"
        )
    if not texts:
        return Unit(folder.parents[1], folder.name, tuple(notebooks))
    if others := [name for name in notebooks if name != texts[0].stem]:
        raise ValueError(
            f"{folder} holds {others[0]}.ipynb beside the text {texts[0].name}: move one of them "
            "away, since a unit is written as one text or as notebooks"
        )
    return Unit.of_text(texts[0])


def _notebooks_in(folder: Path) -> list[str]:
    """The names of its notebooks; not what an editor hides there."""
    return [path.stem for path in sorted(folder.glob("*.ipynb")) if path.name[0] != "."]


def names_of_texts(course: Path) -> list[str]:
    """The names of all files that hold a unit's solutions, for nbgrader to leave out."""
    paths = sorted((course / "source").glob("*/*.py"))
    return sorted({path.name for path in paths if is_text(path)})


def is_text(path: Path) -> bool:
    """Whether a .py is what a unit's notebook is built from."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    return first.startswith(_TEXT)


def build_unit(unit: Unit) -> dict[Path, str]:
    """The texts of a unit's three notebooks, by path; nothing is written."""
    return notebook_texts(unit, source_notebook(unit))


def notebook_texts(unit: Unit, source: NotebookNode) -> dict[Path, str]:
    """The texts of the three notebooks that come of a unit's `source_notebook`, by path."""
    return {
        unit.path("source"): notebook_text(source),
        unit.path("release"): notebook_text(release_notebook(source)),
        unit.path("solution"): notebook_text(solution_notebook(source)),
    }


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook's file, as nbformat writes it. ValueError if it is not valid."""
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def source_notebook(unit: Unit, origin: Origin | None = None) -> NotebookNode:
    """The notebook with solutions and nbgrader's metadata.

    `origin`: where notebooks install the course from; what pyproject.toml says if not given.

    Raises ValueError, naming the cell, for a marker that is not understood, a question that does
    not exist, one asked twice, one that belongs to another unit, a test of no answer, or a function
    that is called otherwise than the reference; and for a question whose entry does not add up.
    """
    import jupytext
    from nbformat.v4 import new_code_cell

    if unit.text is None:
        raise ValueError(
            f"{unit.name} is written as notebooks: `nbgrader generate_assignment {unit.name}` "
            "makes its release"
        )
    _complain_about_entries(unit)
    text = unit.text.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        raise ValueError(f"{unit.text}: a unit opens with a markdown cell that holds its title")
    origin = origin or read_origin(unit.course)
    released = unit.path("release").relative_to(unit.course).as_posix()
    notebook.cells[0].source += f"\n\n{colab_badge(origin, released)}"
    notebook.cells.insert(1, new_code_cell(first_cell(origin)))

    _mark_cells(unit, notebook, text)
    notebook.metadata = {
        "course": {"unit": unit.name, "version": hashlib.sha256(text.encode()).hexdigest()[:12]},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _mark_cells(unit: Unit, notebook: NotebookNode, text: str) -> None:
    """Give each cell what its marker says, and a name of its own."""
    seen: set[str] = set()
    # The cell that installs stands in no text.
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"# %%(\s|$)", line)]
    lines.insert(1, lines[0])
    for position, (cell, line) in enumerate(zip(notebook.cells, lines, strict=True)):
        where = f"{unit.text}:{line}"
        mark(cell, notebook.cells[:position], unit.name, where)
        identity = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{position:03d}")
        if guess := cell.metadata.get("course", {}).get("predict"):
            identity = f"predict_{guess}"
        if identity in seen:
            raise ValueError(f"{where}: two cells are called {identity!r}")
        seen.add(identity)
        cell.id = cell.metadata["id"] = identity
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            _fold(cell, is_first=position == 1)
    _complain_about_unasked(unit, seen)


def _fold(cell: NotebookNode, is_first: bool) -> None:
    """Hides code that need not be read, until a student opens it: what draws a demonstration, of
    which the picture matters; in Colab, where its title is shown, the cell that installs."""
    demonstrates = {"gpu", "skip-grading"} & {*cell.metadata.get("tags", ())}
    draws = demonstrates and _DRAWS.search(cell.source)
    if draws and len(cell.source.splitlines()) >= LONG:
        cell.metadata["jupyter"] = {"source_hidden": True}
    if is_first or "jupyter" in cell.metadata:
        cell.metadata["cellView"] = "form"


#: Lines from which on a cell that draws is folded.
LONG = 10
_DRAWS = re.compile(r"\bplt\.|\bhelpers\.plots\b|\bpictures\.")


def release_notebook(source: NotebookNode) -> NotebookNode:
    """What students open: nbgrader's own steps, solutions and hidden tests cleared."""
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearMarkScheme,
        ClearOutput,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )

    release, resources = _copy(source), {"unique_key": "release"}
    for step in (
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ClearHiddenTests,
        ClearMarkScheme,
        ComputeChecksums,
        CheckCellMetadata,
    ):
        release, resources = step().preprocess(release, resources)
    return release


_MARKERS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
_HIDDEN_TESTS = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS[ \t]*\n?", re.MULTILINE | re.DOTALL
)


def solution_notebook(source: NotebookNode) -> NotebookNode:
    """For self-study: the answers, without nbgrader's markers, metadata and hidden tests."""
    solution = _copy(source)
    for cell in solution.cells:
        cell.source = _MARKERS.sub("", _HIDDEN_TESTS.sub("", cell.source)).rstrip("\n")
        cell.metadata.pop("nbgrader", None)
        for name, guess in cell.metadata.get("course", {}).pop("guesses", {}).items():
            call = f'predict("{name}", '
            cell.source = cell.source.replace(f"{call}...)", f"{call}{guess})")
    return solution


def _copy(notebook: NotebookNode) -> NotebookNode:
    import nbformat

    return nbformat.reads(nbformat.writes(notebook), as_version=4)


def bonus_cells() -> frozenset[str]:
    """Grade ids of the questions whose points are a bonus."""
    return frozenset(f"check_{each.name}" for each in EXERCISES.values() if each.bonus)


def _complain_about_entries(unit: Unit) -> None:
    complain_about_repeated_names(unit.name, exercises.__path__)
    for exercise in questions_of(unit.name):
        # A case that cannot be asked says so when it is drawn.
        exercise.visible_cases()
        grading_cases(exercise, seed=b"")


def _complain_about_unasked(unit: Unit, seen: set[str]) -> None:
    for exercise in questions_of(unit.name):
        for identity in (exercise.name, f"check_{exercise.name}"):
            if identity not in seen:
                raise ValueError(f"{unit.text}: no cell {identity!r} for the question of that name")
