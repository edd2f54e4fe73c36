"""Of the machine only what a program needs is in sight."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.sandbox import confined
from helpers.grading.sandbox.confined import CONFINED, refuse_shown, shown
from helpers.grading.sandbox.process import StudentProcess
from tests.grading import sample


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python environment that was made in the course's own folder."""
    for name in ("bin", "lib", "source", "submitted", ".course"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyvenv.cfg").write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def test_of_an_environment_its_programs_and_packages_are_in_sight(environment: Path) -> None:
    seen = [Path(path).relative_to(environment) for path in shown() if str(environment) in path]
    assert sorted(map(str, seen)) == ["bin", "lib", "pyvenv.cfg"]
    refuse_shown(environment)


def test_a_course_in_what_is_shown_is_refused(environment: Path) -> None:
    inside = sample.make_course(environment / "lib" / "course")
    sample.hand_in(inside, "ada", sample.right_notebook())
    with pytest.raises(ValueError, match="which students' code sees"):
        grade_class(inside, sample.UNIT, Options(jobs=1))


@pytest.fixture(scope="module")
def process() -> Iterator[StudentProcess]:
    with CONFINED.serve() as server, server.client().start() as made:
        yield made


def test_nothing_else_of_the_environments_folder_is_there(process: StudentProcess) -> None:
    code = "import os, sys\nprint(*sorted(os.listdir(sys.prefix)))"
    seen = set(process.run(code, 30).outputs[0]["text"].split())
    system = Path(sys.prefix).is_relative_to("/usr")
    assert system or seen <= set(confined.IN_AN_ENVIRONMENT)


def test_what_cells_start_is_found_as_before(process: StudentProcess) -> None:
    code = "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(7)'], "
    code += "capture_output=True, text=True).stdout)"
    assert process.run(code, 60).outputs[0]["text"].strip() == "7"
