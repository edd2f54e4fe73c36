"""Which bubblewrap makes the sandbox, and what is said where none can."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers.grading.sandbox import bubblewrap
from helpers.grading.sandbox.backend import SandboxError
from helpers.grading.sandbox.confined import CONFINED

#: As bubblewrap ends where the kernel lets nobody make a namespace.
REFUSED = "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bubblewrap of the system's that this system lets make nothing."""
    program = tmp_path / "bwrap"
    program.write_text(REFUSED)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return program


def test_each_makes_a_sandbox(bwrap: str) -> None:
    with CONFINED.serve() as server, server.client().start() as process:
        said = process.run("print(open('/proc/1/cmdline').read()[:1] != '')", 30).outputs
    assert said[0]["text"] == "True\n"


def test_the_systems_comes_first(bwrap: str) -> None:
    found = bubblewrap.find()
    assert found.whose == "the system's"
    assert found.version()[0].isdigit()


def test_where_the_system_has_none_it_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert bubblewrap.find().whose == "the package's"


def test_where_the_systems_does_not_work_it_is_the_packages(refused: Path) -> None:
    assert bubblewrap.find().whose == "the package's"


def test_one_line_says_why_none_works_and_what_to_do(
    refused: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "packaged", lambda: None)
    with pytest.raises(SandboxError) as error:
        bubblewrap.find()
    said = str(error.value)
    assert said.count("\n") == 0
    assert f"{refused}: setting up uid map: Permission denied" in said
    assert bubblewrap.IN_A_CONTAINER in said
    assert "--sandbox none" in said


@pytest.mark.parametrize("name", bubblewrap.SETTINGS)
def test_a_kernel_setting_that_forbids_it_is_named_with_the_way_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, way_out = bubblewrap.SETTINGS[name]
    monkeypatch.setattr(bubblewrap, "setting", {name: value}.get)
    assert bubblewrap.remedy() == way_out


def test_a_bubblewrap_is_tried_once(refused: Path) -> None:
    assert bubblewrap.why_not(str(refused)).endswith("Permission denied")
    refused.unlink()
    assert bubblewrap.why_not(str(refused)).endswith("Permission denied")
