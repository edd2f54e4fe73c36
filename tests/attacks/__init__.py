"""Attacks by a student, a file each in `cases/`, with what is expected of it; those in `inside/`
are on tests that are judged in the student's own process, which can be won.

To add one, add a file: `about` says in a line how it tries to gain, `cell` is a code cell with
wrong answers, and below `[expected]` stand

- `points`: that it earns;
- `never`: what must not stand in what its cells show, mostly what it prints where it gets through;
- `says`: a regular expression of a remark, where a limit has to end it.

`tries` stands above in those that any grader can meet: "points", "sight" (of what it may not see),
"others" (their marks, their files) or "class" (that it is graded to its end). These are handed in
for `assignment.toml`, too: `benchmarks/attacks.py` tries them with several graders.

`confined = true` stands in those that the sandbox's program stands in the way of: they reach for
files, processes, memory, the network or the kernel. What came of the others is the grader's doing,
and the same whatever program that is.

In a cell `PORT` is where a service of this machine's listens, and `TOKEN` a word that no file's
name may hold afterwards.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One attack."""

    name: str
    cell: str
    points: float
    never: tuple[str, ...]
    says: str
    tries: str
    confined: bool


def read_cases(folder: str = "cases") -> tuple[Case, ...]:
    """Every case of a folder, in the order of their names."""
    return tuple(_read(path) for path in sorted((FOLDER / folder).glob("*.toml")))


def _read(path: Path) -> Case:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = case["expected"]
    never = tuple(expected.get("never", ()))
    says, tries, confined = expected.get("says", ""), case.get("tries", ""), "confined" in case
    return Case(path.stem, case["cell"], expected["points"], never, says, tries, confined)


@dataclass(frozen=True)
class Question:
    """One of the assignment's.

    Attributes:
        right: an answer that earns all points.
        tests: lines that students see; the hidden ones are not among them.
    """

    name: str
    points: int
    right: str
    tests: str
    hidden: str


@dataclass(frozen=True)
class Assignment:
    """What attacks on any grader are handed in for.

    Attributes:
        setup: the first cell.
        stub: what stands in the place of an answer.
    """

    setup: str
    stub: str
    questions: tuple[Question, ...]


def read_assignment() -> Assignment:
    """The one of `assignment.toml`."""
    data = tomllib.loads((FOLDER / "assignment.toml").read_text(encoding="utf-8"))
    questions = [{**each, "right": each["right"].strip()} for each in data["questions"]]
    return Assignment(data["setup"], data["stub"], tuple(Question(**each) for each in questions))


def shown(notebook: dict[str, Any]) -> list[str]:
    """Every text that a graded notebook's outputs show."""
    texts = []
    for output in (each for cell in notebook["cells"] for each in cell.get("outputs", [])):
        texts += [output.get("text", ""), output.get("ename", ""), *output.get("data", {}).values()]
    return [text if isinstance(text, str) else "".join(map(str, text)) for text in texts]
