"""Many submissions on many workers: in this process, in local processes, or on a Dask cluster.

A worker keeps a warm process and the units that it has seen. A submission travels as bytes, so
workers share no folder. When a worker dies, its submission is given to another.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from helpers.grading.kernel import Kernel
from helpers.grading.rebuild import Rebuilt
from helpers.grading.sandbox import Limits, Mode, Warm, WarmDied
from helpers.grading.submission import (
    Graded,
    Times,
    Unit,
    grade_rebuilt,
    grade_submission,
    ungraded,
)

#: How often a submission is given out again after its worker died.
ATTEMPTS = 3


@dataclass(frozen=True)
class Setting:
    """What is the same for all submissions of a run.

    Attributes:
        unit: name, name of the notebook, text of the source notebook, secret.
        config: nbgrader's (a traitlets Config).
    """

    unit: tuple[str, str, bytes, bytes]
    config: Any = None
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)
    sandbox: Mode = "bwrap"

    @property
    def key(self) -> str:
        """What a worker keeps a unit and a warm process under."""
        name, notebook_name, data, secret = self.unit
        digest = hashlib.sha256(repr((name, notebook_name, self.limits, self.sandbox)).encode())
        digest.update(secret + b"\0" + data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Task:
    """One submission to grade: whose it is and the bytes of the notebook."""

    student: str
    data: bytes


class Worker:
    """What a worker process keeps from one submission to the next: a unit and a warm process."""

    def __init__(self) -> None:
        self._key = ""
        self._unit: Unit | None = None
        self._warm: Warm | None = None
        # One at a time: the output of grade cells is captured for the whole process.
        self._lock = threading.Lock()

    def unit(self, setting: Setting) -> Unit:
        """The unit, read once."""
        if self._key != setting.key or self._unit is None:
            self.close()
            self._unit, self._key = Unit.read(*setting.unit, setting.config), setting.key
        return self._unit

    def grade(self, setting: Setting, work: Callable[[Unit, Start], Graded]) -> Graded:
        """Do `work`; when the warm process dies on the way, again with another."""
        with self._lock:
            for attempt in range(ATTEMPTS):
                unit = self.unit(setting)
                if self._warm is None:
                    self._warm = Warm(unit.modules(), setting.sandbox, setting.limits)
                warm = self._warm
                try:
                    return work(unit, lambda: Kernel(warm))  # noqa: B023 (used before it changes)
                except WarmDied as error:
                    self.close()
                    if attempt == ATTEMPTS - 1:
                        return ungraded(unit, f"the grader ended {ATTEMPTS} times ({error})")
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the warm process."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None


Start = Callable[[], Kernel]

_worker = Worker()
atexit.register(_worker.close)


def unit_here(setting: Setting) -> Unit:
    """The unit, kept by this process."""
    return _worker.unit(setting)


def grade_task(setting: Setting, task: Task) -> Graded:
    """Grade one submission with this process's own worker."""
    return _worker.grade(
        setting,
        lambda unit, start: grade_submission(unit, task.student, task.data, start, setting.times),
    )


def grade_rebuilt_here(setting: Setting, student: str, rebuilt: Rebuilt) -> Graded:
    """Grade a notebook that was rebuilt before, with this process's own worker."""
    return _worker.grade(
        setting,
        lambda unit, start: grade_rebuilt(unit, student, rebuilt, start, setting.times),
    )


def grade_all(
    setting: Setting, tasks: Iterable[Task], jobs: int = 1, scheduler: str | None = None
) -> Iterator[tuple[Task, Graded]]:
    """Grade every task, in any order; each comes back as soon as it is done.

    With `scheduler`, the address of a Dask scheduler, on its workers; otherwise on `jobs` local
    processes, or in this one where `jobs` is 1.
    """
    if scheduler is not None:
        yield from _on_dask(setting, tasks, scheduler)
    elif jobs == 1:
        try:
            for task in tasks:
                yield task, grade_task(setting, task)
        finally:
            _worker.close()
    else:
        yield from _on_processes(setting, tasks, jobs)


def _on_dask(
    setting: Setting, tasks: Iterable[Task], scheduler: str
) -> Iterator[tuple[Task, Graded]]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout="15s")
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        workers = max(1, len(client.scheduler_info()["workers"]))
        yield from _in_flight(client.get_executor(pure=False), setting, tasks, 3 * workers)


def _on_processes(
    setting: Setting, tasks: Iterable[Task], jobs: int
) -> Iterator[tuple[Task, Graded]]:
    """On local processes; when one is killed, the rest of the work goes on with new ones."""
    left, deaths = iter(tasks), dict[str, int]()
    pending: list[Task] = []
    while True:
        pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
        unfinished: dict[str, Task] = {task.student: task for task in pending}
        try:
            source = _remember(pending, left, unfinished)
            for task, graded in _in_flight(pool, setting, source, 3 * jobs):
                del unfinished[task.student]
                yield task, graded
            return
        except BrokenProcessPool:
            pending = list(unfinished.values())
            for task in pending:
                deaths[task.student] = deaths.get(task.student, 0) + 1
                if deaths[task.student] > ATTEMPTS * jobs:
                    raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            _end_processes(pool)


def _remember(
    pending: list[Task], left: Iterator[Task], unfinished: dict[str, Task]
) -> Iterator[Task]:
    yield from pending
    for task in left:
        unfinished[task.student] = task
        yield task


def _in_flight(
    executor: Executor, setting: Setting, tasks: Iterable[Task], window: int
) -> Iterator[tuple[Task, Graded]]:
    """Keep `window` submissions given out, so that memory does not grow with their number."""
    given: dict[Future[Graded], Task] = {}
    source = iter(tasks)
    while True:
        while len(given) < window:
            task = next(source, None)
            if task is None:
                break
            given[executor.submit(grade_task, setting, task)] = task
        if not given:
            return
        done, _ = wait(given, return_when=FIRST_COMPLETED)
        for future in done:
            yield given.pop(future), future.result()


def _end_processes(pool: ProcessPoolExecutor) -> None:
    """End workers that still grade: the run was interrupted, or one of them was killed."""
    for process in list(getattr(pool, "_processes", None) or {}.values()):
        with contextlib.suppress(Exception):
            process.terminate()
