"""A class with endless notebooks in it: what they cost has an end.

Everyone has little time at first. Whoever runs out of it is graded once more after all others, with
all the time that there is, some at once and in the order of their names. Who runs out of that, too,
has drawn on a budget that the class has in common. Once it is used up, those who are left are for a
person, with what they earned at first. How many workers there are changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from helpers.grading.engine.grade_submission import Graded, unsure
from helpers.grading.engine.job import GradingJob, Results, Task
from helpers.grading.engine.run_cells import Times

#: Submissions of a class that has all the time at once.
FEW = 10
#: What everyone has at first.
SHORT = Times(cell=10.0, call=3.0, notebook=40.0)
#: Submissions that are graded once more before the budget is looked at.
AT_ONCE = 6
#: The budget, in times that one cell has.
BUDGET = 4

#: Grades tasks as one would do it without a budget.
Grade = Callable[[GradingJob, Iterable[Task]], Results]


def grade_patiently(job: GradingJob, tasks: Iterable[Task], count: int, grade: Grade) -> Results:
    """Grade every task, of which there are `count`; each comes back as soon as it is done."""
    if count <= FEW or job.times.cell <= SHORT.cell:
        yield from grade(job, tasks)
        return
    short = replace(job, times=shortened(job.times))
    slow: list[tuple[Task, Graded]] = []
    for task, graded in grade(short, tasks):
        if graded.out_of_time:
            slow.append((task, graded))
        else:
            yield task, graded
    slow.sort(key=lambda each: each[0].student)
    budget = BUDGET * job.times.cell
    while slow and budget > 0:
        for task, graded in grade(job, [task for task, _ in slow[:AT_ONCE]]):
            budget -= graded.student_seconds if graded.out_of_time else 0.0
            yield task, graded
        del slow[:AT_ONCE]
    for task, graded in slow:
        yield task, _left(graded, job.times, task.student)


def shortened(times: Times) -> Times:
    """What everyone has at first of these."""
    return replace(
        times,
        cell=min(times.cell, SHORT.cell),
        call=min(times.call, SHORT.call),
        notebook=min(times.notebook, SHORT.notebook),
    )


def _left(graded: Graded, times: Times, student: str) -> Graded:
    """Of somebody for whom nothing was left of the budget."""
    remark = (
        "took too long in a short time, and others had used up the time that a class has for that: "
        f"`course grade … --only {student} --force` gives it {times.cell:g} s for a cell"
    )
    # Nor is it graded again alone, where it lacked a processor, too: that would take all the time.
    left = replace(unsure(graded), status="for a person", disturbed="")
    return replace(left, remarks=(*graded.remarks, remark))
