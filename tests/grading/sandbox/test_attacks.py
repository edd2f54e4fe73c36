"""The attacks of tests/attacks/corpus, graded as one class with right submissions among them.

Each file is a cell with wrong answers that tries to gain: its first line says how. All other
answers of the submission are left as released. None gains a point, none changes a neighbour's
score, and nothing of it is left when its notebook ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.grading.class_run import CohortResult, SubmissionResult, grade_unit
from helpers.grading.engine.workers import close_worker
from helpers.grading.sandbox.host import Limits, MiB
from tests import COURSE
from tests.grading import sample

CORPUS = sorted((COURSE / "tests" / "attacks" / "corpus").glob("*.txt"))
NAMES = [path.stem for path in CORPUS]
#: A right submission before the first attack, after every tenth, and after the last.
EVERY = 10


@dataclass(frozen=True)
class Graded:
    course: Path
    result: CohortResult
    files_before: dict[str, str]
    files_after: dict[str, str]
    connections: list[bytes]

    def of(self, student: str) -> SubmissionResult:
        return next(each for each in self.result.results if each.student == student)

    def notebook(self, student: str) -> str:
        path = self.course / "autograded" / student / sample.UNIT / f"{sample.UNIT}.ipynb"
        return path.read_text()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, bwrap: str) -> Graded:
    course = sample.make_course(tmp_path_factory.mktemp("attacked"))
    for number, path in enumerate(CORPUS):
        if number % EVERY == 0:
            sample.hand_in(course, f"{number:03d}-0-right", sample.right_notebook())
        _, code = path.read_text().split("\n", 1)
        sample.hand_in(course, f"{number:03d}-1-{path.stem}", _attack(code))
    sample.hand_in(course, "999-0-right", sample.right_notebook())
    listener, connections = _listen()
    before = _digests(course)
    result = grade_unit(course, sample.UNIT, jobs=2, timeout=2.0, limits=Limits(memory=1024 * MiB))
    close_worker()
    listener.close()
    return Graded(course, result, before, _digests(course), connections)


def _attack(code: str) -> sample.Notebook:
    """The attack stands in the first answer cell, and once more at the end."""
    notebook = sample.answered({"softmax_flops": code})
    notebook["cells"].append(sample.added_cell("print('after')"))
    return notebook


def _student(name: str) -> str:
    return f"{NAMES.index(name):03d}-1-{name}"


def _listen() -> tuple[socket.socket, list[bytes]]:
    """A service on this machine's loopback that the sandbox must not reach."""
    listener = socket.create_server(("127.0.0.1", 0))
    for port in range(45_000, 45_020):
        try:
            listener = socket.create_server(("127.0.0.1", port))
            break
        except OSError:
            continue
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


def test_the_corpus_has_at_least_sixty_attacks() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_no_attack_gains_a_point(graded: Graded, name: str) -> None:
    result = graded.of(_student(name))
    assert [score for score in result.scores if score.score] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_attack_finds_or_reaches_anything(graded: Graded, name: str) -> None:
    outputs = [
        output
        for cell in json.loads(graded.notebook(_student(name)))["cells"]
        for output in cell.get("outputs", [])
    ]
    texts = [
        text
        for output in outputs
        for text in [
            output.get("text", ""),
            output.get("ename", ""),
            *output.get("data", {}).values(),
        ]
    ]
    words = ("FOUND", "WROTE", "REACHED", "UNSHARED", "ROOT", "TRACED", "tangerine", "SEEN")
    assert [(word, text[:200]) for word in words for text in texts if word in text] == []
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    assert [page for page in pages if "<script" in page] == []


def test_right_submissions_among_attacks_earn_everything(graded: Graded) -> None:
    right = [each for each in graded.result.results if each.student.endswith("right")]
    assert {each.student: each.total for each in right} == {
        each.student: sample.POINTS for each in right
    }
    assert len(right) > 8


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
    assert graded.files_after == graded.files_before


def test_nothing_was_connected_to(graded: Graded) -> None:
    assert graded.connections == []


def test_no_process_is_left(graded: Graded) -> None:
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        # Other tests may grade at the same time; what is left over has no living grader.
        if b"inside.fork_server" in command and parent == 1 and b"bwrap" not in command:
            left.append((folder.name, command[:200]))
    assert left == []


def test_no_file_is_left(graded: Graded) -> None:
    names = ("poison-of-a-student", "late", "daemon", "pickled", "evaluated", "big", "hard")
    folders = [Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path.home()]
    assert [path for folder in folders for name in names if (path := folder / name).exists()] == []
    sandboxes = Path("/tmp").glob(f"course-sandbox-{os.getpid()}-*")
    assert list(sandboxes) == []
