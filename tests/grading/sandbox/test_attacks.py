"""The cases of tests/attacks, graded as one class with right submissions among them.

All answers of a submission but the attack are left as released. None gains a point, none changes a
neighbour's score, and nothing of it is left when its notebook ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import socket
import sqlite3
import tempfile
import threading
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from uuid import uuid4

import pytest

from helpers.grading.class_run import ClassResult, Options, SubmissionResult, grade_class
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.sandbox.backend import Limits, MiB
from tests.attacks import Case, read_cases
from tests.executed import locked, shared_folder
from tests.grading import sample
from tests.grading.processes import adopting_orphans, descendants_of, is_running, still_running

CASES = read_cases()
#: A right submission before the first attack, after every tenth, and after the last.
EVERY = 10
#: Where an attack may try to leave something.
SHARED = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path.home())


@dataclass(frozen=True)
class Traces:
    """What there is of this machine that a grading could leave something in."""

    course: dict[str, str]
    files: set[Path]
    processes: set[int]

    @classmethod
    def found(cls, course: Path, token: str) -> Traces:
        files = {path for folder in SHARED for path in folder.glob(f"*{token}*")}
        files |= set(Path(tempfile.gettempdir()).glob(f"course-sandbox-{os.getpid()}-*"))
        return cls(_digests(course), files, descendants_of(os.getpid()))


@dataclass(frozen=True)
class Graded:
    course: Path
    result: ClassResult
    before: Traces
    after: Traces
    connections: list[bytes]

    def of(self, student: str) -> SubmissionResult:
        return next(each for each in self.result.results if each.student == student)

    def notebook(self, student: str) -> str:
        path = self.course / "autograded" / student / sample.UNIT / f"{sample.UNIT}.ipynb"
        return path.read_text()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, attacked: str) -> Graded:
    """Graded once in a test run, by the worker that asks first: it takes minutes."""
    store = shared_folder(tmp_path_factory) / "attacked" / attacked.replace(" ", "_")
    kept = store / "graded.pickle"
    with locked(store / "lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_graded(store / "course")))
    found = pickle.loads(kept.read_bytes())
    assert isinstance(found, Graded)
    return found


def _graded(folder: Path) -> Graded:
    course = sample.make_course(folder)
    listener, connections = _listen()
    token, port = uuid4().hex, str(listener.getsockname()[1])
    for number, case in enumerate(CASES):
        if number % EVERY == 0:
            sample.hand_in(course, f"{number:03d}-0-right", sample.right_notebook())
        cell = case.cell.replace("TOKEN", token).replace("PORT", port)
        sample.hand_in(course, _student(case), _attack(cell))
    sample.hand_in(course, "999-0-right", sample.right_notebook())
    close_worker()
    # What is left of a process that ended would be nobody's, and could not be found.
    with adopting_orphans():
        # Of Python's own, it stays for the next pool.
        resource_tracker.ensure_running()
        before = Traces.found(course, token)
        options = Options(jobs=2, timeout=2.0, limits=Limits(memory=1024 * MiB))
        result = grade_class(course, sample.UNIT, options)
        close_worker()
        still_running(descendants_of(os.getpid()) - before.processes)
        after = Traces.found(course, token)
    listener.close()
    return Graded(course, result, before, after, connections)


def _attack(code: str) -> sample.Notebook:
    """The attack stands in the first answer cell, and once more at the end."""
    notebook = sample.answered({"softmax_flops": code})
    notebook["cells"].append(sample.added_cell("print('after')"))
    return notebook


def _student(case: Case) -> str:
    return f"{CASES.index(case):03d}-1-{case.name}"


def _listen() -> tuple[socket.socket, list[bytes]]:
    """A service on this machine's loopback that the sandbox must not reach."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[bytes] = []

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0].recv(10))
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    return listener, connections


def _digests(course: Path) -> dict[str, str]:
    """Of everything that no submission may change."""
    files = [*(course / "source").rglob("*"), *(course / "submitted").rglob("*")]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_attack_earns_what_is_expected(graded: Graded, case: Case) -> None:
    result = graded.of(_student(case))
    assert result.total == case.points
    assert re.search(case.says, "\n".join(result.remarks))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_attack_shows_nothing_that_it_may_not_have(graded: Graded, case: Case) -> None:
    outputs = [
        output
        for cell in json.loads(graded.notebook(_student(case)))["cells"]
        for output in cell.get("outputs", [])
    ]
    texts = [
        str(text)
        for output in outputs
        for text in [
            output.get("text", ""),
            output.get("ename", ""),
            *output.get("data", {}).values(),
        ]
    ]
    # The word stands in a hidden test.
    never = ("tangerine", *case.never)
    assert [(word, text[:200]) for word in never for text in texts if word in text] == []
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    assert [page for page in pages if "<script" in page] == []


def test_right_submissions_among_attacks_earn_everything(graded: Graded) -> None:
    right = [each for each in graded.result.results if each.student.endswith("right")]
    assert {each.student: each.total for each in right} == {
        each.student: sample.POINTS for each in right
    }
    assert right


def test_every_submission_is_graded(graded: Graded) -> None:
    handed_in = {path.name for path in (graded.course / "submitted").iterdir()}
    assert {each.student for each in graded.result.results} == handed_in


def test_the_gradebook_holds_the_scores_that_were_reported(graded: Graded) -> None:
    with sqlite3.connect(graded.course / "gradebook.db") as database:
        rows = database.execute(
            "SELECT student_id, SUM(auto_score), SUM(COALESCE(manual_score, 0)) "
            "FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id "
            "JOIN grade g ON g.notebook_id = n.id GROUP BY student_id"
        ).fetchall()
    assert {student: (auto, manual) for student, auto, manual in rows} == {
        each.student: (each.total, 0) for each in graded.result.results
    }


def test_no_file_of_the_course_has_changed(graded: Graded) -> None:
    assert graded.after.course == graded.before.course


def test_nothing_was_connected_to(graded: Graded) -> None:
    assert graded.connections == []


def test_no_process_is_left(graded: Graded) -> None:
    left = filter(is_running, graded.after.processes - graded.before.processes)
    assert {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left} == {}


def test_no_file_is_left(graded: Graded) -> None:
    assert graded.after.files - graded.before.files == set()
