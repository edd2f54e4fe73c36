"""From the one text that a unit is written in to its three notebooks.

`source/UNIT/NAME.py` (jupytext, py:percent) is the only place where a unit is written. From it come

- `source/UNIT/NAME.ipynb`: with solutions and nbgrader's metadata, what grading starts from;
- `release/UNIT/NAME.ipynb`: what students open;
- `solution/UNIT/NAME.ipynb`: for self-study, with no markers and no hidden tests.

A cell says in its marker what it is for:

    # %% answer="softmax_flops"        the student writes here; the solution stands between
                                       ### BEGIN SOLUTION and ### END SOLUTION
    # %% check="softmax_flops"         judged by the question of that name, which has the points
    # %% [markdown] read="why" points=1    words, read by a person; the text is a model answer
    # %% tags=["gpu"]                  needs a GPU; not run when grading
    # %% tags=["skip-grading"]         a demonstration that no answer needs; not run when grading

Building is deterministic to the byte: a cell's id is its name here or its position, and there are
no outputs.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import exercises
from helpers.authoring.first_cell import Origin, colab_badge, first_cell, read_origin
from helpers.exercises import EXERCISES, Exercise, grading_cases
from helpers.exercises.registry import complain_about_repeated_names

if TYPE_CHECKING:
    from nbformat import NotebookNode

KINDS = ("source", "release", "solution")


@dataclass(frozen=True)
class Unit:
    """One unit of a course, by where its text stands."""

    course: Path
    text: Path

    @property
    def name(self) -> str:
        """The folder's name, "02_flops": what nbgrader calls the assignment."""
        return self.text.parent.name

    @property
    def notebook(self) -> str:
        """The notebook's name without ending, "flops"."""
        return self.text.stem

    def path(self, kind: str) -> Path:
        """Where the built notebook of that kind ("source", "release", "solution") lies."""
        return self.course / kind / self.name / f"{self.notebook}.ipynb"


def find_units(course: Path) -> list[Unit]:
    """All units of a course, in order. ValueError where there is no course, or a folder is odd."""
    return [_unit_in(folder) for folder in _folders(course)]


def find_unit(course: Path, name: str) -> Unit:
    """The unit of that name. ValueError, listing what there is, when there is none."""
    folders = {folder.name: folder for folder in _folders(course)}
    if name not in folders:
        raise ValueError(f"no unit {name!r} in source/: use one of {', '.join(folders)}")
    return _unit_in(folders[name])


def _folders(course: Path) -> list[Path]:
    # A folder without a text is not begun yet, or holds what an editor left.
    folders = sorted({path.parent for path in (course / "source").glob("*/*.py")})
    if not folders:
        raise ValueError(f"{course} holds no course: run this where source/ is, or use --course")
    return folders


def _unit_in(folder: Path) -> Unit:
    texts = sorted(folder.glob("*.py"))
    if len(texts) > 1:
        raise ValueError(f"{folder} should hold one .py, the unit's text; it has {len(texts)}")
    return Unit(folder.parents[1], texts[0])


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


