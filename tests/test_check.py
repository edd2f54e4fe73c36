"""What a student sees when a notebook calls `check`."""

import linecache
import math
import re
from collections import deque
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import count

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers import check as module
from helpers import timing
from helpers.check import check, judge, plain_answer, progress
from helpers.exercises import EXERCISES, Exercise, grading_cases
from helpers.exercises.intensity_plot import right_plot
from helpers.figures import read_figure

SOFTMAX = EXERCISES["softmax_flops"]


def right_softmax(batch, n):
    return batch * (45 * n - 1)


@pytest.fixture(autouse=True)
def _nothing_seen(monkeypatch):
    monkeypatch.setattr(module, "last_verdicts", {})
    monkeypatch.setattr(module.predict, "_closed", {})  # units that ran before have guessed


def test_a_wrong_answer_shows_yours_beside_expected_and_a_hint(capsys):
    check("softmax_flops", lambda batch, n: batch * (6 * n - 1))
    assert capsys.readouterr().out == (
        "softmax_flops: wrong\n"
        "     case           yours  expected\n"
        "  ✗  batch=4, n=32    764     5,756\n"
        "  ✗  batch=1, n=10     59       449\n"
        "  Hint: priced as 1 where the price list says more: exponentials\n"
    )


def test_parts_of_an_answer_stand_below_one_case():
    exercise = EXERCISES["depthwise_cost"]
    verdict = judge(
        exercise, lambda c, s, k: {"MAC": 11_664, "FLOP": 0}, exercise.visible_cases()[:1]
    )
    assert verdict.status == "partly right"
    assert verdict.fraction == 0.5
    lines = verdict.text().splitlines()
    case = ["channels=16,", "size=11,", "kernel=3"]
    assert lines[2].split() == ["✓", *case, "MAC", "11,664", "11,664"]
    assert lines[3].split() == ["✗", "FLOP", "0", "23,328"]


def test_on_a_page_the_mark_comes_first_and_a_case_has_a_line_of_its_own():
    verdict = judge(SOFTMAX, lambda batch, n: 0, SOFTMAX.visible_cases()[:1])
    rows = verdict.html().split("<tr>")
    assert 'colspan="3"' in rows[2]
    assert "batch=" in rows[2]
    assert re.sub("<[^>]*>", " ", rows[3].replace("<wbr>", "")).split() == ["✗", "0", "5,756"]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda batch, n: None, "returns nothing. Is there a return?"),
        (lambda batch, n: "5756", "text (a str), not a number"),
        (lambda batch, n: float("nan"), "not a number that a count can have"),
        (lambda batch, n: float("inf"), "not a number that a count can have"),
        (lambda batch, n: batch / 0, "fails for batch=4, n=32 with ZeroDivisionError"),
        (lambda batch: batch, "TypeError"),
        (5756, "Did a line such as `softmax_flops = softmax_flops(x)` write over it?"),
        (lambda batch, n: True, "returns a bool, not a number"),
        (lambda batch, n: 10**5000, ""),
        (lambda batch, n: [10**5000], ""),
        (lambda batch, n: {"a": [None, 10**5000]}, "returns a dict, not a number"),
        (lambda batch, n: [1, 2], "returns a list, not a number"),
    ],
)
def test_an_answer_of_the_wrong_kind_gets_a_line_and_no_points(answer, hint):
    verdict = judge(SOFTMAX, answer, SOFTMAX.visible_cases())
    assert verdict.fraction == 0
    assert hint in verdict.hint
    assert verdict.text()
    assert verdict.html()


@pytest.mark.parametrize(
    ("question", "value", "hint"),
    [
        ("kept_values", {"x"}, "your function returns a set, not a list: list(…) makes one of it"),
        ("kept_values", "x", "'x' is text (a str), not a list"),
        ("topological_order", "x", "'x' is text (a str), not a list"),
        ("sweep_back", {0: 1.0}, "your function returns a dict, not a list"),
        ("saved_by", ["input"], "your function returns a list, not a word"),
        ("saved_by", 1, "your function returns an int, not a word"),
        ("cnn_peak", True, "your function returns a bool, not a number"),
    ],
)
def test_what_is_needed_is_called_by_its_own_name(question, value, hint):
    exercise = EXERCISES[question]
    assert judge(exercise, lambda *args: value, exercise.visible_cases()).hint == hint


