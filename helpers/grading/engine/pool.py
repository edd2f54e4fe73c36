"""Local worker processes that share a server of students' processes, made anew when one dies.

What is given out when a process dies is graded again one after another, so that a submission that
ends its grader takes no other one with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from helpers.grading.engine.grade_submission import Graded, internal_error
from helpers.grading.engine.in_flight import Given, in_flight
from helpers.grading.engine.job import GradingJob, Results, Task
from helpers.grading.engine.worker_state import ATTEMPTS, given_up, grade_for_pool, join_pool
from helpers.grading.sandbox.backend import Client, SandboxError, Server, ServerDied
from helpers.grading.sandbox.host import die_with_parent

#: Makes an executor of so many workers, each with the job and the client.
MakeExecutor = Callable[[int, GradingJob, Client], Executor]


class Pool:
    """Grades submissions on local processes.

    Attributes:
        given: what the workers have now.
        retry_alone: what they had when a process died, to be graded one after another.
        given_up: what ended every process that it was given to.
    """

    def __init__(
        self,
        job: GradingJob,
        jobs: int,
        server: Server | None = None,
        make_executor: MakeExecutor | None = None,
    ) -> None:
        """`server` is one to begin with, which ends with the pool's use of it."""
        self._job, self._jobs, self._server = job, jobs, server
        self._make_executor = make_executor or spawned
        self._deaths: Counter[str] = Counter()
        self._any_graded = False
        self.given: Given = {}
        self.retry_alone: deque[Task] = deque()
        self.given_up: list[tuple[Task, Graded]] = []

    def run(self, tasks: Iterable[Task]) -> Results:
        """Grade every task, in any order; each comes back as soon as it is done.

        Raises ValueError, in one line, where the workers end whatever they are given, and
        SandboxError where no server can be made.
        """
        new = iter(tasks)
        while True:
            try:
                with self._workers() as executor:
                    while self.retry_alone:
                        yield from self._results(executor, [self.retry_alone[0]], 1)
                        self.retry_alone.popleft()
                    yield from self._results(executor, new, 3 * self._jobs)
            except (BrokenProcessPool, ServerDied) as error:
                self._mourn(error)
            else:
                yield from self.given_up
                return

    @contextlib.contextmanager
    def _workers(self) -> Iterator[Executor]:
        """The workers and their server, which end with the block."""
        server = self._server or self._job.serve()
        self._server = None
        executor = None
        try:
            client = server.client(wait=False)
            executor = self._make_executor(self._jobs, self._job, client)
            # The workers start while the server still imports.
            started = [executor.submit(_started) for _ in range(self._jobs)]
            server.client()
            for each in started:
                each.result()
            yield executor
        finally:
            if executor is not None:
                _end(executor)
            server.close()

    def _results(self, executor: Executor, tasks: Iterable[Task], window: int) -> Results:
        def submit(task: Task) -> Future[Graded]:
            try:
                return executor.submit(grade_for_pool, task)
            except BrokenProcessPool as error:
                # It is given out all the same, so that it is not lost.
                broken: Future[Graded] = Future()
                broken.set_exception(error)
                return broken

        self.given = {}
        for result in in_flight(tasks, window, submit, self._result, self.given):
            yield result
            self._any_graded = True

    def _result(self, future: Future[Graded]) -> Graded:
        try:
            return future.result()
        except (BrokenProcessPool, SandboxError):
            raise
        except Exception as error:
            return internal_error(self._job.unit, error)

    def _mourn(self, error: Exception) -> None:
        """Something died: see to it that what was given out is graded all the same, or give up."""
        given, self.given = list(self.given.values()), {}
        if given and not self.retry_alone:
            self.retry_alone.extend(given)
            return
        # Where nothing was given out, the processes died while they started.
        culprit = given[0].student if given else ""
        self._deaths[culprit] += 1
        if self._deaths[culprit] < ATTEMPTS:
            return
        if given:
            self.given_up.append((self.retry_alone.popleft(), given_up(self._job, str(error))))
        if not given or (len(self.given_up) > 1 and not self._any_graded):
            # No submission's fault: none is written, so that the next run grades them.
            raise ValueError(
                f"the workers end again and again ({error}): run with --jobs 1 to see why"
            ) from None


def spawned(jobs: int, job: GradingJob, client: Client) -> Executor:
    """Fresh processes of Python."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(job, client))


def _begin(job: GradingJob, client: Client) -> None:
    # A pool's workers would wait for ever for the work of a coordinator that was killed.
    die_with_parent()
    join_pool(job, client)
    import helpers.check  # noqa: F401 (what judges: here, and not in the first submission's time)


def _started() -> None:
    """The first work of a new worker process."""


def _end(executor: Executor) -> None:
    """End the workers now: the work is done, or the run was interrupted, or one was killed."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(Exception):
            process.terminate()
