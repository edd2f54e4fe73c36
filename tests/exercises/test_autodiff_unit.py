"""Unit 07: the autodiff of its solution against PyTorch, and its numbers worked out by hand."""

import contextlib
import io
import math
from itertools import pairwise

import jupytext
import matplotlib.pyplot as plt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from helpers.check import judge
from helpers.exercises import EXERCISES, OneOf, grading_cases
from helpers.exercises.unit_07_autodiff.graphs import all_orders
from helpers.exercises.unit_07_autodiff.recorded_numbers import Recorded, run, slope
from tests import COURSE
from tests.exercises.questions import right

TEXT = COURSE / "source" / "07_autodiff" / "autodiff.py"


def executed(without=(), instead="raise NotImplementedError", demonstrations=False):
    """The names of the notebook with its solutions in it; in the answers named in `without`, the
    line `instead` stands for them."""
    names = {}
    for cell in jupytext.reads(TEXT.read_text(encoding="utf-8"), fmt="py:percent").cells:
        if cell.cell_type != "code" or "check" in cell.metadata:
            continue
        if "skip-grading" in cell.metadata.get("tags", ()) and not demonstrations:
            continue
        source = cell.source
        if cell.metadata.get("answer") in without:
            before, _, rest = source.partition("### BEGIN SOLUTION")
            source = f"{before}{instead}{rest.partition('### END SOLUTION')[2]}"
        exec(compile(source, "cell", "exec"), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def notebook():
    """The solution on its own: with no piece of PyTorch's or Python's standing in for one of it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = executed()
    assert "stands in" not in printed.getvalue()
    names["graphlib"] = None
    return names


def pytorch_gradients(program, x, y):
    inputs = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (x, y)]
    names = {"x": inputs[0], "y": inputs[1]}
    names |= {name: getattr(torch, name) for name in ("exp", "log", "tanh", "relu", "sigmoid")}
    exec(program, names)
    gradients = torch.autograd.grad(names["L"], inputs, allow_unused=True)
    return [0.0 if gradient is None else gradient.item() for gradient in gradients]


#: From values between −1 and 1 to values between −1 and 1, and slopes that stay moderate: nothing
#: overflows, however deep. {p} is the step before, {q} any value so far.
FORMS = (
    "({p} + {q}) * 0.5",
    "0.5 * ({q} - {p})",
    "(1 - {p}) * 0.5",
    "{p} * {q}",
    "{p} * {p} - {q} * {q}",
    "{q} / (2 + {p})",
    "1 / (2 + {p} * {q})",
    "exp({p} - 1)",
    "log(1.5 + {p} * 0.5)",
    "-tanh({p})",
    "relu({p} + {q} * 0.25) * 0.5",
    "sigmoid({p} * 3) * 0.75 - {q} * 0.25",
)
DEPTH = 20


@st.composite
def deep_programs(draw):
    """A program of `DEPTH` steps, each made of the one before and of any earlier value."""
    names, lines = ["x", "y"], []
    for step in range(DEPTH):
        form = draw(st.sampled_from(FORMS))
        new = "L" if step == DEPTH - 1 else f"v{step}"
        lines.append(f"{new} = {form.format(p=names[-1], q=draw(st.sampled_from(names)))}")
        names.append(new)
    return "; ".join(lines)


@settings(max_examples=200)
@given(program=deep_programs(), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_the_solutions_gradients_are_pytorchs_on_programs_of_depth_20(notebook, program, x, y):
    mine, theirs = notebook["gradients"](program, x, y), pytorch_gradients(program, x, y)
    # Terms of opposite sign may cancel: what is left of them then is rounding, near 1e-16.
    assert mine == pytest.approx(theirs, rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [-1.0, -0.3, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("q", [-1.0, 0.2, 1.0])
def test_the_drawn_programs_stay_between_minus_one_and_one(notebook, form, p, q):
    program = f"L = {form.format(p='x', q='y')}"
    assert -1 <= notebook["run"](program, p, q) <= 1


@settings(max_examples=30)
@given(program=deep_programs(), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_a_deep_program_has_the_value_that_python_computes(notebook, program, x, y):
    Number = notebook["Number"]
    value = notebook["run"](program, Number(x), Number(y)).data
    assert value == pytest.approx(notebook["run"](program, x, y), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    "missing", ["mul_backward", "div_backward", "output_backward", "topological_order"]
)
def test_a_piece_that_is_missing_costs_its_own_question_only(missing, capsys):
    names = executed(without=(missing,))
    for exercise in ("gradients", "sweep_back", "computed"):
        verdict = judge(
            EXERCISES[exercise], names[exercise], grading_cases(EXERCISES[exercise], b"1")
        )
        assert verdict.status == "right"
    assert (
        judge(EXERCISES[missing], names[missing], EXERCISES[missing].visible_cases()).status
        == "no answer yet"
    )


SHOWN_AT_WORK = (
    *("try_slopes", "mul_backward", "div_backward", "output_backward", "topological_order"),
    *("gradients", "step_flops", "kept_values", "layer_nodes"),
)


@pytest.mark.parametrize("given", ["None", "'text'", "[1.0]"])
def test_every_cell_runs_and_says_what_it_got_where_answers_are_of_another_type(given, capsys):
    executed(SHOWN_AT_WORK, f"return {given}", demonstrations=True)
    shown = capsys.readouterr().out
    for needed in ("2 numbers: dL/dx, dL/dy", "3 numbers: forward, weights, features"):
        assert f"got {given}, needs {needed}" in shown
    assert f"got {given}, needs 2 numbers: nodes, kept" in shown
    assert "topological_order: Python's graphlib stands in for yours" in shown


def test_gradients_that_are_no_numbers_are_named_and_stop_nothing(capsys):
    executed(("gradients",), "[setattr(p, 'grad', None) for p in in_order(result)]", True)
    shown = capsys.readouterr().out
    assert "no gradients to draw: got None for x, needs a number" in shown
    assert "no training: got None, needs a number" in shown


@pytest.mark.parametrize(
    "order", ["return list(parents)[::-1]", "return list(parents)", "return []", "return None"]
)
def test_a_wrong_order_is_said_once_and_another_stands_in(order, capsys):
    names = executed(("topological_order",), order)
    line = "topological_order: Python's graphlib stands in for yours\n"
    assert names["gradients"]("a = x + y; b = a * x; L = b * a", 2.0, 3.0) == [45.0, 20.0]
    assert capsys.readouterr().out.count(line) == 1


def test_a_rule_that_returns_a_dict_is_right_and_stays(capsys):
    executed(("mul_backward",), 'return {"dL/dx": grad * y, "dL/dy": grad * x}')
    assert "stands in" not in capsys.readouterr().out


def random_cases(name):
    return [case.args for case in grading_cases(EXERCISES[name], b"tests of unit 07")]


@pytest.mark.parametrize("args", random_cases("gradients"))
def test_gradients_asked_for_are_pytorchs(args):
    assert right("gradients", *args) == pytest.approx(pytorch_gradients(*args), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "program"), [("mul_backward", "L = x * y"), ("div_backward", "L = x / y")]
)
@pytest.mark.parametrize("grad", [1.0, -2.5])
def test_a_rule_is_pytorchs_slope_times_grad(name, program, grad):
    expected = [grad * slope for slope in pytorch_gradients(program, 0.7, -1.9)]
    assert list(right(name, 0.7, -1.9, grad).values()) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["exp", "relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("x", [-1.5, -0.2, 0.3, 2.0])
def test_the_output_tells_the_slope(name, x):
    output = run(f"L = {name}(x)", x, 0.0)
    expected = 3 * pytorch_gradients(f"L = {name}(x)", x, 0.0)[0]
    assert right("output_backward", output, 3.0)[name] == pytest.approx(expected)


def test_slopes_by_trying_worked_out_by_hand():
    # L = x y² is a line in x: exact for any h. In y: 2 (5.1² − 4.9²) / 0.2 = 20.
    assert right("try_slopes", "L = x * y * y", 2.0, 5.0, 0.1) == {
        "dL/dx": pytest.approx(25),
        "dL/dy": pytest.approx(20),
    }


def test_two_paths_to_x_add_up():
    # (x + y) x at 2 and 3: 1 · 2 over a, and 5 directly
    assert right("gradients", "a = x + y; L = a * x", 2.0, 3.0) == [7, 2]
    assert right("sweep_back", [[], [], [[0, 1], [1, 1]], [[2, 2], [0, 5]]]) == [7, 2, 2, 1]


def test_a_value_used_twice_by_one_node_gets_both():
    x = Recorded(3.0)
    assert slope(x * x, x) == 6


def test_all_orders_of_a_diamond():
    diamond = {"x": [], "a": ["x"], "b": ["x"], "L": ["a", "b"]}
    assert sorted(all_orders(diamond)) == [["x", "a", "b", "L"], ["x", "b", "a", "L"]]


def test_any_right_order_is_accepted():
    value = EXERCISES["topological_order"].reference({"x": [], "y": [], "L": ["x", "y"]})
    assert isinstance(value, OneOf)
    assert ["y", "x", "L"] in value.values
    assert ["x", "L", "y"] not in value.values


@pytest.mark.parametrize("args", random_cases("forward_product"))
def test_forward_mode_gives_what_pytorchs_does(args):
    x, dx, y, dy = (torch.tensor(value, dtype=torch.float64) for value in args)
    value, tangent = torch.autograd.functional.jvp(torch.mul, (x, y), (dx, dy))
    assert right("forward_product", *args) == {
        "value": pytest.approx(value.item()),
        "slope": pytest.approx(tangent.item()),
    }


@pytest.mark.parametrize("args", random_cases("step_flops"))
def test_a_training_step_costs_what_pytorch_executes(args):
    batch, widths = args
    layers = [nn.Linear(i, o, bias=False, device="meta") for i, o in pairwise(widths)]
    network, data = nn.Sequential(*layers), torch.empty(batch, widths[0], device="meta")
    with FlopCounterMode(display=False) as forward:
        network(data)
    with FlopCounterMode(display=False) as step:
        network(data).sum().backward()
    parts = right("step_flops", batch, widths)
    assert parts["forward"] == forward.get_total_flops()
    assert sum(parts.values()) == step.get_total_flops()


@pytest.mark.parametrize("args", random_cases("kept_values"))
def test_the_values_kept_are_those_that_pytorch_saves(notebook, args):
    (steps,) = args
    x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (2.0, 0.5))
    values, saved = {**notebook["FUNCTIONS"], "x": x, "y": y}, set()

    def pack(tensor):
        saved.add(tensor.data_ptr())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        exec(notebook["as_program"](steps), values)
    names = ["x", "y", *(step[0] for step in steps)]
    theirs = sorted(name for name in names if values[name].data_ptr() in saved)
    assert right("kept_values", steps) == theirs


@pytest.mark.parametrize("sizes", [(1, 2, 8), (32, 64, 10), (5, 7, 3)])
def test_a_layer_keeps_the_values_that_pytorch_keeps(sizes):
    batch, i, o = sizes
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    x = torch.randn(batch, i, requires_grad=True)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        result = nn.Linear(i, o)(x).relu()  # held, so that no storage is used again
    assert result.requires_grad
    assert right("layer_nodes", *sizes)["kept"] == sum(storages.values())


def test_a_layer_in_scalars_has_the_nodes_that_are_counted(notebook):
    Number, batch, i, o = notebook["Number"], 3, 4, 2
    x = [[Number(0.5) for _ in range(i)] for _ in range(batch)]
    weight = [[Number(0.1) for _ in range(i)] for _ in range(o)]
    outputs = []
    for row in x:
        for column in weight:
            total = Number(0.0)
            for value, w in zip(row, column, strict=True):
                total = total + value * w
            outputs.append(total.relu())
    seen, waiting = set(), list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += node.parents
    made = sum(bool(node.operation) for node in seen)
    assert right("layer_nodes", batch, i, o)["nodes"] == made


def test_a_thousand_inputs_and_one_output_are_swept_back():
    # forward: 1000 · 100 · 100 + 1000 · 100 · 1; reverse: 1000 · 100 · 1 + 100 · 100 · 1
    costs = right("jacobian_products", [1000, 100, 100, 1])
    assert costs == {"forward": 10_100_000, "reverse": 110_000, "best": 110_000}


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6))
def test_with_one_output_and_no_other_width_of_1_no_order_beats_going_back(widths):
    costs = right("jacobian_products", [*widths, 1])
    assert costs["best"] == costs["reverse"]


@given(st.lists(st.integers(1, 30), min_size=3, max_size=7))
def test_the_best_order_of_the_slopes_is_the_best_of_all_orders(widths):
    def orders(left):
        if len(left) == 2:
            return [0]
        return [
            left[at - 1] * left[at] * left[at + 1] + rest
            for at in range(1, len(left) - 1)
            for rest in orders(left[:at] + left[at + 1 :])
        ]

    assert right("jacobian_products", widths)["best"] == min(orders(widths))


def test_the_sigmoid_at_two():
    assert right("computed", "L = sigmoid(x)", 2.0, 5.0)["value"] == pytest.approx(
        1 / (1 + math.exp(-2))
    )
