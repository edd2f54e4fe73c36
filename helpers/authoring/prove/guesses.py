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
from functools import partial
from itertools import combinations, pairwise, permutations
from typing import Any

from helpers.authoring.prove.answers import plain_right
from helpers.diagnosis import is_right
from helpers.exercises.exercise import Exercise, Right, grading_cases

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
_Seen = Mapping[str, Any]
#: What is right in a case, and what is seen of it.
_Case = tuple[Mapping[str, Right], _Seen]
_Guess = Callable[[_Seen], Any]


@dataclass(frozen=True)
class Guess:
    """The best that can be had without knowing anything.

    Attributes:
        earns: the share of the points, on average over the seeds.
        how: of each part how it is guessed, as "batch: an argument".
    """

    earns: float
    how: str


NO_GUESS = Guess(0.0, "")


def best_guess(exercise: Exercise) -> Guess:
    """What the best guesses at a question earn."""
    if exercise.read is not None or not exercise.parameters:
        return NO_GUESS
    cases = exercise.public_cases()
    shown = [(exercise.correct(case), _seen(case.args)) for case in cases]
    drawn = _drawn(exercise, {repr(case.args) for case in cases})
    offs = sorted(exercise.bands or {exercise.tolerance: 1.0})
    rights = [right for right, _ in shown]
    names, best = [], {}
    for part in rights[0]:
        name, hits = _best(part, shown, drawn, offs)
        best[part] = hits
        names += [f"{part}: {name}" if part else name] if any(hits[offs[-1]]) else []

    def share(seed: int) -> float:
        return exercise.share(rights, lambda part, off: best[part][off][seed])

    earns = sum(map(share, range(len(drawn)))) / len(drawn)
    return Guess(earns, "; ".join(names))


def _drawn(exercise: Exercise, table: set[str]) -> list[list[_Case]]:
    """Under each seed the cases that are in no table."""
    found, start = list[list[_Case]](), time.process_time()
    for number in range(SEEDS):
        cases = grading_cases(exercise, f"guess {number}".encode())
        new = [case for case in cases if repr(case.args) not in table]
        found.append([(exercise.correct(case), _seen(case.args)) for case in new])
        if time.process_time() - start > SECONDS:
            break
    return found


def _best(
    part: str, shown: Sequence[_Case], drawn: Sequence[Sequence[_Case]], offs: Sequence[float]
) -> tuple[str, Mapping[float, Sequence[bool]]]:
    """The guess at a part that is right most often; by a tolerance, under which seeds it is."""

    def right(guess: _Guess, off: float) -> list[bool]:
        return [
            all(is_right(rights[part], guess(seen), off) for rights, seen in cases)
            for cases in drawn
        ]

    values = [plain_right(rights[part]) for rights, _ in shown]
    best_name, best_hits = "", {off: [False] * len(drawn) for off in offs}
    for name, guess in _guesses(values, [seen for _, seen in shown]):
        if sum(right(guess, offs[-1])) > sum(best_hits[offs[-1]]):
            best_name, best_hits = name, {off: right(guess, off) for off in offs}
    return best_name, best_hits


def _guesses(values: Sequence[Any], seen: Sequence[_Seen]) -> Iterator[tuple[str, _Guess]]:
    """Each guess at a part, by a name: from the value and what is seen in each case shown."""
    few = list({repr(value): value for value in values}.values())
    for value in few:
        yield f"always {value!r}", partial(_always, value)
    shared = [name for name in seen[0] if all(name in each for each in seen)]
    for name in shared:
        if not _FORMULA.search(name):
            yield name, partial(_same_as, name)
    numbers = [name for name in shared if all(_is_number(each[name]) for each in seen)]
    plain = [name for name in numbers if name.startswith("#")]
    yield "as in the nearest case", partial(_as_nearest, values, seen, plain)
    if 1 < len(few) <= MOST_VALUES:
        yield from _thresholds(values, few, seen, numbers)


def _thresholds(
    values: Sequence[Any], few: Sequence[Any], seen: Sequence[_Seen], numbers: Sequence[str]
) -> Iterator[tuple[str, _Guess]]:
    """Of the rules "one value below a threshold, another above" those that fit the most cases."""
    found = []
    for name in numbers:
        for low, high in pairwise(sorted({each[name] for each in seen})):
            border = (low + high) / 2
            for one, other in permutations(few, 2):
                rule = partial(_by_threshold, name, border, one, other)
                fits = sum(rule(each) == value for each, value in zip(seen, values, strict=True))
                found.append((fits, f"{one!r} where {name} < {border:g}, else {other!r}", rule))
    most = max((fits for fits, *_ in found), default=0)
    yield from ((name, rule) for fits, name, rule in found if fits == most)


def _always(value: Any, _: _Seen) -> Any:
    return value


def _same_as(name: str, seen: _Seen) -> Any:
    return seen.get(name)


def _by_threshold(name: str, border: float, below: Any, other: Any, seen: _Seen) -> Any:
    return below if seen.get(name, math.inf) < border else other


def _as_nearest(
    values: Sequence[Any], cases: Sequence[_Seen], names: Sequence[str], seen: _Seen
) -> Any:
    """The value of the case shown whose numbers are nearest, by their ratios."""

    def distance(case: _Seen) -> float:
        return sum((_size(seen.get(name, 0)) - _size(case[name])) ** 2 for name in names)

    return values[min(range(len(cases)), key=lambda at: distance(cases[at]))]


def _size(number: float) -> float:
    return math.log(abs(number) + 1e-9)


def _seen(args: Sequence[Any]) -> _Seen:
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
