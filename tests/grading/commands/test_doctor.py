"""`course doctor`: what this machine can do, with a remedy for each thing that it cannot."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers.grading.commands import doctor
from helpers.grading.commands.doctor import CANNOT_GRADE, Line, doctor_command
from helpers.grading.sandbox import bubblewrap


def said(capsys: pytest.CaptureFixture[str]) -> tuple[bool, dict[str, dict[str, object]]]:
    """Whether grading can be done, and each line by its name."""
    found = json.loads(capsys.readouterr().out)
    return found["can_grade"], {line["name"]: line for line in found["lines"]}


def test_a_machine_that_runs_these_tests_can_grade(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_command(as_json=True) == 0
    can_grade, lines = said(capsys)
    assert can_grade
    assert "bubblewrap" in str(lines["sandbox"]["here"])
    assert f"numpy {version('numpy')}" in str(lines["packages"]["here"])
    assert {"user namespaces", "memory", "cores", "database", "browser", "GPU"} <= set(lines)


def test_every_line_that_is_not_as_it_should_be_has_a_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    doctor_command(as_json=True)
    _, lines = said(capsys)
    assert [name for name, line in lines.items() if line["good"] == bool(line["remedy"])] == []


def test_without_a_sandbox_nothing_can_be_graded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "candidates", list)
    assert doctor_command(as_json=False) == CANNOT_GRADE
    printed = " ".join(capsys.readouterr().out.split())
    assert "Nothing can be graded here: sandbox" in printed


def test_without_browser_and_database_everything_can_be_graded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "chromium", lambda: None)
    monkeypatch.setattr(doctor, "postgresql", lambda: None)
    assert doctor_command(as_json=True) == 0
    _, lines = said(capsys)
    assert str(lines["browser"]["remedy"]).startswith("apt install chromium")
    assert str(lines["database"]["remedy"]).startswith("apt install postgresql")


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("numpy>=2", ("", True)),
        ("no-such-package>=3", ("pip install 'no-such-package>=3'", True)),
        # Another version than was tried may still do.
        ("numpy>=1000", ("pip install 'numpy>=1000'", False)),
    ],
)
def test_a_package_that_is_missing_is_named(wanted: str, line: tuple[str, bool]) -> None:
    found = doctor._extra("grade", [Requirement(wanted)])
    assert (found.remedy, found.needed) == line
    assert found.good == (not found.remedy)


def test_a_small_machine_is_told_how_many_to_grade_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "memory", lambda: (4 * doctor.GiB, 2 * doctor.GiB))
    memory: Line = doctor._memory()[0]
    assert memory.here == "2.0 of 4.0 GiB free"
    assert memory.remedy.startswith("course grade does 1 at once here")


def test_the_servers_programs_are_found_together() -> None:
    programs = doctor.postgresql()
    assert programs is not None
    assert {"initdb", "postgres"} <= {path.name for path in Path(programs).iterdir()}
