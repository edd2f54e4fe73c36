"""Slips in a line of code: one at a time, and the code is as it was afterwards."""

import ast

import pytest

from helpers.authoring.prove.mutants import mutants


def slips(code):
    return [each.name for each in mutants(ast.parse(code))]


@pytest.mark.parametrize(
    ("code", "slip"),
    [
        ("a + b", "a + b → a"),
        ("a + b", "a + b → b"),
        ("a + b", "a + b → a - b"),
        ("a - b", "a - b → b - a"),
        ("a // b", "a // b → a / b"),
        ("a ** 2", "a ** 2 → a"),
        ("a ** 2", "2 → 3"),
        ("-a", "-a → a"),
        ("a < b", "a < b → a <= b"),
        ("a >= b", "a >= b → a > b"),
        ("f(a, b)", "f(a, b) → f(b, a)"),
        ("min(a, b)", "min(a, b) → max(a, b)"),
        ("any(x)", "any(x) → all(x)"),
        ("a if c else b", "a if c else b → b"),
        ("a and b", "a and b → a"),
        ("t += a", "t += a → t -= a"),
        ("t += a", "t += a → pass"),
        ("{'x': a, 'y': b}", "{'x': a, 'y': b} → {'x': b, 'y': a}"),
    ],
)
def test_a_slip_is_made(code, slip):
    assert slip in slips(code)


@pytest.mark.parametrize("code", ["a + b", "a * b", "min(a, b)"])
def test_what_makes_no_difference_is_no_slip(code):
    exchanged = {"a + b": "b + a", "a * b": "b * a", "min(a, b)": "min(b, a)"}[code]
    assert f"{code} → {exchanged}" not in slips(code)


def test_docstrings_annotations_and_defaults_stay():
    code = 'def f(a: int = 1) -> "x":\n    """2 + 2"""\n    return a'
    assert slips(code) == []


def test_the_code_is_as_it_was_and_no_text_comes_twice():
    tree = ast.parse("def f(a, b):\n    return 2 * (a + b) if a < b else min(a, b) ** 2")
    before = ast.unparse(tree)
    texts = [ast.unparse(each.tree) for each in mutants(tree)]
    assert len(texts) == len(set(texts)) > 10
    assert before not in texts
    assert ast.unparse(tree) == before
