"""A class is graded: the same scores everywhere, whatever happens on the way."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.authoring.notebooks import Unit as UnitFiles
from helpers.authoring.notebooks import find_units
from helpers.grading import class_run
from helpers.grading.class_run import Options, grade_class, grade_notebook
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.engine.workers import grade_all
from helpers.grading.nbgrader.course_files import SECRET_BYTES, course_secret
from helpers.grading.nbgrader.lock import only_run
from helpers.grading.sandbox import bubblewrap
from helpers.grading.sandbox.backend import SandboxError
from helpers.grading.sandbox.registry import BACKENDS
from helpers.parts import PACKAGE, files, part_of
from tests import COURSE, environment
from tests.executed import once, shared_folder
from tests.grading import sample
from tests.grading.conftest import CLASS, hand_in_class, share_secret
from tests.grading.in_process_backend import ANSWERED, FakeBackend
from tests.grading.processes import children_of

POINTS = {student: points for student, (_, points) in CLASS.items()}


def sqlite_of(course: Path, query: str) -> Callable[[], list[Any]]:
    def rows() -> list[Any]:
        with sqlite3.connect(course / "gradebook.db") as database:
            return database.execute(query).fetchall()

    return rows


def totals(result: Any) -> dict[str, float]:
    return {each.student: each.total for each in result.results}


#: How else a class can be graded, and who: each is held against one worker that goes on.
WAYS = {
    "two": (Options(jobs=2), tuple(CLASS)),
    # Each in a process made for it, as the last one's ends with it: one says what each would.
    "cold": (Options(jobs=1), ("crashes", "half-right")),
    "none": (Options(jobs=1, sandbox=BACKENDS["none"]), tuple(CLASS)),
}


def test_the_points_are_those_that_the_answers_are_worth(graded_course: Path) -> None:
    again = grade_class(graded_course, sample.UNIT, Options(jobs=1))
    assert totals(again) == POINTS


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_the_same_everywhere(
    graded_course: Path, grades: Any, course: Path, way: str
) -> None:
    """On one worker and two, warm and cold, without a sandbox. Dask and PostgreSQL have tests of
    their own."""
    options, students = WAYS[way]
    share_secret(graded_course, course)
    after_each = None
    if way == "cold":
        close_worker()
        after_each = lambda *_: close_worker()  # noqa: E731
    grade_class(course, sample.UNIT, replace(options, students=students), after_each)
    assert grades(course) == [row for row in grades(graded_course) if row[0] in students]
    for path in (course / "autograded").rglob("*.ipynb"):
        about = json.loads(path.read_text())["metadata"]["course"]["graded"]
        assert about["sandbox"] == options.sandbox.name


def test_nbgraders_own_autograde_gives_the_same_scores(
    graded_course: Path, grades: Any, course: Path
) -> None:
    share_secret(graded_course, course)
    for command in ("generate_assignment", "autograde"):
        _nbgrader(course, command)
    assert grades(course) == grades(graded_course)


def test_released_notebooks_and_feedback_hold_no_hidden_test(graded_course: Path) -> None:
    course = graded_course
    _nbgrader(course, "generate_assignment")
    released = (course / "release" / sample.UNIT / f"{sample.UNIT}.ipynb").read_text()
    assert "tangerine" not in released
    assert not (course / "release" / sample.UNIT / f"{sample.UNIT}.py").exists()
    _nbgrader(course, "generate_feedback")
    pages = sorted((course / "feedback").rglob("*.html"))
    assert len(pages) == len(CLASS)
    for page in pages:
        assert "tangerine" not in page.read_text()
        assert "HIDDEN" not in page.read_text()
    _nbgrader(course, "export")
    assert len((course / "grades.csv").read_text().splitlines()) == 1 + len(CLASS)


def test_what_has_not_changed_is_left_alone(graded_course: Path) -> None:
    course = graded_course
    path = course / "autograded" / "all-right" / sample.UNIT / f"{sample.UNIT}.ipynb"
    before = path.stat().st_mtime_ns
    sample.hand_in(course, "untouched", sample.right_notebook())
    again = grade_class(course, sample.UNIT, Options(jobs=1))
    assert path.stat().st_mtime_ns == before
    assert [each.student for each in again.results if not each.unchanged] == ["untouched"]
    assert totals(again) == POINTS | {"untouched": sample.POINTS}
    forced = grade_class(course, sample.UNIT, Options(jobs=1, force=True, students=("all-right",)))
    assert [each.unchanged for each in forced.results] == [False]


def test_what_is_handed_in_while_it_is_graded_is_for_the_next_run(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_another_is_handed_in(*arguments: Any) -> Any:
        for result in grade_all(*arguments):
            sample.hand_in(course, "untouched", sample.right_notebook())
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(class_run, "grade_all", then_another_is_handed_in)
        first = grade_class(course, sample.UNIT, Options(jobs=1, students=("untouched",)))
    assert totals(first) == {"untouched": 0}
    again = grade_class(course, sample.UNIT, Options(jobs=1, students=("untouched",)))
    assert totals(again) == {"untouched": sample.POINTS}


def test_a_time_that_is_gone_is_forgotten(course: Path) -> None:
    """Else the lateness of one file would be that of another."""
    time_of = sqlite_of(course, "SELECT timestamp FROM submitted_assignment")
    stamp = course / "submitted" / "untouched" / sample.UNIT / "timestamp.txt"
    stamp.write_text("2026-11-01 12:00:00 UTC")
    grade_class(course, sample.UNIT, Options(jobs=1, students=("untouched",)))
    copied = course / "autograded" / "untouched" / sample.UNIT / "timestamp.txt"
    assert time_of() == [("2026-11-01 12:00:00.000000",)]
    assert copied.read_text() == "2026-11-01 12:00:00.000000 UTC\n"
    stamp.unlink()
    grade_class(course, sample.UNIT, Options(jobs=1, students=("untouched",)))
    assert (time_of(), copied.is_file()) == ([(None,)], False)


def test_penalties_follow_a_due_date_that_came_later(course: Path) -> None:
    penalties = sqlite_of(course, "SELECT late_submission_penalty FROM submitted_notebook")
    with open(course / "nbgrader_config.py", "a") as config:
        config.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    stamp = course / "submitted" / "all-right" / sample.UNIT / "timestamp.txt"
    stamp.write_text("2026-11-02 12:00:00 UTC")
    grade_class(course, sample.UNIT, Options(jobs=1, students=("all-right",)))
    assert penalties() == [(None,)]
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("UPDATE assignment SET duedate = '2026-11-01 12:00:00.000000'")
    again = grade_class(course, sample.UNIT, Options(jobs=1, students=("all-right",)))
    assert [each.unchanged for each in again.results] == [True]
    assert penalties() == [(sample.POINTS,)]


def test_a_score_is_of_the_code_that_it_depends_on() -> None:
    """Another word in a report or another colour grades no class again; another way to judge
    does."""
    found = {path.as_posix() for path in files(scores=True)}
    judging = {"check.py", "diagnosis/__init__.py", "exercises/exercise.py"}
    assert judging | {"grading/sandbox/inside/codec.py", "grading/engine/judge.py"} <= found
    assert not found & {"cli.py", "grading/report/page.py", "grading/lms/export.py"}
    assert not found & {"plots/style.py", "widgets/sliders.py"}


@pytest.mark.parametrize("unit", find_units(COURSE), ids=lambda unit: unit.name)
def test_no_answer_draws_with_what_no_score_depends_on(unit: UnitFiles) -> None:
    """Else a change of a picture would have to grade a class again."""
    cells = json.loads(unit.path("source").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    drawing = {
        alias.asname or alias.name
        for source in code
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*", "", source, flags=re.MULTILINE)))
        if isinstance(node, ast.ImportFrom)
        and re.match(r"helpers\.(plots|widgets)", node.module or "")
        for alias in node.names
    }
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            answer = compile("".join(cell["source"]), "answer", "exec")
            assert not set(_globals_of(answer)) & drawing, cell["source"]


def _globals_of(code: types.CodeType) -> Iterator[str]:
    """Names that a piece of code and the functions in it look up outside."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _globals_of(inner)


