"""Changes of a ledger that give a student's numbers, in every case at once.

Terms left out, priced 1, counted twice, or without the batch; MAC where FLOP was asked, elements
for bytes. A change is a vector, what it takes away in each case; so several at once are found by
looking up sums, and not by trying all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from helpers.conventions import FLOP_PER_MAC
from helpers.diagnosis.comparison import close
from helpers.diagnosis.explanation import Explanation, General
from helpers.ledger import Ledger, Term

#: Explanations that change more of a ledger than this fit by chance.
MOST_EDITS = 3
#: What another right derivation counts beside an edit: it decides between equals only.
DERIVATION = 0.01
#: What decides between an argument that one term lacks and one that everything lacks.
_BESIDE = 0.05

Amounts = tuple[float, ...]


def explained_by_ledger(
    ledgers: Sequence[Ledger], values: Sequence[float], as_if_one: dict[str, Sequence[Ledger]]
) -> Iterator[Explanation]:
    """Every simple change of the right ledgers that gives these values.

    Args:
        ledgers: the right ones, one for each case.
        values: the student's, as many.
        as_if_one: the ledgers of the same cases as if an argument ("batch") were 1.
    """
    unit, rights = ledgers[0].unit, [ledger.total for ledger in ledgers]
    # Where a term is missing in some cases, so may be its alternatives.
    for number, derivation in enumerate(zip(*map(_derived, ledgers), strict=False)):
        other = DERIVATION if number else 0
        found = [
            *_whole_ledger(unit, derivation, values),
            *_edited_terms(unit, derivation, values, as_if_one, is_first=not number),
        ]
        # What is left out makes a count smaller than it should be; on another derivation than the
        # first, an edit smaller than their difference would explain anything.
        if number and any(mine > right for mine, right in zip(values, rights, strict=True)):
            found = [each for each in found if each.misconception not in _MAKES_SMALLER]
        yield from (replace(each, edits=each.edits + other) for each in found)


_MAKES_SMALLER = (General.LEFT_OUT, General.PRICED_1, General.LEFT_OUT_AND_PRICED_1)


def _whole_ledger(
    unit: str, derivation: Sequence[tuple[Term, ...]], values: Sequence[float]
) -> Iterator[Explanation]:
    totals = [Ledger(unit, terms).total for terms in derivation]
    has_macs = any(term.price == FLOP_PER_MAC for term in derivation[0])
    for factor, name, hint in _FACTORS.get(unit, ()):
        if name == General.MAC_FOR_FLOP and not has_macs:
            continue
        if _all_close([total * factor for total in totals], values):
            yield Explanation(name, hint)
    counts = [sum(term.count for term in terms) for terms in derivation]
    if unit == "B" and _all_close(counts, values):
        yield Explanation(General.ELEMENTS_FOR_BYTES, _ELEMENTS)
    expensive = sum(term.price > 1 for term in derivation[0])
    if expensive > MOST_EDITS and _all_close(counts, values):
        hint = "every operation is priced 1: look at the price list"
        yield Explanation(General.ALL_PRICED_1, hint, edits=2)


_ELEMENTS = "this is the number of elements, not of bytes: how many bytes does one take?"
_FACTORS: dict[str, tuple[tuple[float, General, str], ...]] = {
    "FLOP": (
        (
            0.5,
            General.MAC_FOR_FLOP,
            "this is half: MAC, not FLOP. One MAC is a multiply and an add",
        ),
        (2, General.COUNTED_TWICE, "this is exactly double: what is counted twice?"),
    ),
    "MAC": ((2, General.FLOP_FOR_MAC, "this is double: FLOP, not MAC. One MAC is two FLOP"),),
    "B": (
        (8, General.BITS_FOR_BYTES, "this is eight times too much: bits, not bytes?"),
        (0.5, General.HALF_THE_WIDTH, "this is half: how many bytes does one element take?"),
    ),
}


def _all_close(numbers: Sequence[float], values: Sequence[float]) -> bool:
    return all(map(close, numbers, values))


def _derived(ledger: Ledger) -> Iterator[tuple[Term, ...]]:
    """The terms under each right derivation, in the order of `Ledger.derivations`."""
    ways: list[tuple[Term, ...]] = [()]
    for term in ledger.terms:
        options = [replace(term, alternatives=())]
        options += [replace(term, count=a.count, price=a.price) for a in term.alternatives]
        ways = [(*way, option) for way in ways for option in options]
    yield from ways


@dataclass(frozen=True)
class _Edit:
    """One change of one term: what it takes away in each case, and how it is told."""

    kind: str
    term: str
    taken: Amounts
    argument: str = ""

    @property
    def told(self) -> str:
        if self.kind == WITHOUT:
            are = "are" if self.argument.endswith("s") else "is"
            return f"the {self.argument} {are} missing in: {self.term}"
        return f"{_TOLD[self.kind]}: {self.term}"


LEFT_OUT, PRICED_1, MAC_AS_FLOP, TWICE, WITHOUT = "left out", "priced 1", "MAC", "twice", "without"
NUMBERS = "numbers"


def _edits(
    unit: str,
    derivation: Sequence[tuple[Term, ...]],
    as_if_one: dict[str, Sequence[Ledger]],
    is_first: bool,
) -> Iterator[_Edit]:
    for index, term in enumerate(derivation[0]):
        amounts = tuple(terms[index].amount for terms in derivation)
        if not any(amounts):
            continue
        yield _Edit(LEFT_OUT, term.name, amounts)
        if term.price > 1:
            kind = MAC_AS_FLOP if term.price == FLOP_PER_MAC else PRICED_1
            kind = NUMBERS if unit == "B" else kind
            counts = tuple(terms[index].count for terms in derivation)
            taken = tuple(a - b for a, b in zip(amounts, counts, strict=True))
            yield _Edit(kind, term.name, taken)
        if not as_if_one:
            continue
        if is_first:
            yield _Edit(TWICE, term.name, tuple(-amount for amount in amounts))
        for argument, ledgers in as_if_one.items():
            alone = [{t.name: t.amount for t in each.terms}.get(term.name, 0) for each in ledgers]
            taken = tuple(a - b for a, b in zip(amounts, alone, strict=True))
            if any(taken):
                yield _Edit(WITHOUT, term.name, taken, argument)


def _edited_terms(
    unit: str,
    derivation: Sequence[tuple[Term, ...]],
    values: Sequence[float],
    as_if_one: dict[str, Sequence[Ledger]],
    is_first: bool,
) -> Iterator[Explanation]:
    """The fewest edits of terms that give the values: up to `MOST_EDITS`."""
    first = derivation[0]
    if any([t.name for t in terms] != [t.name for t in first] for terms in derivation):
        return  # a term that is not there in every case cannot be edited in all of them
    edits = list(_edits(unit, derivation, as_if_one, is_first))
    totals = [sum(term.amount for term in terms) for terms in derivation]
    wanted = tuple(total - value for total, value in zip(totals, values, strict=True))
    for size in range(1, MOST_EDITS + 1):
        found = [chosen for chosen in _summing_to(edits, wanted, size) if _allowed(chosen, first)]
        if found:
            yield from map(_edit_explanation, found)
            return


def _allowed(chosen: Sequence[_Edit], terms: Sequence[Term]) -> bool:
    names = {edit.term for edit in chosen}
    sizes = {term.name: term.amount for term in terms}
    twice, without = (
        {sizes[edit.term] for edit in chosen if edit.kind == kind} for kind in (TWICE, WITHOUT)
    )
    if twice & without:
        return False  # of two terms alike one too many and one too few give what was never there
    left_out = sum(edit.kind == LEFT_OUT for edit in chosen)
    return len(names) == len(chosen) and left_out < len(terms)


def _summing_to(edits: Sequence[_Edit], wanted: Amounts, size: int) -> Iterator[tuple[_Edit, ...]]:
    """Every choice of so many edits that takes away what is wanted, in each case.

    A few cases find the choices, and all of them decide.
    """
    few = [edit.taken[:_TO_FIND] for edit in edits]
    last: dict[Amounts, list[int]] = {}
    for index, taken in enumerate(few):
        last.setdefault(_key(taken), []).append(index)
    for chosen in combinations(range(len(edits)), size - 1):
        rest = list(wanted[:_TO_FIND])
        for index in chosen:
            rest = [a - b for a, b in zip(rest, few[index], strict=True)]
        for index in last.get(_key(rest), ()):
            found = (*(edits[each] for each in chosen), edits[index])
            if (not chosen or index > chosen[-1]) and _take_away(found, wanted):
                yield found


#: Cases by which edits are looked up.
_TO_FIND = 2


def _take_away(chosen: Sequence[_Edit], wanted: Amounts) -> bool:
    taken = [sum(amounts) for amounts in zip(*(edit.taken for edit in chosen), strict=True)]
    return _key(taken) == _key(wanted)


def _key(amounts: Sequence[float]) -> Amounts:
    """Amounts as they are looked up: sums of floats differ in their last digits."""
    return tuple(
        int(amount) if amount == int(amount) else float(f"{amount:.9g}") for amount in amounts
    )


def _edit_explanation(chosen: Sequence[_Edit]) -> Explanation:
    kinds, size = {edit.kind for edit in chosen}, len(chosen)
    named = {kind: [edit.term for edit in chosen if edit.kind == kind] for kind in kinds}
    if not kinds <= {LEFT_OUT, PRICED_1}:
        by_size = sorted(chosen, key=lambda edit: -abs(edit.taken[0]))
        told = tuple(edit.told for edit in by_size)
        name = General.SEVERAL_SLIPS if size > 1 else _ALONE[chosen[0].kind]
        edits = size + 0.5 * (TWICE in kinds) + _BESIDE * (WITHOUT in kinds)
        return Explanation(name, "; ".join(told), edits, slips=told)
    lines = [f"{_TOLD[kind]}: {', '.join(named[kind])}" for kind in _TOLD if kind in kinds]
    if kinds == {LEFT_OUT}:
        return Explanation(General.LEFT_OUT, lines[0], size, tuple(named[LEFT_OUT]))
    name = General.PRICED_1 if kinds == {PRICED_1} else General.LEFT_OUT_AND_PRICED_1
    return Explanation(name, "; ".join(lines), size)


_TOLD = {
    LEFT_OUT: "you left out",
    PRICED_1: "priced as 1 where the price list says more",
    MAC_AS_FLOP: "MAC where FLOP are asked for",
    NUMBERS: "numbers where bytes are asked for",
    TWICE: "counted twice",
}
_ALONE = {
    MAC_AS_FLOP: General.MAC_FOR_FLOP,
    NUMBERS: General.ELEMENTS_FOR_BYTES,
    TWICE: General.COUNTED_TWICE,
    WITHOUT: General.ARGUMENT_FORGOTTEN,
}
