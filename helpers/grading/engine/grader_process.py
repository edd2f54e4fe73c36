"""A process that grades on its main thread, for one that is given its tasks on other threads.

A Dask worker is: there no time limit would hold.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from helpers.grading.engine.grade_submission import Graded
from helpers.grading.engine.job import GradingJob, RebuiltTask, Task
from helpers.grading.sandbox.backend import ServerDied


class GraderProcess:
    """Such a process, from the side of whoever asks it. It trusts that side, and is trusted: they
    exchange pickles, and nothing of a student's is unpickled in either."""

    def __init__(self, module: str) -> None:
        """`python -m MODULE SOCKET` calls `serve`."""
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(each or os.getcwd() for each in sys.path)
        with theirs:
            # Not by multiprocessing: it refuses a daemon, which a Dask worker is, any children.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": path},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())

    @property
    def pid(self) -> int:
        return self._process.pid

    def grade(self, job: GradingJob, task: Task | RebuiltTask) -> Graded:
        """What it makes of a submission. Raises ServerDied when it ends on the way."""
        try:
            self._connection.send((job, task))
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            raise ServerDied(f"the process that grades is gone ({type(error).__name__})") from None
        if isinstance(result, Graded):
            return result
        raise result

    def close(self) -> None:
        """End it, and the server that it keeps."""
        self._connection.close()
        try:
            # It ends by itself when nobody is there to ask it.
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(
    connection: Connection, grade: Callable[[GradingJob, Task | RebuiltTask], Graded]
) -> None:
    """Grade what comes until whoever asks is gone. What is raised goes back, too."""
    while True:
        try:
            job, task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            result: Graded | Exception = grade(job, task)
        except Exception as error:
            result = error
        connection.send(result)