def test_who_returns_one_value_of_two_is_told_both_ways_to_return_them():
    exercise = EXERCISES["mul_backward"]
    verdict = judge(exercise, lambda x, y, grad: grad * y, exercise.visible_cases())
    assert verdict.hint == (
        "your function should return 2 values: 'dL/dx', 'dL/dy', in a dict or in this order"
    )


def test_a_dict_that_lacks_a_part_keeps_the_points_of_the_others():
    exercise = EXERCISES["depthwise_cost"]
    verdict = judge(
        exercise,
        lambda c, s, k: {"MAC": exercise.reference(c, s, k)["MAC"].total},
        exercise.visible_cases(),
    )
    assert verdict.fraction == 0.5
    assert "lacks 'FLOP'" in verdict.hint


def test_a_hint_after_a_question_begins_with_and():
    exercise = EXERCISES["depthwise_cost"]
    lines = {"MAC": 8, "FLOP": 2}

    def answer(c, s, k):
        return {part: lines[part] * right.total for part, right in RIGHT(c, s, k).items()}

    RIGHT = exercise.reference
    hint = judge(exercise, answer, exercise.public_cases()).hint
    assert "? And FLOP: " in hint
    assert "?;" not in hint


def test_one_case_that_fails_does_not_hide_the_others():
    def answer(batch, n):
        if batch == 4:
            raise ValueError("only one row, please")
        return right_softmax(batch, n)

    verdict = judge(SOFTMAX, answer, SOFTMAX.visible_cases())
    assert [row.right for row in verdict.rows] == [False, True]
    assert "ValueError: only one row, please" in verdict.hint


@pytest.mark.parametrize("number", [np.int64, np.float64, torch.tensor, lambda x: np.array(x)])
def test_numbers_of_numpy_and_pytorch_are_numbers(number, capsys):
    check("softmax_flops", lambda batch, n: number(right_softmax(batch, n)))
    assert "softmax_flops: right" in capsys.readouterr().out


def test_none_where_there_is_a_number_is_not_called_a_missing_return():
    exercise = EXERCISES["best_batch"]
    verdict = judge(exercise, lambda i, o, ridge: None, exercise.visible_cases())
    assert verdict.hint.startswith("None says that there is no such number")


def test_expected_is_the_derivation_that_was_given():
    verdict = judge(SOFTMAX, lambda batch, n: batch * 45 * n, SOFTMAX.visible_cases())
    assert verdict.status == "right"
    assert [row.expected for row in verdict.rows] == [row.yours for row in verdict.rows]


@pytest.mark.parametrize("how", ["figure", "axes", "pyplot", "show"])
def test_a_plot_may_be_returned_or_drawn(how, capsys, monkeypatch):
    # What the notebook's backend does: show the figures, then forget them.
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))

    def plot_intensity(flop, moved, once, largest):
        plt.close("all")
        figure, axes = plt.subplots()
        batches = range(1, largest + 1)
        axes.plot(batches, [flop * b / (moved * b + once) for b in batches])
        axes.set(xlabel="batch", ylabel="FLOP/B")
        if how == "show":
            plt.show()
        return {"figure": figure, "axes": axes}.get(how)

    check("plot_intensity", plot_intensity)
    assert "plot_intensity: right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 1152], "[1, 1152]"),
        ([1, 16, 14, 14], "[1, 16, 14, 14]"),
        (list(range(64)), "[0, 1, 2, 3, … 64 in all]"),
        ([0.123456, 2.0], "[0.1235, 2]"),
        (1234567, "1,234,567"),
        (0.45754, "0.4575"),
        ("memory", "memory"),
    ],
)
def test_values_in_the_table(value, text):
    verdict = judge(SOFTMAX, lambda batch, n: value, SOFTMAX.visible_cases()[:1])
    assert verdict.rows[0].yours == text


