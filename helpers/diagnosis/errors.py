"""What is said of an answer that fails: one line."""

from __future__ import annotations

import builtins
import traceback

from helpers.exercises.exercise import Case
from helpers.text_table import visible


def error_line(case: Case, error: Exception) -> str:
    """How an answer fails in a case, and at which of the student's lines."""
    kind = type(error).__name__
    if case.hidden and not getattr(type(error), "said_by_grader", False):
        # Neither the message nor a name of the student's choice: they could tell what was drawn.
        kind = kind if hasattr(builtins, kind) else "an error of its own"
        return f"your function fails on a case drawn when grading with {kind}"
    where = " on a case drawn when grading" if case.hidden else case.label and f" for {case.label}"
    # One line: the traceback is in the student's own cell as soon as they call the function.
    message = str(error).strip().splitlines()
    detail = f": {visible(message[0])}" if message else ""
    line = _failing_line(error)
    at = f", at `{line}`" if line else ""
    return f"your function fails{where} with {kind}{detail}{at}"


def _failing_line(error: Exception) -> str:
    """The last line of the student's cells that an exception went through; empty elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    # The name under which IPython keeps a cell's text.
    lines = [frame.line for frame in frames if "ipykernel_" in frame.filename and frame.line]
    return lines[-1] if lines else ""
