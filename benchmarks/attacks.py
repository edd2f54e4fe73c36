"""Tries attacks of tests/attacks with several graders and writes benchmarks/results/attacks.md.

    python benchmarks/attacks.py --otter PYTHON --prairielearn PYTHON FOLDER

Each attack is handed in among right answers, for an assignment of asserts that any grader can have
(`tests/attacks/assignment.toml`), and graded within walls that keep it from this machine
(`guard.py`).
What it earns it has gained, as its other answers are empty. Those on others and on the class are
handed in alone, the rest twelve at once; where something then goes wrong for somebody, each alone.

Results are kept in attacks.jsonl, so that a run that was ended goes on where it was; `--again` does
what was done before anew. Bounding memory and processes takes root; without it the attacks on the
class are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import accounting
import guard
from attacked_graders import ROOT, Grader, graders
from attacked_prairielearn import prairielearn

from tests.attacks import Case, read_assignment, read_cases

RESULTS = ROOT / "benchmarks" / "results"
RIGHT = ("a-right", "z-right")
#: Seconds for a class, and for each of its submissions.
CLASS, EACH = 60, 20
AT_ONCE = 12
#: A service of this machine's, beside the grader.
LISTENING = """
import socket, subprocess, sys, threading
listener = socket.create_server(("127.0.0.1", 8899))
def accept():
    while True: listener.accept()
threading.Thread(target=accept, daemon=True).start()
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""
#: What no submission may change: the course's files, and what others handed in.
KEPT = re.compile(
    r"(course/(source|submitted|tests)/|course/each/[^/]*/(submi|tests)|home/private)"
)


@dataclass(frozen=True)
class Tried:
    """What came of one attack.

    Attributes:
        gained: points.
        marks: whether a right submission has other marks than without it, or none.
        files: those of others that it changed.
        reached: the words that it may not show.
        stopped: whether somebody has no mark, or grading came to no end.
    """

    grader: str
    attack: str
    tries: str
    gained: float
    marks: bool
    files: list[str]
    reached: list[str]
    stopped: bool
    seconds: float

    @property
    def disturbs(self) -> bool:
        return self.marks or bool(self.files) or self.stopped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--otter", help="a Python that has Otter-Grader")
    parser.add_argument(
        "--prairielearn", nargs=2, metavar=("PYTHON", "FOLDER"), help="and a checkout of it"
    )
    parser.add_argument("--only", nargs="*", help="names of graders; all by default")
    parser.add_argument("--attacks", nargs="*", help="names of attacks; all by default")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    keep = RESULTS / "attacks.jsonl"
    found = graders(options.otter)
    if options.prairielearn:
        found.append(prairielearn(*options.prairielearn))
    chosen = [each for each in found if each.name in (options.only or [each.name])]
    tried = _kept(keep)
    bounded = guard.Guard().bounded
    for grader in chosen:
        done = {each.attack for each in tried if each.grader == grader.name and not options.again}
        cases = [each for each in read_cases() if each.tries and each.name not in done]
        cases = [each for each in cases if each.name in (options.attacks or [each.name])]
        cases = [each for each in cases if bounded or each.tries != "class"]
        for each in try_all(grader, cases) if cases else ():
            tried.append(each)
            _show(each)
            with open(keep, "a") as file:
                file.write(json.dumps(asdict(each)) + "\n")
    all_there_are = [*graders("python"), prairielearn("python", ".")]
    everyone = [each for each in all_there_are if any(t.grader == each.name for t in tried)]
    (RESULTS / "attacks.md").write_text(report(everyone, _kept(keep)))


