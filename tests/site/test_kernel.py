"""What a page's Python says, without a browser: the same file runs there."""

import json
import sys

import pytest

from helpers.check import verdict_on
from helpers.exercises import EXERCISES
from tests import COURSE
from tests.site.answers import worked

UNIT = "02_flops"
STUB = "def linear_cost(batch, tokens, in_features, out_features):\n    "


def asking(kernel, unit, notebook):
    text = (COURSE / "release" / unit / notebook).read_text()
    kernel.answer(json.dumps({"do": "open", "unit": unit, "notebook": text}))

    def asked(do, name, text, others=(), **more):
        answers = {**dict(others), name: text}
        task = {"do": do, "unit": unit, "name": name, "answers": answers, **more}
        return json.loads(kernel.answer(json.dumps(task)))

    return asked


@pytest.fixture
def ask(kernel):
    return asking(kernel, UNIT, "flops.ipynb")


def test_a_verdict_is_what_check_says(ask):
    came = ask("check", "linear_cost", STUB + "return {'MAC': 1, 'FLOP': 2}")
    verdict = verdict_on(EXERCISES["linear_cost"], lambda *_: {"MAC": 1, "FLOP": 2})
    assert came["verdict"] == verdict.to_data()
    assert (came["verdictText"], came["verdictHtml"]) == (verdict.text(), verdict.html())


def test_what_is_released_is_no_answer_yet(ask):
    came = ask("check", "linear_cost", STUB + "raise NotImplementedError()")
    assert came["verdict"]["status"] == "no answer yet"
    assert came["printed"] == ""


def test_names_of_cells_above_are_there_and_what_needs_pytorch_is_passed_over(ask):
    came = ask("run", "linear_cost", "print(PRICE['exponential']); matrix_vector([[2]], [3])")
    assert came["printed"] == "40\n"
    assert came["shown"] == "([6.0], 1)"


def test_an_answer_above_is_there(ask):
    above = {"linear_cost": STUB + "return 7"}
    came = ask("run", "convolution_macs", "linear_cost(1, 2, 3, 4)", above)
    assert came["shown"] == "7"


def test_an_answer_above_that_is_missing_is_said(ask):
    above = {"linear_cost": STUB + "raise NotImplementedError()"}
    text = "def convolution_macs(*args):\n    return linear_cost(1, 2, 3, 4)"
    came = ask("check", "convolution_macs", text, above)
    assert "linear_cost" in came["verdict"]["hint"]


def test_a_plan_is_shown_in_words_where_nothing_draws(kernel):
    ask = asking(kernel, "10_many_devices", "many_devices.ipynb")
    plan = {"batch": 1, "accumulation": 16, "checkpointing": False, "precision": "mixed"}
    plan |= {"name": "Ada Lovelace", "optimizer": "adam8bit", "zero": 3, "tensor": 1}
    came = ask("run", "fit_it", f"def fit_it():\n    return {plan}\n\nshow_plan(fit_it())")
    assert not came["error"]
    assert "a step" in came["printed"]
    assert came["printed"].endswith("It fits\n")


def test_nothing_is_left_over_from_the_last_run(ask):
    ask("run", "linear_cost", "left = 1")
    assert ask("run", "linear_cost", "left")["error"] == "NameError: name 'left' is not defined"


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("x = 1\n1 / 0", 2, "ZeroDivisionError: division by zero"),
        ("def f():\n    return [][1]\n\nf()", 2, "IndexError: list index out of range"),
        ("x = 1\nretrun x", 2, "SyntaxError: invalid syntax"),
        (
            "def f(x):\n    Return x",
            2,
            "SyntaxError: invalid syntax; Python writes return without a capital",
        ),
        (
            "if 1:\n    x = 1\n  x = 2",
            3,
            "IndentationError: unindent does not match any outer indentation level; begin the line"
            " below one of the lines above it (Backspace goes a step back)",
        ),
    ],
)
def test_an_error_names_the_line(ask, text, line, error):
    came = ask("run", "linear_cost", text)
    assert (came["line"], came["error"]) == (line, error)


def test_a_cell_without_the_function_is_an_error_with_its_line(ask):
    came = ask("check", "linear_cost", STUB + "retrun 1")
    assert came["verdict"]["status"] == "error"
    assert came["verdict"]["hint"] == "line 2: SyntaxError: invalid syntax"


def test_an_answer_that_fails_names_its_line_as_a_notebook_does(ask):
    came = ask("check", "linear_cost", STUB + "return PRICE['no such']")
    assert came["verdict"]["hint"].endswith("KeyError: 'no such', at `return PRICE['no such']`")


def test_fresh_cases_are_new_and_the_same_for_a_seed(kernel, ask):
    exercise = EXERCISES["linear_cost"]
    known = {case.args for case in exercise.public_cases()}
    seeds = [kernel.fresh_cases(exercise, seed)[0].args for seed in range(20)]
    assert not known & set(seeds)
    assert len(set(seeds)) == 20
    assert seeds[3] == kernel.fresh_cases(exercise, 3)[0].args
    came = ask("check", "linear_cost", worked(UNIT)["linear_cost"], seed=3)
    assert came["verdict"]["status"] == "right"
    assert len(came["verdict"]["rows"]) == 2


def test_what_is_right_for_a_fresh_case_and_wrong_for_a_known_one_is_wrong(kernel, ask):
    lucky = kernel.fresh_cases(EXERCISES["linear_cost"], 3)[0].args
    text = f"{worked(UNIT)['linear_cost']}\nright = linear_cost\n"
    text += f"def linear_cost(*args):\n    return right(*args) if args == {lucky} else [0, 0]"
    assert ask("check", "linear_cost", text, seed=3)["verdict"]["status"] == "wrong"


def test_endless_printing_is_cut(kernel, ask):
    came = ask("run", "linear_cost", "for i in range(10**5):\n    print(i)")
    assert len(came["printed"]) <= kernel.MOST_PRINTED


def test_a_ledger_is_shown_as_in_a_notebook(ask):
    came = ask(
        "run", "linear_cost", "from helpers.reference import sigmoid_flops\nsigmoid_flops(9)"
    )
    assert "<table" in came["html"]


def test_a_run_that_shows_nothing_gives_a_call_that_would(ask):
    silent = ask("run", "linear_cost", STUB + "return 7")
    assert silent["example"].startswith("linear_cost(")
    seen = ask("run", "linear_cost", f"{STUB}return 7\n{silent['example']}")
    assert (seen["shown"], seen["example"]) == ("7", "")
    assert ask("run", "linear_cost", "linear_cost = None + 1")["example"] == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("A", ": the cell that makes A cannot run on this page"),  # a tensor, above
        ("fctr", ""),
        ("resnet", ""),  # below
    ],
)
def test_a_name_that_a_page_cannot_have_is_told_from_a_slip(ask, name, why):
    error = ask("run", "linear_cost", name)["error"]
    assert error == f"NameError: name '{name}' is not defined{why}"


def test_a_part_of_the_package_that_pages_lack_is_lacking_where_all_of_it_is(
    kernel, ask, monkeypatch
):
    monkeypatch.setattr(kernel.Absent, "parts", frozenset({"helpers.simulator"}))
    monkeypatch.delitem(sys.modules, "helpers.simulator", raising=False)
    error = ask("run", "linear_cost", "from helpers.simulator import launch")["error"]
    assert "helpers.simulator is not on this page" in error
