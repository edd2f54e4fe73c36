"""Many submissions on many workers: in this process, in local processes, or on a Dask cluster.

Local workers share one warm process; a worker of a cluster keeps its own. A submission travels as
bytes, so workers share no folder. What a worker or warm process takes with it is graded again.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from helpers.grading.kernel import Kernel
from helpers.grading.rebuild import Rebuilt
from helpers.grading.sandbox import Forks, Limits, Mode, Warm, WarmDied, die_with_parent
from helpers.grading.submission import (
    Graded,
    Times,
    Unit,
    grade_rebuilt,
    grade_submission,
    ungraded,
)

#: How often a submission is graded anew after a process that graded it died.
ATTEMPTS = 3


@dataclass(frozen=True)
class Setting:
    """What is the same for all submissions of a run: the unit, and what its code may take.

    Attributes:
        modules: imported in the warm process.
    """

    unit: Unit
    modules: tuple[str, ...]
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)
    sandbox: Mode = "bwrap"


@dataclass(frozen=True)
class Task:
    """One submission to grade: whose it is and the bytes of the notebook."""

    student: str
    data: bytes


Results = Iterator[tuple[Task, Graded]]


def grade_all(
    setting: Setting,
    tasks: Iterable[Task],
    jobs: int = 1,
    scheduler: str | None = None,
    warm: Warm | None = None,
) -> Results:
    """Grade every task, in any order; each comes back as soon as it is done.

    With `scheduler`, the address of a Dask scheduler, on its workers; otherwise on `jobs` local
    processes, or in this one where `jobs` is 1. `warm` is one for local processes to begin with.
    """
    if scheduler is not None:
        return _on_dask(setting, tasks, scheduler)
    if jobs == 1 and warm is None:
        return ((task, grade_task(setting, task)) for task in tasks)
    return _on_processes(setting, tasks, jobs, warm)


class Own:
    """The warm process that this process keeps for itself, from one submission to the next."""

    def __init__(self) -> None:
        self._warm: Warm | None = None
        self._kind: tuple[tuple[str, ...], Mode, Limits] | None = None
        # One at a time: the output of grade cells is captured for the whole process.
        self._lock = threading.Lock()

    def grade(self, setting: Setting, work: Callable[[Callable[[], Kernel]], Graded]) -> Graded:
        """Do `work`; when the warm process dies on the way, again with another."""
        with self._lock:
            for _ in range(ATTEMPTS):
                forks = self._forks(setting)
                try:
                    return work(lambda forks=forks: Kernel(forks))  # type: ignore[misc]
                except WarmDied as error:
                    reason = str(error)
                    self.close()
        return ungraded(setting.unit, f"the grader's process ended {ATTEMPTS} times ({reason})")

    def _forks(self, setting: Setting) -> Forks:
        if self._warm is None or self._kind != _kind(setting):
            self.close()
            self._warm, self._kind = Warm(*_kind(setting)), _kind(setting)
        return self._warm.forks()

    def close(self) -> None:
        """End the warm process."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None


def _kind(setting: Setting) -> tuple[tuple[str, ...], Mode, Limits]:
    return setting.modules, setting.sandbox, setting.limits


_own = Own()
atexit.register(_own.close)


def close_worker() -> None:
    """End the warm process that this process keeps for the next submission, if it does."""
    _own.close()


def grade_task(setting: Setting, task: Task) -> Graded:
    """Grade one submission with this process's own warm process."""
    return _own.grade(
        setting,
        lambda start: grade_submission(setting.unit, task.student, task.data, start, setting.times),
    )


def grade_rebuilt_here(setting: Setting, student: str, rebuilt: Rebuilt) -> Graded:
    """Grade a notebook that was rebuilt before, with this process's own warm process."""
    return _own.grade(
        setting,
        lambda start: grade_rebuilt(setting.unit, student, rebuilt, start, setting.times),
    )


def _on_dask(setting: Setting, tasks: Iterable[Task], scheduler: str) -> Results:
    from distributed import Client

    try:
        client = Client(scheduler, timeout="15s")
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        executor = client.get_executor(pure=False)
        window = 3 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        yield from _in_flight(
            lambda task: executor.submit(grade_task, setting, task), tasks, window
        )


# What a local worker process is given when it starts.
_given: tuple[Setting, Forks] | None = None


def _begin(setting: Setting, forks: Forks) -> None:
    global _given
    # A pool's workers would wait for ever for the work of a coordinator that was killed.
    die_with_parent()
    _given = setting, forks
    import helpers.check  # noqa: F401 (what judges: here, and not in the first submission's time)


def _started() -> None:
    """The first work of a new worker process."""


def _grade_given(task: Task) -> Graded:
    assert _given is not None
    setting, forks = _given
    return grade_submission(
        setting.unit, task.student, task.data, lambda: Kernel(forks), setting.times
    )


def _on_processes(setting: Setting, tasks: Iterable[Task], jobs: int, warm: Warm | None) -> Results:
    """On local processes; when one is killed, the rest of the work goes on with new ones."""
    source, unfinished, deaths = iter(tasks), dict[str, Task](), dict[str, int]()
    worked, failures = False, 0
    while True:
        warm = warm or Warm(*_kind(setting))
        pool = None
        try:
            pool = ProcessPoolExecutor(
                jobs,
                multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(setting, warm.forks(wait=False)),
            )
            # The workers start while the warm process still imports.
            for _ in range(jobs):
                pool.submit(_started)
            warm.forks()
            work = _remembered(list(unfinished.values()), source, unfinished)
            for task, graded in _in_flight(_submitter(pool), work, 3 * jobs):
                del unfinished[task.student]
                worked = True
                yield task, graded
            return
        except (BrokenProcessPool, WarmDied) as error:
            failures += 1
            if failures == ATTEMPTS and not worked:
                # No submission's fault: nothing is written, so that the next run grades it all.
                raise ValueError(
                    f"the workers end before they have graded anything ({error}): "
                    "run with --jobs 1 to see why"
                ) from None
            for task in list(unfinished.values()):
                deaths[task.student] = deaths.get(task.student, 0) + 1
                if deaths[task.student] > ATTEMPTS:
                    del unfinished[task.student]
                    reason = f"the grader's process ended again and again ({error})"
                    yield task, ungraded(setting.unit, reason)
        finally:
            if pool is not None:
                _end(pool)
            warm.close()
            warm = None


def _submitter(pool: ProcessPoolExecutor) -> Callable[[Task], Future[Graded]]:
    return lambda task: pool.submit(_grade_given, task)


def _remembered(
    again: list[Task], source: Iterator[Task], unfinished: dict[str, Task]
) -> Iterator[Task]:
    yield from again
    for task in source:
        unfinished[task.student] = task
        yield task


def _in_flight(
    submit: Callable[[Task], Future[Graded]], tasks: Iterable[Task], window: int
) -> Results:
    """Keep `window` submissions given out, so that memory does not grow with their number."""
    given: dict[Future[Graded], Task] = {}
    source = iter(tasks)
    while True:
        while len(given) < window:
            task = next(source, None)
            if task is None:
                break
            given[submit(task)] = task
        if not given:
            return
        done, _ = wait(given, return_when=FIRST_COMPLETED)
        for future in done:
            yield given.pop(future), future.result()


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers now: the work is done, or the run was interrupted, or one was killed."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(Exception):
            process.terminate()
