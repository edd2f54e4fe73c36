"""One handed-in notebook through the engine: rebuild, run, judge, score."""

from __future__ import annotations

import ast
import copy
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from helpers.grading.engine.judge import Judgement, Session, submission_seed
from helpers.grading.engine.name_lookup import instructor_names
from helpers.grading.engine.own_values import Values
from helpers.grading.engine.passes import run_notebook
from helpers.grading.engine.run_cells import Times
from helpers.grading.engine.second_opinion import second_opinion
from helpers.grading.handin import rebuild
from helpers.grading.handin.ipynb import (
    Cell,
    Notebook,
    is_graded,
    is_test,
    kernel_of,
    marks_of,
    read_notebook,
    unit_of,
)
from helpers.grading.handin.markup import Budget, one_line, plain_line, shown_code
from helpers.grading.handin.template import Answer, Template, make_template
from helpers.grading.sandbox.backend import Process, SandboxError
from helpers.grading.sandbox.inside.codec import dumps
from helpers.notebook_names import guarded, lent

#: Characters of code in a student's cell that a person is told of: an answer has some hundred, a
#: package of somebody's answers some ten thousand.
LARGE = 10_000
#: And bytes of all that code, compressed: what is encoded cannot be. Answers to a unit take some
#: two thousand, a package of references thirty.
LARGE_IN_ALL = 12_000

Status = Literal["graded", "for a person", "unreadable"]


