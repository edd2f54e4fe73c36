"""Reads a training plan that a student hands in: whether it fits their own machine, how fast it is.

Students get this file: it holds no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

from helpers.training_plan import (
    Plan,
    Task,
    held_bytes,
    mismatch,
    own_task,
    read_plan,
    step_seconds,
)

#: The parts of a plan's marks after the first two: no more than so many times the fastest.
SPEEDS: Mapping[str, float] = {
    "3 × the fastest": 3,
    "1.5 × the fastest": 1.5,
    "1.1 × the fastest": 1.1,
}


# A search is the student's to write: what it goes through and what it finds are not with the rest
# of the model, which graded answers can import.
def every_plan(task: Task) -> Iterator[Plan]:
    """Every plan that does the task, whether it fits or not."""
    for ranks in range(1, task.machine.devices + 1):
        if task.machine.devices % ranks or task.gpt.heads % ranks:
            continue
        passes, left = divmod(task.sequences, task.machine.devices // ranks)
        if left:
            continue
        batches = [batch for batch in range(1, passes + 1) if passes % batch == 0]
        for batch, zero, again, precision, optimizer in product(batches, *_LEVERS):
            yield Plan(batch, passes // batch, again, precision, optimizer, zero, ranks)


_LEVERS = ((0, 1, 2, 3), (False, True), ("mixed", "fp32"), ("adam", "adam8bit"))


@cache
def fastest_plan(task: Task) -> Plan:
    """The fastest plan that fits. LookupError where none does."""
    fitting = [
        plan for plan in every_plan(task) if held_bytes(task, plan).total <= task.machine.room
    ]
    if not fitting:
        raise LookupError("no plan fits")
    return min(fitting, key=lambda plan: step_seconds(task, plan).total)


#: Whose task a notebook shows before a name is written: nobody's own.
NOBODY = "nobody yet"

#: Terms of a step's time, and the one word that says what a slow plan loses most by.
LOSSES = {
    "tensor ranks wait": "tensor ranks wait",
    "data ranks wait": "data ranks wait",
    "forward again": "computed again",
    "update": "update",
}


def read_answer(given: Any, rights: Mapping[str, Any]) -> dict[str, str]:
    """What a plan earns, part by part. ValueError, with a line for the student, where it is no plan
    or not one for this name's task."""
    if not isinstance(given, dict):
        raise ValueError("your function should return a dict with your name and your plan")
    name = given.get("name")
    if not isinstance(name, str) or name.strip() in ("", NOBODY) or len(name) > 200:
        raise ValueError("put your own name under 'name': it gives your model and machine")
    task, plan = own_task(name), read_plan(given)
    if problem := mismatch(task, plan):
        raise ValueError(problem)
    trouble = memory_trouble(task, plan)
    said = {"does the task": "yes", "fits": f"no: {trouble}" if trouble else "yes"}
    if trouble:
        return said | dict.fromkeys(SPEEDS, "does not run")
    times = step_seconds(task, plan).total / step_seconds(task, fastest_plan(task)).total
    slow = f"no: {largest_loss(task, plan)}"
    return said | {part: "yes" if times <= most else slow for part, most in SPEEDS.items()}


def memory_trouble(task: Task, plan: Plan) -> str:
    """What makes a plan too large for a device, in a word or two; "" where it fits."""
    held, room = held_bytes(task, plan), task.machine.room
    if held.total <= room:
        return ""
    if held.total <= task.machine.memory:
        return "context"
    if held["weights"] + held["gradients"] + held["optimizer states"] > room:
        return "states"
    one = Plan(**{**vars(plan), "batch": 1})
    return "batch" if held_bytes(task, one).total <= room else "one sequence"


def largest_loss(task: Task, plan: Plan) -> str:
    """By what a plan loses most against the fastest, in a word or two."""
    if plan.precision == "fp32":
        return "fp32"
    mine, best = step_seconds(task, plan), step_seconds(task, fastest_plan(task))
    return max(LOSSES.values(), key=lambda loss: _lost(loss, mine, best))


def _lost(loss: str, mine: Mapping[str, float] | Any, best: Any) -> float:
    (term,) = (name for name, said in LOSSES.items() if said == loss)
    return mine[term] - best[term]
