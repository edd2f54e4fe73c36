"""What failed outside the student's process is tried once more inside it, before it is believed.
So is what passed there without a look at all that it is about.

An answer may be right in a way that the unit's solution is not: a generator in the place of a list.
Outside such an answer fails, for what is lost on the way out. Inside, where nbgrader would have
tried it, it passes: then a person has to look. It earns nothing there, as what passes inside can be
cheated. What fails in both places is wrong, and waits for nobody.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from helpers.grading.engine.judge import Judgement, Session
from helpers.grading.engine.judging_places import tests_of
from helpers.grading.engine.passes import Ran
from helpers.grading.engine.run_cells import Run, Times
from helpers.grading.handin.ipynb import Notebook
from helpers.grading.sandbox.backend import Process
from helpers.grading.sandbox.outputs import error_output

if TYPE_CHECKING:
    from helpers.grading.engine.grade_submission import Unit

PASSES_INSIDE = (
    "the answer fails this test from outside and passes it in its own process: look whether it "
    "is right"
)


def second_opinion(
    unit: Unit,
    notebook: Notebook,
    ran: Ran,
    unanswered: Collection[str],
    start: Callable[[], Process],
    session: Session,
    times: Times,
) -> Ran:
    """What came of a notebook, with what it did not pass outside tried inside.

    Args:
        notebook: with its cells as they ran; it is left as it is.
        unanswered: tests of answers that nobody has given.
        start: makes a new process for the student's cells.
    """
    if unit.tried or ran.disturbed or ran.out_of_time:
        # Once more would take as long.
        return ran
    own = [test for test in tests_of(unit) if test.place != "outside"]
    doubtful = {
        test.grade_id
        for test in own
        if test.grade_id not in unit.inside
        and test.grade_id not in unanswered
        and _is_doubtful(ran.judgements[test.grade_id], test.points)
    }
    if not doubtful:
        return ran
    run = Run(start, session, times, brief=True)
    # All of them: as nbgrader would, each finds what those before it have left.
    texts = {test.grade_id: test.source for test in own}
    inside = run.notebook(copy.deepcopy(notebook), texts, outside=False)
    changed = {name: _weighed(ran.judgements[name], inside[name]) for name in doubtful}
    seconds = ran.seconds + run.seconds
    return replace(ran, judgements=ran.judgements | changed, seconds=seconds)


def _is_doubtful(outside: Judgement, points: float) -> bool:
    return outside.blind or (outside.score < points and not outside.settled)


def _weighed(outside: Judgement, inside: Judgement) -> Judgement:
    """A doubtful test, with what it gave inside."""
    if outside.blind:
        if inside.score >= outside.score:
            return outside
        failed = error_output("AssertionError", "the answer fails this test in its own process")
        return replace(outside, score=inside.score, outputs=[failed])
    if inside.score > outside.score:
        return replace(outside, remark=outside.remark or PASSES_INSIDE, needs_review=True)
    if inside.remark:
        # It ended there by a limit, which says nothing of the answer.
        return outside
    return replace(outside, remark="", needs_review=False)