@dataclass(frozen=True)
class CellScore:
    """The score of one graded cell; None where only a person can tell.

    Attributes:
        notebook: its name, where a unit has several.
    """

    grade_id: str
    score: float | None
    max_score: float
    needs_manual: bool
    notebook: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other of its unit."""
        return f"{self.notebook}/{self.grade_id}" if self.notebook else self.grade_id


class Scored:
    """What has scores."""

    scores: tuple[CellScore, ...]

    @property
    def total(self) -> float:
        """Points given by the machine."""
        return sum(score.score or 0.0 for score in self.scores)

    @property
    def max_total(self) -> float:
        """Points that there are, those that a person gives included."""
        return sum(score.max_score for score in self.scores)


@dataclass(frozen=True)
class Graded(Scored):
    """What came of one submission.

    Attributes:
        status: "unreadable" where there is nothing to grade, "for a person" where something
            could not be matched or judged.
        scores: of each graded cell, in the order of the notebook.
        remarks: one line each, for people.
        unanswered: grade ids of answers that are as they were released.
        disturbed: what the machine did to it, so that points that it lacks say nothing: it is
            graded again alone, and then a person decides.
        out_of_time: whether a cell, a call or all of it took longer than it may.
        notebook: the autograded notebook.
        student_seconds: time that the student's own cells and functions took.
        noted: where tests are only tried, what the instructor's cells computed before each.
        blind: tests that passed outside without a look at all that they are about.
    """

    status: Status
    scores: tuple[CellScore, ...] = ()
    remarks: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    disturbed: str = ""
    out_of_time: bool = False
    notebook: Notebook = field(default_factory=dict)
    student_seconds: float = 0.0
    noted: Mapping[str, Values] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        # Here, where each remark comes by, whoever makes it and whatever a student said in it.
        object.__setattr__(self, "remarks", tuple(map(one_line, self.remarks)))


@dataclass(frozen=True)
class Unit:
    """What is needed to grade a unit's submissions, made once.

    Attributes:
        name: of its folder; what nbgrader calls the assignment.
        notebook_name: of its notebook, without ending.
        template: what submissions are rebuilt into.
        names: what the instructor's cells define.
        secret: what hidden cases are drawn from.
        inside: grade ids of the tests that are judged in the student's process, by
            `validate_tests.py`.
        values: of each test what the instructor's cells compute, see `own_values.py`.
        numbers: grade ids of the tests that give their points as a number, in their last line.
        tried: whether its tests are only tried: nobody sees what cells show.
    """

    name: str
    notebook_name: str
    template: Template
    names: Mapping[str, ast.stmt]
    secret: bytes
    inside: frozenset[str] = frozenset()
    values: Mapping[str, Values] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    tried: bool = False

    @classmethod
    def read(
        cls, name: str, notebook_name: str, data: bytes, secret: bytes, config: Any = None
    ) -> Unit:
        """From the text of the source notebook. ValueError, with its place, when it is none or not
        in Python."""
        where = f"{name}/{notebook_name}.ipynb"
        try:
            source = read_notebook(data)
            _refuse_other_languages(source)
            template = make_template(source, config)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return cls(name, notebook_name, template, instructor_names(source), secret)


def _refuse_other_languages(source: Notebook) -> None:
    kernel, language = kernel_of(source)
    if not language and re.fullmatch(_OTHER_KERNELS, kernel):
        language = "another language"
    if language and language.lower() not in _PYTHON:
        raise ValueError(
            f"its kernel {kernel or '(without a name)'} runs {language}, and only Python can be "
            "graded here: `nbgrader autograde` with nbgrader's own configuration runs any kernel"
        )


#: What kernels call the language.
_PYTHON = ("python", "python3", "ipython", "cpython")
#: Names of kernels that are not, where a notebook does not say the language.
_OTHER_KERNELS = r"ir|(julia|bash|octave|matlab|xcpp|scala|iruby|ihaskell|sos|javascript|rust).*"


def modules_of(data: bytes) -> tuple[str, ...]:
    """Modules that a source notebook imports: they are imported before any fork."""
    found: dict[str, None] = {}
    for statement in instructor_names(read_notebook(data)).values():
        if isinstance(statement, ast.Import):
            found |= dict.fromkeys(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            found[statement.module] = None
    return tuple(found)


def grade_submission(
    unit: Unit,
    student: str,
    data: bytes,
    start: Callable[[], Process],
    times: Times | None = None,
) -> Graded:
    """Grade one handed-in file. Never raises for what a student handed in.

    `start` makes a new process for the student's cells.
    """
    try:
        handed_in = read_notebook(data)
        other = unit_of(handed_in)
        if other is not None and other != unit.name:
            raise ValueError(f"this is a notebook of {plain_line(other)}, not of {unit.name}")
    except ValueError as error:
        return ungraded(unit, str(error))
    try:
        rebuilt = rebuild.rebuild(unit.template, handed_in)
        return grade_rebuilt(unit, student, rebuilt, start, times)
    except SandboxError:
        raise
    except Exception as error:
        return internal_error(unit, error)


def grade_rebuilt(
    unit: Unit,
    student: str,
    rebuilt: rebuild.Rebuilt,
    start: Callable[[], Process],
    times: Times | None = None,
) -> Graded:
    """Grade a notebook that was rebuilt before."""
    times = times or Times()
    notebook = copy.deepcopy(rebuilt.notebook)
    session = _session(unit, student, notebook, times)
    ran = run_notebook(notebook, unit.inside, start, session, times, brief=unit.tried)
    said_nothing = _unanswered_tests(rebuilt, unit.template)
    ran = second_opinion(unit, notebook, ran, said_nothing, start, session, times)
    large = tuple(_large(notebook, unit.template))
    _shorten(notebook, unit.template)
    doubtful = _tests_of(rebuilt) | {
        grade_id
        for grade_id, judgement in ran.judgements.items()
        if judgement.needs_review and grade_id not in said_nothing
    }
    disturbed = (f"{ran.disturbed}: what it lacks may be right",) if ran.disturbed else ()
    graded = Graded(
        "for a person" if doubtful or disturbed else "graded",
        tuple(
            _cell_score(cell, ran.judgements, rebuilt.unanswered, doubtful)
            for cell in filter(is_graded, notebook["cells"])
        ),
        (
            *rebuilt.remarks,
            *large,
            *ran.remarks,
            *(
                f"{grade_id}: {judgement.remark}"
                for grade_id, judgement in ran.judgements.items()
                if judgement.remark and grade_id not in said_nothing
            ),
            *disturbed,
        ),
        rebuilt.unanswered,
        ran.disturbed,
        ran.out_of_time,
        notebook,
        ran.seconds + session.student_seconds,
        session.noted or {},
        frozenset(name for name, judgement in ran.judgements.items() if judgement.blind),
    )
    return unsure(graded, said_nothing) if disturbed else graded


def _session(unit: Unit, student: str, notebook: Notebook, times: Times) -> Session:
    """What judges a student's rebuilt notebook outside."""
    own = frozenset(name for answer in unit.template.answers for name in answer.names)
    cells = [cell["source"] for cell in notebook["cells"] if rebuild.runs(cell)]
    return Session(
        unit.names,
        own,
        seed_of(unit, student, notebook),
        times.call,
        times.judging,
        cells,
        _lent(own, cells, notebook),
        unit.values,
        unit.numbers,
        {} if unit.tried else None,
    )


def _lent(answers: frozenset[str], running: Sequence[str], notebook: Notebook) -> dict[int, str]:
    """What answers use of our cells that are left out, by the number of the cell."""
    left_out = {
        number: cell["source"]
        for number, cell in enumerate(notebook["cells"], start=1)
        if rebuild.is_left_out(cell) and not marks_of(cell).get("solution")
    }
    used = zip(left_out, lent(answers, running, list(left_out.values())), strict=True)
    return {number: guarded(statements) for number, statements in used if statements}


