"""What endless notebooks cost a class has an end, and nobody loses a mark by it in silence."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from helpers.grading.engine.grade_submission import CellScore, Graded
from helpers.grading.engine.job import GradingJob, Results, Task
from helpers.grading.engine.patience import AT_ONCE, FEW, SHORT, grade_patiently
from helpers.grading.engine.run_cells import Times
from tests.grading import in_process_backend

#: Seconds that a submission takes of a cell: nothing, some, and all that there are.
QUICK, SLOW, ENDLESS = 0.0, 2 * SHORT.cell, 1e9


class Class:
    """Submissions that take so many seconds, and the times that each was given."""

    busy = False

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.given = seconds, {student: list[float]() for student in seconds}

    def grade(self, job: GradingJob, tasks: Iterable[Task]) -> Results:
        for task in tasks:
            self.given[task.student].append(job.times.cell)
            late = self.seconds[task.student] > job.times.cell
            scores = (CellScore("a", 0.0 if late else 1.0, 1.0, False),)
            took = min(self.seconds[task.student], job.times.cell)
            disturbed = "it lacked a processor" if late and self.busy else ""
            yield (
                task,
                Graded("graded", scores, (), (), disturbed, out_of_time=late, student_seconds=took),
            )

    def graded(self, times: Times | None = None, backwards: bool = False) -> dict[str, Graded]:
        students = sorted(self.seconds, reverse=backwards)
        tasks = [Task(student, b"") for student in students]
        job = in_process_backend.make_job(times=times or Times())
        found = grade_patiently(job, tasks, len(tasks), self.grade)
        return {task.student: graded for task, graded in found}


def a_class(endless: int = 0, slow: int = 0, quick: int = 20) -> Class:
    kinds = [ENDLESS] * endless + [SLOW] * slow + [QUICK] * quick
    return Class({f"{number:03d}": seconds for number, seconds in enumerate(kinds)})


def test_who_is_quick_is_graded_once_in_a_short_time() -> None:
    some = a_class(quick=300)
    assert {graded.total for graded in some.graded().values()} == {1.0}
    assert all(given == [SHORT.cell] for given in some.given.values())


def test_who_is_slow_has_all_the_time_and_its_mark_however_many_they_are() -> None:
    some = a_class(slow=300)
    assert {(each.status, each.total) for each in some.graded().values()} == {("graded", 1.0)}


def test_thirty_endless_of_three_hundred_do_not_take_thirty_times_the_limit() -> None:
    some = a_class(endless=30, quick=270)
    graded = some.graded()
    assert len(graded) == 300
    long = [student for student, given in some.given.items() if Times.cell in given]
    assert long == [f"{number:03d}" for number in range(AT_ONCE)]
    left = [each for each in graded.values() if each.status == "for a person"]
    assert len(left) == 30 - AT_ONCE
    assert all(each.scores[0].needs_manual and "--only" in each.remarks[-1] for each in left)


def test_a_busy_machine_makes_no_endless_class() -> None:
    """What is disturbed is graded once more, alone and with all the time that there is."""
    some = a_class(endless=30)
    some.busy = True
    assert sum(bool(each.disturbed) for each in some.graded().values()) == AT_ONCE


@pytest.mark.parametrize("endless", [0, 3, 30])
def test_in_which_order_they_come_changes_nothing(endless: int) -> None:
    assert a_class(endless, slow=20).graded() == a_class(endless, slow=20).graded(backwards=True)


def test_a_class_of_few_has_all_the_time_at_once() -> None:
    some = a_class(endless=2, quick=FEW - 2)
    some.graded()
    assert all(given == [Times.cell] for given in some.given.values())


def test_where_a_cell_has_little_time_everyone_has_all_of_it() -> None:
    some = a_class(endless=20)
    graded = some.graded(Times(cell=2.0))
    assert {each.status for each in graded.values()} == {"graded"}
    assert all(given == [2.0] for given in some.given.values())
