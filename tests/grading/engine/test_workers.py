"""A submission that ends the process that grades it takes no other one with it."""

from __future__ import annotations

import json
import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest

from helpers.grading.engine.grade import Graded, Unit, modules_of
from helpers.grading.engine.workers import Setting, Task, _in_flight, grade_all
from helpers.grading.sandbox.host import Warm
from tests.grading import sample

SOURCE = json.dumps(sample.source_notebook()).encode()
RIGHT = json.dumps(sample.right_notebook()).encode()


class Deadly(str):
    """The name of a unit. Whoever compares it with "deadly" ends at once."""

    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        if other == "deadly":
            os._exit(9)
        return str.__ne__(self, other)


@pytest.fixture
def setting() -> Setting:
    unit = Unit.read(sample.UNIT, sample.UNIT, SOURCE, b"secret")
    return Setting(replace(unit, name=Deadly(sample.UNIT)), modules_of(SOURCE))


@pytest.fixture
def deadly() -> bytes:
    notebook = sample.right_notebook()
    notebook["metadata"]["course"]["unit"] = "deadly"
    return json.dumps(notebook).encode()


@pytest.mark.parametrize("position", [0, 4, 8])
def test_the_others_are_graded(setting: Setting, deadly: bytes, position: int) -> None:
    tasks = [Task(str(n), deadly if n == position else RIGHT) for n in range(9)]
    graded = {task.student: result for task, result in grade_all(setting, tasks, 2)}
    assert sorted(graded) == [task.student for task in tasks]
    ended = graded.pop(str(position))
    assert (ended.status, len(ended.remarks)) == ("unreadable", 1)
    assert "the grader's process ended 3 times" in ended.remarks[0]
    assert {result.total for result in graded.values()} == {sample.POINTS}


def test_a_submission_that_a_broken_pool_does_not_take_is_not_lost(setting: Setting) -> None:
    def submit(task: Task) -> Future[Graded]:
        if task.student == "second":
            raise BrokenProcessPool
        return Future()

    given: dict[Future[Graded], Task] = {}
    tasks = [Task("first", RIGHT), Task("second", RIGHT), Task("third", RIGHT)]
    with pytest.raises(BrokenProcessPool):
        list(_in_flight(setting, submit, tasks, 2, given))
    assert [task.student for task in given.values()] == ["first", "second"]


def test_a_warm_process_that_is_killed_while_it_starts_is_made_again() -> None:
    unit = Unit.read(sample.UNIT, sample.UNIT, SOURCE, b"secret")
    warm = Warm(modules_of(SOURCE))
    assert warm._process is not None
    warm._process.kill()
    results = grade_all(Setting(unit, modules_of(SOURCE)), [Task("ada", RIGHT)], 2, None, warm)
    assert [graded.total for _, graded in results] == [sample.POINTS]


def test_where_none_can_be_graded_the_run_ends(setting: Setting, deadly: bytes) -> None:
    results = grade_all(setting, [Task(str(n), deadly) for n in range(4)], 2)
    with pytest.raises(ValueError, match=r"end again and again .* run with --jobs 1 to see why"):
        next(results)