def seed_of(unit: Unit, student: str, notebook: Notebook) -> bytes:
    """The seed of a rebuilt notebook's hidden cases: another one where anything is that decides
    what its process does, so that what one hand-in learned of its cases is of no use in the next.
    """
    whole = [[cell["cell_type"], rebuild.runs(cell), cell["source"]] for cell in notebook["cells"]]
    return submission_seed(unit.secret, unit.name, student, dumps(whole))


def unsure(graded: Graded, unanswered: Collection[str] = ()) -> Graded:
    """With every answer that lacks points for a person, without these."""
    scores = tuple(
        replace(score, needs_manual=True)
        if score.score != score.max_score and score.grade_id not in unanswered
        else score
        for score in graded.scores
    )
    return replace(graded, scores=scores)


def internal_error(unit: Unit, error: Exception) -> Graded:
    """What a fault of the grader's own gives: it must not stop the others."""
    return ungraded(unit, f"the grader stumbled over it ({type(error).__name__})")


def ungraded(unit: Unit, reason: str) -> Graded:
    """Every question for a person, and a notebook that says why."""
    notebook = copy.deepcopy(unit.template.notebook)
    note = {
        "cell_type": "markdown",
        "id": "ungraded",
        "metadata": {"id": "ungraded"},
        "source": f"**What was handed in could not be graded:** {reason}",
    }
    notebook["cells"].insert(0, note)
    scores = tuple(
        CellScore(marks["grade_id"], None, float(marks["points"]), True)
        for marks in map(marks_of, filter(is_graded, notebook["cells"]))
    )
    return Graded("unreadable", scores, (reason,), notebook=notebook)


def _tests_of(rebuilt: rebuild.Rebuilt) -> set[str]:
    """Graded cells that say nothing, because the answer that they are about was not found."""
    lost = set(rebuilt.unmatched_names) | set(rebuilt.unmatched)
    return {
        marks_of(cell)["grade_id"]
        for cell in filter(is_graded, rebuilt.notebook["cells"])
        if lost & {marks_of(cell)["grade_id"], *re.findall(r"\w+", cell["source"])}
    }


def _unanswered_tests(rebuilt: rebuild.Rebuilt, template: Template) -> set[str]:
    """Tests of answers that are all as they were released: nobody has to look why they fail."""
    found = set()
    above: Answer | None = None
    for position, cell in enumerate(template.cells):
        above = template.answer_at.get(position, above)
        if not is_test(cell):
            continue
        words = set(re.findall(r"\w+", cell["source"]))
        about = {answer.grade_id for answer in template.answers if words & answer.names}
        if above is not None and not above.names:
            # It defines nothing, so it changes what is there.
            about.add(above.grade_id)
        if about and about <= set(rebuilt.unanswered):
            found.add(marks_of(cell)["grade_id"])
    return found


def _large(notebook: Notebook, template: Template) -> Iterator[str]:
    """Of the student's cells, a line on each in which more than an answer can be packed."""
    given = {cell["source"] for cell in template.cells}
    own = {
        number: cell["source"]
        for number, cell in enumerate(notebook["cells"], start=1)
        if cell["cell_type"] == "code" and cell["source"] not in given
    }
    large = {number: len(source) for number, source in own.items() if len(source) > LARGE}
    for number, size in large.items():
        yield f"cell {number} has {size:,} characters of code: look at what they hold"
    code = "\n".join(own.values())
    if not large and len(zlib.compress(code.encode())) > LARGE_IN_ALL:
        yield f"its cells have {len(code):,} characters of code, little of it alike: look at them"


def _shorten(notebook: Notebook, template: Template) -> None:
    """Cut the student's code to what pages can show."""
    given, budget = {cell["source"] for cell in template.cells}, Budget()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["source"] not in given:
            cell["source"] = shown_code(cell["source"], budget)


def _cell_score(
    cell: Cell, judgements: Mapping[str, Judgement], unanswered: tuple[str, ...], doubtful: set[str]
) -> CellScore:
    marks = marks_of(cell)
    grade_id = marks["grade_id"]
    score: float | None
    if is_test(cell):
        score = judgements[grade_id].score
    else:
        score = 0.0 if grade_id in unanswered and not marks.get("task") else None
    needs_manual = score is None or grade_id in doubtful
    return CellScore(grade_id, score, float(marks["points"]), needs_manual)