def test_labels_are_escaped_in_html():
    verdict = judge(SOFTMAX, lambda batch, n: "<script>", SOFTMAX.visible_cases())
    assert "<script>" not in verdict.html()


def test_an_answer_that_empties_its_arguments_changes_no_question(capsys):
    def empties(edges):
        edges.clear()
        return []

    check("sweep_back", empties)
    assert all(edges for (edges,) in EXERCISES["sweep_back"].examples)


def test_an_unknown_question_names_those_of_a_similar_name_and_no_others():
    near = r"no question 'softmax_flop': did you mean softmax_flops( or \w+){0,2}\?$"
    with pytest.raises(ValueError, match=near):
        check("softmax_flop", right_softmax)


def test_an_unknown_question_like_no_other_says_where_its_name_stands():
    with pytest.raises(ValueError, match="no question 'xyz': it is called as the function above"):
        check("xyz", right_softmax)


def test_progress_counts_what_the_checks_saw(capsys):
    check("softmax_flops", right_softmax)
    check("padding", lambda size_in, size_out, kernel: 1)
    capsys.readouterr()
    progress("homework")
    out = capsys.readouterr().out
    assert out.startswith("1 of 19 exercises right on the cases shown\n")
    assert "  padding: wrong\n" in out
    assert "  conv_cost: not checked yet\n" in out
    assert "softmax_flops" not in out
    assert out.endswith("What you explain in words is not among\nthem: a person reads it\n")


def test_progress_of_an_unknown_unit():
    with pytest.raises(ValueError, match="no unit 'homwork': use one of"):
        progress("homwork")


def test_a_column_that_says_nothing_is_left_out():
    exercise = replace(
        EXERCISES["plot_intensity"],
        examples=[()],
        reference=lambda: right_plot(4160, 896, 8196, 64),
    )
    figure, axes = plt.subplots()
    axes.plot([1, 2], [3, 4])
    no_wrong_ways = replace(exercise, misconceptions=())
    verdict = judge(no_wrong_ways, lambda: read_figure(figure), exercise.visible_cases())
    plt.close(figure)
    # Its one case has no arguments, so there is nothing to say of it.
    assert "case" not in verdict.text()
    assert "<th" in verdict.html()
    assert ">case<" not in verdict.html()


def test_a_call_that_takes_too_long_is_ended(monkeypatch, capsys):
    monkeypatch.setattr(timing, "CALL_SECONDS", 0.05)

    def placed_for_each_use(parents):
        order = []

        def place(node):
            for parent in parents[node]:
                place(parent)
            order.append(node)

        place("a40" if "a40" in parents else next(iter(parents)))
        return order

    check("topological_order", placed_for_each_use)
    assert "TimeoutError: took longer than 0.05 s" in capsys.readouterr().out


def test_what_is_wrong_is_said_before_what_does_not_end(monkeypatch, capsys):
    monkeypatch.setattr(timing, "CALL_SECONDS", 0.05)

    def placed_again_and_again(parents):
        order = []

        def place(node):
            for parent in parents[node]:
                place(parent)
            order.append(node)

        for node in parents:
            place(node)
        return order

    check("topological_order", placed_again_and_again)
    assert "Hint: a node that is used twice still stands in the order once" in (
        capsys.readouterr().out
    )


def test_a_list_too_short_is_said_to_be_where_several_are_right():
    verdict = judge(
        EXERCISES["topological_order"],
        lambda parents: list(TopologicalSorter(parents).static_order())[:1],
        EXERCISES["topological_order"].public_cases(),
    )
    assert "the list is shorter than it should be" in verdict.hint


def test_an_answer_that_is_stopped_leaves_a_line_and_no_traceback(capsys):
    def answer(batch, n):
        raise KeyboardInterrupt

    check("softmax_flops", answer)
    assert capsys.readouterr().out == (
        "softmax_flops: error\n"
        "  Hint: you stopped your function before it came to an end: does its loop ever end?\n"
    )


