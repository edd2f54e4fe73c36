"""What a question makes of each answer: in a notebook, and under many seeds."""

from __future__ import annotations

import contextlib
import functools
import io
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from helpers.authoring.prove.answers import WORKED, Answer
from helpers.check import judge, plain_answer
from helpers.exercises.exercise import Case, Exercise, grading_cases
from helpers.verdict import Verdict

#: Seconds that one call of an answer may take, and how often the worked answer's: a slip can make a
#: loop that never ends.
CALL_SECONDS, TIMES_WORKED = 0.3, 10
#: What a picture may take on top: now and then a drawing takes ten times as long as others.
PICTURE_SECONDS = 3
#: Processor seconds that an answer may take under all seeds; a slow one is judged under fewer.
BUDGET = 0.4
#: Seeds under which a hint has to say what it says on the cases shown.
HINT_SEEDS = 3


@dataclass(frozen=True)
class Outcome:
    """What came of one answer.

    Attributes:
        origin, slip: see `Answer`.
        shown: the fraction that the notebook's cases give, 0 to 1.
        graded: the fractions under the seeds, each once, ascending; of an answer that is wrong in
            every part of the cases shown, the 0 that follows from it.
        hint: what the notebook says.
        hint_when_graded: what it says with the cases drawn, where those contradict the hint.
    """

    origin: str
    slip: str
    shown: float
    graded: tuple[float, ...]
    hint: str = ""
    hint_when_graded: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it earns everything, always."""
        return self.shown == 1 and self.graded == (1.0,)

    @property
    def is_lucky(self) -> bool:
        """Whether its mark depends on the cases that are drawn."""
        return len(self.graded) > 1

    @property
    def is_falsely_green(self) -> bool:
        """Whether it always earns less than the notebook shows."""
        return not self.is_lucky and self.graded[0] < self.shown

    @property
    def survives(self) -> bool:
        """Whether it is the worked answer with a slip that makes no difference."""
        return self.origin == WORKED and bool(self.slip) and self.is_right

    @property
    def has_false_hint(self) -> bool:
        """Whether the notebook explains it by what the cases drawn contradict."""
        return bool(self.hint_when_graded)


class Endless(Exception):
    """An answer does not come to an end."""


class Question:
    """A question, ready to judge many answers: right values and cases are computed once."""

    def __init__(self, exercise: Exercise, seeds: int) -> None:
        self.exercise = replace(
            exercise,
            reference=_kept(exercise.reference),
            misconceptions=tuple(
                replace(each, gives=_kept(each.gives)) for each in exercise.misconceptions
            ),
        )
        self._shown = exercise.public_cases()
        self._seeds = seeds
        self._seconds = CALL_SECONDS

    def time(self, answer: Answer) -> None:
        """From now on answers may take some times as long as this one on the cases shown, and are
        judged under as many seeds as there is time for."""
        function = plain_answer(answer.make(), draws=self.exercise.read is not None)
        start = time.process_time()
        for case in self._shown:
            function(*case.args)
        taken = time.process_time() - start
        self._seeds = min(self._seeds, max(1, int(BUDGET / max(taken, 1e-6))))
        self._seconds = CALL_SECONDS + TIMES_WORKED * taken
        if self.exercise.read is not None:
            self._seconds += PICTURE_SECONDS

    @functools.cached_property
    def _drawn(self) -> list[tuple[Case, ...]]:
        return [grading_cases(self.exercise, f"seed {n}".encode()) for n in range(self._seeds)]

    def outcome(self, answer: Answer) -> Outcome | None:
        """What comes of an answer; None where its code defines nothing that can be called."""
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                with limit(self._seconds):
                    made = answer.make()
            except Exception:
                return None
            draws = self.exercise.read is not None
            # The cases of a notebook are in every grading: it is asked once about each.
            function = _kept(_Limited(plain_answer(made, draws), self._seconds).__call__)
            shown = judge(self.exercise, function, self._shown)
            verdicts = list(self._graded(function, shown))
        if draws and (pyplot := sys.modules.get("matplotlib.pyplot")):
            pyplot.close("all")
        # Of the mistake that it was made from the hint is true, whatever else was changed.
        said_of_others = set(shown.misconceptions) - {answer.origin}
        contradicting = (v for v in verdicts[:HINT_SEEDS] if _contradicts(said_of_others, v))
        other = next(contradicting, None)
        said = (other.hint or "nothing") if other is not None else ""
        graded = tuple(sorted({verdict.fraction for verdict in verdicts})) or (0.0,)
        return Outcome(answer.origin, answer.slip, shown.fraction, graded, shown.hint, said)

    def _graded(self, function: Callable[..., Any], shown: Verdict) -> Iterator[Verdict]:
        """The verdicts under the seeds. What is wrong in every part of the cases shown earns
        nothing, since these are graded, too; then only the hint is looked at, if there is one."""
        is_known = shown.fraction == 0 and not self.exercise.slow
        for number, cases in enumerate(self._drawn):
            explained = number < HINT_SEEDS and bool(shown.misconceptions)
            if explained or not is_known:
                yield judge(self.exercise, function, cases, explained)


def _contradicts(said: set[str], graded: Verdict) -> bool:
    """Whether what was said no longer holds; where an answer fails in a case drawn, nothing is."""
    return "your function fails" not in graded.hint and not said <= set(graded.misconceptions)


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that remembers what it gave, by the text of its arguments."""
    results: dict[str, Any] = {}

    @functools.wraps(function)
    def kept(*args: Any) -> Any:
        key = repr(args)
        if key not in results:
            results[key] = function(*args)
        return results[key]

    return kept


class _Limited:
    """A student's function that is stopped; once it was, it is not tried again."""

    def __init__(self, function: Callable[..., Any], seconds: float) -> None:
        self._function, self._seconds = function, seconds
        self._endless = False

    def __call__(self, *args: Any) -> Any:
        if self._endless:
            raise Endless
        try:
            with limit(self._seconds):
                return self._function(*args)
        except (Endless, MemoryError):
            self._endless = True
            raise Endless from None


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises Endless in the block after some seconds, and again as long as it goes on."""

    def stop(_: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename in (__file__, contextlib.__file__):
            return  # it has come to its end, and the clock is being stopped
        # A module that is half imported would be so for all that come after: wait for the next.
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return
            frame = frame.f_back
        raise Endless

    # Of this process's own time: a busy machine makes no answer endless.
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
