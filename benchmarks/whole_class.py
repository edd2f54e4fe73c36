"""A class from download to returned marks, and writes benchmarks/results/whole_class.md.

    python benchmarks/whole_class.py --students 300

A third of the class hands in on Moodle, a third on Canvas, a third on Gradescope; each download is
a zip as that platform writes it: helpers/grading/lms/moodle.py, canvas.py and gradescope.py name
the public source of each shape. What is handed in are the demo's notebooks, with explanations of
which some are copied. Each third holds one notebook that was cut off, a PDF, and a stranger's.

Every step is the command that a person types, in a process of its own; `course read` is driven in
Chromium by keys. What a command says that somebody has to act on stands below the times.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from helpers.authoring.demo_class import COHORT, UNIT, Submission, submission_text  # noqa: E402
from helpers.authoring.notebooks import KINDS, Unit, find_unit  # noqa: E402
from helpers.files import write_text  # noqa: E402
from helpers.grading.commands import doctor  # noqa: E402
from tests.grading.manual_grading.classroom import explanations  # noqa: E402

QUESTION, DUE = "compare_measured", "2026-11-20T23:59"
FIRST = ("Ada", "Ben", "José", "Zoë", "Li", "Mary Ann", "Ole", "Søren", "Ayşe", "Jürgen")
LAST = ("Müller", "de la Cruz", "O'Neil", "Ng", "van den Berg", "Weiß", "Núñez", "Łukasz", "Kim")
PLATFORMS = ("moodle", "canvas", "gradescope")
#: Lines of output that are kept for each step.
SHOWN = 60
#: A line of a table that asks for nothing: points, a change that somebody made, who is elsewhere.
NOTHING_TO_DO = re.compile(r"^ +(?:s\d{4} +\d|\d{4}-\d\d-\d\d |missing +s\d{4}(?!.*handed in))")


@dataclass(frozen=True)
class Member:
    """One of the class: what the roster knows."""

    number: int
    platform: str

    @property
    def id(self) -> str:
        return f"s{self.number:04}"

    @property
    def name(self) -> str:
        first, last = FIRST[self.number % len(FIRST)], LAST[self.number % len(LAST)]
        # Names like those of a class, each once: a second name of letters for the hundreds.
        middle = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[self.number // (len(FIRST) * len(LAST))]
        return f"{first} {middle}. {last}"

    @property
    def row(self) -> str:
        n = self.number
        return (
            f"{self.id},{self.name},{self.id}@uni.example,{50_000 + n},{self.id},S{n},{90_000 + n}"
        )


@dataclass(frozen=True)
class Step:
    """A command, what it took by the clock and of processors, and what it said."""

    what: str
    seconds: float
    processor: float
    code: int
    said: str


def processor() -> float:
    """Seconds of processor time that ended children took, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def on_moodle(who: Member, file: str) -> str:
    return f"{who.name}_{90_000 + who.number}_assignsubmission_file/{file}"


def on_canvas(who: Member, file: str) -> str:
    first, middle, *last = who.name.split(maxsplit=2)
    letters = "".join(each for each in "".join((*last, first, middle)).lower() if each.isalnum())
    return f"{letters}_{50_000 + who.number}_{700_000 + who.number}_{file}"


def on_gradescope(who: Member, file: str) -> str:
    return f"assignment_7_export/submission_{who.number}/{file}"


PATH: dict[str, Callable[[Member, str], str]] = {
    "moodle": on_moodle,
    "canvas": on_canvas,
    "gradescope": on_gradescope,
}