def test_a_person_who_stops_grading_is_obeyed():
    def answer(batch, n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(SOFTMAX, answer, SOFTMAX.visible_cases())


def test_an_answer_that_raises_in_every_case_is_an_error_whatever_it_raises():
    def stops(batch, n):
        raise StopIteration

    assert judge(SOFTMAX, stops, SOFTMAX.visible_cases()).status == "error"


def raises(batch, n):
    raise ValueError(f"asked about {batch}, {n}")


def raises_by_name(batch, n):
    raise type(f"Asked_{batch}_{n}", (Exception,), {})


def answers_in_text(batch, n):
    return f"asked {batch} {n}"


@pytest.mark.parametrize("tell", [raises, raises_by_name, answers_in_text])
def test_what_was_drawn_when_grading_is_told_by_no_error_or_text(tell):
    """An answer that is right on what it saw, and on the rest says what it was asked."""
    cases = grading_cases(SOFTMAX, b"seed")
    seen = [case.args for case in cases if not case.hidden]
    verdict = judge(SOFTMAX, lambda *args: (right_softmax if args in seen else tell)(*args), cases)
    assert verdict.hint
    assert not any(char.isdigit() for char in verdict.hint)


def test_a_word_that_is_called_like_an_error_is_a_wrong_answer():
    verdict = judge(SOFTMAX, lambda batch, n: "TypeError", SOFTMAX.visible_cases())
    assert verdict.status == "wrong"


def test_an_answer_that_exits_ends_nothing(capsys):
    check("softmax_flops", lambda batch, n: exit())
    assert "it calls exit(), which ends everything: use return" in capsys.readouterr().out


def test_the_line_of_the_cell_that_failed_is_named(capsys):
    source = "def entry(n):\n    return [][n]\n\ndef answer(batch, n):\n    return entry(n)"
    cell = "/tmp/ipykernel_1/2.py"  # the name that IPython gives a cell
    linecache.cache[cell] = (len(source), None, source.splitlines(keepends=True), cell)
    names = {}
    exec(compile(source, cell, "exec"), names)
    check("softmax_flops", names["answer"])
    del linecache.cache[cell]
    hint = "with IndexError: list index out of range, at `return [][n]`"
    assert hint in capsys.readouterr().out


def test_a_failure_without_arguments_names_none():
    exercise = replace(SOFTMAX, examples=[()], spare=(), reference=lambda: 7, misconceptions=())
    verdict = judge(exercise, lambda: 1 / 0, exercise.visible_cases())
    assert verdict.hint.startswith("your function fails with ZeroDivisionError: division by zero")


def test_none_for_a_word_is_said_to_be_that():
    question = EXERCISES["published_unit"]
    verdict = judge(question, lambda published, gmac: None, question.visible_cases())
    assert verdict.fraction < 1
    assert "None says that there is no such word" in verdict.text()


def asked(reference, examples, **more):
    return Exercise(1, "", examples, lambda draw: [], reference, name="asked", **more)


def test_an_error_of_pytorch_is_told_and_is_not_taken_for_no_answer():
    verdict = judge(
        SOFTMAX,
        plain_answer(lambda batch, n: torch.empty(1, device="meta").item(), False),
        SOFTMAX.visible_cases(),
    )
    assert verdict.status == "error"
    assert "meta" in verdict.hint


def test_a_placeholder_that_is_left_below_an_answer_is_said():
    def left(batch, n):
        flop = batch * (45 * n - 1)
        raise NotImplementedError(*[])
        return flop

    verdict = judge(SOFTMAX, plain_answer(left, False), SOFTMAX.visible_cases())
    assert verdict.status == "no answer yet"
    assert "delete that line" in verdict.hint


@pytest.mark.parametrize(
    ("right", "mine", "shown"),
    [
        (1.35914, 1.3590999, ("1.3590999", "1.35914")),
        (None, "None", ("'None'", "None")),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 6], ("[4] is 6", "[4] is 5")),
    ],
)
def test_what_looks_the_same_and_is_wrong_is_told_apart(right, mine, shown):
    exercise = asked(reference=lambda n: right, examples=[(1,)])
    (row,) = judge(exercise, lambda n: mine, exercise.visible_cases()).rows
    assert (row.yours, row.expected) == shown


