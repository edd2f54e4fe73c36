"""Finds the questions of the course: a question is registered by being there.

Every folder of this package is a unit: `unit_02_flops` asks the questions of source/02_flops,
`homework` those of source/homework. Every `Exercise` in a module of it is a question, called as its
variable in small letters. They come in the order of their lines in a module, and the modules in
the order of `CHAPTERS` in the folder's `__init__.py`, then by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

from helpers.exercises.exercise import Exercise


def find_exercises(package: str, path: Sequence[str]) -> Mapping[str, Exercise]:
    """Every question of a package whose folders are units, by name, in the order of the course.

    ValueError for two questions of one name, for a chapter that is not there, and for a unit's
    folder that Python does not take for a package.
    """
    _complain_about_unseen(path)
    exercises: dict[str, Exercise] = {}
    places: dict[str, str] = {}
    folders = {
        info.name.removeprefix("unit_"): info.name for info in iter_modules(path) if info.ispkg
    }
    for unit, folder in sorted(folders.items()):
        for module in _modules(import_module(f"{package}.{folder}")):
            for exercise in _entries(module, unit):
                name = exercise.name
                if name in exercises:
                    where = f"in {places[name]} and in {module.__name__}"
                    raise ValueError(f"two questions are called {name!r}, {where}: rename one")
                exercises[name], places[name] = exercise, module.__name__
    return MappingProxyType(exercises)


def complain_about_repeated_names(unit: str, path: Sequence[str]) -> None:
    """ValueError where a module of a unit gives one name twice, as a copied entry that was not
    renamed does: the second takes the place of the first, and no import can see it.

    `path` is that of the package whose folders are units.
    """
    for part in path:
        for folder in (Path(part) / f"unit_{unit}", Path(part) / unit):
            for module in sorted(folder.glob("*.py")):
                _complain_about_repeated_names_in(module)


def _complain_about_repeated_names_in(module: Path) -> None:
    lines: dict[str, int] = {}
    for statement in ast.parse(module.read_text(encoding="utf-8"), str(module)).body:
        for name in _names_given_by(statement):
            if name in lines:
                raise ValueError(
                    f"{module} gives the name {name} in line {lines[name]} and again in line "
                    f"{statement.lineno}, which takes the place of the first: rename one"
                )
            lines[name] = statement.lineno


def _names_given_by(statement: ast.stmt) -> Iterator[str]:
    """The names of a module that a statement of it defines or assigns."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _complain_about_unseen(path: Sequence[str]) -> None:
    for folder in (folder for part in path for folder in Path(part).glob("unit_*")):
        if any(folder.glob("*.py")) and not (folder / "__init__.py").is_file():
            raise ValueError(f"{folder} needs an __init__.py, or its questions are not found")


def _modules(unit: ModuleType) -> Iterator[ModuleType]:
    found = sorted(info.name for info in iter_modules(unit.__path__))
    chapters = tuple(getattr(unit, "CHAPTERS", ()))
    if missing := [chapter for chapter in chapters if chapter not in found]:
        raise ValueError(f"{unit.__name__} has no module {missing[0]!r}, which its CHAPTERS name")
    for name in (*chapters, *(name for name in found if name not in chapters)):
        yield import_module(f"{unit.__name__}.{name}")


def _entries(module: ModuleType, unit: str) -> Iterator[Exercise]:
    for variable, entry in vars(module).items():
        if isinstance(entry, Exercise):
            yield replace(entry, name=variable.lower(), unit=unit)
