"""The parts of this package: their order, what students' code may see, what a score depends on.

Everything that has to know is read from this list: what the sandbox shows, what must be graded
again when code changes, the test of who may import whom, and the table in docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """A room of the package: a module, or a folder with all that is in it.

    Attributes:
        name: path below `helpers/`, without `.py`.
        about: what it is, for the table in the documentation.
        students: whether students' code may see it when it is graded. In Colab it sees all.
        web: whether the site's pages have it, where Python runs in the reader's browser: it needs
            no other package.
        scores: whether a score can depend on it: when it changes, a class is graded again.
    """

    name: str
    about: str
    students: bool = False
    scores: bool = True
    web: bool = False

    def holds(self, path: Path) -> bool:
        """Whether a file, by its path below `helpers/`, belongs to this part."""
        return path.with_suffix("").is_relative_to(self.name)

    def files(self, package: Path = PACKAGE) -> Iterator[Path]:
        """Its Python files, below `helpers/`."""
        return filter(self.holds, _sources(package))


#: A file imports only from the parts above its own, and from its own.
PARTS = (
    Part("parts", "this list"),
    Part("files", "a file written whole or not at all", students=True, web=True),
    Part("conventions", "units, widths, the price of each operation", students=True, web=True),
    Part("text_table", "rows of text as a table, also in a notebook", students=True, web=True),
    Part("ledger", "a cost as named terms, each `count × price`", students=True, web=True),
    Part("recorded_calls", "functions known by some calls only, as JSON keeps them", scores=False),
    Part("figures", "a figure read as data", students=True, web=True),
    Part("values", "an answer's value as plain data", students=True, web=True),
    Part("predict", "a guess before its result, as data", students=True, web=True),
    Part("timing", "how long a run takes, on a GPU, too", students=True, web=True),
    Part("ring", "a ring of devices; counts what its links carry", students=True, web=True),
    Part("hardware", "devices with sources; this machine's own ceilings", students=True, web=True),
    # What gives the numbers that questions ask for is out of sight of graded answers.
    Part("roofline", "time bounds, intensity, the ridge", web=True),
    Part("training_plan", "a GPT on many devices: what a plan holds", students=True, web=True),
    Part("model_table", "models as tables of layers, as data", students=True, web=True),
    Part("reference", "by-hand formulas; each returns a `Ledger`", web=True),
    Part("meter", "counts any PyTorch model; predicts the memory of a step"),
    # No answer draws with these: another colour grades no class again.
    Part("plots", "pictures, readable in grey", students=True, scores=False),
    Part("widgets", "things to move", scores=False),
    Part("simulator", "runs CUDA kernels without a GPU; counts, finds races", students=True),
    Part("exercises", "one entry for each graded question", web=True),
    Part("diagnosis", "says why a wrong number is wrong", web=True),
    Part("verdict", "what came of a question: data, text and HTML", web=True),
    Part("grading_packages", "packages there when graded; from the lock", scores=False, web=True),
    Part("skipped_cells", "cells that grading leaves out; from the units", scores=False, web=True),
    Part("notebook_names", "the names that cells define and use", web=True),
    Part("missing_imports", "what a notebook imports that grading lacks", scores=False, web=True),
    Part("check", "what a notebook calls; the judge of an answer", web=True),
    Part("tried", "how cells use an answer that may be wrong", students=True, web=True),
    Part("authoring", "a unit's text → its notebooks; tables; a class to try", scores=False),
    Part("grading/handin", "what came in, made whole: read, found, cleaned, rebuilt"),
    Part("grading/sandbox", "where students' code runs, and what it prints"),
    Part("grading/engine", "a notebook to a mark; many at once"),
    Part("grading/nbgrader", "a course's files and gradebook, as nbgrader has them", scores=False),
    Part("grading/lms", "learning platforms: downloads in, grades out", scores=False),
    Part("grading/class_run", "everyone's submissions of a unit, resumable", scores=False),
    Part("grading/manual_grading", "answers side by side, marked by a rubric", scores=False),
    Part("grading/report", "what people read: class report, feedback", scores=False),
    Part("grading/commands", "what the shell says", scores=False),
    Part("grading/preprocessors", "the engine for plain `nbgrader autograde`", scores=False),
    Part("cli", "the command line", scores=False),
)

#: Packages that hold parts and have nothing of their own but a docstring.
SHELLS = frozenset({Path("__init__.py"), Path("grading/__init__.py")})


def part_of(path: Path) -> Part:
    """The part of a file, by its path below `helpers/`. LookupError where it has none."""
    for part in PARTS:
        if part.holds(path):
            return part
    raise LookupError(f"helpers/{path} belongs to no part: name it in helpers/parts.py")


def files(
    *, students: bool | None = None, scores: bool | None = None, package: Path = PACKAGE
) -> list[Path]:
    """The Python files of the parts that are like this, below `helpers/`."""
    sources = _sources(package)
    return [
        path
        for part in PARTS
        if students in (None, part.students) and scores in (None, part.scores)
        for path in filter(part.holds, sources)
    ]


def _sources(package: Path) -> list[Path]:
    """Every Python file of the package, below it, in order."""
    return [path.relative_to(package) for path in sorted(package.rglob("*.py"))]