@pytest.mark.parametrize("word", ["memory-bound", "Memory bound", "bandwidth", "memory_bound"])
def test_words_are_taken_as_people_write_them(word):
    exercise = asked(reference=lambda n: "memory", examples=[(1,)])
    assert judge(exercise, lambda n: word, exercise.visible_cases()).fraction == 1


@pytest.mark.parametrize("off", [0, 1, -1, 1000])
@pytest.mark.parametrize("tolerance", [1e-6, 1e-3])
def test_an_int_and_a_float_of_the_same_number_have_the_same_verdict(off, tolerance):
    exercise = asked(reference=lambda n: 10**9, examples=[(1,)], tolerance=tolerance)
    marks = {
        judge(exercise, lambda n, kind=kind: kind(10**9 + off), exercise.visible_cases()).fraction
        for kind in (int, float)
    }
    assert marks == {1.0 if off == 0 or tolerance > 1e-6 else 0.0}


@pytest.mark.parametrize(
    ("right", "mine", "words"),
    [
        ([1, 2], {1, 2}, "a set, not a list: list(…) makes one of it"),
        (3, [3], "take the one number out of it"),
        (3, (each for each in [3]), "sum(…) adds up"),
    ],
)
def test_what_is_nearly_an_answer_is_told_how_to_become_one(right, mine, words):
    exercise = asked(reference=lambda n: right, examples=[(1,)])
    assert words in judge(exercise, lambda n: mine, exercise.visible_cases()).hint


@pytest.mark.parametrize(
    "made",
    [
        lambda: range(3),
        lambda: deque([0, 1, 2]),
        lambda: {0: "a", 1: "b", 2: "c"}.keys(),
        lambda: {"a": 0, "b": 1, "c": 2}.values(),
        lambda: (n for n in range(3)),
        lambda: map(int, "012"),
        lambda: filter(None.__ne__, [0, 1, 2]),
        lambda: reversed([2, 1, 0]),
    ],
)
@pytest.mark.parametrize("part", ["", "positions"])
def test_what_gives_the_members_of_a_list_in_order_is_that_list(made, part):
    right, mine = [0, 1, 2], made
    exercise = asked(reference=lambda n: {part: right} if part else right, examples=[(1,)])
    answer = plain_answer(lambda n: {part: mine()} if part else mine(), draws=False)
    assert judge(exercise, answer, exercise.visible_cases()).fraction == 1


def test_lists_of_ranges_are_lists_of_lists():
    exercise = asked(reference=lambda n: [[0, 1], [0, 1, 2]], examples=[(1,)])
    answer = plain_answer(lambda n: [range(2), range(3)], draws=False)
    assert judge(exercise, answer, exercise.visible_cases()).fraction == 1


def test_an_endless_generator_is_a_list_that_is_too_long():
    exercise = asked(reference=lambda n: [0, 1], examples=[(1,)])
    answer = plain_answer(lambda n: count(), draws=False)
    verdict = judge(exercise, answer, exercise.visible_cases())
    assert verdict.status == "wrong"
    endless = plain_answer(lambda n: (each for each in count()), draws=False)
    assert "longer" in judge(exercise, endless, exercise.visible_cases()).hint


def test_what_a_generator_raises_is_the_answers_error():
    exercise = asked(reference=lambda n: [1.0], examples=[(1,)])
    answer = plain_answer(lambda n: (1 / each for each in [0]), draws=False)
    assert "ZeroDivisionError" in judge(exercise, answer, exercise.visible_cases()).hint


