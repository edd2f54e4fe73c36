"""Wrong input on the command line: one line that says what, where and what to do; exit 2."""

import ctypes
import shutil
import subprocess
import sys

import pytest

from helpers.cli import main
from tests import COURSE


def run(*arguments, cwd, before=None):
    command = [sys.executable, "-m", "helpers.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, preexec_fn=before
    )


def run_here(*arguments):
    """The same in this process: its exit code, 0 where it says none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code or 0


def obey_permissions():
    """Root writes to read-only files as long as it has CAP_DAC_OVERRIDE: drop it."""
    pr_capbset_drop, cap_dac_override = 24, 1
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


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
    (folder / "long.ipynb").write_text('{"cells": [' + ", ".join(["{}"] * 20_000) + "]}")
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
        (["collect", "homewrk", "empty"], "no unit 'homewrk' in source/: use one of homework"),
        (["collect", "homework", "missing.zip"], "missing.zip: there is no such file or folder"),
        (["collect", "homework", "broken.ipynb"], "broken.ipynb cannot be read as an archive"),
        (["collect", "homework", "empty", "--roster", "no.csv"], "no.csv: there is no such roster"),
        (["collect", "homework", "empty", "--roster", "broken.ipynb"], "has no column id"),
        (["collect", "homework", "empty", "--due", "soon"], "--due soon: write it as 2026-11-20T"),
        (["report", "homewrk"], "no unit 'homewrk' in source/: use one of homework"),
        (["report", "homework"], "has no gradebook yet: run `course grade` first"),
        (["report", "homework", "--output", "empty"], "empty cannot be written: name a file"),
        (["export", "homewrk", "--to", "csv"], "no unit 'homewrk' in source/"),
        (["export", "homework", "--to", "csv"], "has no gradebook yet: run `course grade` first"),
        (["export", "homework", "--to", "excel"], "--to excel: use moodle, canvas, csv"),
        (["export", "homework", "--to", "canvas"], "canvas knows students by the ids in a roster"),
        (["check", "missing.ipynb"], "missing.ipynb: there is no such file"),
        (
            ["check", "broken.ipynb"],
            "broken.ipynb: the file is no valid notebook (it ends too early",
        ),
        (["check", "long.ipynb"], "long.ipynb: it has 20,000 cells, and at most 5,000 are read"),
        (["check", "foreign.ipynb"], "does not say which unit it is of"),
        (["demo", "--folder", "source"], "source holds something else than a demo"),
    ],
)
def test_one_line_exit_2_and_nothing_changed(course, monkeypatch, capsys, arguments, said):
    before = contents(course)
    monkeypatch.chdir(course)
    monkeypatch.setattr(sys, "argv", ["course", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2, printed.err
    assert printed.err.startswith("course: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out.strip() == ""
    assert contents(course) == before


def test_an_unknown_student_is_named(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    shutil.copytree(folder / "release" / "homework", folder / "submitted" / "ada" / "homework")
    before = contents(folder)
    ran = run("grade", "homework", "--only", "adda", "--jobs", "1", cwd=folder)
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


def test_a_read_only_gradebook_stops_the_run_before_it_begins(course, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    shutil.copytree(folder / "release" / "homework", folder / "submitted" / "ada" / "homework")
    (folder / "gradebook.db").touch(mode=0o444)
    ran = run("grade", "homework", "--jobs", "1", cwd=folder, before=obey_permissions)
    assert ran.returncode == 2
    assert "gradebook" in ran.stderr


def test_build_says_what_is_out_of_date_and_then_mends_it(course, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "course"
    shutil.copytree(course, folder)
    monkeypatch.chdir(folder)
    assert run("build", cwd=folder).returncode == 0
    release = folder / "release" / "homework" / "homework.ipynb"
    right = release.read_bytes()
    release.write_text("{}")
    assert run_here("build", "--check") == 1
    assert capsys.readouterr().out.strip() == "out of date: release/homework/homework.ipynb"
    assert run_here("build") == 0
    assert release.read_bytes() == right
    assert run_here("build", "--check") == 0
