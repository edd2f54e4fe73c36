"""Answers that know nothing: a table of what the notebook shows, and elsewhere a guess.

The notebook tells what is right in each of its cases. Behind that table a guess is always the same
value, one that was seen in the nearest case, an argument or something of it, or a value by a
threshold that fits the cases shown. What such an answer may earn a class would try.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from helpers.authoring.prove.answers import plain_right
from helpers.diagnosis import is_right
from helpers.exercises.exercise import Case, Exercise, Right, grading_cases

#: Seeds under which guesses are tried, and seconds after which no more are drawn.
SEEDS, SECONDS = 200, 3
#: What a guess may earn of a question's points, on average over the seeds.
LUCK = 0.05
#: Parts with more values are not told apart by a threshold.
MOST_VALUES = 3
#: Of more numbers in a question's arguments no two are compared.
MOST_COMPARED = 12

#: What is no guess, but the way to an answer.
_FORMULA = re.compile("sum| [-/] ")

#: What is seen of a case's arguments, by name.
Seen = Mapping[str, Any]


@dataclass(frozen=True)
class Guess:
    """The best that can be had without knowing anything.

    Attributes:
        earns: the share of the points, on average over the seeds.
        how: of each part how it is guessed, as "batch: an argument".
    """

    earns: float
    how: str


def best_guess(exercise: Exercise) -> Guess:
    """What the best guesses at a question earn."""
    if exercise.read is not None or not exercise.parameters:
        return Guess(0.0, "")
    shown, drawn = exercise.public_cases(), list[Sequence[Case]]()
    start = time.process_time()
    rights, seen = [exercise.correct(case) for case in shown], [_seen(each.args) for each in shown]
    table = {repr(case.args) for case in shown}
    hidden: list[list[tuple[dict[str, Right], Seen]]] = []
    for number in range(SEEDS):
        drawn = grading_cases(exercise, f"guess {number}".encode())[len(shown) :]
        new = [case for case in drawn if repr(case.args) not in table]
        hidden.append([(exercise.correct(case), _seen(case.args)) for case in new])
        if time.process_time() - start > SECONDS:
            break
    offs = tuple(exercise.bands or {exercise.tolerance: 1.0})
    best, names = {}, []
    for part in rights[0]:
        values = [plain_right(each[part]) for each in rights]
        name, hits = _best(part, values, seen, hidden, offs)
        best[part] = hits
        names += [f"{part}: {name}" if part else name] if any(hits[offs[-1]]) else []

    def share(seed: int) -> float:
        return exercise.share(rights, lambda part, off: best[part][off][seed])

    earns = sum(map(share, range(len(hidden)))) / len(hidden)
    return Guess(earns, "; ".join(names))


#: By a tolerance, under which seeds a part was right in every case.
_Hits = Mapping[float, Sequence[bool]]


def _best(
    part: str,
    values: Sequence[Any],
    seen: Sequence[Seen],
    hidden: Sequence[Sequence[tuple[dict[str, Right], Seen]]],
    offs: Sequence[float],
) -> tuple[str, _Hits]:
    """The guess at a part that is right most often, and where."""
    best_name, best_hits = "", {off: [False] * len(hidden) for off in offs}
    for name, guess in _guesses(values, seen):

        def right(off: float, guess: Callable[[Seen], Any] = guess) -> list[bool]:
            return [
                all(is_right(rights[part], guess(each), off) for rights, each in cases)
                for cases in hidden
            ]

        widest = right(offs[-1])
        if sum(widest) > sum(best_hits[offs[-1]]):
            best_name, best_hits = name, {off: right(off) for off in offs}
    return best_name, best_hits


def _guesses(
    values: Sequence[Any], seen: Sequence[Seen]
) -> Iterator[tuple[str, Callable[[Seen], Any]]]:
    """Each guess at a part, by a name: from the value and what is seen in each case shown."""
    few = list({repr(value): value for value in values}.values())
    for value in few:
        yield f"always {value!r}", lambda _, value=value: value
    shared = [name for name in seen[0] if all(name in each for each in seen)]
    for name in (name for name in shared if not _FORMULA.search(name)):
        yield name, lambda each, name=name: each.get(name)
    numbers = [name for name in shared if all(_is_number(each[name]) for each in seen)]
    plain = [name for name in numbers if name.isidentifier() or name.startswith("#")]
    yield "as in the nearest case", lambda each: values[_nearest(each, seen, plain)]
    if 1 < len(few) <= MOST_VALUES:
        yield from _thresholds(values, seen, numbers)


def _thresholds(
    values: Sequence[Any], seen: Sequence[Seen], numbers: Sequence[str]
) -> Iterator[tuple[str, Callable[[Seen], Any]]]:
    """Of the rules "one value below a threshold, another above" those that fit the most cases."""
    few = list({repr(value): value for value in values}.values())
    found = []
    for name in numbers:
        measured = sorted({each[name] for each in seen})
        for low, high in pairwise(measured):
            border = (low + high) / 2
            below = [each[name] < border for each in seen]
            for one, other in ((a, b) for a in few for b in few if a is not b):
                fits = sum(
                    value == (one if is_below else other)
                    for value, is_below in zip(values, below, strict=True)
                )
                found.append((fits, name, border, one, other))
    most = max((fits for fits, *_ in found), default=0)
    for fits, name, border, one, other in found:
        if fits == most:

            def guess(
                each: Seen,
                name: str = name,
                border: float = border,
                one: Any = one,
                other: Any = other,
            ) -> Any:
                value = each.get(name)
                return one if _is_number(value) and value < border else other

            yield f"{one!r} where {name} < {border:g}, else {other!r}", guess


def _nearest(each: Seen, seen: Sequence[Seen], names: Sequence[str]) -> int:
    """The place of the case shown whose numbers are nearest, by their ratios."""

    def distance(other: Seen) -> float:
        pairs = ((each.get(name), other[name]) for name in names)
        return sum(
            (math.log(abs(mine) + 1e-9) - math.log(abs(its) + 1e-9)) ** 2 if _is_number(mine) else 9
            for mine, its in pairs
        )

    return min(range(len(seen)), key=lambda at: distance(seen[at]))


def _seen(args: Sequence[Any]) -> Seen:
    """What can be read off arguments: numbers, lengths, sums, and how two of them compare."""
    found: dict[str, Any] = {}
    for at, value in enumerate(args):
        _look(f"#{at + 1}", value, found)
    numbers = {name: value for name, value in found.items() if _is_number(value)}
    if len(numbers) <= MOST_COMPARED:
        for (one, a), (other, b) in combinations(numbers.items(), 2):
            found[f"{one} - {other}"] = a - b
            if b:
                found[f"{one} / {other}"] = a / b
    return found


def _look(name: str, value: Any, found: dict[str, Any]) -> None:
    found[name] = value
    if isinstance(value, list | tuple | str | dict):
        found[f"len({name})"] = len(value)
    if isinstance(value, list | tuple) and value:
        found |= {f"{name}[0]": value[0], f"{name}[-1]": value[-1]}
        found[f"{name} from behind"] = list(value)[::-1]
        if all(map(_is_number, value)):
            found[f"sorted({name})"] = sorted(value)
            for of in (sum, max, min):
                found[f"{of.__name__}({name})"] = of(value)  # type: ignore[operator]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