@pytest.mark.parametrize("path", files(scores=True), ids=str)
def test_what_a_score_depends_on_depends_on_nothing_else(path: Path) -> None:
    text = (PACKAGE / path).read_text()
    imported = re.findall(r"^(?:from|import) helpers\.([\w.]+)", text, re.MULTILINE)
    for name in imported:
        assert part_of(Path(*name.split("."))).scores, name


def test_manual_scores_are_kept(graded_course: Path, grades: Any) -> None:
    course = graded_course
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0")
    grade_class(course, sample.UNIT, Options(jobs=1))
    assert {row[4] for row in grades(course)} == {False}
    grade_class(course, sample.UNIT, Options(jobs=1, force=True))
    assert {row[3] for row in grades(course)} == {1.5}
    # Neither answers nor questions are others: nobody has to look again.
    assert {row[4] for row in grades(course)} == {False}


def test_a_lost_gradebook_is_made_again(graded_course: Path, grades: Any) -> None:
    course, expected = graded_course, grades(graded_course)
    (course / "gradebook.db").unlink()
    grade_class(course, sample.UNIT, Options(jobs=1))
    assert grades(course) == expected


#: Of the class handed in once more, as much as is left when a run is killed on its way.
COPIES = 2


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the class several times, graded with nothing in the way."""

    def graded(folder: Path) -> Path:
        made = sample.make_course(folder / "course")
        hand_in_class(made)
        hand_in_class(made, COPIES)
        grade_class(made, sample.UNIT, Options(jobs=1))
        return made

    return once(shared_folder(tmp_path_factory) / "quiet", graded)


@pytest.mark.parametrize("victim", ["coordinator", "worker", "fork server"])
def test_a_killed_run_ends_as_if_nothing_had_happened(
    course: Path, grades: Any, quiet: Path, victim: str
) -> None:
    hand_in_class(course, COPIES)
    share_secret(quiet, course)
    command = [sys.executable, "-m", "helpers.cli", "grade", sample.UNIT, "--jobs", "2"]
    run = subprocess.Popen(
        [*command, "--course", str(course)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_until_some_are_graded(course, run)
    os.kill(_process(run.pid, victim), signal.SIGKILL)
    _, errors = run.communicate(timeout=300)
    if victim == "coordinator":
        left = grade_class(course, sample.UNIT, Options(jobs=1)).results
        assert {each.unchanged for each in left} == {True, False}
    else:
        # The run goes on without what was killed.
        assert run.returncode == 0, errors
    assert grades(course) == grades(quiet)


def test_the_secret_decides_which_cases_are_drawn(graded_course: Path) -> None:
    secret = graded_course / ".course" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(secret.read_text())) == SECRET_BYTES


@pytest.mark.parametrize("text", ["", "ab" * (SECRET_BYTES - 1), "no hexadecimal" * 9, "ü" * 64])
def test_what_is_no_secret_is_refused_and_left(course: Path, text: str) -> None:
    path = course / ".course" / "secret"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(
        ValueError, match=r"secret does not hold 32 bytes .*: restore it, or remove"
    ):
        grade_class(course, sample.UNIT, Options(jobs=1))
    assert path.read_text() == text
    assert not (course / "gradebook.db").exists()


def test_a_secret_stays(course: Path) -> None:
    assert course_secret(course) == course_secret(course)


def test_one_notebook_is_graded_without_a_course(tmp_path: Path) -> None:
    source = tmp_path / sample.UNIT / f"{sample.UNIT}.ipynb"
    source.parent.mkdir()
    source.write_text(json.dumps(sample.source_notebook()))
    mine = tmp_path / "mine.ipynb"
    mine.write_text(json.dumps(sample.right_notebook()))
    graded = grade_notebook(mine, source)
    assert (graded.total, graded.max_total) == (sample.POINTS, sample.POINTS + 2)


def test_without_bubblewrap_nothing_is_run(
    course: Path, grades: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    close_worker()
    monkeypatch.setattr(bubblewrap, "candidates", list)
    with pytest.raises(SandboxError, match=r"apt install bubblewrap.*--sandbox none"):
        grade_class(course, sample.UNIT, Options(jobs=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "no such unit"}, "no unit"),
        ({"students": ["nobody"]}, "nobody"),
        ({"remove": "nbgrader_config.py"}, "nbgrader_config.py"),
        ({"remove": f"source/{sample.UNIT}/{sample.UNIT}.ipynb"}, "not built"),
        ({"remove": "submitted"}, "no submissions"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_graded_is_said_in_one_line(
    course: Path, change: dict[str, Any], message: str
) -> None:
    if "remove" in change:
        (course / change["remove"]).rename(course.parent / "removed")
    with pytest.raises(ValueError, match=message) as error:
        grade_class(
            course, change.get("unit", sample.UNIT), Options(students=change.get("students"))
        )
    assert "\n" not in str(error.value)
    assert not (course / "gradebook.db").exists()


def _nbgrader(course: Path, command: str) -> None:
    arguments = ["nbgrader", command] if command == "export" else ["nbgrader", command, sample.UNIT]
    done = subprocess.run(arguments, cwd=course, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def _wait_until_some_are_graded(course: Path, run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and run.poll() is None:
        if len(list((course / "autograded").glob("*/*/*.ipynb"))) >= 2:
            return
        time.sleep(0.01)
    raise AssertionError("the run ended before it could be killed")


def _process(coordinator: int, which: str) -> int:
    """The coordinator, one of its workers, or the outermost process of its fork server."""
    if which == "coordinator":
        return coordinator
    sign = {"worker": b"spawn_main", "fork server": b"bwrap"}[which]
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(coordinator)}
    return next(pid for pid, command in commands.items() if sign in command)


def test_a_unit_is_graded_by_one_run_at_a_time(course: Path) -> None:
    with (
        only_run(course / "source" / sample.UNIT, "it is being graded"),
        pytest.raises(ValueError, match="is being graded already"),
    ):
        grade_class(course, sample.UNIT, Options(jobs=1))
    # It is free again, and nothing was left for it.
    with only_run(course / "source" / sample.UNIT, ""):
        pass


def test_a_class_does_not_stop_for_one_folder(tmp_path: Path) -> None:
    """Not for its name, its time, what cannot be read in it or where its result is to go."""
    course = sample.make_course(tmp_path / "course")
    for student in ("ada", "ben", "eve"):
        sample.hand_in(course, student, ANSWERED)
    stamp = course / "submitted" / "ben" / sample.UNIT / "timestamp.txt"
    stamp.write_text("2026-01-01 00:00:00 ../../etc/passwd")
    os.makedirs(os.fsencode(course / "submitted") + b"/caf\xe9\x1b/" + sample.UNIT.encode())
    (course / "autograded").mkdir()
    (course / "autograded" / "eve").write_text("in the way")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_run, "trust", lambda course, job, *_: job)
        result = grade_class(course, sample.UNIT, Options(jobs=1, sandbox=FakeBackend()))
    found = {each.student: (each.status, each.total) for each in result.results}
    assert found == {
        "ada": ("graded", 4.0),
        "ben": ("graded", 4.0),
        "eve": ("for a person", 4.0),
        "caf??": ("unreadable", 0.0),
    }
    remarks = [each.remarks[-1] for each in result.needs_review]
    assert remarks[0].startswith("autograded/ could not be written")
    assert remarks[1] == class_run.NO_NAME
