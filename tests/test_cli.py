"""Wrong input on the command line: one line that says what, where and what to do; exit 2."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[1]


def run(*arguments, cwd):
    command = [sys.executable, "-m", "helpers.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one unit, built, and nothing handed in."""
    folder = tmp_path_factory.mktemp("course")
    for kind in ("source", "release", "solution"):
        shutil.copytree(COURSE / kind / "homework", folder / kind / "homework")
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(COURSE / name, folder / name)
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "foreign.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "homewrk"], "no unit 'homewrk' in source/: use one of homework"),
        (["build", "--course", "empty"], "empty holds no course"),
        (["grade", "homewrk"], "no unit 'homewrk' in source/: use one of homework"),
        (["grade", "homework"], "no submissions of homework"),
        (["grade", "homework", "--sandbox", "jail"], "--sandbox jail: use bwrap or none"),
        (["feedback", "homewrk"], "no unit 'homewrk' in source/: use one of homework"),
        (["feedback", "homework"], "has no gradebook yet: run `course grade` first"),
        (["export"], "has no gradebook yet: run `course grade` first"),
        (["check", "missing.ipynb"], "missing.ipynb: there is no such file"),
        (["check", "broken.ipynb"], "broken.ipynb is no notebook"),
        (["check", "foreign.ipynb"], "does not say which unit it is of"),
        (["demo", "--folder", "source"], "source holds something else than a demo"),
    ],
)
def test_one_line_exit_2_and_nothing_changed(course, arguments, said):
    before = contents(course)
    ran = run(*arguments, cwd=course)
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.startswith("course: ")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert ran.stdout.strip() == ""
    assert contents(course) == before


def test_an_unknown_student_is_named(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    shutil.copytree(folder / "release" / "homework", folder / "submitted" / "ada" / "homework")
    before = contents(folder)
    ran = run("grade", "homework", "--only", "adda", cwd=folder)
    assert ran.returncode == 2
    assert "adda" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert contents(folder) == before


def test_a_gradebook_that_cannot_be_written_stops_the_run_before_it_begins(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    shutil.copytree(folder / "release" / "homework", folder / "submitted" / "ada" / "homework")
    (folder / "gradebook.db").mkdir()  # root writes to any file, but not to a folder
    before = contents(folder)
    ran = run("grade", "homework", cwd=folder)
    assert ran.returncode == 2, ran.stderr
    assert "gradebook" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert contents(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only files")
def test_a_read_only_gradebook_stops_the_run_before_it_begins(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    shutil.copytree(folder / "release" / "homework", folder / "submitted" / "ada" / "homework")
    (folder / "gradebook.db").touch(mode=0o444)
    ran = run("grade", "homework", cwd=folder)
    assert ran.returncode == 2
    assert "gradebook" in ran.stderr


def test_build_says_what_is_out_of_date_and_then_mends_it(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    assert run("build", cwd=folder).returncode == 0
    release = folder / "release" / "homework" / "homework.ipynb"
    right = release.read_bytes()
    release.write_text("{}")
    checked = run("build", "--check", cwd=folder)
    assert checked.returncode == 1
    assert checked.stdout.strip() == "out of date: release/homework/homework.ipynb"
    assert run("build", cwd=folder).returncode == 0
    assert release.read_bytes() == right
    assert run("build", "--check", cwd=folder).returncode == 0
