"""What an explanation of a wrong answer is, and the names of those that every question has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from helpers.exercises.exercise import Case


class General(StrEnum):
    """What can be wrong in any question: the names of the explanations that this package finds
    itself. A question's own misconceptions have names of their own."""

    MAC_FOR_FLOP = "MAC for FLOP"
    FLOP_FOR_MAC = "FLOP for MAC"
    COUNTED_TWICE = "counted twice"
    COUNTED_HALF = "counted half"
    BITS_FOR_BYTES = "bits for bytes"
    HALF_THE_WIDTH = "half the width"
    ELEMENTS_FOR_BYTES = "elements for bytes"
    UNIT = "another unit"
    STEPS_OF_1024 = "1024 for 1000, or 1000 for 1024"
    CONSTANT_FACTOR = "a constant factor"
    RECIPROCAL = "upside down"
    SIGN = "sign"
    ROUNDED = "rounded"
    ONE_OFF = "one off"
    SQUARED = "the square of it"
    LEFT_OUT = "terms left out"
    PRICED_1 = "terms priced 1"
    LEFT_OUT_AND_PRICED_1 = "terms left out and priced 1"
    SEVERAL_SLIPS = "several slips"
    ALL_PRICED_1 = "everything priced 1"
    BATCH_FORGOTTEN = "batch forgotten"
    TOKENS_FORGOTTEN = "tokens forgotten"
    ARGUMENT_FORGOTTEN = "an argument forgotten"
    ARGUMENT_TWICE = "an argument once too often"
    ARGUMENTS_EXCHANGED = "two arguments exchanged"
    PARTS_EXCHANGED = "parts exchanged"
    TERM_OF_ARGUMENTS = "a term too few or too many"
    OPPOSITE = "the other way round"
    ANOTHER_ORDER = "another order"
    NAME_REUSED = "name of the function reused"


@dataclass(frozen=True)
class Explanation:
    """Why an answer is wrong.

    Attributes:
        misconception: its name: a `General`, or that of a `Misconception` of the question.
        hint: a line for the student; it may say more than the name, such as which terms.
        edits: how much has to be changed to get from the right answer to this one.
        left_out: the terms that are missing, where nothing else is wrong.
        slips: of several, a line on each, the one that matters most first.
    """

    misconception: str
    hint: str
    edits: float = 1
    left_out: tuple[str, ...] = ()
    slips: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One case, and what the student's function gave for one part of the answer: plain data."""

    case: Case
    value: Any
