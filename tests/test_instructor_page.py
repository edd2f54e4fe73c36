"""docs/instructor.md: its example question works as it stands, and its commands exist."""

import re
import textwrap

import pytest
from typer.main import get_command

from helpers.check import judge
from helpers.cli import app
from helpers.conventions import PRICE
from helpers.exercises import EXERCISES, Exercise, Misconception, grading_cases
from helpers.ledger import Ledger, Term
from tests import COURSE

PAGE = (COURSE / "docs" / "instructor.md").read_text(encoding="utf-8")
ENTRY, CELLS = (
    textwrap.dedent(block) for block in re.findall(r" {3}```python\n(.*?) {3}```", PAGE, re.DOTALL)
)


@pytest.fixture(scope="module")
def exercise():
    names = {"Exercise": Exercise, "Misconception": Misconception, "Ledger": Ledger, "Term": Term}
    names |= {"PRICE": PRICE, "UNIT": "02_flops"}
    exec(ENTRY, names)
    return next(value for value in names.values() if isinstance(value, Exercise))


def test_the_name_of_the_example_is_free(exercise):
    assert exercise.name not in EXERCISES
    assert f'answer="{exercise.name}"' in CELLS
    assert f'check="{exercise.name}"' in CELLS


def test_the_examples_file_has_room_for_it_and_what_it_uses():
    (name,) = re.findall(r"at the end of `(helpers/exercises/\S+\.py)`", PAGE)
    text = (COURSE / name).read_text(encoding="utf-8")
    # What tests/test_architecture.py allows, and two empty lines.
    assert len(text.splitlines()) + 2 + len(ENTRY.splitlines()) <= 400
    assert {"Exercise", "Misconception", "Ledger", "Term", "UNIT"} <= set(re.findall(r"\w+", text))


def test_the_examples_solution_is_right(exercise):
    names = {"check": lambda name, answer: None}
    exec(CELLS, names)
    verdict = judge(exercise, names[exercise.name], grading_cases(exercise, b"seed"))
    assert verdict.fraction == 1


def test_the_examples_misconception_gets_its_hint(exercise):
    (known,) = exercise.misconceptions
    verdict = judge(exercise, known.gives, grading_cases(exercise, b"seed"))
    assert (verdict.fraction, verdict.hint) == (0, known.hint)


def test_a_term_left_out_is_explained_without_an_entry(exercise):
    verdict = judge(exercise, lambda n: n + (n - 1), grading_cases(exercise, b"seed"))
    assert verdict.hint == "you left out: square root"


def test_every_command_and_option_of_the_page_exists():
    commands = get_command(app).commands
    lines = re.findall(r"(?:^|`)course (\w+)([^`\n]*)", PAGE, re.MULTILINE)
    assert {name for name, _ in lines} >= {"collect", "grade", "feedback", "report", "export"}
    for name, rest in lines:
        options = {option for each in commands[name].params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest.split("#")[0])) <= options, name
