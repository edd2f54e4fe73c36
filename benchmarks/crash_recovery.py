"""Kills grading runs at random moments and compares what the next run ends with.

    python benchmarks/crash_recovery.py --moments 20

The class is that of benchmarks/graders.py. One undisturbed run says what the gradebook must hold
and how long a run takes. Then, again and again on a course of its own: a run, `kill -9` of one of
its parts at a random moment of it (or, with PostgreSQL, its connections cut), a second run, and
every row of grades compared. Writes benchmarks/results/crash_recovery.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import accounting
import graders
import sqlalchemy

RESULTS = graders.ROOT / "benchmarks" / "results" / "crash_recovery.md"
VICTIMS = ("coordinator", "worker", "fork server", "Dask worker", "database connection")
GRADES = """
    SELECT a.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade
    FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id
    JOIN grade g ON g.notebook_id = n.id JOIN base_cell b ON g.cell_id = b.id
    ORDER BY 1, 2"""
Grades = list[tuple[object, ...]]


@dataclass(frozen=True)
class Trial:
    """One run that was disturbed.

    Attributes:
        moment: seconds after its start at which the victim was killed.
        before: submissions that were graded by then.
        graded: submissions in the gradebook when it had ended.
        status: its exit status.
        same: whether the gradebook after the second run is that of the undisturbed run.
    """

    victim: str
    moment: float
    before: int
    graded: int
    status: int
    same: bool

    def lost(self, cohort: int) -> bool:
        """Whether a run that ended well had not graded everyone."""
        return self.status == 0 and self.graded < cohort


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--cohort", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw, trials = random.Random(options.seed), list[Trial]()
    with tempfile.TemporaryDirectory(prefix="course-kills-") as folder, postgres() as server:
        original = Path(folder) / "original"
        graders.make_course(original, options.cohort, os.urandom(32).hex())
        quiet = shutil.copytree(original, Path(folder) / "quiet")
        started = time.monotonic()
        subprocess.run(command(quiet, "coordinator"), env=graders.ENVIRONMENT, check=True)
        length = time.monotonic() - started
        expected = grades(gradebook(quiet))
        print(f"undisturbed: {length:.1f} s, {len(expected)} grades", flush=True)
        window = length
        todo = [VICTIMS[number % len(VICTIMS)] for number in range(options.moments)]
        for number in itertools.count():
            if not todo:
                break
            victim = todo.pop(0)
            course = shutil.copytree(original, Path(folder) / str(number))
            url = gradebook(course)
            if victim == "database connection":
                url = sqlalchemy.make_url(server).set(database=f"trial{number}").render_as_string()
                new_database(server, f"trial{number}")
                with (course / "nbgrader_config.py").open("a") as config:
                    config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
            trial = disturbed(course, url, victim, draw.uniform(0, window), expected)
            if trial is None:  # it was over by then: again, earlier
                todo.insert(0, victim)
                window *= 0.9
                continue
            trials.append(trial)
            print(trial, flush=True)
            RESULTS.write_text(report(trials, length, options.cohort, options.seed))
            shutil.rmtree(course)
    print(f"wrote {RESULTS}")
    sys.exit(any(not trial.same or trial.lost(options.cohort) for trial in trials))


def disturbed(course: Path, url: str, victim: str, wait: float, expected: Grades) -> Trial | None:
    """Start a run, disturb it, run again, and compare. None where it was over before."""
    with open(course / "log", "wb") as log:
        started = time.monotonic()
        run = subprocess.Popen(
            command(course, victim), env=graders.ENVIRONMENT, stdout=log, stderr=log, cwd=course
        )
        time.sleep(wait)
        while run.poll() is None and not disturb(victim, run.pid, url):
            time.sleep(0.02)
        if run.poll() == 0:
            return None
        moment = time.monotonic() - started
        before = len(list((course / "autograded").glob("*/*/*.ipynb")))
        status = run.wait()
    graded = len({row[0] for row in grades(url)})
    again = command(course, "coordinator")
    subprocess.run(again, env=graders.ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return Trial(victim, moment, before, graded, status, grades(url) == expected)


def command(course: Path, victim: str) -> list[str]:
    """A run; on a local Dask cluster where a worker of that is to be killed."""
    if victim == "Dask worker":
        script = course / "on_dask.py"
        script.write_text(graders.DASK)
        return [sys.executable, str(script), str(course)]
    grade = [sys.executable, "-m", "helpers.cli", "grade", graders.UNIT, "--jobs", "2"]
    return [*grade, "--course", str(course)]


def disturb(victim: str, run: int, url: str) -> bool:
    """Kill the victim; False where there is none yet."""
    if victim == "database connection":
        with database(url) as connection:
            cut = connection.execute(
                sqlalchemy.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
            return bool(cut.fetchall())
    for process in candidates(victim, run):
        try:
            os.kill(process, signal.SIGKILL)
            return True
        except ProcessLookupError:
            continue
    return False


def candidates(victim: str, run: int) -> list[int]:
    """Processes of a run that are what is to be killed."""
    if victim == "coordinator":
        return [run]
    sign = b"inside.fork_server" if victim == "fork server" else b"spawn_main"
    found, todo = [], [run]
    while todo:
        folder = Path(f"/proc/{todo.pop()}")
        try:
            for task in (folder / "task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
            if sign in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def gradebook(course: Path) -> str:
    return f"sqlite:///{course}/gradebook.db"


@contextmanager
def database(url: str) -> Iterator[sqlalchemy.Connection]:
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def grades(url: str) -> Grades:
    """Every row of grades; none where the run did not come so far as to make the tables."""
    with database(url) as connection:
        if not sqlalchemy.inspect(connection).has_table("grade"):
            return []
        rows = connection.execute(sqlalchemy.text(GRADES)).fetchall()
        return [(*row[:4], bool(row[4])) for row in rows]


def new_database(server: str, name: str) -> None:
    with database(server) as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server for this script; gives the URL of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("PostgreSQL is needed: apt install postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("nobody").pw_name if os.getuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        data = Path(folder) / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user}
        initdb = [programs[-1] / "initdb", "-D", data, "-U", "grader", "-A", "trust"]
        subprocess.run(initdb, check=True, cwd=folder, **quiet)
        start = [programs[-1] / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        process = subprocess.Popen(start, cwd=folder, **quiet)
        try:
            for _ in range(100):
                if Path(folder, ".s.PGSQL.5432").exists():
                    break
                time.sleep(0.1)
            yield f"postgresql+psycopg://grader@/postgres?host={folder}"
        finally:
            process.terminate()
            process.wait()


def report(trials: list[Trial], length: float, cohort: int, seed: int) -> str:
    same = sum(trial.same for trial in trials)
    before = sum(trial.before == 0 for trial in trials)
    lines = [
        "# Grading runs killed at random moments",
        "",
        f"{accounting.machine()}, {date.today().isoformat()}. {cohort} submissions of the homework "
        f"on 2 workers; an undisturbed run took {length:.1f} s. Written by "
        f"`benchmarks/crash_recovery.py --seed {seed}`.",
        "",
        f"**{same} of {len(trials)}** second runs ended with the grades of the undisturbed run, "
        "row by row (student, question, score, manual score, for a person). "
        f"{sum(trial.lost(cohort) for trial in trials)} runs that ended with status 0 had left "
        f"somebody out. {before} of the kills came before the first submission was graded. Exit "
        "status 1 of a Dask run: a worker was killed while the cluster itself was starting.",
        "",
        "| killed | after s | graded by then | exit status | graded at its end | then the same |",
        "|---|---|---|---|---|---|",
    ]
    for trial in trials:
        lines.append(
            f"| {trial.victim} | {trial.moment:.1f} | {trial.before} | {trial.status} "
            f"| {trial.graded} of {cohort} "
            f"| {'yes' if trial.same else '**no**'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
