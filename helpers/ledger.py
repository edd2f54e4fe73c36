"""A cost, written down as a sum of named terms.

Every cost in the course, FLOP, MAC, parameters, bytes moved or bytes held, is a `Ledger`:
terms that each say what is counted, how often, and what one of it costs.

    >>> softmax = Ledger("FLOP", (Term("exponentials", 128, 40), Term("sum", 124, 1),
    ...                           Term("division", 128, 4)), title="softmax(batch=4, n=32)")
    >>> softmax.total
    5756
    >>> print(softmax)
    softmax(batch=4, n=32)  count  price   FLOP
      exponentials            128     40  5,120
      sum                     124      1    124
      division                128      4    512
                                          5,756

Because the terms have names, a wrong answer can be explained: the term that was left out, the
price that was taken as 1. Where several derivations of a term are right, the term lists the
others as `alternatives`, and `accepted_totals` holds every total that a right answer can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from helpers.text_table import html_table, text_table

#: What a ledger counts. Explanations go by it: bytes where numbers were asked, MAC for FLOP.
UNITS = ("FLOP", "MAC", "parameters", "elements", "B", "s")


@dataclass(frozen=True)
class Alternative:
    """Another right way to count a term, and the reason why it is right."""

    why: str
    count: int
    price: float = 1

    @property
    def amount(self) -> float:
        return self.count * self.price


@dataclass(frozen=True)
class Term:
    """`count` things at `price` each, in the unit of the ledger that holds the term."""

    name: str
    count: int
    price: float = 1
    alternatives: tuple[Alternative, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 0 or self.price < 0:
            raise ValueError(f"term {self.name!r}: count and price must not be negative")

    @property
    def amount(self) -> float:
        return self.count * self.price

    def scaled(self, factor: int) -> Term:
        """The same term `factor` times over."""
        return replace(
            self,
            count=self.count * factor,
            alternatives=tuple(replace(a, count=a.count * factor) for a in self.alternatives),
        )


@dataclass(frozen=True)
class Ledger:
    """Named terms in one of the `UNITS`; ValueError for another.

    `a + b` joins the terms of two ledgers of one unit; terms of one name and price are merged.
    `3 * a` is the cost of three of them. `sum(ledgers, start=Ledger("FLOP"))` adds up many.
    """

    unit: str
    terms: tuple[Term, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"a ledger's unit is one of {', '.join(UNITS)}, not {self.unit!r}")

    @property
    def total(self) -> float:
        """The sum of all terms: an int wherever it is a whole number."""
        return _whole(sum(term.amount for term in self.terms))

    def __getitem__(self, name: str) -> float:
        """The amount of the terms called `name` and of all below it ("conv1" has "conv1/bias")."""
        found = [t for t in self.terms if t.name == name or t.name.startswith(f"{name}/")]
        if not found:
            raise KeyError(f"no term {name!r}; there are {', '.join(t.name for t in self.terms)}")
        return _whole(sum(term.amount for term in found))

    def __contains__(self, name: str) -> bool:
        return any(t.name == name or t.name.startswith(f"{name}/") for t in self.terms)

    def __add__(self, other: Ledger) -> Ledger:
        if not isinstance(other, Ledger):
            return NotImplemented
        if self.unit != other.unit:
            raise ValueError(f"cannot add a ledger in {other.unit} to one in {self.unit}")
        return replace(self, terms=_merged((*self.terms, *other.terms)))

    def __mul__(self, factor: int) -> Ledger:
        if not isinstance(factor, int) or isinstance(factor, bool) or factor < 0:
            raise ValueError(f"a ledger is scaled by a whole number ≥ 0, not {factor!r}")
        return replace(self, terms=tuple(term.scaled(factor) for term in self.terms))

    __rmul__ = __mul__

    def titled(self, title: str) -> Ledger:
        """The same ledger under another title."""
        return replace(self, title=title)

    def under(self, name: str) -> Ledger:
        """Every term renamed to `name/term`: how the ledgers of layers join into a network's."""
        return replace(self, terms=tuple(replace(t, name=f"{name}/{t.name}") for t in self.terms))

    def summary(self) -> Ledger:
        """One term for each first part of a name: "conv1/weight", "conv1/bias" become "conv1"."""
        amounts: dict[str, float] = {}
        for term in self.terms:
            head = term.name.split("/")[0]
            amounts[head] = amounts.get(head, 0) + term.amount
        return replace(
            self, terms=tuple(_term_of(name, amount) for name, amount in amounts.items())
        )

    def derivations(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Every right way through the ledger: the reasons for what it counts otherwise, its total.

        The first is the ledger itself, with no reasons.
        """
        ways = [
            [("", term.amount), *((a.why, a.amount) for a in term.alternatives)]
            for term in self.terms
        ]
        if prod(map(len, ways)) > 4096:
            raise ValueError(f"{self.title or 'ledger'}: too many alternatives to list")
        for choice in product(*ways):
            yield (
                tuple(why for why, _ in choice if why),
                _whole(sum(amount for _, amount in choice)),
            )

    def accepted_totals(self) -> frozenset[float]:
        """Every total that a right derivation can arrive at."""
        return frozenset(total for _, total in self.derivations())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "title": self.title,
            "unit": self.unit,
            "total": self.total,
            "terms": [
                {"name": t.name, "count": t.count, "price": t.price, "amount": _whole(t.amount)}
                for t in self.terms
            ],
        }

    def _rows(self, indent: str, total: str) -> list[tuple[str, ...]]:
        """Head, terms and total of the table; where each price is 1, without counts and prices."""
        rows = [
            (self.title, "count", "price", self.unit),
            *(
                (indent + t.name, f"{t.count:,}", f"{_whole(t.price):,}", f"{_whole(t.amount):,}")
                for t in self.terms
            ),
            (total, "", "", f"{self.total:,}"),
        ]
        if all(term.price == 1 for term in self.terms):
            return [(name, amount) for name, _, _, amount in rows]
        return [*rows]

    def __str__(self) -> str:
        return text_table(self._rows("  ", ""))

    def _repr_html_(self) -> str:
        return html_table(self._rows("", "total"), foot=True)


def _whole(amount: float) -> float:
    return int(amount) if amount == int(amount) else amount


def _term_of(name: str, amount: float) -> Term:
    whole = _whole(amount)
    return Term(name, whole) if isinstance(whole, int) else Term(name, 1, whole)


def _merged(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Terms of one name, price and set of alternatives become one, in order of first appearance."""
    merged: dict[tuple, Term] = {}
    for term in terms:
        key = (term.name, term.price, tuple((a.why, a.price) for a in term.alternatives))
        if key not in merged:
            merged[key] = term
            continue
        first = merged[key]
        merged[key] = replace(
            first,
            count=first.count + term.count,
            alternatives=tuple(
                replace(a, count=a.count + b.count)
                for a, b in zip(first.alternatives, term.alternatives, strict=True)
            ),
        )
    return tuple(merged.values())
