"""What the tests of all units ask of the table of exercises."""

from helpers.exercises import EXERCISES, OneOf, grading_cases
from helpers.ledger import Ledger


def plain(value):
    """What a student would return for a reference's value: totals, the first of several."""
    if isinstance(value, OneOf):
        return plain(value.values[0])
    if isinstance(value, dict):
        return {part: plain(each) for part, each in value.items()}
    return value.total if isinstance(value, Ledger) else value


def mistaken(exercise, misconception):
    """The answer of a student who has a misconception, and nothing else wrong."""

    def answer(*args):
        value = plain(misconception.gives(*args))
        # Where it says nothing about a part, the student got that part right.
        if isinstance(value, dict):
            return {**plain(exercise.reference(*args)), **value}
        return value

    return answer


def right(name, *args):
    """The right answer to a question, as plain data."""
    return plain(EXERCISES[name].reference(*args))


def drawn(name, seeds=1):
    """Arguments of the cases of so many grading runs."""
    exercise = EXERCISES[name]
    return [case.args for seed in range(seeds) for case in grading_cases(exercise, bytes([seed]))]
