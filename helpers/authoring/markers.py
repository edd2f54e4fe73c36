"""What a cell's marker in a unit's text says, as nbgrader's metadata.

    # %% answer="softmax_flops"        the student writes here; the solution stands between
                                       ### BEGIN SOLUTION and ### END SOLUTION
    # %% check="softmax_flops"         judged by the question of that name, which has the points
    # %% test="mean" points=2          asserts of your own on an answer above; hidden ones between
                                       ### BEGIN HIDDEN TESTS and ### END HIDDEN TESTS;
                                       place="inside" or "outside" fixes where it is judged,
                                       untouched="passes" lets it pass without an answer
    # %% predict="depth"               guesses before results: lines predict("deepest", 3), whose
                                       numbers stand in the solution only
    # %% [markdown] read="why" points=1    words, read by a person; the text is a model answer

What cannot be right is a ValueError in one line, with the place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers.exercises import EXERCISES, Exercise
from helpers.notebook_names import python_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: How the grade ids of tests of one's own begin.
TEST = "test_"
#: What nbgrader takes for a name, short enough for a cell's id with what comes before it.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


def mark(cell: NotebookNode, above: Sequence[NotebookNode], unit: str, where: str) -> None:
    """Replaces the marker's shorthand in a cell's metadata by what nbgrader reads.

    `above` are the cells before it, marked already.
    """
    given = dict(cell.metadata)
    given.pop("lines_to_next_cell", None)  # jupytext's note on blank lines
    cell.metadata = {key: given.pop(key) for key in ("tags",) if key in given}
    if "incorrectly_encoded_metadata" in given:  # jupytext's word for what it cannot read
        raise ValueError(f'{where}: a marker\'s values stand in quotation marks: answer="median"')
    points = given.pop("points", None)
    said = {key: given.pop(key) for key in ("place", "untouched") if key in given}
    kinds = [kind for kind in KINDS if kind in given]
    unknown = [key for key in given if key not in KINDS]
    pointless = points is not None and kinds not in (["read"], ["test"])
    if said and kinds == ["test"]:
        cell.metadata["course"] = said
    elif said:
        unknown = [*unknown, *said]
    if unknown or len(kinds) > 1 or pointless:
        shown = ", ".join([*unknown, *kinds, *(["points"] if points is not None else [])])
        raise ValueError(f"{where}: a marker is one of {', '.join(KINDS)}, not {shown}")
    _complain_about_regions(cell.source, kinds, where)
    for kind in kinds:
        name = given[kind]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"{where}: {kind}={name!r} is no name: letters, digits, _ and -, at most 50 of them"
            )
        if kind == "predict":
            _ask_for_guesses(cell, name, where)
            continue
        marks = KINDS[kind](name, points, unit, where)
        cell.metadata["nbgrader"] = {"schema_version": 3, "task": False, **marks}
        if kind == "answer" and (exercise := _question(name, unit)):
            _complain_about_function(cell.source, exercise, where)
        if kind == "test":
            _complain_about_test(name, cell, above, where)


def questions_of(unit: str) -> list[Exercise]:
    """The questions of the unit of that name."""
    return [exercise for exercise in EXERCISES.values() if exercise.unit == unit]


def _question(name: str, unit: str) -> Exercise | None:
    return next((exercise for exercise in questions_of(unit) if exercise.name == name), None)


def _answer(name: str, _points: Any, _unit: str, _where: str) -> dict[str, Any]:
    return {"grade_id": name, "grade": False, "solution": True, "locked": False}


def _check(name: str, _points: Any, unit: str, where: str) -> dict[str, Any]:
    exercise = _question(name, unit)
    if exercise is None:
        asked = [each.name for each in questions_of(unit)]
        raise ValueError(f"{where}: no question {name!r} of this unit; it has {', '.join(asked)}")
    return _graded(f"check_{name}", exercise.points)


def _test(name: str, points: Any, _unit: str, where: str) -> dict[str, Any]:
    if not _is_number(points) or points <= 0:
        raise ValueError(f'{where}: test="{name}" needs points=…, more than 0')
    return _graded(f"{TEST}{name}", points)


def _graded(grade_id: str, points: float) -> dict[str, Any]:
    marks = {"grade_id": grade_id, "grade": True, "solution": False, "locked": True}
    return {**marks, "points": points}


def _read(name: str, points: Any, _unit: str, where: str) -> dict[str, Any]:
    if not _is_number(points) or points < 0:
        raise ValueError(f'{where}: read="{name}" needs points=…, 0 for an explanation on top')
    return {"grade_id": name, "grade": True, "solution": True, "locked": False, "points": points}


def _no_marks(_name: str, _points: Any, _unit: str, _where: str) -> dict[str, Any]:
    """Of a guess, which nbgrader knows nothing of."""
    return {}


KINDS = {
    "answer": _answer,
    "check": _check,
    "test": _test,
    "read": _read,
    "predict": _no_marks,
}


#: A guess of ours, in the text of a unit.
_GUESS = re.compile(r'^predict\("([^"]+)", (\d[\d._e-]*)\)', re.MULTILINE)


def _ask_for_guesses(cell: NotebookNode, name: str, where: str) -> None:
    """Takes our guesses out of a cell, and keeps them in the metadata for the solution."""
    guesses = dict(_GUESS.findall(cell.source))
    if not guesses or len(guesses) != len(re.findall(r"\bpredict\(", cell.source)):
        raise ValueError(
            f'{where}: a cell with predict="{name}" has lines predict("NAME", NUMBER), with the '
            "numbers for the solution"
        )
    cell.source = _GUESS.sub(r'predict("\1", ...)', cell.source)
    cell.metadata["course"] = {"predict": name, "guesses": guesses}


def _is_number(points: Any) -> bool:
    return isinstance(points, int | float) and not isinstance(points, bool)


def _complain_about_regions(source: str, kinds: list[str], where: str) -> None:
    """ValueError where nbgrader's marks do not come in pairs, or stand in a cell of another kind:
    nbgrader would stop there, or release what they hide."""
    for region, where_it_belongs in _REGIONS.items():
        marks = re.findall(rf"^[ \t]*### (BEGIN|END) {region}[ \t]*$", source, re.MULTILINE)
        written = source.count(f"BEGIN {region}") + source.count(f"END {region}")
        if marks != ["BEGIN", "END"] * (written // 2) or written % 2:
            raise ValueError(
                f"{where}: ### BEGIN {region} and ### END {region} come in pairs, each alone on "
                "its line"
            )
        if marks and not set(kinds) & set(where_it_belongs):
            shown = " or ".join(f"{kind}=…" for kind in where_it_belongs)
            raise ValueError(f"{where}: ### BEGIN {region} belongs into a cell with {shown}")


#: nbgrader's pairs of marks, and the kinds of cells that they are for.
_REGIONS = {"SOLUTION": ("answer", "read"), "HIDDEN TESTS": ("test", "check")}


def _complain_about_function(source: str, exercise: Exercise, where: str) -> None:
    """ValueError where the function that students write is not called as the reference is."""
    body = _parsed(source, where)
    defined = {each.name: _call(each) for each in body if isinstance(each, ast.FunctionDef)}
    wanted = f"{exercise.name}({', '.join(exercise.parameters)})"
    found = defined.get(exercise.name) or ", ".join(defined.values()) or "no function"
    if found != wanted:
        raise ValueError(
            f"{where}: the answer to {exercise.name!r} defines {found}, and the reference says "
            f"{wanted}: make them the same"
        )


def _complain_about_test(
    name: str, cell: NotebookNode, above: Sequence[NotebookNode], where: str
) -> None:
    """ValueError for a test of no answer: it would be right, or wrong, for everyone."""
    if cell.cell_type != "code":
        raise ValueError(f"{where}: the test {name!r} is text: a test is a code cell")
    _parsed(cell.source, where)
    marked = [(each, each.metadata.get("nbgrader", {})) for each in above]
    answers = [each for each, marks in marked if marks.get("solution") and not marks["grade"]]
    if not answers:
        raise ValueError(
            f"{where}: no answer stands above the test {name!r}: it tests a cell with answer=…"
        )
    defined = [_defined(_parsed(answer.source, where)) for answer in answers]
    names = set().union(*defined)
    # An answer that defines nothing changes what is there.
    if all(defined) and not names & set(re.findall(r"\w+", cell.source)):
        raise ValueError(
            f"{where}: the test {name!r} uses nothing that an answer above it defines "
            f"({', '.join(sorted(names))}): it would be right for everyone"
        )


def _defined(body: list[ast.stmt]) -> set[str]:
    """Names that a cell gives a meaning to."""
    every = [each for statement in body for each in ast.walk(statement)]
    names = {each.id for each in every if isinstance(each, ast.Name) and _binds(each)}
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return names | {each.name for each in every if isinstance(each, kinds)}


def _binds(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _parsed(source: str, where: str) -> list[ast.stmt]:
    try:
        return python_of(source)
    except SyntaxError as error:
        raise ValueError(f"{where}: line {error.lineno} is not Python: {error.msg}") from None


def _call(function: ast.FunctionDef) -> str:
    """A function as it is called: "area(width, height)"."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    names += [f"*{taken.vararg.arg}"] if taken.vararg else []
    names += [f"{each.arg}=…" for each in taken.kwonlyargs]
    names += [f"**{taken.kwarg.arg}"] if taken.kwarg else []
    return f"{function.name}({', '.join(names)})"
