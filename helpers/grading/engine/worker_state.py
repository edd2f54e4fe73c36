"""One process that grades, and what it keeps from one submission to the next."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from multiprocessing.connection import Connection

from helpers.grading.engine.grade_submission import Graded, ungraded
from helpers.grading.engine.grader_process import GraderProcess, serve
from helpers.grading.engine.job import GradingJob, RebuiltTask, Task
from helpers.grading.engine.time_limit import holds_here
from helpers.grading.sandbox.backend import Client, SandboxError, Server, ServerDied

#: How often a submission is given to a process that does nothing else, where such processes die.
ATTEMPTS = 3


class WorkerState:
    """What a process that grades keeps: a pool's worker the client that its pool shares, any other
    a server of its own, or, where no time limit would hold, a process that grades in its place."""

    def __init__(self) -> None:
        self._pool: tuple[GradingJob, Client] | None = None
        self._server: Server | None = None
        self._served: GradingJob | None = None
        self._process: GraderProcess | None = None
        # One at a time: the output of grade cells is captured for the whole process.
        self._lock = threading.Lock()

    def join_pool(self, job: GradingJob, client: Client) -> None:
        """Become a pool's worker."""
        self._pool = job, client

    def grade_for_pool(self, task: Task) -> Graded:
        """Grade with what the pool shares. What dies on the way is the pool's to mourn."""
        assert self._pool is not None
        job, client = self._pool
        return task.grade(job, client.start)

    def grade(self, job: GradingJob, task: Task | RebuiltTask) -> Graded:
        """Grade with a server of this process's own; when that dies on the way, with another."""
        with self._lock:
            for _ in range(ATTEMPTS):
                try:
                    if holds_here():
                        return task.grade(job, self._client(job).start)
                    return self._other_process().grade(job, task)
                except SandboxError as error:
                    self.close()
                    if not isinstance(error, ServerDied):
                        raise
                    reason = str(error)
        return given_up(job, reason)

    def close(self) -> None:
        """End what this process keeps for the next submission."""
        for kept in (self._server, self._process):
            if kept is not None:
                kept.close()
        self._server = self._served = self._process = None

    def _client(self, job: GradingJob) -> Client:
        if self._server is None or not job.shares_server_with(self._served):
            self.close()
            self._server, self._served = job.serve(), job
        return self._server.client()

    def _other_process(self) -> GraderProcess:
        if self._process is None:
            self._process = GraderProcess(__name__)
        return self._process


def given_up(job: GradingJob, reason: str) -> Graded:
    """What a submission gets that ends every process that grades it."""
    return ungraded(job.unit, f"the grader's process ended {ATTEMPTS} times ({reason})")


_state = WorkerState()
atexit.register(_state.close)


def grade_task(job: GradingJob, task: Task | RebuiltTask) -> Graded:
    """Grade one submission with what this process keeps."""
    return _state.grade(job, task)


def grade_with(server: Server | None, job: GradingJob, task: Task) -> Graded:
    """Grade one submission with a server that is there; without one, or where it ends or no time
    limit holds here, with what this process keeps."""
    if server is not None and holds_here():
        with contextlib.suppress(ServerDied):
            return task.grade(job, server.client().start)
    return grade_task(job, task)


def close_worker() -> None:
    """End what this process keeps for the next submission."""
    _state.close()


def join_pool(job: GradingJob, client: Client) -> None:
    """Become a pool's worker."""
    _state.join_pool(job, client)


def grade_for_pool(task: Task) -> Graded:
    """Grade one submission as a pool's worker."""
    return _state.grade_for_pool(task)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), grade_task)
