"""Submissions given out to workers: few at a time, so that memory does not grow with the class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice

from helpers.grading.engine.grade_submission import Graded
from helpers.grading.engine.job import Results, Task

Given = dict[Future[Graded], Task]


def in_flight(
    tasks: Iterable[Task],
    window: int,
    submit: Callable[[Task], Future[Graded]],
    result: Callable[[Future[Graded]], Graded],
    given: Given,
) -> Results:
    """Keep `window` submissions given out until there are no more.

    What is given out stands in `given`, which is the caller's: where `submit` or `result` raises,
    what was not done yet is there.
    """
    source = iter(tasks)
    while True:
        for task in islice(source, window - len(given)):
            given[submit(task)] = task
        if not given:
            return
        done, _ = wait(given, return_when=FIRST_COMPLETED)
        for future in done:
            graded = result(future)
            yield given.pop(future), graded
