"""On a Dask cluster: the same grades, also when a worker is killed on the way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from helpers.grading.class_run import Options, grade_class
from tests.grading import sample
from tests.grading.conftest import CLASS, hand_in_class, share_secret


def test_grades_are_the_same_and_survive_a_killed_worker(
    graded_course: Path, grades: Any, tmp_path: Path
) -> None:
    other = sample.make_course(tmp_path / "other")
    share_secret(graded_course, other)
    hand_in_class(other)
    killed: list[int] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = [worker.process.pid for worker in cluster.workers.values()]

        def kill_one(done: int, total: int, result: Any) -> None:
            if not killed:
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])

        grade_class(
            other, sample.UNIT, Options(scheduler=cluster.scheduler_address), progress=kill_one
        )
    assert len(killed) == 1
    assert grades(other) == grades(graded_course)
    assert {row[0] for row in grades(other)} == set(CLASS)


def test_a_scheduler_that_does_not_answer_is_said_in_one_line(course: Path) -> None:
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        grade_class(course, sample.UNIT, Options(scheduler="tcp://127.0.0.1:9"))
