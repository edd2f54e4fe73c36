"""PrairieLearn's Python grader for `benchmarks/attacks.py`: its own files, in containers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attacked_graders import CONTAINER, UNIT, Marks, code, notebook, system_of

from tests.attacks import Assignment

#: In its test.py, and for each question.
TESTS = """\
import math

import numpy as np
from code_feedback import Feedback
from pl_helpers import name, points
from pl_unit_test import PLTestCase


class Test(PLTestCase):
    student_code_file = "attacked.ipynb"
"""
TEST = """
    @points({points})
    @name("{name}")
    def test_{number}(self):
        {name} = self.st.{name}
        {lines}
        Feedback.set_score(1)
"""
#: What a container of Docker's may do as root, in bubblewrap's words.
DOCKERS = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"),
    *("CAP_SETPCAP", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"),
)


@dataclass
class PrairieLearn:
    """PrairieLearn's Python grader; `python` is one that has what it imports, and `folder` its
    `graders/python`. Its script makes two users of a container, so that root has to run it."""

    python: str
    folder: str
    name = "PrairieLearn"
    isolation = "a container for each submission, in which its own script makes two users"
    recommended = "the same, of Docker"
    needs_root = True

    def prepare(self, course: Path, assignment: Assignment) -> list[list[str]]:
        self._assignment = assignment
        users = course / "etc"
        users.mkdir(parents=True)
        (users / "passwd").write_text("root:x:0:0::/root:/bin/sh\nag:x:1500:1500::/tmp:/bin/bash\n")
        (users / "group").write_text("root:x:0:\nag:x:1500:\n")
        (users / "shadow").write_text("root:*:19000::::::\nag:*:19000::::::\n")
        (users / "shadow").chmod(0o600)
        # What its image has where a user finds it.
        programs = {
            "python3": f'exec {self.python} "$@"',
            "uuidgen": "cat /proc/sys/kernel/random/uuid",
        }
        (course / "bin").mkdir()
        for name, line in programs.items():
            (course / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
            (course / "bin" / name).chmod(0o755)
        (course / "tests").mkdir()
        names = [{"name": each.name} for each in assignment.questions]
        data = {"params": {"names_for_user": [], "names_from_user": names}}
        (course / "data.json").write_text(json.dumps(data))
        tests = TESTS
        for number, each in enumerate(assignment.questions):
            lines = "\n".join(filter(None, (each.tests, each.hidden))).splitlines()
            tests += TEST.format(
                number=number, name=each.name, points=each.points, lines="\n        ".join(lines)
            )
        (course / "tests" / "test.py").write_text(tests)
        (course / "tests" / "setup_code.py").write_text("")
        right = [assignment.setup, *(each.right for each in assignment.questions)]
        (course / "tests" / "ans.py").write_text("\n".join(right))
        return []

    def hand_in(self, course: Path, student: str, answers: Mapping[str, str]) -> None:
        own = course / "each" / student
        (own / "grade" / "student").mkdir(parents=True)
        (own / "grade" / "data").mkdir()
        shutil.copy(course / "data.json", own / "grade" / "data")
        shutil.copytree(course / "tests", own / "grade" / "tests")
        shutil.copytree(Path(self.folder) / "python_autograder", own / "python_autograder")
        (own / "python_autograder" / "run.sh").chmod(0o755)
        # All cells are run as one, so what stands for a missing answer would end it.
        given = [answers.get(each.name, "") for each in self._assignment.questions]
        texts = [self._assignment.setup, *given, "print('after')"]
        cells = [code(f"#grade\n{text}") for text in texts]
        (own / "grade" / "student" / f"{UNIT}.ipynb").write_text(notebook(cells))

    def command(self, course: Path) -> list[str]:
        shown = system_of(self.python)
        for name in ("passwd", "group", "shadow"):
            shown += ["--ro-bind", f"{course}/etc/{name}", f"/etc/{name}"]
        shown += ["--ro-bind", f"{course}/bin", "/usr/local/bin"]
        for name in ("grade", "python_autograder"):
            shown += ["--bind", f'"$each/{name}"', f"/{name}"]
        walls = [
            *("bwrap", *shown, "--dev", "/dev", "--proc", "/proc"),
            *("--perms", "1777", "--tmpfs", "/tmp"),
            *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent"),
            *("--cap-drop", "ALL", *(word for each in DOCKERS for word in ("--cap-add", each))),
            *("--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"),
            *("--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONPATH", "/grade/serverFilesCourse"),
        ]
        line = " ".join(["timeout", "-s", "KILL", str(CONTAINER), *walls])
        line += " /python_autograder/run.sh"
        return ["sh", "-c", f"for each in {course}/each/*; do {line}; done"]

    def marks(self, course: Path, output: str) -> Marks:
        full = sum(each.points for each in self._assignment.questions)
        found = {own.name: self._result(own) for own in (course / "each").iterdir()}
        return {
            student: full * float(result["score"])
            for student, result in found.items()
            if isinstance(result.get("score"), int | float)
        }

    def told(self, course: Path, student: str, output: str) -> list[str]:
        result = self._result(course / "each" / student)
        # What ended a run is shown with the student's own lines.
        printed, _, _ = str(result.pop("output", "")).partition("Traceback (most recent call last)")
        return [printed, json.dumps(result, ensure_ascii=False)]

    def _result(self, own: Path) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            return json.loads((own / "grade" / "results" / "results.json").read_text())
        return {}


def prairielearn(python: str, folder: str) -> PrairieLearn:
    """The grader; `folder` is a checkout of PrairieLearn."""
    return PrairieLearn(os.path.abspath(python), os.path.join(folder, "graders", "python"))
