"""What a graded question is: one readable `Exercise`.

An answer is a function that the student writes. It is called with the arguments of each `Case`
and returns one value, or a dict with one value for each part of the question. `reference` takes
the same arguments and returns the right value in the same shape.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import Parameter, signature
from typing import Any

from helpers.ledger import Ledger


@dataclass(frozen=True)
class OneOf:
    """A right value where several derivations are right: the first is the one that is shown."""

    values: tuple[Any, ...]


#: Spare cases that are drawn for a question, and how often it is asked for some.
MOST_SPARE, SPARE_DRAWS = 8, 4

#: What a reference gives for one part: a ledger (any of its accepted totals is right), a number,
#: a word, None, a list of numbers, or several of them in a `OneOf`.
Right = Ledger | OneOf | float | int | str | bool | None | Sequence[float]


@dataclass(frozen=True)
class Case:
    """One call of the student's function."""

    args: tuple[Any, ...] = ()
    label: str = ""
    #: Drawn when grading: counted, never shown.
    hidden: bool = False
    #: Tried in the notebook beside the cases shown, and shown where it alone is wrong.
    spare: bool = False


@dataclass(frozen=True)
class Misconception:
    """A wrong way to the answer that people really take.

    Attributes:
        name: in a few words, for reports ("padding 1").
        hint: what to look at; never the answer.
        gives: what a student who thinks so would return, called like the exercise's reference.
    """

    name: str
    hint: str
    gives: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One graded question.

    Attributes:
        points: what a right answer earns; parts of a dict count equally.
        topic: a few words for tables.
        examples: arguments of the cases that the student sees.
        hidden: draws arguments for the cases of a grading run.
        reference: the right answer, one `Right` or a dict of them. Its first parameters, as many
            as an example has arguments, name them in the table of cases.
        misconceptions: tried before the general explanations of `diagnosis`.
        tolerance: relative, for numbers that are not whole.
        bands: where a number need not be exact, the share of its points by how far off it is at
            most, relative: {0.01: 1, 0.2: 0.25}. What explains a wrong one still has to give it
            within the tolerance.
        read: turns what the student's function returned into the shape of the reference, for
            answers that are pictures: of several curves the right values, its second argument,
            tell the one that is meant. Raises ValueError with a line for the student.
        gate: the part of the answer without which the others earn nothing, where those are
            given away by the question or easily guessed.
        bonus: earned on top; not part of the unit's total.
        slow: a call takes tenths of a second: of its cases one is called again, not several, to
            find answers that count their calls.
        spare: arguments of more cases, that the notebook tries beside the examples: what explains
            a wrong answer has to hold in them, too. Drawn by `hidden` if not given.
        known_slips: what `course prove` finds and is as it should be: the slip, "a < b → a <= b",
            and the reason ("equivalent: …", or why no case shown can tell).
        library: why a part of the answer may be one call of a library, or of a function in sight;
            `course prove` tries the usual ones.
        name: the name of the answer cell and of the function that the student writes; where the
            question stands (see `registry`) says it, and
        unit: the folder under source/ that asks it.
    """

    points: float
    topic: str
    examples: Sequence[tuple[Any, ...]]
    hidden: Callable[[random.Random], Sequence[tuple[Any, ...]]]
    reference: Callable[..., Any]
    misconceptions: tuple[Misconception, ...] = ()
    tolerance: float = 1e-6
    bands: Mapping[float, float] | None = None
    read: Callable[[Any, dict[str, Right]], Any] | None = None
    gate: str = ""
    bonus: bool = False
    slow: bool = False
    spare: Sequence[tuple[Any, ...]] | None = None
    known_slips: Mapping[str, str] | None = None
    library: str = ""
    name: str = ""
    unit: str = ""

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """What the arguments are called. ValueError where the reference takes another number."""
        if not self.examples:
            raise ValueError(f"{self.name} has no example: write one that the student sees")
        asked = len(self._arguments(self.examples[0], "an example"))
        taken = signature(self.reference).parameters.values()
        by_place = [each for each in taken if each.kind in _BY_PLACE]
        names = tuple(each.name for each in by_place)
        needed = sum(each.default is Parameter.empty for each in by_place)
        if not needed <= asked <= len(names):
            raise ValueError(
                f"{self.name}: an example has {_arguments(asked)}, and the reference names "
                f"{len(names)} ({', '.join(names)}): write one parameter for each argument"
            )
        return names[:asked]

    def case(self, args: tuple[Any, ...], hidden: bool = False) -> Case:
        """The call with these arguments, labelled by the names of the parameters.

        ValueError, naming the case, for another number of arguments than there are parameters.
        """
        kind = "a hidden case" if hidden else "an example"
        given, named = len(self._arguments(args, kind)), len(self.parameters)
        if given != named:
            raise ValueError(
                f"{self.name}: {kind}, {_short(args)}, has {_arguments(given)}, and the question "
                f"has {named}: {', '.join(self.parameters)}"
            )
        names = zip(self.parameters, args, strict=True)
        return Case(args, ", ".join(f"{name}={_short(value)}" for name, value in names), hidden)

    def _arguments(self, args: Any, kind: str) -> tuple[Any, ...]:
        """A case's arguments. ValueError for (2) or [2], where (2,) is meant."""
        if isinstance(args, tuple):
            return args
        raise ValueError(
            f"{self.name}: {kind} is {_short(args)}: write a tuple of arguments, as (2, 3) or (2,)"
        )

    def visible_cases(self) -> tuple[Case, ...]:
        """The cases that the student sees."""
        return tuple(self.case(args) for args in self.examples)

    def public_cases(self) -> tuple[Case, ...]:
        """The cases that a notebook tries: those shown and the spare ones, always the same."""
        spare = self.spare
        if spare is None:
            spare = self._drawn_spare()
        return (*self.visible_cases(), *(replace(self.case(args), spare=True) for args in spare))

    def _drawn_spare(self) -> list[tuple[Any, ...]]:
        draw, spare = random.Random(f"spare {self.name}"), list[tuple[Any, ...]]()
        for _ in range(0 if self.slow else SPARE_DRAWS):
            for args in self.hidden(draw):
                if args not in self.examples and args not in spare:
                    spare.append(args)
        return spare[:MOST_SPARE]

    def correct(self, case: Case) -> dict[str, Right]:
        """The right answer of each part; an answer of one value is the part ""."""
        value = self.reference(*case.args)
        return value if isinstance(value, dict) else {"": value}

    @property
    def precision(self) -> float:
        """How far off a number may be, relative, that earns everything."""
        return min(self.bands) if self.bands else self.tolerance

    def nearness(self, share: float) -> str:
        """A line on an answer that is near enough for some of its points; "" for others."""
        return f"near enough for {share:.0%} of the points" if self.bands and share else ""

    def share(
        self, rights: Sequence[Mapping[str, Right]], is_right: Callable[[str, float], bool]
    ) -> float:
        """The share of the points, 0 to 1, for the parts that are right in every case.

        All count equally, but that those which take no thought (`easy_parts`) count only as far as
        the others are right. Without the `gate` none counts.

        Args:
            rights: the right answer of each case.
            is_right: whether a part is right in all of them, within a relative tolerance.
        """
        bands = self.bands or {self.tolerance: 1.0}
        worth = {
            part: max((share for off, share in bands.items() if is_right(part, off)), default=0.0)
            for part in rights[0]
        }
        if self.gate and not worth[self.gate]:
            return 0.0
        easy = self.easy_parts if len(worth) > 1 else frozenset()
        found_out = [worth[part] for part in worth if part not in easy]
        mean = sum(found_out) / len(found_out) if found_out else 1
        return (sum(found_out) + mean * sum(worth[part] for part in easy)) / len(worth)

    @cached_property
    def easy_parts(self) -> frozenset[str]:
        """The parts that are the same in every case, to be copied from the table, or an argument.

        The cases of the notebook say which, so that it is the same under every seed.
        """
        cases = self.public_cases()
        # Of a picture nothing is copied: named axes are named in every case.
        if len(cases) == 1 or self.read is not None:
            return frozenset()
        rights = [self.correct(case) for case in cases]
        asked = {
            part: [(c.args, r[part]) for c, r in zip(cases, rights, strict=True)]
            for part in rights[0]
        }
        return frozenset(
            part for part, each in asked.items() if _is_constant(each) or _is_an_argument(each)
        )


_Asked = Sequence[tuple[tuple[Any, ...], Right]]


def _is_constant(asked: _Asked) -> bool:
    return all(right == asked[0][1] for _, right in asked)


def _is_an_argument(asked: _Asked) -> bool:
    """Whether one of the arguments is the right value in every case."""
    (args, _), *_ = asked
    return any(all(_plain(right) == args[at] for args, right in asked) for at in range(len(args)))


def _plain(right: Right) -> Any:
    return right.total if isinstance(right, Ledger) else right


def grading_cases(exercise: Exercise, seed: bytes) -> tuple[Case, ...]:
    """The cases that a notebook tries and fresh hidden ones, the same for the same `seed`."""
    draw = random.Random(seed + exercise.name.encode())
    hidden = tuple(exercise.case(args, hidden=True) for args in exercise.hidden(draw))
    return exercise.public_cases() + hidden


#: The kinds of parameters that the arguments of a case can be given to.
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _arguments(number: int) -> str:
    return "1 argument" if number == 1 else f"{number} arguments"


def _short(value: Any) -> str:
    """A value as it stands in the label of a case."""
    if isinstance(value, float):
        return f"{value:g}"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
