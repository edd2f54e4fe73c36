"""Many submissions on many workers: in this process, in local processes, or on a Dask cluster.

Local workers share one server of students' processes; a worker of a cluster keeps its own. A
submission travels as bytes, so workers share no folder. What a worker or server takes with it is
graded again.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future

from helpers.grading.engine.grade_submission import Graded, internal_error
from helpers.grading.engine.in_flight import in_flight
from helpers.grading.engine.job import GradingJob, Results, Task
from helpers.grading.engine.pool import Pool
from helpers.grading.engine.worker_state import grade_task, grade_with
from helpers.grading.sandbox.backend import Server


def grade_all(
    job: GradingJob,
    tasks: Iterable[Task],
    jobs: int = 1,
    scheduler: str | None = None,
    server: Server | None = None,
) -> Results:
    """Grade every task, in any order; each comes back as soon as it is done.

    With `scheduler`, the address of a Dask scheduler, on its workers; otherwise on `jobs` local
    processes. `server` is one for them to begin with; without it, one job is done in this process.
    """
    if scheduler is not None:
        return _on_dask(job, tasks, scheduler)
    if jobs == 1 and server is None:
        return ((task, grade_task(job, task)) for task in tasks)
    return Pool(job, jobs, server).run(tasks)


def grade_one(
    job: GradingJob, task: Task, scheduler: str | None = None, server: Server | None = None
) -> Graded:
    """Grade one submission where a class would be, before the class: the server goes on."""
    if scheduler is None:
        return grade_with(server, job, task)
    ((_, graded),) = _on_dask(job, [task], scheduler)
    return graded


def _on_dask(job: GradingJob, tasks: Iterable[Task], scheduler: str) -> Results:
    from distributed import Client, KilledWorker

    def result(future: Future[Graded]) -> Graded:
        try:
            return future.result()
        except (KilledWorker, MemoryError) as error:
            return internal_error(job.unit, error)

    try:
        client = Client(scheduler, timeout="15s")
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        executor = client.get_executor(pure=False)
        window = 3 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        yield from in_flight(
            tasks, window, lambda task: executor.submit(grade_task, job, task), result, {}
        )
