"""What came of a grade cell that ran inside the student's process, as nbgrader would run it.

What that process says is believed, so such a test can be cheated, as with any nbgrader. That wins
the tests that are judged there, and no other: what `judge.py` judges is out of its reach.
"""

from __future__ import annotations

import re
from typing import Any

from helpers.grading.engine.judge import Judgement, NoScore, earned_number
from helpers.grading.handin.ipynb import Cell, is_test
from helpers.grading.sandbox.backend import CallTimeout, CellRun, ProcessDied
from helpers.grading.sandbox.outputs import error_output


def note_inside(cell: Cell) -> None:
    """Write into a graded notebook's test that it was judged inside."""
    cell["metadata"].setdefault("course", {})["judged"] = "inside"


def was_inside(cell: Cell) -> bool:
    """Whether a graded notebook's test was judged inside."""
    return is_test(cell) and cell["metadata"].get("course", {}).get("judged") == "inside"


def judged(run: CellRun, points: float) -> Judgement:
    """All points where nothing was raised, or the number that the last line shows."""
    outputs = [_as_stdout(output) for output in run.outputs]
    if run.error is not None:
        return Judgement(0.0, outputs)
    try:
        return Judgement(_earned(outputs, points), outputs)
    except NoScore as error:
        return Judgement(0.0, [error_output("ValueError", str(error))], str(error), True)


def lost(error: ProcessDied | CallTimeout) -> Judgement:
    """Nothing where the test took its process with it, or too long."""
    outputs = [_as_stdout(output) for output in error.outputs]
    return Judgement(0.0, outputs or [error_output("DeadKernelError", str(error))], str(error))


def shown(judgement: Judgement, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What people see of a test: the outputs of its lines that students have, which ran where no
    hidden line did. Whether a hidden line failed is said, and nothing of it."""
    without = [output for output in outputs if output["output_type"] != "error"]
    if not any(output["output_type"] == "error" for output in judgement.outputs):
        return without
    if len(without) < len(outputs):
        return outputs
    return [*without, error_output("AssertionError", "a hidden test failed")]


def _earned(outputs: list[dict[str, Any]], points: float) -> float:
    for output in outputs:
        if output["output_type"] == "execute_result":
            text = _NUMPY.sub(r"\1", output["data"].get("text/plain", ""))
            try:
                number = float(text)
            except ValueError:
                return points
            return earned_number(number, points)
    return points


#: A number as numpy shows it: "np.float64(0.5)".
_NUMPY = re.compile(r"^np\.\w+\(([^()]*)\)$")


def _as_stdout(output: dict[str, Any]) -> dict[str, Any]:
    """nbgrader takes points for anything on stderr."""
    return output | {"name": "stdout"} if output["output_type"] == "stream" else output
