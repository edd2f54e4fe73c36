"""A model is run with as few values as it can go on with: first none, at last all.

With shapes alone a run takes milliseconds and no memory. Token numbers and masks are small, and
with their values many models can go on. The others run for real, on a CPU.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from helpers.meter.loan import Values, random_state_kept
from helpers.meter.meta import NeedsValues, NoValues

Result = TypeVar("Result")


_WANTS_WHOLE_NUMBERS = "scalar types: Long, Int"

#: What a failure says where values, or a device that has them, would have helped.
_ABOUT_VALUES = ("value", "meta", "item()", "data-dependent", "device", "look like", "storage")


class CannotRun(ValueError):
    """A model failed; it may be that it needs more values. One line."""


def first_that_runs(run: Callable[[Values, bool], Result]) -> tuple[Result, str]:
    """What `run` gives, and a line that says how it ran: empty where shapes were enough.

    `run` is told what values there are to be, and whether inputs that are given by their sizes are
    whole numbers: they are, where a model looks something up with them. It raises CannotRun where
    the model fails. The last failure is what is raised in the end, but for a model that cannot be
    run for real, which fails as it did before.
    """
    failure: ValueError | None = None
    whole = False
    tries = list(Values)
    while tries:
        values, begun = tries[0], time.perf_counter()
        try:
            with random_state_kept():
                result = run(values, whole)
        except (CannotRun, NeedsValues) as error:
            failure = error
            if not whole and _WANTS_WHOLE_NUMBERS in str(error):
                whole = True
            else:
                tries.pop(0)
        except NoValues as error:
            if failure and not any(word in str(failure) for word in _ABOUT_VALUES):
                raise failure from None
            raise NoValues(f"{failure} ({error})" if failure else str(error)) from failure
        else:
            return result, _how(values, failure, time.perf_counter() - begun)
    assert failure is not None
    raise failure


def reason_of(error: BaseException) -> str:
    """Why a model failed, in a few words: the first sentence of what PyTorch says."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    unmade = re.search(r"register_meta function for (\S+?)\(", text)
    if unmade or "data-dependent" in text:
        return f"{unmade[1] if unmade else 'an operation'} has a shape that depends on values"
    if "found no compiled frames" in text:
        return "it compiles itself as it runs (flex_attention does), which cannot be followed"
    if "fake impl" in text:
        return "an operation does not say what its results look like"
    return re.split(r"(?<=[a-z)])\. |\.?Hint: ", text)[0]


def _how(values: Values, failure: ValueError | None, seconds: float) -> str:
    if values is not Values.ALL:
        return ""
    reason = str(failure).rpartition(": ")[2]
    return f"ran for real on the CPU, {seconds:.2f} s, as shapes were not enough ({reason})"
