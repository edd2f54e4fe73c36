"""Many submissions on many workers: in this process, in local processes, or on a Dask cluster.

Local workers share one warm process; a worker of a cluster keeps its own. A submission travels as
bytes, so workers share no folder. What a worker or warm process takes with it is graded again.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from helpers.grading.engine.grade import (
    Graded,
    Times,
    Unit,
    grade_rebuilt,
    grade_submission,
    stumbled,
    ungraded,
)
from helpers.grading.handin.rebuild import Rebuilt
from helpers.grading.sandbox.host import (
    Forks,
    Limits,
    Mode,
    SandboxError,
    Warm,
    WarmDied,
    die_with_parent,
)
from helpers.grading.sandbox.process import Kernel

#: How often a submission is given to a process that does nothing else, where such processes die.
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
                try:
                    forks = self._forks(setting)
                    return work(lambda forks=forks: Kernel(forks))  # type: ignore[misc]
                except SandboxError as error:
                    self.close()
                    if not isinstance(error, WarmDied):
                        raise
                    reason = str(error)
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
    from distributed import Client, KilledWorker

    try:
        client = Client(scheduler, timeout="15s")
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        executor = client.get_executor(pure=False)
        window = 3 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        yield from _in_flight(
            setting,
            lambda task: executor.submit(grade_task, setting, task),
            tasks,
            window,
            stumbles=(KilledWorker, MemoryError),
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
    """On local processes. What is in flight when one of them dies is graded again one after
    another, so that a submission that ends its grader takes no other one with it."""
    source, alone, deaths = iter(tasks), deque[Task](), Counter[str]()
    buried: list[tuple[Task, Graded]] = []
    worked = False
    while True:
        in_flight: dict[Future[Graded], Task] = {}
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
            started = [pool.submit(_started) for _ in range(jobs)]
            warm.forks()
            for each in started:
                each.result()
            submit = _submitter(pool)
            while alone:
                for result in _in_flight(setting, submit, [alone[0]], 1, in_flight):
                    yield result
                    worked = True
                alone.popleft()
            for result in _in_flight(setting, submit, source, 3 * jobs, in_flight):
                yield result
                worked = True
            yield from buried
            return
        except (BrokenProcessPool, WarmDied) as error:
            if in_flight and not alone:
                alone.extend(in_flight.values())
                continue
            name = alone[0].student if in_flight else ""
            deaths[name] += 1
            if deaths[name] < ATTEMPTS:
                continue
            if in_flight:
                reason = f"the grader's process ended {ATTEMPTS} times ({error})"
                buried.append((alone.popleft(), ungraded(setting.unit, reason)))
            if not in_flight or (len(buried) > 1 and not worked):
                # No submission's fault: none is written, so that the next run grades them.
                raise ValueError(
                    f"the workers end again and again ({error}): run with --jobs 1 to see why"
                ) from None
        finally:
            if pool is not None:
                _end(pool)
            warm.close()
            warm = None


def _submitter(pool: ProcessPoolExecutor) -> Callable[[Task], Future[Graded]]:
    return lambda task: pool.submit(_grade_given, task)


def _in_flight(
    setting: Setting,
    submit: Callable[[Task], Future[Graded]],
    tasks: Iterable[Task],
    window: int,
    given: dict[Future[Graded], Task] | None = None,
    stumbles: tuple[type[Exception], ...] = (Exception,),
) -> Results:
    """Keep `window` submissions given out, so that memory does not grow with their number.

    What is given out stands in `given`. An exception among `stumbles` is that submission's result;
    the end of a pool or of a warm process is raised.
    """
    given = {} if given is None else given
    source = iter(tasks)
    while True:
        while len(given) < window:
            task = next(source, None)
            if task is None:
                break
            try:
                future = submit(task)
            except BrokenProcessPool as error:
                # It is given out all the same, so that it is not lost.
                future = Future()
                future.set_exception(error)
            given[future] = task
        if not given:
            return
        done, _ = wait(given, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                graded = future.result()
            except (BrokenProcessPool, SandboxError):
                raise
            except stumbles as error:
                graded = stumbled(setting.unit, error)
            yield given.pop(future), graded


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers now: the work is done, or the run was interrupted, or one was killed."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(Exception):
            process.terminate()