def refuse_path(path: Path) -> None:
    """ValueError where `path` cannot be a new file: a folder, or in none that exists."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: name a file in a folder that exists")


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook's file, as nbformat writes it. ValueError if it is not valid."""
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def source_notebook(unit: Unit, origin: Origin | None = None) -> NotebookNode:
    """The notebook with solutions and nbgrader's metadata.

    `origin`: where notebooks install the course from; what pyproject.toml says if not given.

    Raises ValueError, naming the cell, for a marker that is not understood, a question that does
    not exist, one asked twice, one that belongs to another unit, or a function that is called
    otherwise than the reference; and for a question whose entry does not add up.
    """
    import jupytext
    from nbformat.v4 import new_code_cell

    _complain_about_entries(unit)
    text = unit.text.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        raise ValueError(f"{unit.text}: a unit opens with a markdown cell that holds its title")
    origin = origin or read_origin(unit.course)
    released = unit.path("release").relative_to(unit.course).as_posix()
    notebook.cells[0].source += f"\n\n{colab_badge(origin, released)}"
    notebook.cells.insert(1, new_code_cell(first_cell(origin)))

    seen: set[str] = set()
    for position, cell in enumerate(notebook.cells):
        where = f"{unit.text}, cell {position}"
        _mark(cell, unit, where)
        identity = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{position:03d}")
        if identity in seen:
            raise ValueError(f"{where}: two cells are called {identity!r}")
        seen.add(identity)
        cell.id = cell.metadata["id"] = identity
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    _complain_about_unasked(unit, seen)

    notebook.metadata = {
        "course": {"unit": unit.name, "version": hashlib.sha256(text.encode()).hexdigest()[:12]},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


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
    return solution


def _copy(notebook: NotebookNode) -> NotebookNode:
    import nbformat

    return nbformat.reads(nbformat.writes(notebook), as_version=4)


def _mark(cell: NotebookNode, unit: Unit, where: str) -> None:
    """Replaces the marker's shorthand in a cell's metadata by what nbgrader reads."""
    given = dict(cell.metadata)
    given.pop("lines_to_next_cell", None)  # jupytext's note on blank lines
    cell.metadata = {key: given.pop(key) for key in ("tags",) if key in given}
    points = given.pop("points", None)
    known = {"answer": _answer, "check": _check, "read": _read}
    kinds = [kind for kind in known if kind in given]
    unknown = [key for key in given if key not in known]
    if unknown or len(kinds) > 1 or (points is not None and kinds != ["read"]):
        shown = ", ".join([*unknown, *kinds, *(["points"] if points is not None else [])])
        raise ValueError(f"{where}: a marker is one of {', '.join(known)}, not {shown}")
    for kind in kinds:
        cell.metadata["nbgrader"] = {
            "schema_version": 3,
            "task": False,
            **known[kind](given[kind], points, unit, where),
        }
    if "answer" in kinds and (exercise := _question(given["answer"], unit)):
        _complain_about_function(cell.source, exercise, where)


def _answer(name: str, _points: Any, unit: Unit, where: str) -> dict[str, Any]:
    return {"grade_id": name, "grade": False, "solution": True, "locked": False}


def _check(name: str, _points: Any, unit: Unit, where: str) -> dict[str, Any]:
    exercise = _question(name, unit)
    if exercise is None:
        asked = [each.name for each in _questions(unit)]
        raise ValueError(f"{where}: no question {name!r} of this unit; it has {', '.join(asked)}")
    return {
        "grade_id": f"check_{name}",
        "grade": True,
        "solution": False,
        "locked": True,
        "points": exercise.points,
    }


def _read(name: str, points: Any, unit: Unit, where: str) -> dict[str, Any]:
    if not isinstance(points, int | float) or points < 0:
        raise ValueError(f'{where}: read="{name}" needs points=…, 0 for an explanation on top')
    return {"grade_id": name, "grade": True, "solution": True, "locked": False, "points": points}


def bonus_cells() -> frozenset[str]:
    """Grade ids of the questions whose points are a bonus."""
    return frozenset(f"check_{each.name}" for each in EXERCISES.values() if each.bonus)


def _questions(unit: Unit) -> list[Exercise]:
    return [exercise for exercise in EXERCISES.values() if exercise.unit == unit.name]


def _question(name: str, unit: Unit) -> Exercise | None:
    return next((exercise for exercise in _questions(unit) if exercise.name == name), None)


def _complain_about_entries(unit: Unit) -> None:
    complain_about_repeated_names(unit.name, exercises.__path__)
    for exercise in _questions(unit):
        # A case that cannot be asked says so when it is drawn.
        exercise.visible_cases()
        grading_cases(exercise, seed=b"")


def _complain_about_function(source: str, exercise: Exercise, where: str) -> None:
    """ValueError where the function that students write is not called as the reference is."""
    try:
        body = python_of(source)
    except SyntaxError as error:
        raise ValueError(f"{where}: line {error.lineno} is not Python: {error.msg}") from None
    defined = {each.name: _call(each) for each in body if isinstance(each, ast.FunctionDef)}
    wanted = f"{exercise.name}({', '.join(exercise.parameters)})"
    found = defined.get(exercise.name) or ", ".join(defined.values()) or "no function"
    if found != wanted:
        raise ValueError(
            f"{where}: the answer to {exercise.name!r} defines {found}, and the reference says "
            f"{wanted}: make them the same"
        )


def python_of(source: str) -> list[ast.stmt]:
    """The statements of a cell, without IPython's own lines. SyntaxError for what is none."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return ast.parse(re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.MULTILINE)).body


def _call(function: ast.FunctionDef) -> str:
    """A function as it is called: "area(width, height)"."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    names += [f"*{taken.vararg.arg}"] if taken.vararg else []
    names += [f"{each.arg}=…" for each in taken.kwonlyargs]
    names += [f"**{taken.kwarg.arg}"] if taken.kwarg else []
    return f"{function.name}({', '.join(names)})"


def _complain_about_unasked(unit: Unit, seen: set[str]) -> None:
    for exercise in _questions(unit):
        for identity in (exercise.name, f"check_{exercise.name}"):
            if identity not in seen:
                raise ValueError(f"{unit.text}: no cell {identity!r} for the question of that name")
