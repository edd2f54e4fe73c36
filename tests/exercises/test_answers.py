"""Answers that students gave or well may give, and what is to become of each: `answers/*.toml`.

A file is a unit's, a table in it is one answer to the question that it is named after:

    [[output_size]]
    slip = "the first place forgotten"          # or `way`, where the answer is right
    answer = "(size + 2 * padding - kernel) // stride"
    hint = "the first one, too"                 # stands in the hint
    no_hint = "padded"                          # does not
    share = 0.5                                 # of the points; without it 0, for a `way` 1

`answer` is an expression in the question's parameters, or lines that define the function `answer`.
It gets its share on the cases shown and under every seed: a mark is neither luck nor a riddle.
"""

import hashlib
import math
import tomllib
from pathlib import Path

import pytest

from helpers.check import judge
from helpers.diagnosis import is_right
from helpers.exercises import EXERCISES, grading_cases

SEEDS = 25
ANSWERS = [
    pytest.param(EXERCISES[name], tried, id=f"{name}-{tried.get('slip') or tried['way']}")
    for path in sorted((Path(__file__).parent / "answers").glob("*.toml"))
    for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items()
    for tried in table
]


def function_of(exercise, text):
    """The answer that a text is."""
    names = {"hashlib": hashlib, "math": math, "prod": math.prod, "ceil": math.ceil}
    if "def answer(" in text:
        exec(text, names)
        return names["answer"]
    return eval(f"lambda {', '.join(exercise.parameters)}: ({text})", names)


def share_of(exercise, answer, cases):
    """What `judge` gives an answer, without a word on why."""
    rights = [exercise.correct(case) for case in cases]
    earned = set(rights[0])
    for case, right in zip(cases, rights, strict=True):
        try:
            value = answer(*case.args)
        except Exception:
            value = {}
        if "" in right:
            value = {"": value}
        mine = value if isinstance(value, dict) else dict(zip(right, value, strict=True))
        earned = {
            part for part in earned if is_right(right[part], mine.get(part), exercise.tolerance)
        }
    return exercise.share(rights, lambda part, _: part in earned)


@pytest.mark.parametrize(("exercise", "tried"), ANSWERS)
def test_an_answer_gets_the_same_on_the_cases_shown_and_under_every_seed(exercise, tried):
    answer = function_of(exercise, tried["answer"])
    share = pytest.approx(tried.get("share", 1 if "way" in tried else 0), abs=0.005)
    assert judge(exercise, answer, exercise.visible_cases()).fraction == share
    drawn = {seed: grading_cases(exercise, bytes([seed])) for seed in range(SEEDS)}
    assert {seed: share_of(exercise, answer, cases) for seed, cases in drawn.items()} == (
        dict.fromkeys(drawn, share)
    )


@pytest.mark.parametrize(
    ("exercise", "tried"),
    [each for each in ANSWERS if {"hint", "no_hint"} & set(each.values[1])],
)
def test_a_hint_says_what_fits_the_answer_and_nothing_else(exercise, tried):
    answer = function_of(exercise, tried["answer"])
    for cases in (exercise.public_cases(), grading_cases(exercise, b"a seed")):
        hint = judge(exercise, answer, cases).hint
        if "hint" in tried:
            assert tried["hint"] in hint
        if "no_hint" in tried:
            assert tried["no_hint"] not in hint
