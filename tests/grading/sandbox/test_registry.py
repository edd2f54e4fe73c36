"""Where students' code runs can be replaced: a backend is a file and a line."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.commands.grade import grade_command
from helpers.grading.sandbox import registry
from helpers.grading.sandbox.registry import BACKENDS, DEFAULT, choices, find_backend, is_confined
from helpers.parts import PACKAGE
from tests.grading import sample
from tests.grading.in_process_backend import ANSWERS, FakeBackend


@pytest.fixture
def course(tmp_path: Path) -> Path:
    made = sample.make_course(tmp_path / "course")
    sample.hand_in(made, "ada", sample.answered(ANSWERS))
    sample.hand_in(made, "ben", sample.answered({}))
    return made


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_class_is_graded_in_another_backend(course: Path, jobs: int) -> None:
    """Also in worker processes, which get its client."""
    result = grade_class(course, sample.UNIT, Options(jobs=jobs, sandbox=FakeBackend()))
    assert {each.student: each.total for each in result.results} == {"ada": 4.0, "ben": 0.0}
    path = course / "autograded" / "ada" / sample.UNIT / f"{sample.UNIT}.ipynb"
    record = json.loads(path.read_text())["metadata"]["course"]["graded"]
    assert record["sandbox"] == "fake"


def test_what_a_backend_does_not_prevent_is_said_before_and_after(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    grade_command(course, sample.UNIT, Options(jobs=1, sandbox=FakeBackend()))
    said = capsys.readouterr()
    warning = "Warning: --sandbox fake runs students' code as a fake: beware."
    assert warning in said.out
    assert warning in said.err


def test_a_registered_backend_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "fake", FakeBackend())
    assert find_backend("fake") == FakeBackend()
    assert choices().endswith("or fake, which runs students' code as a fake")
    assert not is_confined("fake")


def test_an_unknown_one_is_said_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^--sandbox jail: use bwrap or none$"):
        find_backend("jail")


def test_the_one_that_confines_is_the_default() -> None:
    assert (DEFAULT.name, DEFAULT.warning) == ("bwrap", "")
    assert is_confined(DEFAULT.name)
    assert not is_confined("none")


def test_no_other_file_asks_for_a_backend_by_its_name() -> None:
    """Else another one would be a change in many places."""
    own = {"confined.py", "unconfined.py", "bubblewrap.py"}
    for path in (PACKAGE / "grading").rglob("*.py"):
        if path.name in own and path.parent == Path(registry.__file__).parent:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                constants = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
                assert not {each.value for each in constants} & {"bwrap", "none"}, path
