"""What a graded class holds: the gradebook's points, and the verdicts in autograded notebooks.

Difficulty is the mean share of a question's points. Discrimination is the point-biserial
correlation of a question x with the rest y of the score (all other questions, the bonus too),

    r = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² · Σ (y - ȳ)²),

which for a question of partial points is Pearson's. Both are over the submissions that could be
read; a question in words has neither before the last answer to it is read.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.authoring.notebooks import bonus_cells, find_unit
from helpers.diagnosis import General
from helpers.exercises import EXERCISES
from helpers.grading.engine.judge_inside import was_inside
from helpers.grading.engine.verdict_outputs import verdicts_of
from helpers.grading.handin.guesses import kept_in
from helpers.grading.handin.ipynb import marks_of
from helpers.grading.lms.export import Grade, grades_of
from helpers.grading.lms.roster import Student, students_of
from helpers.grading.nbgrader.config import open_course
from helpers.grading.report.guesses import Guesses, guesses_made
from helpers.grading.sandbox.registry import is_confined
from helpers.predict import Prediction
from helpers.verdict import Verdict, VerdictError

#: Hints of a question that are listed, the most frequent first.
MOST_HINTS = 6
#: A correlation of fewer says nothing.
FEWEST = 3
MAX_TEXT = 200


@dataclass(frozen=True)
class Score:
    """What one student has for one question.

    Attributes:
        judged: by the machine or a person; where not, the points are 0.
        waits: for a person, to be read or confirmed.
    """

    points: float
    judged: bool
    waits: bool


@dataclass(frozen=True)
class Question:
    """One question and how the class did.

    Attributes:
        name: its grade id without `check_`, with its notebook where a unit has several.
        topic: in a few words.
        points: that it is worth; 0 for words that are read for extra credit.
        difficulty: mean share of the points; None where it has none or answers are not read yet.
        discrimination: see above; None where it is not defined.
        waiting: students whose answer a person has to read.
        inside: judged in the students' process, where an answer can cheat.
    """

    name: str
    topic: str
    points: float
    bonus: bool
    difficulty: float | None
    discrimination: float | None
    waiting: tuple[str, ...]
    inside: bool = False


@dataclass(frozen=True)
class Held:
    """A hint that students of the class saw.

    Attributes:
        name: of the misconception, or of several in one answer; empty where there is none.
        hint: as they saw it.
        students: who saw it.
    """

    question: str
    name: str
    hint: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A mistake that can be made in any question.

    Attributes:
        name: one of `helpers.diagnosis.General`.
        students: who made it, in whatever question.
        questions: in which it was made.
    """

    name: str
    students: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """A submission that somebody should look at, and why."""

    student: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ClassReport:
    """Everything that the page says.

    Attributes:
        grades: of the submissions that could be read.
        unread: how many could not be.
        hints: of each question the most frequent ones.
        more_hints: of each question, how many students saw one that is not listed.
        kinds: mistakes that can be made in any question, the most frequent first.
        missing: in the roster, but nothing graded.
        names: of students, by id, where they are known.
        guesses: before each result, in the notebook's order.
        memory: how what students' code took was counted; several where runs differed.
    """

    unit: str
    grades: tuple[Grade, ...]
    unread: int
    questions: tuple[Question, ...]
    hints: tuple[Held, ...]
    more_hints: Mapping[str, int]
    kinds: tuple[Kind, ...]
    look: tuple[Look, ...]
    missing: tuple[str, ...]
    names: Mapping[str, str]
    guesses: tuple[Guesses, ...] = ()
    memory: tuple[str, ...] = ()

    @property
    def out_of(self) -> float:
        return self.grades[0].out_of if self.grades else 0.0


@dataclass(frozen=True)
class _Autograded:
    """What an autograded notebook says beside the points."""

    status: str = "graded"
    remarks: tuple[str, ...] = ()
    sandboxed: bool = True
    verdicts: Sequence[Verdict] | None = None
    inside: frozenset[str] = frozenset()
    guesses: tuple[Prediction, ...] = ()
    memory: frozenset[str] = frozenset()


