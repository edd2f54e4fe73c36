"""How often a notebook is gone through, so that what is hidden is in nothing that is shown.

Once, where nothing is hidden. Otherwise what people see comes from a run in which students' code
was told no hidden line: neither what one passes in, as a test outside does, nor its text, which a
test inside tells. That text is in a process of its own, of which only the scores are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

from helpers.grading.engine.judge import Judgement, Session
from helpers.grading.engine.judge_inside import note_inside, shown
from helpers.grading.engine.run_cells import Run, Times
from helpers.grading.handin.ipynb import (
    Notebook,
    has_hidden_lines,
    is_test,
    marks_of,
    shown_lines,
)
from helpers.grading.sandbox.backend import Process


@dataclass(frozen=True)
class Ran:
    """What came of a notebook; its outputs are filled in.

    Attributes:
        judgements: of each test, by grade id.
        remarks: on cells that are no tests, one line each, for people.
        seconds: time that the student's cells took.
        disturbed: what the machine did to it, as of `ProcessDied`.
        out_of_time: whether something took longer than it may.
    """

    judgements: dict[str, Judgement]
    remarks: tuple[str, ...]
    seconds: float
    disturbed: str = ""
    out_of_time: bool = False


def run_notebook(
    notebook: Notebook,
    inside: frozenset[str],
    start: Callable[[], Process],
    session: Session,
    times: Times,
    brief: bool = False,
) -> Ran:
    """Run a rebuilt notebook and judge its tests, those of these grade ids inside.

    `start` makes a new process for the student's cells; `brief` leaves out tracebacks.
    """
    tests = {marks_of(cell)["grade_id"]: cell for cell in filter(is_test, notebook["cells"])}
    visible = {name: shown_lines(tests[name]["source"]) for name in tests if name in inside}
    hidden = {name for name, cell in tests.items() if has_hidden_lines(cell["source"])}
    first = Run(start, session, times, brief)
    runs = [first]
    judgements = first.notebook(notebook, visible, outside=True)
    if hidden & inside:
        secret = Run(start, session, times, brief=True)
        secret.endless = first.endless
        runs.append(secret)
        whole = {name: tests[name]["source"] for name in visible}
        judgements |= secret.notebook(copy.deepcopy(notebook), whole, outside=False)
    if hidden - inside:
        # The process of the first run was told what a test passes in: a later cell could show it.
        clean = Run(start, session, times, brief)
        clean.endless = first.endless
        runs.append(clean)
        clean.notebook(notebook, visible, outside=False)
    for name in visible:
        note_inside(tests[name])
        outputs = shown(judgements[name], tests[name]["outputs"])
        tests[name]["outputs"] = outputs
        judgements[name] = replace(judgements[name], outputs=outputs)
    return Ran(
        judgements,
        tuple(first.remarks),
        sum(run.seconds for run in runs),
        next((run.disturbed for run in runs if run.disturbed), ""),
        any(run.out_of_time for run in runs),
    )
