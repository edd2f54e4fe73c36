"""A rebuilt notebook's cells in the student's process, and its tests here, in their order.

What runs the cells can be exchanged: see `sandbox/backend.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helpers.grading.engine.judge import Judgement, Session
from helpers.grading.handin import rebuild
from helpers.grading.handin.ipynb import Cell, Notebook, hidden_lines, is_test, marks_of
from helpers.grading.sandbox.backend import CallTimeout, Process, ProcessDied
from helpers.grading.sandbox.outputs import error_output

#: Processes that one notebook may use up.
MAX_STARTS = 5
#: Lines on cells that failed; a notebook can have thousands of them.
MAX_REMARKS = 30


@dataclass(frozen=True)
class Times:
    """Seconds: for one cell, for one call of a function, for judging one question, the calls
    included, and for a whole notebook."""

    cell: float = 60.0
    call: float = 10.0
    judging: float = 120.0
    notebook: float = 900.0


class Run:
    """Runs a rebuilt notebook, its cells in a student's process and its tests here.

    A process that ends takes one cell or question with it: another is started and the cells
    before are run again, without those that ended a process.
    """

    def __init__(self, start: Callable[[], Process], session: Session, times: Times) -> None:
        self.start, self.session, self.times = start, session, times
        self.deadline = time.monotonic() + times.notebook
        self.remarks: list[str] = []
        self.seconds = 0.0
        self.timed_out = False
        self._process: Process | None = None
        self._starts = 0
        self._died = False
        self._done: list[str] = []

    def notebook(self, notebook: Notebook) -> dict[str, Judgement]:
        """Fill in the outputs of every cell; returns what came of each test, by grade id."""
        judgements: dict[str, Judgement] = {}
        try:
            self._cells(notebook, judgements)
        finally:
            self._close()
        if any(hidden for cell in notebook["cells"] for _, hidden in _lines_of_test(cell)):
            # In that process an answer was told what is hidden, and a later cell could show it.
            clean = Run(self.start, self.session, self.times)
            try:
                clean._cells(notebook)
            finally:
                clean._close()
            self.seconds += clean.seconds
        return judgements

    def _cells(self, notebook: Notebook, judgements: dict[str, Judgement] | None = None) -> None:
        """Run the student's cells, and the tests where their `judgements` are asked for."""
        for number, cell in enumerate(notebook["cells"], start=1):
            if rebuild.runs(cell):
                self._cell(cell, number)
            elif is_test(cell) and judgements is not None:
                judgements[marks_of(cell)["grade_id"]] = self._judge(cell)
            if self._died:
                # Raises if the server died, too: then it is no fault of the student's.
                self._died = False
                self.start().close()

    def _judge(self, cell: Cell) -> Judgement:
        judgement = self.session.judge(cell, self)
        cell["outputs"] = judgement.outputs
        if judgement.remark:
            self.remarks.append(f"{marks_of(cell)['grade_id']}: {judgement.remark}")
        return judgement

    def _cell(self, cell: Cell, number: int) -> None:
        code = cell["source"]
        if not code.strip():
            return
        began = time.monotonic()
        try:
            run = self._living().run(code, self._left(self.times.cell))
        except (ProcessDied, CallTimeout) as error:
            cell["outputs"] = error.outputs or [error_output("DeadKernelError", str(error))]
            if len(self.remarks) < MAX_REMARKS:
                self.remarks.append(f"cell {number}: {error}")
            self._note(error)
            if isinstance(error, CallTimeout):
                self._done.append(code)
        else:
            cell["outputs"], cell["execution_count"] = run.outputs, run.execution_count
            self._done.append(code)
        finally:
            self.seconds += time.monotonic() - began

    def get(self, name: str, timeout: float) -> Any:
        """For grade cells: a name of the student's."""
        with self._noting():
            return self._living().get(name, self._left(timeout))

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        """For grade cells: a call of a student's function."""
        with self._noting():
            return self._living().call(name, args, kwargs, self._left(timeout))

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except (ProcessDied, CallTimeout) as error:
            self._note(error)
            raise

    def _note(self, error: ProcessDied | CallTimeout) -> None:
        self.timed_out |= isinstance(error, CallTimeout) or error.timed_out
        if isinstance(error, ProcessDied) and self._process is not None:
            self._died = True
            self._close()

    def _living(self) -> Process:
        """The student's process, made anew where the last one ended."""
        while self._process is None:
            self._left(1)
            self._starts += 1
            if self._starts > MAX_STARTS:
                raise ProcessDied(f"the notebook ended {MAX_STARTS} processes")
            process, again = self.start(), self._done
            self._done = []
            for index, code in enumerate(again):
                try:
                    process.run(code, self._left(self.times.cell), muted=True)
                except CallTimeout:
                    pass
                except ProcessDied:
                    # It ended this time: go without it.
                    self._died = True
                    process.close()
                    self._done += again[index + 1 :]
                    break
                self._done.append(code)
            else:
                self._process = process
        return self._process

    def _close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _left(self, seconds: float) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ProcessDied(f"the notebook took longer than {self.times.notebook:g} s", True)
        return min(seconds, left)


def _lines_of_test(cell: Cell) -> list[tuple[str, bool]]:
    return hidden_lines(cell["source"]) if is_test(cell) else []
