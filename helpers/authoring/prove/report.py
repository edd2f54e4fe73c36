"""What `course prove` says: a table of questions, and below it each answer that is not as it should
be, with the slip that it was made by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from helpers.authoring.prove.guesses import LUCK
from helpers.authoring.prove.judging import Outcome
from helpers.authoring.prove.run import Proof
from helpers.authoring.prove.shortcuts import Shortcut
from helpers.exercises import EXERCISES
from helpers.text_table import text_table

#: Findings that must not be: what each is called, how it is told, and what it means.
Finding = tuple[str, Callable[[Outcome], bool], str]
FINDINGS: tuple[Finding, ...] = (
    ("luck", lambda each: each.is_lucky, "the mark depends on the cases that are drawn"),
    ("green", lambda each: each.is_falsely_green, "less when graded than the notebook shows"),
    ("survives", lambda each: each.survives, "a slip that earns all: is it one?"),
    ("false hint", lambda each: each.has_false_hint, "the cases drawn contradict the hint"),
)
#: Findings that an entry may know, with a reason.
EXCUSABLE = frozenset({"green", "survives"})


def found(proof: Proof) -> dict[str, list[Outcome]]:
    """The answers to a question that are not as they should be, by finding."""
    known = EXERCISES[proof.question].known_slips or {}
    return {
        name: [
            each
            for each in proof.outcomes
            if is_found(each) and not (name in EXCUSABLE and each.slip in known)
        ]
        for name, is_found, _ in FINDINGS
    }


def stale(proof: Proof) -> list[str]:
    """Slips that the entry knows and that are not found any more."""
    slips = {
        each.slip
        for name, is_found, _ in FINDINGS
        for each in proof.outcomes
        if name in EXCUSABLE and is_found(each)
    } | {line_of(proof)}
    known = EXERCISES[proof.question].known_slips or {}
    return [slip for slip in known if slip not in slips]


def is_proven(proof: Proof) -> bool:
    """Whether all is as it should be."""
    faults = (*found(proof).values(), stale(proof), free(proof))
    return not any(faults) and not is_guessed(proof) and not is_read_off(proof)


def line(proof: Proof) -> str:
    """A question that is done, for a log."""
    well = "as it should be" if is_proven(proof) else "not as it should be"
    return f"{proof.question}: {len(proof.outcomes)} answers, {proof.seconds:.0f} s, {well}"


def free(proof: Proof) -> tuple[Shortcut, ...]:
    """The calls that give a part of the answer, where the entry does not say why they may."""
    return () if EXERCISES[proof.question].library else proof.shortcuts


def is_guessed(proof: Proof) -> bool:
    """Whether an answer earns something that knows nothing."""
    return proof.guess.earns > LUCK


def line_of(proof: Proof) -> str:
    """What an entry may know: that what is asked is itself a line over some arguments."""
    return f"linear in {', '.join(proof.line)}" if proof.line else ""


def is_read_off(proof: Proof) -> bool:
    """Whether a straight line through the cases shown earns everything."""
    return bool(proof.line) and line_of(proof) not in (EXERCISES[proof.question].known_slips or {})


def text(proofs: Sequence[Proof]) -> str:
    """The report for people."""
    names = [name for name, _, _ in FINDINGS]
    rows = [
        ("question", "answers", "untried", "wrong", "no hint", *names, "free", "guessed", "line")
    ]
    counts = [_counts(proof) for proof in proofs]
    rows += [
        (proof.question, *map(str, row.values())) for proof, row in zip(proofs, counts, strict=True)
    ]
    totals = {name: sum(row[name] for row in counts) for name in counts[0]}
    rows.append(("all", *map(str, totals.values())))
    lines = [text_table(rows)]
    for proof in proofs:
        lines += _details(proof)
    share = totals["no hint"] / max(1, totals["wrong"])
    lines.append(f"{share:.0%} of the wrong answers get no hint")
    if all(map(is_proven, proofs)):
        lines.append("Proven: nothing to mend.")
    return "\n".join(lines)


def _counts(proof: Proof) -> dict[str, int]:
    wrong = [each for each in proof.outcomes if each.shown < 1]
    return {
        "answers": len(proof.outcomes),
        "untried": proof.untried,
        "wrong": len(wrong),
        "no hint": sum(not each.hint for each in wrong),
        **{name: len(outcomes) for name, outcomes in found(proof).items()},
        "free": len(free(proof)),
        "guessed": int(is_guessed(proof)),
        "line": int(is_read_off(proof)),
    }


def _details(proof: Proof) -> list[str]:
    lines = []
    for (name, _, meaning), outcomes in zip(FINDINGS, found(proof).values(), strict=True):
        if outcomes:
            lines.append(f"\n{proof.question}, {name}: {meaning}")
            lines += [f"  {_line(each)}" for each in outcomes]
    if calls := free(proof):
        lines.append(f"\n{proof.question}, free: one call gives a part of the answer")
        lines += [f"  {each.part or 'the answer'} = {each.call}" for each in calls]
    if is_guessed(proof):
        share = f"{proof.guess.earns:.0%} of the points on average"
        lines.append(f"\n{proof.question}, guessed: {share} by a table of what is shown, and")
        lines.append(f"  {proof.guess.how}")
    if is_read_off(proof):
        lines.append(f"\n{proof.question}, line: the cases shown tell all, {line_of(proof)}")
    lines += [f"\n{proof.question} knows a slip that is found no more: {s}" for s in stale(proof)]
    return lines


def _line(outcome: Outcome) -> str:
    what = f"{outcome.slip or 'as it is'}  ({outcome.origin})"
    if outcome.has_false_hint:
        return f"{what}: {outcome.hint} | when graded: {outcome.hint_when_graded}"
    marks = ", ".join(f"{fraction:.2g}" for fraction in outcome.graded)
    return f"{what}: shown {outcome.shown:.2g}, graded {marks}"


def data(proofs: Sequence[Proof]) -> list[Mapping[str, Any]]:
    """The report for programs."""
    return [
        {
            "question": proof.question,
            "proven": is_proven(proof),
            "counts": _counts(proof),
            "found": {
                name: [asdict(each) for each in outcomes] for name, outcomes in found(proof).items()
            },
            "free": [asdict(each) for each in free(proof)],
            "guess": asdict(proof.guess),
            "line": proof.line,
            "stale": stale(proof),
            "without a hint": [
                asdict(each) for each in proof.outcomes if each.shown < 1 and not each.hint
            ],
        }
        for proof in proofs
    ]