def make_course(folder: Path, students: int) -> tuple[Path, list[Path]]:
    """A course with a roster, and the three downloads."""
    course = folder / "course"
    course.mkdir()
    for kind in KINDS:
        shutil.copytree(ROOT / kind / UNIT, course / kind / UNIT)
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, course)
    members = [Member(n, PLATFORMS[n * 3 // students]) for n in range(students)]
    head = "id,name,email,canvas_id,canvas_login,sis_id,moodle_id"
    write_text(course / "roster.csv", "\n".join([head, *(each.row for each in members)]) + "\n")
    unit, texts = find_unit(course, UNIT), explanations(students)
    kinds = [each for each in COHORT if each.file_name == f"{UNIT}.ipynb" and each.shape is None]
    downloads = []
    for platform in PLATFORMS:
        path = folder / f"{platform}.zip"
        own = [each for each in members if each.platform == platform]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for at, who in enumerate(own):
                data = _notebook(unit, kinds[at % len(kinds)], texts[who.number])
                # The second to last is cut off, the last has handed in a PDF.
                data = data[: len(data) // 2] if at == len(own) - 2 else data
                kind = "pdf" if at == len(own) - 1 else "ipynb"
                file.writestr(PATH[platform](who, f"homework.{kind}"), data)
            stranger = Member(students + 7, platform)
            file.writestr(PATH[platform](stranger, "homework.ipynb"), data)
            if platform == "gradescope":
                sidecar = "".join(map(_gradescope, [*own, stranger]))
                file.writestr("assignment_7_export/submission_metadata.yml", sidecar)
        downloads.append(path)
    return course, downloads


def _notebook(unit: Unit, kind: Submission, explanation: str) -> str:
    if kind.answers is None:
        return submission_text(unit, kind)
    answers = {**kind.answers, QUESTION: explanation}
    return submission_text(unit, Submission(kind.student, kind.about, answers))


def _gradescope(who: Member) -> str:
    return f"""\
submission_{who.number}:
  :submitters:
  - :name: "{who.name}"
    :sid: S{who.number}
    :email: {who.id}@uni.example
  :created_at: 2026-11-{21 if is_late(who.number) else 20} 12:00:00 Z
"""


def is_for_a_person(line: str) -> bool:
    return bool(line.strip()) and not NOTHING_TO_DO.match(line)


def is_late(number: int) -> bool:
    return number % 10 == 4


def run(course: Path, *arguments: str) -> Step:
    """One command of `course`."""
    command = [sys.executable, "-m", "helpers.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    begin, before = time.monotonic(), processor()
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, env=environment)
    seconds, used = time.monotonic() - begin, processor() - before
    said = f"{done.stdout}{done.stderr}".replace(str(course.parent), "…")
    shown = " ".join(Path(each).name if os.sep in each else each for each in arguments)
    print(f"{shown}: {seconds:.0f} s, exit code {done.returncode}", flush=True)
    return Step(f"course {shown}", seconds, used, done.returncode, said)


def read(course: Path, question: str) -> Step:
    """`course read`, every group marked by one key."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "helpers.cli", "read", UNIT, question, "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begin, before = time.monotonic(), processor()
    process = subprocess.Popen(
        command, cwd=course, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    address = process.stdout.readline().split(" at ")[1].split(" ")[0]
    opened = time.monotonic() - begin
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=doctor.chromium(), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector(".bundle")
        groups = keys = 0
        if page.locator(".bundle.selected .card.waits").count() == 0:
            page.keyboard.press("Enter")
            keys += 1
        while page.locator(".bundle.selected .card.waits").count():
            with page.expect_response("**/marks"):
                page.keyboard.press("f")
            page.keyboard.press("Enter")
            groups, keys = groups + 1, keys + 2
        end = page.locator("#progress").inner_text()
        browser.close()
    process.terminate()
    process.wait(60)
    seconds = time.monotonic() - begin
    said += f"{end}; {groups} groups were marked with {keys} keys; open after {opened:.1f} s\n"
    print(f"read: {seconds:.0f} s", flush=True)
    what = f"course read {UNIT} {question}, in Chromium"
    return Step(what, seconds, processor() - before, 0, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/whole_class.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        course, downloads = make_course(Path(folder), given.students)
        steps = [run(course, "collect", UNIT, str(path), "--due", DUE) for path in downloads]
        # The last third's times are known; every tenth of it is late, and one of those may be.
        late = next(
            each for each in range(given.students * 2 // 3, given.students) if is_late(each)
        )
        steps += [run(course, "extend", UNIT, f"s{late:04}", "2026-11-27T23:59")]
        steps += [run(course, "collect", UNIT, str(downloads[-1]))]
        steps += [run(course, "grade", UNIT), run(course, "grade", UNIT)]
        steps += [read(course, QUESTION)]
        steps += [run(course, "feedback", UNIT, "--to", name) for name in ("moodle", "canvas")]
        steps += [run(course, "export", UNIT, "--to", name) for name in ("moodle", "canvas", "csv")]
        steps += [run(course, "report", UNIT), run(course, "history", UNIT)]
    write_text(given.output, report(given.students, steps))


def report(students: int, steps: list[Step]) -> str:
    """The page of results."""
    lines = [
        "# A class from download to returned marks",
        "",
        f"{students} students on three platforms, {date.today()}; written by "
        "`benchmarks/whole_class.py`, which says what the class is.",
        "",
        f"Load of the machine when this was written: {os.getloadavg()[1]:.1f} (5 minutes), "
        f"{os.cpu_count()} cores; where others compute, processor time is what tells.",
        "",
        "| command | s | s of processors | exit code |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{step.what}` | {step.seconds:.1f} | {step.processor:.1f} | {step.code} |"
            for step in steps
        ),
        "",
        "## What each says",
        "",
        "Without the lines of tables that ask for nothing: points, marks that were given, and who "
        "is missing without a file.",
    ]
    for step in steps:
        said = [line.rstrip() for line in step.said.splitlines() if is_for_a_person(line)]
        more = [f"… {len(said) - SHOWN} more lines"] if len(said) > SHOWN else []
        lines += ["", f"`{step.what}`", "", "```", *said[:SHOWN], *more, "```"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
