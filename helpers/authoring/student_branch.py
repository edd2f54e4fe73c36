"""The files for the students of a graded course: notebooks, and a package without answers.

Students' own code can import all that Colab installs. So this package has no formulas: in the place
of `helpers.reference` and of each question's functions stand tables of what they gave for the cases
that students see (`helpers.recorded_calls`). `check` and the diagnosis are as they are, and say the
same.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers.authoring.first_cell import Origin
from helpers.diagnosis.dependence import probes
from helpers.diagnosis.variants import correct_for, variants
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Case, Exercise
from helpers.parts import PACKAGE, PARTS
from helpers.recorded_calls import Recorded, dumps, nothing_drawn, record

#: The parts that a notebook needs beside those that students' code sees when it is graded.
ALSO = (
    *("roofline", "meter", "widgets"),
    *(
        "recorded_calls",
        "diagnosis",
        "verdict",
        "grading_packages",
        "skipped_cells",
        "notebook_names",
        "missing_imports",
    ),
    "check",
)
#: What is taken as it stands, from the repository's top folder.
KEPT = ("LICENSE", "LICENSE-TEXT")

_QUESTIONS = '''\
"""Every graded question, by name: what `check` needs for the cases shown, as data."""

from collections.abc import Mapping
from pathlib import Path

from helpers.exercises.exercise import Case, Exercise, Misconception, OneOf
from helpers.recorded_calls import load

__all__ = ["EXERCISES", "Case", "Exercise", "Misconception", "OneOf"]

EXERCISES: Mapping[str, Exercise] = load(Path(__file__).with_name("questions.json"))
'''
_REFERENCE = '''\
"""Costs by hand, as data: those that the course's notebooks ask for."""

from pathlib import Path

from helpers.recorded_calls import load

globals().update(load(Path(__file__).with_name("costs.json")))
'''
_README = """\
# What neural networks cost

The notebooks of a course, and the package that they install. Open one in Colab by its badge:
[how it works](docs/student.md).

{units}

Code is under the [MIT licence](LICENSE), texts and pictures under [CC BY 4.0](LICENSE-TEXT).
"""
_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = {name}
version = {version}
requires-python = {requires-python}
license = {license}
license-files = ["LICENSE", "LICENSE-TEXT"]
dependencies = {dependencies}

[project.urls]
Repository = {address}

[tool.hatch.build.targets.wheel]
packages = ["helpers"]
"""


def students_files(
    course: Path,
    texts: Mapping[str, str],
    origin: Origin,
    reference: Mapping[str, Recorded],
) -> dict[str, str]:
    """The texts of all files that the students of a graded course get, by path.

    Args:
        course: the folder of the course, as it is committed.
        texts: what else is released, by path: release/, as built for this version, and README.md.
        origin: the students' own repository, and the version.
        reference: the costs that the released notebooks ask for.

    Raises ValueError for a question that cannot be recorded.
    """
    released = {path: text for path, text in texts.items() if path.startswith("release/")}
    _complain_about_parts_of_reference(released)
    units = re.search(r"<!-- units -->\n(.*)\n<!-- /units -->", texts["README.md"], re.DOTALL)
    student = (course / "docs/student.md").read_text("utf-8")
    return {
        **released,
        **{name: (course / name).read_text("utf-8") for name in KEPT},
        "README.md": _README.format(units=units[1] if units else ""),
        "docs/student.md": student.partition("\n## Learning alone")[0],
        "pyproject.toml": _project((course / "pyproject.toml").read_text("utf-8"), origin),
        **{f"helpers/{path}": text for path, text in _package(course, reference).items()},
    }


def _complain_about_parts_of_reference(released: Mapping[str, str]) -> None:
    for path, text in released.items():
        if found := re.search(r"helpers\.reference\.\w+", text):
            raise ValueError(
                f"{path} imports from {found[0]}: import it from helpers.reference, which stands "
                "as data in the package for students"
            )


def _project(text: str, origin: Origin) -> str:
    given = tomllib.loads(text)["project"] | {"address": origin.address, "version": origin.version}
    # A text or a list of texts is the same in TOML.
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in given.items()}
    return _PROJECT.format_map(values)


def _package(course: Path, reference: Mapping[str, Recorded]) -> dict[str, str]:
    """The package's files, by their path below helpers/."""
    parts = [part for part in PARTS if part.students or part.name in ALSO]
    package = course / "helpers"
    paths = {path for part in parts for path in part.files(package)}
    modules = {"helpers", Exercise.__module__, *_readers()}
    paths |= {Path(sys.modules[name].__file__ or "").relative_to(PACKAGE) for name in modules}
    return {
        **{path.as_posix(): (package / path).read_text("utf-8") for path in sorted(paths)},
        "exercises/__init__.py": _QUESTIONS,
        "exercises/questions.json": dumps(recorded_questions()) + "\n",
        "reference/__init__.py": _REFERENCE,
        "reference/costs.json": dumps(dict(reference)) + "\n",
    }


def _readers() -> set[str]:
    """The modules that read answers from pictures: code that students need, with no answers."""
    modules = {}
    for exercise in EXERCISES.values():
        if exercise.read is not None:
            modules[exercise.read.__module__] = exercise.name
    for module, name in modules.items():
        text = Path(sys.modules[module].__file__ or "").read_text("utf-8")
        # What a question is made of stands in `exercises.exercise`, and no answer.
        if found := re.search(r"helpers\.(reference|exercises(?!\.exercise\b))\b", text):
            raise ValueError(
                f"{module}, which reads the answer to {name}, knows {found[0]}: students get this "
                "file, so move what reads to a file that holds no answers"
            )
    return set(modules)


def recorded_questions() -> dict[str, Exercise]:
    """Every question with tables for its functions: of the cases shown, and none of the drawn."""
    return {name: _recorded(exercise) for name, exercise in EXERCISES.items()}


def _recorded(exercise: Exercise) -> Exercise:
    cases = exercise.public_cases()
    tried = [case.args for case in cases]
    misread = [args for case in cases for args in _misread(exercise, case)]
    misread += [probe.args for probe in probes(exercise)]

    def table(name: str, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Any:
        return record(name, function, exercise.parameters, list(calls))

    try:
        return replace(
            exercise,
            reference=table(exercise.name, exercise.reference, [*tried, *misread]),
            hidden=nothing_drawn,
            spare=[case.args for case in cases if case.spare],
            known_slips=None,
            library="",
            misconceptions=tuple(
                replace(known, gives=table(known.name, known.gives, tried))
                for known in exercise.misconceptions
            ),
        )
    except TypeError as error:
        raise ValueError(f"{exercise.name} cannot be given to students as data: {error}") from error


def _misread(exercise: Exercise, case: Case) -> Iterable[tuple[Any, ...]]:
    """The arguments that the diagnosis tries where somebody misread the case's."""
    for variant in variants(exercise, case):
        if correct_for(exercise, variant) is not None:
            yield variant.args