@pytest.mark.parametrize(
    "odd", [[3], [[3]], [], {}, {"a": 3}, float("nan"), 10**400, 1 + 2j, object()]
)
@pytest.mark.parametrize("name", ["residual_traffic", "block_bytes", "softmax_cost", "zero_ledger"])
def test_whatever_is_returned_has_a_verdict(name, odd):
    exercise = EXERCISES[name]
    right = exercise.correct(exercise.visible_cases()[0])
    for value in (odd, dict.fromkeys(right, odd)):
        verdict = judge(exercise, lambda *_, value=value: value, exercise.public_cases())
        assert verdict.status == "wrong"


def test_none_in_some_cases_only_asks_for_a_return_on_every_way():
    exercise = asked(reference=lambda n: n, examples=[(1,), (2,)])
    verdict = judge(exercise, lambda n: n if n == 1 else None, exercise.visible_cases())
    assert "on every way" in verdict.hint


def test_a_spare_case_is_shown_where_it_alone_is_wrong(capsys):
    exercise = asked(reference=lambda n: n * n, examples=[(2,)], spare=((5,), (7,)))
    verdict = judge(exercise, lambda n: 2 * n, exercise.public_cases())
    assert [(row.case, row.right) for row in verdict.rows] == [("n=2", True), ("n=5", False)]
    verdict = judge(exercise, lambda n: 0, exercise.public_cases())
    assert [row.case for row in verdict.rows] == ["n=2"]


def test_spare_cases_are_always_the_same_and_graded_too():
    exercise = EXERCISES["conv_cost"]
    spare = [case for case in exercise.public_cases() if case.spare]
    assert spare
    assert exercise.public_cases() == exercise.public_cases()
    assert set(spare) <= set(grading_cases(exercise, b"any"))


def test_an_answer_that_calls_one_that_is_wrong_is_told_so_first(capsys):
    space = {}
    cells = (
        "def element_positions(shape, strides, offset):\n    return []\n"
        "def tensor_map(name, storage, shape, strides, offset):\n"
        "    return [storage[at] for at in element_positions(shape, strides, offset)]\n"
    )
    exec(cells, space)
    check("tensor_map", space["tensor_map"])
    assert "not right yet" not in capsys.readouterr().out
    check("element_positions", space["element_positions"])
    check("tensor_map", space["tensor_map"])
    assert "Hint: it calls element_positions, not right yet" in capsys.readouterr().out


ROW_MAJOR_AND_FLAT = (
    "def row_major_strides(shape):\n    return [1] * len(shape)\n"
    "def can_flatten(shape, strides):\n"
    "    return strides[-1] == 1 if row_major_strides(shape) else None\n"
)
MENDED = (
    "def row_major_strides(shape):\n"
    "    return [math.prod(shape[at + 1:]) for at in range(len(shape))]\n"
)


def test_a_mistake_of_its_own_is_said_with_that_of_an_answer_that_it_calls(capsys):
    space = {"math": math}
    exec(ROW_MAJOR_AND_FLAT, space)
    check("row_major_strides", space["row_major_strides"])
    check("can_flatten", space["can_flatten"])
    hint = capsys.readouterr().out.split("Hint: ")[-1]
    assert hint.startswith("it calls row_major_strides, not right yet: mend that first")
    assert "As it is now: the last stride is 1, but" in hint


def test_an_answer_that_has_been_mended_since_its_check_is_blamed_for_nothing(capsys):
    space = {"math": math}
    exec(ROW_MAJOR_AND_FLAT, space)
    check("row_major_strides", space["row_major_strides"])
    exec(MENDED, space)
    check("can_flatten", space["can_flatten"])
    assert "row_major_strides" not in capsys.readouterr().out.split("can_flatten: ")[1]


