"""Once through a rebuilt notebook: its cells in a student's process, its tests here or in there.

What runs the cells can be exchanged: see `sandbox/backend.py`. How often a notebook is gone through
is for `passes.py` to say.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from helpers.grading.engine.judge import Judgement, Session
from helpers.grading.engine.judge_inside import judged, lost
from helpers.grading.handin import rebuild
from helpers.grading.handin.ipynb import Cell, Notebook, is_test, marks_of
from helpers.grading.sandbox.backend import CallTimeout, CellRun, Process, ProcessDied
from helpers.grading.sandbox.outputs import error_output

#: Processes that one notebook may use up.
MAX_STARTS = 5
#: Of its time, what a cell has in another run that took too long before, or where others did.
AGAIN = 1 / 8
#: Cells of a notebook that may take all the time of a cell: a notebook full of them would take a
#: quarter of an hour from its class.
MOST_ENDLESS = 2
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
    """Runs a rebuilt notebook once, in a student's process.

    A process that ends takes one cell or question with it: another is started and the cells
    before are run again, without those that ended a process.

    Attributes:
        remarks: what a person may want to know, one line each.
        seconds: time that the student's cells took.
        disturbed: what the machine did to it, as of `ProcessDied`.
        endless: cells that took too long; another run gives those less time.
        out_of_time: whether a cell, a call or all of it took longer than it may.
    """

    def __init__(
        self, start: Callable[[], Process], session: Session, times: Times, brief: bool = False
    ) -> None:
        """`brief`: nobody sees the outputs, so errors have no tracebacks."""
        self.disturbed = ""
        self.out_of_time = False
        self.endless: set[str] = set()
        self.start, self.session, self.times, self._brief = start, session, times, brief
        self.deadline = time.monotonic() + times.notebook
        self.remarks: list[str] = []
        self.seconds = 0.0
        self._process: Process | None = None
        self._starts = 0
        self._died = False
        self._done: list[str] = []

    def notebook(
        self, notebook: Notebook, inside: Mapping[str, str], outside: bool
    ) -> dict[str, Judgement]:
        """Fill in the outputs of every cell that is run; what came of each test, by grade id.

        Args:
            inside: of each test that runs in the student's process, by grade id, its text.
            outside: whether the other tests are judged, here; otherwise they are left out.
        """
        judgements: dict[str, Judgement] = {}
        try:
            for number, cell in enumerate(notebook["cells"], start=1):
                grade_id = marks_of(cell).get("grade_id", "")
                if rebuild.runs(cell):
                    self._cell(cell, number)
                elif number in self.session.lent:
                    with contextlib.suppress(ProcessDied, CallTimeout):
                        self._run(self.session.lent[number])
                elif is_test(cell) and grade_id in inside:
                    judgements[grade_id] = self._inside(cell, inside[grade_id])
                elif is_test(cell) and outside:
                    judgements[grade_id] = self.session.judge(cell, self)
                if grade_id in judgements:
                    cell["outputs"] = judgements[grade_id].outputs
                if self._died:
                    # Raises if the server died, too: then it is no fault of the student's.
                    self._died = False
                    self.start().close()
        finally:
            self._close()
        return judgements

    def _cell(self, cell: Cell, number: int) -> None:
        if not cell["source"].strip():
            return
        try:
            run = self._run(cell["source"])
        except (ProcessDied, CallTimeout) as error:
            cell["outputs"] = error.outputs or [error_output("DeadKernelError", str(error))]
            if len(self.remarks) < MAX_REMARKS:
                self.remarks.append(f"cell {number}: {error}")
        else:
            cell["outputs"], cell["execution_count"] = run.outputs, run.execution_count

    def _inside(self, cell: Cell, text: str) -> Judgement:
        try:
            return judged(self._run(text), float(marks_of(cell)["points"]))
        except (ProcessDied, CallTimeout) as error:
            return lost(error)

    def _run(self, code: str) -> CellRun:
        """A cell in the student's process. Raises ProcessDied and CallTimeout, as that does."""
        began = time.monotonic()
        try:
            process = self._living()
            run = process.run(code, self._cell_time(code), brief=self._brief)
        except (ProcessDied, CallTimeout) as error:
            self._note(error)
            if isinstance(error, CallTimeout):
                self._done.append(code)
            if isinstance(error, CallTimeout) or error.timed_out:
                self.endless.add(code)
            raise
        finally:
            self.seconds += time.monotonic() - began
        self._done.append(code)
        return run

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
        self.disturbed = self.disturbed or error.disturbed
        if isinstance(error, CallTimeout) or error.timed_out:
            self.out_of_time = True
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
                    process.run(code, self._cell_time(code), muted=True)
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

    def _cell_time(self, code: str) -> float:
        """Seconds for a cell: once it took too long, the next time is no other."""
        known = code in self.endless or len(self.endless) >= MOST_ENDLESS
        share = AGAIN if known else 1.0
        return self._left(share * self.times.cell)

    def _close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _left(self, seconds: float) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ProcessDied(f"the notebook took longer than {self.times.notebook:g} s", True)
        return min(seconds, left)
