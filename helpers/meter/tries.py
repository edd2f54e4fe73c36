"""A model is run with as few values as it can go on with: first none, at last all.

With shapes alone a run takes milliseconds and no memory. Token numbers and masks are small, and with
their values many models can go on. The others run for real, on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from helpers.meter.loan import Values, random_state_kept
from helpers.meter.meta import NoValues

Result = TypeVar("Result")


class CannotRun(ValueError):
    """A model failed; it may be that it needs more values. One line."""


def first_that_runs(run: Callable[[Values], Result]) -> tuple[Result, str]:
    """What `run` gives, and a line that says how it ran: empty where shapes were enough.

    `run` raises CannotRun where the model fails. The last failure is what is raised in the end, but
    for a model that cannot be run for real, which fails as it did before.
    """
    failure: ValueError | None = None
    for values in Values:
        begun = time.perf_counter()
        try:
            with random_state_kept():
                result = run(values)
        except CannotRun as error:
            failure = error
        except NoValues as error:
            raise ValueError(f"{failure} ({error})" if failure else str(error)) from failure
        else:
            return result, _how(values, failure, time.perf_counter() - begun)
    assert failure is not None
    raise failure


def _how(values: Values, failure: ValueError | None, seconds: float) -> str:
    if values is not Values.ALL:
        return ""
    reason = str(failure).rpartition(": ")[2]
    return f"ran for real on the CPU, {seconds:.2f} s, as shapes were not enough ({reason})"