def test_what_such_an_answer_earns_all_the_same_is_said_with_it(capsys):
    space = {}
    cells = (
        "from helpers.model_table import layers\n"
        "def sheet_parameters(model):\n"
        "    wide = sum(row.channels_in * row.channels_out for row in layers(model))\n"
        "    return wide if layers(model)[0].kind == 'embedding' else 0\n"
        "def near(model, bits):\n"
        "    return 0 * sheet_parameters(model) + 0.9 * right(model, bits)\n"
    )
    space["right"] = lambda model, bits: EXERCISES["sheet_bytes"].reference(model, bits).total
    exec(cells, space)
    check("sheet_parameters", space["sheet_parameters"])
    check("sheet_bytes", space["near"])
    assert (
        "Hint: near enough for 25% of the points; it calls sheet_parameters, not right yet"
        in capsys.readouterr().out
    )


BANDED = Exercise(
    name="a_size",
    points=4,
    topic="a size",
    examples=[(100,), (1000,)],
    hidden=lambda draw: [(draw.randrange(2000, 9000),)],
    reference=lambda n: {"twice": 2 * n, "square": n * n},
    bands={0.01: 1, 0.1: 0.5},
)


@pytest.mark.parametrize(
    ("factors", "fraction"),
    [((1, 1), 1), ((1.005, 1), 1), ((1.05, 1), 0.75), ((1.05, 0.95), 0.5), ((1.2, 1), 0.5)],
)
def test_a_part_earns_by_how_near_it_is(factors, fraction):
    def answer(n):
        return {"twice": 2 * n * factors[0], "square": n * n * factors[1]}

    assert judge(BANDED, answer, grading_cases(BANDED, b"1")).fraction == fraction


def test_the_worst_case_says_how_near_a_part_is():
    def answer(n):
        return {"twice": 2 * n * (1.005 if n == 100 else 1.05), "square": n * n}

    verdict = judge(BANDED, answer, BANDED.visible_cases())
    assert verdict.fraction == 0.75
    assert [row.right for row in verdict.rows if row.part == "twice"] == [True, False]


def test_what_is_near_enough_for_everything_needs_no_hint():
    verdict = judge(BANDED, lambda n: {"twice": 2.01 * n, "square": n * n}, BANDED.visible_cases())
    assert (verdict.status, verdict.hint) == ("right", "")


@pytest.mark.parametrize("name", ["Opaque", "\x1b[2J\r\u202eright"])
def test_what_a_value_calls_itself_moves_no_cursor(name):
    """The grader has an `Opaque` in its place, which keeps what the type was called."""
    kind = type(name, (), {"kind": "\x1b[2J\r\u202e", "__repr__": lambda self: "<\x1b[2J\r>"})
    verdict = judge(SOFTMAX, lambda batch, n: kind(), SOFTMAX.visible_cases())
    said = [verdict.hint, *(row.yours for row in verdict.rows)]
    assert all(text.isprintable() for text in said)
    assert "?[2J" in verdict.hint


PLOT = EXERCISES["plot_intensity"]


def drawn(flop, moved, once, largest):
    batches = range(1, largest + 1)
    plt.plot(batches, [b * flop / (once + b * moved) for b in batches])
    plt.xlabel("batch size")
    plt.ylabel("FLOP/B")


def test_who_draws_nothing_has_no_picture_though_another_one_is_open():
    drawn(*PLOT.examples[0])
    verdict = judge(PLOT, plain_answer(lambda *_: None, draws=True), PLOT.visible_cases())
    assert (verdict.fraction, "no" in verdict.hint) == (0, True)
    plt.close("all")


def test_of_several_cases_each_is_drawn_on_its_own_and_the_first_is_shown():
    assert judge(PLOT, plain_answer(drawn, draws=True), PLOT.visible_cases()).fraction == 1
    (number,) = plt.get_fignums()
    (line,) = plt.figure(number).axes[0].get_lines()
    assert len(line.get_xdata()) == PLOT.examples[0][-1]
    plt.close("all")


@pytest.mark.parametrize("name", ["plot_intensity", "plot_pair"])
def test_what_is_written_down_for_one_picture_is_wrong_in_a_case_shown(name):
    exercise = EXERCISES[name]
    first, *others = exercise.visible_cases()
    assert all(a != b for case in others for a, b in zip(first.args, case.args, strict=True)), (
        "each argument changes"
    )