def read_class(course: Path, unit: str) -> ClassReport:
    """Read a graded class. ValueError for a unit that is not there or not graded."""
    notebooks = find_unit(course, unit).notebooks
    api = open_course(course)
    with api.gradebook as gradebook:
        grades = grades_of(gradebook, unit)
        scores, points, words = _scores(gradebook, unit)
    folder = api.coursedir.format_path(api.coursedir.autograded_directory, "{student_id}", unit)
    autograded = {
        student: _together(Path(folder.format(student_id=student)), notebooks) for student in grades
    }
    readable = [name for name in sorted(grades) if autograded[name].status != "unreadable"]
    inside = frozenset[str]().union(*(each.inside for each in autograded.values()))
    roster = students_of(course)
    verdicts = {name: autograded[name].verdicts or () for name in readable}
    hints, more = hints_seen(verdicts)
    return ClassReport(
        unit,
        tuple(grades[name] for name in readable),
        len(grades) - len(readable),
        tuple(
            _question(cell, points, scores, readable, read=cell in words, inside=cell in inside)
            for cell in points
        ),
        hints,
        more,
        _kinds(verdicts),
        _look(grades, autograded, readable),
        tuple(student.id for student in roster if student.id not in grades),
        _names(roster),
        guesses_made([autograded[name].guesses for name in readable]),
        tuple(sorted(frozenset[str]().union(*(each.memory for each in autograded.values())))),
    )


def _scores(
    gradebook: Any, unit: str
) -> tuple[dict[str, dict[str, Score]], dict[str, float], set[str]]:
    """By question, then student; what each question is worth, in the notebook's order; and those
    that a person reads."""
    from nbgrader import api

    points: dict[str, float] = {}
    words: set[str] = set()
    books = gradebook.find_assignment(unit).notebooks
    several = sum(bool(book.grade_cells or book.task_cells) for book in books) > 1
    for book in books:
        order = {cell.name: number for number, cell in enumerate(book.source_cells)}
        cells = [*book.grade_cells, *book.task_cells]
        for cell in sorted(cells, key=lambda each: (order.get(each.name, len(order)), each.name)):
            points[_key(book.name, cell.name, several)] = float(cell.max_score)
        read = [*book.solution_cells, *book.task_cells]
        words |= {_key(book.name, cell.name, several) for cell in read}
    scores: dict[str, dict[str, Score]] = defaultdict(dict)
    rows = (
        gradebook.db.query(
            api.SubmittedAssignment.student_id,
            api.Notebook.name,
            api.BaseCell.name,
            api.Grade.score,
            api.Grade.auto_score,
            api.Grade.manual_score,
            api.Grade.needs_manual_grade,
        )
        .select_from(api.Grade)
        .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(
            api.SubmittedAssignment,
            api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id,
        )
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .filter(api.Assignment.name == unit)
    )
    for student, book, cell, score, auto, manual, waits in rows:
        judged = auto is not None or manual is not None
        key = _key(book, cell, several)
        scores[key][student] = Score(float(score), judged, bool(waits))
    return scores, points, words


def _key(notebook: str, cell: str, several: bool) -> str:
    """What a question is called among those of its unit: two notebooks can have it."""
    return f"{notebook}/{cell}" if several else cell


def _question(
    cell: str,
    points: Mapping[str, float],
    scores: Mapping[str, Mapping[str, Score]],
    readable: Sequence[str],
    *,
    read: bool,
    inside: bool,
) -> Question:
    own = {name: scores[cell][name] for name in readable if name in scores.get(cell, {})}
    mine = np.array([score.points for score in own.values()])
    others = [scores[other] for other in scores if other != cell]
    rest = np.array([sum(each[name].points for each in others if name in each) for name in own])
    rated = bool(own) and points[cell] > 0 and all(score.judged for score in own.values())
    name = cell.removeprefix("check_")
    exercise = EXERCISES.get(name)
    return Question(
        name,
        exercise.topic if exercise else "in words, read by a person" if read else "tests",
        points[cell],
        cell in bonus_cells(),
        float(mine.mean() / points[cell]) if rated else None,
        correlation(mine, rest) if rated else None,
        tuple(name for name, score in own.items() if score.waits),
        inside,
    )


def correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's r of two arrays of one length; None where it is not defined."""
    if len(x) < FEWEST:
        return None
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((dx @ dx) * (dy @ dy)))
    # Equal points, whose mean need not be exact.
    return float(dx @ dy) / spread if spread > 1e-9 else None