def _kept(path: Path) -> list[Tried]:
    """What was found before, by grader and attack the newest."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = [Tried(**json.loads(line)) for line in lines]
    newest = {(each.grader, each.attack): each for each in found}
    return sorted(newest.values(), key=lambda each: (each.grader, each.attack))


def _show(tried: Tried) -> None:
    said = [f"{tried.gained:g} points"] if tried.gained else []
    said += ["neighbours' marks"] if tried.marks else []
    said += ["stopped"] if tried.stopped else []
    said += [*tried.files[:2], *tried.reached]
    print(f"{tried.grader}: {tried.attack}: {tried.seconds:.0f} s {', '.join(said)}", flush=True)


def try_all(grader: Grader, cases: list[Case]) -> Iterator[Tried]:
    """What came of each; those on the class alone."""
    with tempfile.TemporaryDirectory(prefix="course-attacks-", dir="/var/tmp") as folder:
        place = Path(folder)
        place.chmod(0o755)
        ready = Ready(grader, place)
        alone = [each for each in cases if each.tries in ("class", "others")]
        others = [each for each in cases if each not in alone]
        for start in range(0, len(others), AT_ONCE):
            batch = others[start : start + AT_ONCE]
            found = ready.graded(batch)
            if len(batch) > 1 and any(each.disturbs for each in found):
                found = [one for case in batch for one in ready.graded([case])]
            yield from found
        for case in alone:
            yield from ready.graded([case])


class Ready:
    """A grader with a course that is laid out, to be copied for each class."""

    def __init__(self, grader: Grader, place: Path) -> None:
        self._grader, self._place, self._count = grader, place, 0
        self._assignment = read_assignment()
        work = place / "work"
        (work / "home").mkdir(parents=True)
        (work / "home" / "private.txt").write_text("tangerine")
        for command in grader.prepare(work / "course", self._assignment):
            ended = self._run(command, 120)
            if ended.status:
                raise SystemExit(f"{grader.name}: {ended.output[-2000:]}")
        shutil.copytree(work, place / "original")
        (honest,) = {each.gained for each in self.graded([], honest=True)}
        if honest != sum(each.points for each in self._assignment.questions):
            raise SystemExit(f"{grader.name} gives right answers {honest} points")

    def graded(self, cases: list[Case], honest: bool = False) -> list[Tried]:
        """A class with these attacks between right answers; `honest`: of those what they earn."""
        grader, work = self._grader, self._place / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self._place / "original", work)
        course, token = work / "course", f"left-{self._count}"
        self._count += 1
        right = {each.name: each.right for each in self._assignment.questions}
        for student in RIGHT:
            grader.hand_in(course, student, right)
        first = self._assignment.questions[0].name
        students = {case.name: f"m-{case.name}" for case in cases}
        for case in cases:
            cell = case.cell.replace("left-TOKEN", token).replace("PORT", "8899")
            grader.hand_in(course, students[case.name], {first: cell})
        before = _digests(work)
        command = [sys.executable, "-c", LISTENING, *grader.command(course)]
        ended = self._run(command, CLASS + EACH * (len(cases) + 2))
        marks = grader.marks(course, ended.output)
        if honest and set(marks) != set(RIGHT):
            raise SystemExit(f"{grader.name} grades nobody: {ended.output[-3000:]}")
        full = sum(each.points for each in self._assignment.questions)
        changed = [student for student in RIGHT if marks.get(student, full) != full]
        stopped = not ended.in_time or not set(RIGHT) <= set(marks)
        after = _digests(work)
        tried = []
        for case in cases or ([Case("honest", "", 0, (), "", "")] if honest else []):
            student = students.get(case.name, RIGHT[0])
            texts = grader.told(course, student, ended.output)
            words = ("tangerine", *case.never) if not honest else ()
            reached = [word for word in words if any(word in text for text in texts)]
            files = sorted(name for name in before if after.get(name) != before[name])
            files += sorted(name for name in after if token in name and student not in name)
            files = [name for name in files if f"/{student}/" not in name]
            tried.append(
                Tried(
                    grader=grader.name,
                    attack=case.name,
                    tries=case.tries,
                    gained=marks.get(student, 0.0),
                    marks=bool(changed),
                    files=files,
                    reached=reached,
                    stopped=stopped,
                    seconds=round(ended.seconds, 1),
                )
            )
        return tried

    def _run(self, command: list[str], seconds: float) -> guard.Ended:
        work = self._place / "work"
        course = work / "course"
        variables = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(work / "home"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "LANG": "C.UTF-8",
            "GRADEBOOK_PASSWORD": "tangerine",
        }
        script = ["sh", "-c", f'cd {course} && exec "$@"', "sh", *command]
        return guard.Guard(as_root=self._grader.needs_root).run(script, work, variables, seconds)


def _digests(work: Path) -> dict[str, str]:
    """Of every file that nobody may change, and of what is left anywhere."""
    found = {}
    for folder, _, files in os.walk(work):
        for path in (Path(folder, name) for name in files):
            name = str(path.relative_to(work))
            if path.is_file() and (KEPT.match(name) or "left-" in name):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def report(everyone: list[Grader], tried: list[Tried]) -> str:
    """The results as Markdown."""
    lines = [
        "# Attacks on graders",
        "",
        f"{accounting.machine()}, {date.today().isoformat()}. nbgrader {version('nbgrader')}. "
        "Attacks of `tests/attacks/cases` that any grader can meet, each handed in among right "
        "answers; written by `benchmarks/attacks.py`, which says how.",
        "",
        "| grader | attacks | gained points | at most | neighbours' marks changed "
        "| others' files changed | saw what is hidden | class not graded to its end |",
        "|---|---|---|---|---|---|---|---|",
    ]
    columns = {
        "gained points": lambda each: each.gained > 0,
        "changed neighbours' marks": lambda each: each.marks,
        "changed others' files": lambda each: each.files,
        "saw what is hidden": lambda each: each.reached,
        "kept the class from being graded to its end": lambda each: each.stopped,
    }
    full = sum(each.points for each in read_assignment().questions)
    for grader in everyone:
        own = [each for each in tried if each.grader == grader.name]
        counts = {name: sum(map(bool, map(is_so, own))) for name, is_so in columns.items()}
        gained, *others = counts.values()
        most = max(each.gained for each in own)
        cells = [grader.name, len(own), gained, f"{most:g} of {full}", *others]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", "## What each ran in", ""]
    lines += ["| grader | here | its documentation asks for |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.isolation} | {each.recommended} |" for each in everyone]
    lines += ["", *HOW, "", "## Which"]
    for grader in everyone:
        own = [each for each in tried if each.grader == grader.name]
        lines += ["", f"### {grader.name}", ""]
        for name, is_so in columns.items():
            which = ", ".join(f"`{each.attack}`" for each in own if is_so(each))
            lines.append(f"- {name}: {which or 'none'}")
    return "\n".join(lines) + "\n"


HOW = [
    "- A container is made with bubblewrap here, as Docker does not run on this machine: "
    "system and Python read-only, processes, network and temporary folders of its own, one "
    "submission, an end after some 60 s.",
    "- A cell may take 10 s where a grader has such a limit; Otter-Grader has its container's.",
    "- A class may take 3 GiB and some hundred processes: a larger machine is filled later. Other "
    "work kept this one busy, so a second is worth little here. Eight of the attacks with which "
    "Otter-Grader did not end were tried again, and the last run of each is what stands: on a "
    "quiet machine its last column may be another.",
    "- *Saw what is hidden*: a hidden test or its arguments, a file of the course's, another "
    "process, a service of the machine's or the grader's environment stood in what it printed.",
    "- *Gained points*: a test that a wrong answer passes. The others run tests in the "
    "student's process, where nothing keeps it from that. Here, too, a test that has to run "
    "there can be won (`tests/attacks/inside`); none of these asserts has to.",
    "- Most of the list was made against the first row's, which has been mended for each of them. "
    "So its zeros say that what is known is closed, not that nothing is open.",
    "- PrairieLearn's Python grader is its own files and its own script (`graders/python` of "
    "August 2026) in such a container, with the capabilities that Docker leaves, and not its "
    "image: Python is 3.11 there. It runs a notebook as one text, so missing answers are empty.",
]


if __name__ == "__main__":
    main()
