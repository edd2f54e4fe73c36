"""How many elementary operations something takes, by kind; priced in FLOP at the end.

>>> (3 * ADD + DIVIDE).flops
7
>>> MULTIPLY.on("complex")
Tally(add=2, multiply=4)

A formula of complex numbers has the same operations as one of real numbers. Each then is a tally of
real ones itself: a product (a + bi)(c + di) is four products and two sums, six FLOP.
"""

from __future__ import annotations

from itertools import repeat
from operator import add, mul, sub
from typing import Literal, get_args

from helpers.conventions import PRICE, Operation

_KINDS = get_args(Operation)
_PRICES = tuple(PRICE[kind] for kind in _KINDS)

#: Numbers that an operation is done on. "mixed": one operand of two is complex, the other real.
Numbers = Literal["real", "complex", "mixed"]


class Tally:
    """A number of each kind of operation in `conventions.PRICE`. Tallies add up and multiply."""

    __slots__ = ("_counts",)

    def __init__(self, counts: tuple[int, ...] = (0,) * len(_KINDS)) -> None:
        self._counts = counts

    @classmethod
    def of(cls, **counts: int) -> Tally:
        """From numbers by kind: `Tally.of(add=2, multiply=4)`."""
        unknown = counts.keys() - set(_KINDS)
        if unknown:
            raise ValueError(f"no operation {min(unknown)!r}: use {', '.join(_KINDS)}")
        return cls(tuple(counts.get(kind, 0) for kind in _KINDS))

    def __add__(self, other: Tally) -> Tally:
        return Tally(tuple(map(add, self._counts, other._counts)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(tuple(map(sub, self._counts, other._counts)))

    def __mul__(self, times: int) -> Tally:
        return Tally(tuple(map(mul, self._counts, repeat(times))))

    __rmul__ = __mul__

    @property
    def flops(self) -> int:
        """FLOP at the course's prices."""
        return sum(map(mul, self._counts, _PRICES))

    def on(self, numbers: Numbers) -> Tally:
        """The same formula on such numbers, as operations on real ones.

        ValueError for an operation that has no one formula there, such as any transcendental.
        """
        if numbers == "real":
            return self
        total = NOTHING
        for kind, count in zip(_KINDS, self._counts, strict=True):
            if count:
                if kind not in _ON[numbers]:
                    raise ValueError(f"{kind} of {numbers} numbers has no price")
                total += _ON[numbers][kind] * count
        return total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self._counts == other._counts

    def __hash__(self) -> int:
        return hash(self._counts)

    def __repr__(self) -> str:
        counts = zip(_KINDS, self._counts, strict=True)
        return f"Tally({', '.join(f'{kind}={count}' for kind, count in counts if count)})"


NOTHING = Tally()
ADD, MULTIPLY, DIVIDE = Tally.of(add=1), Tally.of(multiply=1), Tally.of(divide=1)
EXP, ROOT = Tally.of(exponential=1), Tally.of(sqrt=1)
TRANSCENDENTAL = Tally.of(transcendental=1)
COMPARE, COPY = Tally.of(compare=1), Tally.of(copy=1)

#: |z| = √(a² + b²).
MODULUS = 2 * MULTIPLY + ADD + ROOT

#: z̄ / |z|² = (a − bi) / (a² + b²).
COMPLEX_INVERSE = 2 * MULTIPLY + ADD + 2 * DIVIDE

#: ln z = ln |z| + i · atan2(b, a).
COMPLEX_LOGARITHM = MODULUS + 2 * TRANSCENDENTAL

_ON: dict[Numbers, dict[str, Tally]] = {
    "complex": {
        "add": 2 * ADD,
        "multiply": 4 * MULTIPLY + 2 * ADD,
        # w · z̄ / |z|²
        "divide": (4 * MULTIPLY + 2 * ADD) + (2 * MULTIPLY + ADD) + 2 * DIVIDE,
        # eᵃ (cos b + i sin b)
        "exponential": EXP + 2 * TRANSCENDENTAL + 2 * MULTIPLY,
        # s = √((|z| + a) / 2), then s + i · b / 2s
        "sqrt": MODULUS + (ADD + MULTIPLY + ROOT) + (MULTIPLY + DIVIDE),
        "compare": COMPARE,
        "copy": COPY,
    },
    # The real number is the second operand.
    "mixed": {
        "add": ADD,
        "multiply": 2 * MULTIPLY,
        "divide": 2 * DIVIDE,
        "compare": COMPARE,
        "copy": COPY,
    },
}