def _together(folder: Path, notebooks: Sequence[str]) -> _Autograded:
    """What a student's autograded notebooks of a unit say; of several, with their names."""
    paths = [folder / f"{name}.ipynb" for name in notebooks]
    if len(notebooks) == 1:
        return _read_autograded(paths[0])
    read = {path.stem: _read_autograded(path) for path in paths if path.is_file()}
    if not read:
        return _read_autograded(paths[0])
    statuses = {each.status for each in read.values()}
    verdicts = [each.verdicts for each in read.values()]
    return _Autograded(
        statuses.pop() if len(statuses) == 1 else "for a person",
        tuple(f"{name}: {remark}" for name, each in read.items() for remark in each.remarks),
        all(each.sandboxed for each in read.values()),
        None if None in verdicts else [verdict for each in verdicts for verdict in each or ()],
        frozenset(_key(name, cell, True) for name, each in read.items() for cell in each.inside),
        tuple(guess for each in read.values() for guess in each.guesses),
        frozenset[str]().union(*(each.memory for each in read.values())),
    )


def _read_autograded(path: Path) -> _Autograded:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        about = notebook["metadata"].get("course", {}).get("graded", {})
        return _Autograded(
            about.get("status", "graded"),
            tuple(map(str, about.get("remarks", ()))),
            is_confined(about.get("sandbox")),
            [verdict for cell in notebook["cells"] for verdict in verdicts_of(cell)],
            frozenset(marks_of(cell)["grade_id"] for cell in filter(was_inside, notebook["cells"])),
            kept_in(notebook),
            frozenset({str(about["memory"])} if about.get("memory") else ()),
        )
    except VerdictError as problem:
        return _Autograded(remarks=(f"its autograded notebook holds {problem}",))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Autograded(remarks=("its autograded notebook cannot be read",))


def hints_seen(
    by_student: Mapping[str, Sequence[Verdict]],
) -> tuple[tuple[Held, ...], dict[str, int]]:
    """Of each question the hints that most students saw, and how many saw others."""
    seen: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for student, verdicts in by_student.items():
        for verdict in verdicts:
            if verdict.hint:
                name = ", ".join(verdict.misconceptions)
                seen[verdict.exercise][verdict.hint, name].append(student)
    held: list[Held] = []
    more: Counter[str] = Counter()
    for question, students_of_hint in seen.items():
        ordered = sorted(students_of_hint.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        for (hint, name), students in ordered[:MOST_HINTS]:
            held.append(Held(question, name, hint[:MAX_TEXT], tuple(students)))
        for _, students in ordered[MOST_HINTS:]:
            more[question] += len(students)
    return tuple(sorted(held, key=lambda each: (-len(each.students), each.question))), dict(more)


def _kinds(by_student: Mapping[str, Sequence[Verdict]]) -> tuple[Kind, ...]:
    students: dict[str, dict[str, None]] = defaultdict(dict)
    questions: dict[str, dict[str, None]] = defaultdict(dict)
    for student, verdicts in by_student.items():
        for verdict in verdicts:
            for name in verdict.misconceptions:
                if name in set(General):
                    students[name][student] = None
                    questions[name][verdict.exercise] = None
    kinds = [Kind(name, tuple(students[name]), tuple(questions[name])) for name in students]
    return tuple(sorted(kinds, key=lambda kind: (-len(kind.students), kind.name)))


def _look(
    grades: Mapping[str, Grade], autograded: Mapping[str, _Autograded], readable: Sequence[str]
) -> tuple[Look, ...]:
    """What could not be graded or was not protected against, and grades outside Tukey's fences:
    farther from the middle half of the class than one and a half times its width."""
    marks = np.array([grades[name].grade for name in readable])
    low, high = np.quantile(marks, [0.25, 0.75]) if len(marks) else (0.0, 0.0)
    fence = 1.5 * (high - low)
    found = []
    for name in sorted(grades):
        about, reasons = autograded[name], []
        if about.status != "graded" or about.verdicts is None:
            reasons += [remark[:MAX_TEXT] for remark in about.remarks] or [about.status]
        if not about.sandboxed:
            reasons.append("graded without a sandbox: it could have seen the tests")
        mark = grades[name].grade
        if name in readable and not low - fence <= mark <= high + fence:
            side = "below" if mark < low else "above"
            reasons.append(f"{mark:.4g} points, far {side} the rest of the class")
        if reasons:
            found.append(Look(name, tuple(reasons)))
    return tuple(found)


def _names(roster: Sequence[Student]) -> dict[str, str]:
    return {student.id: student.name[:MAX_TEXT] for student in roster if student.name}
