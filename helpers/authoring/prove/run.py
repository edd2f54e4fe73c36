"""Proves many questions at once: each in a process of a pool."""

from __future__ import annotations

import functools
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from helpers.authoring.notebooks import find_unit
from helpers.authoring.prove.answers import Answer, CodeCell, answers, code_cells
from helpers.authoring.prove.derivations import derived
from helpers.authoring.prove.guesses import NO_GUESS, Guess, best_guess
from helpers.authoring.prove.judging import Outcome, Question
from helpers.authoring.prove.lines import line_through
from helpers.authoring.prove.pictures import wrong_pictures
from helpers.authoring.prove.shortcuts import Shortcut, shortcuts
from helpers.exercises import EXERCISES
from helpers.exercises.exercise import Exercise

#: Bytes that a process may take: a slip can make a list that never ends.
MEMORY = 6 * 1024**3
#: Processor seconds for a question. The slips of the worked answer come first.
SECONDS = 60


@dataclass(frozen=True)
class Proof:
    """What was seen of a question.

    Attributes:
        question: its name.
        outcomes: what came of every answer.
        shortcuts: the calls that give a part of it without any work.
        guess: the best answer that knows nothing.
        line: the arguments of which a straight line through the cases shown earns everything.
        untried: answers that there was no time for.
        seconds: processor seconds that it took.
    """

    question: str
    outcomes: tuple[Outcome, ...]
    shortcuts: tuple[Shortcut, ...] = ()
    guess: Guess = NO_GUESS
    line: tuple[str, ...] = ()
    untried: int = 0
    seconds: float = 0.0


def prove(course: Path, names: Sequence[str], seeds: int, jobs: int | None) -> Iterator[Proof]:
    """The proofs of questions, in their order, each when it is there."""
    jobs = max(1, min(jobs or len(os.sched_getaffinity(0)), len(names)))
    task = functools.partial(prove_one, course, seeds=seeds)
    # A new process also for one question: what limits it must not limit this one. Not a fork, which
    # PyTorch's threads do not live through.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_prepare) as pool:
        yield from pool.map(task, names)


def _prepare() -> None:
    # Functions in sight that draw show nothing.
    os.environ["MPLBACKEND"] = "agg"
    # An answer that is stopped in a callback of Python's own is stopped again a moment later.
    sys.unraisablehook = lambda _: None
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def prove_one(course: Path, name: str, seeds: int) -> Proof:
    """Judges every answer to a question. ValueError where the worked one does not earn all."""
    exercise = EXERCISES[name]
    question = Question(exercise, seeds)
    outcomes, untried, start = list[Outcome](), 0, time.process_time()
    cells = _cells(course, exercise.unit)
    for answer in chain(_in_order(exercise, cells), derived(exercise)):
        if not outcomes:
            question.time(answer)
        elif time.process_time() - start > SECONDS:
            untried += 1
            continue
        outcome = question.outcome(answer)
        if not outcomes and (outcome is None or not outcome.is_right):
            raise ValueError(
                f"{name}: the worked answer in the unit's text does not earn all points"
            )
        if outcome is not None:
            outcomes.append(outcome)
    calls = tuple(shortcuts(exercise, cells))
    guess, line = best_guess(exercise), line_through(exercise)
    seconds = time.process_time() - start
    return Proof(name, tuple(outcomes), calls, guess, line, untried, seconds)


def _in_order(exercise: Exercise, cells: Sequence[CodeCell]) -> Iterator[Answer]:
    """The worked answer first; of a picture the wrong ones follow."""
    for number, answer in enumerate(answers(exercise, cells)):
        yield answer
        if not number and exercise.read is not None:
            yield from wrong_pictures(answer)


@functools.cache
def _cells(course: Path, unit: str) -> list[CodeCell]:
    return code_cells(find_unit(course, unit))
