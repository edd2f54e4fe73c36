"""Students' processes get control groups where this process may make some, and nothing changes
where it may not. The tree here is plain folders: they take what is written to a group's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.grading.sandbox import cgroup, memory
from helpers.grading.sandbox.backend import Limits, MiB
from helpers.grading.sandbox.cgroup import GRADER, StudentGroup, divide, own_group

MOUNTS = """\
30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
31 24 0:27 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A group that is this process's to divide."""
    group = tmp_path / "run-1.scope"
    group.mkdir()
    (group / "cgroup.controllers").write_text("cpu memory pids\n")
    (group / "cgroup.subtree_control").write_text("")
    return group


def test_the_group_of_this_process_is_found_where_version_2_is_mounted() -> None:
    groups = "4:memory:/old\n0::/user.slice/run-1.scope\n"
    assert own_group(MOUNTS, groups) == Path("/sys/fs/cgroup/unified/user.slice/run-1.scope")
    assert own_group(MOUNTS.splitlines()[0], groups) is None
    assert own_group(MOUNTS, "4:memory:/old\n") is None
    # In a container that sees a part of the tree only.
    part = MOUNTS.replace("0:27 /", "0:27 /user.slice")
    assert own_group(part, groups) == Path("/sys/fs/cgroup/unified/run-1.scope")


def test_the_group_of_this_process_is_found_where_version_1_is_mounted() -> None:
    groups = "4:memory:/job/7\n3:cpu,cpuacct:/other\n0::/\n"
    assert own_group(MOUNTS, groups, "memory") == Path("/sys/fs/cgroup/memory/job/7")
    assert own_group(MOUNTS, "3:cpu:/other\n0::/\n", "memory") is None


def test_the_grader_moves_into_a_group_of_its_own_and_divides_the_one_around(own: Path) -> None:
    assert divide(own, 123) == own
    assert (own / GRADER / "cgroup.procs").read_text() == "123"
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"
    (own / "cgroup.subtree_control").write_text("memory pids\n")
    # Its workers find it so.
    assert divide(own / GRADER, 124) == own


def test_a_group_that_cannot_be_divided_is_left_as_it_was(own: Path) -> None:
    (own / "cgroup.controllers").write_text("cpu\n")
    assert divide(own, 123) is None
    assert not (own / GRADER).exists()
    (own / "cgroup.controllers").write_text("memory pids\n")
    (own / "cgroup.subtree_control").unlink()
    (own / "cgroup.subtree_control").mkdir()  # as where somebody else is in it
    assert divide(own, 123) is None
    assert (own / "cgroup.procs").read_text() == "123"


def test_a_students_group_has_the_limits_and_says_when_it_ran_out(own: Path) -> None:
    group = StudentGroup.make(own, 77, Limits(memory=100 * MiB, processes=9))
    assert group is not None
    written = {path.name: path.read_text() for path in group.folder.iterdir()}
    assert written == {
        "memory.max": str(100 * MiB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "9",
        "cgroup.procs": "77",
    }
    events = group.folder / "memory.events.local"
    for text, ran_out in (("low 0\noom 0\noom_kill 1\n", False), ("oom 1\noom_kill 1\n", True)):
        events.write_text(text)
        assert group.ran_out is ran_out


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert StudentGroup.make(tmp_path / "missing", 77, Limits()) is None


@pytest.mark.parametrize(
    ("free", "cores", "workers"),
    [(1, 8, 1), (3 * 1024, 8, 2), (64 * 1024, 8, 8), (64 * 1024, 2, 2)],
)
def test_no_more_run_at_once_than_memory_has_room_for(
    monkeypatch: pytest.MonkeyPatch, free: int, cores: int, workers: int
) -> None:
    monkeypatch.setattr(memory.os, "sched_getaffinity", lambda _: set(range(cores)))
    assert memory.workers_that_fit(free * MiB) == workers


def test_a_limit_leaves_the_grader_its_memory() -> None:
    assert memory.that_fits(Limits(), 3 * 1024 * MiB).memory == 2 * 1024 * MiB
    assert memory.that_fits(Limits(), 64 * 1024 * MiB) == Limits()


def test_which_protection_there_is_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "divided", lambda: Path("x"))
    assert cgroup.protection() == "a control group for each student"
    monkeypatch.setattr(cgroup, "divided", lambda: None)
    assert cgroup.protection() == "watched process by process"
