"""The graph of an expression shows its real nodes, and no arrow runs through a box."""

from dataclasses import dataclass, field
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers.plots.graph import expression_graph, layered, nodes
from helpers.plots.learning import loss_and_boundary
from helpers.plots.style import SHADES


@dataclass(eq=False)
class Number:
    data: float
    operation: str = ""
    parents: tuple["Number", ...] = ()
    grad: float = field(default=0.0)


@pytest.fixture
def product():
    """(x + y) · x at 2 and 3: L, a, x, y."""
    x, y = Number(2.0, grad=7), Number(3.0, grad=2)
    a = Number(5.0, "add", (x, y), grad=2)
    return Number(10.0, "mul", (a, x), grad=1), a, x, y


@pytest.fixture
def chain():
    """A chain of eight sums, each of which uses x once more."""
    x = result = Number(1.0)
    for number in range(8):
        result = Number(2.0 + number, "add", (result, x))
    return result


def drawn(figure, kind):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, kind)]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_every_node_comes_once_and_after_its_parents(product):
    L, a, x, y = product
    assert nodes(L) == [x, y, a, L]


def test_a_box_for_each_node_and_an_arrow_for_each_use(product):
    figure = expression_graph(product[0])
    assert len(drawn(figure, Rectangle)) == 4
    assert len(drawn(figure, FancyArrowPatch)) == 4  # x twice, y, a


def test_a_value_used_twice_by_one_node_has_two_arrows_that_end_apart():
    x = Number(3.0)
    arrows = drawn(expression_graph(Number(9.0, "mul", (x, x))), FancyArrowPatch)
    spans = {tuple(arrow.get_path().get_extents().intervalx) for arrow in arrows}
    assert len(arrows) == len(spans) == 2


def test_names_values_and_operations_stand_in_the_boxes(product):
    L, _a, x, y = product
    shown = texts(expression_graph(L, {"x": x, "y": y, "L": L}))
    assert sorted(shown) == sorted(["x = 2", "y = 3", "+", "5", "×", "L = 10"])


def test_gradients_and_local_derivatives_are_shown_where_asked(product):
    L, a, x, y = product
    local, names = {a: (1.0, 1.0), L: (2.0, 5.0)}, {"x": x, "y": y, "a": a, "L": L}
    shown = texts(expression_graph(L, names, local.__getitem__, gradients=True))
    assert [text for text in shown if text.startswith("grad")] == [
        "grad 7",
        "grad 2",
        "grad 2",
        "grad 1",
    ]
    assert sorted(text for text in shown if text in ("1", "2", "5")) == ["1", "1", "2", "5"]


def test_a_local_derivative_stands_on_the_side_that_its_arrow_comes_from(product):
    # dL/da is 2, dL/dx is 5; the edge from x passes a's row on its left or right.
    L, a, x, y = product
    local, names = {a: (1.0, 1.0), L: (2.0, 5.0)}, {"x": x, "y": y, "a": a, "L": L}
    labels = expression_graph(L, names, local.__getitem__).axes[0].texts
    across = {label.get_text(): label.get_position()[0] for label in labels}
    a_is_right = layered(L)[0][1].index(id(a)) == 1
    assert (across["2"] > across["5"]) == a_is_right


def test_marked_nodes_are_dark_and_all_others_white(product):
    L, _a, x, _y = product
    boxes = drawn(expression_graph(L, marked=[x]), Rectangle)
    assert [plt.matplotlib.colors.to_hex(box.get_facecolor()) for box in boxes] == [
        SHADES[2],
        "#ffffff",
        "#ffffff",
        "#ffffff",
    ]


def test_every_step_of_an_edge_leads_to_the_next_row(chain):
    rows, edges = layered(chain)
    row_of = {place: depth for depth, row in enumerate(rows) for place in row}
    for _, _, path in edges:
        assert all(row_of[below] == row_of[above] + 1 for above, below in pairwise(path))


def test_no_two_things_take_one_place(chain):
    rows, edges = layered(chain)
    places = [place for row in rows for place in row]
    crossings = sum(len(path) - 2 for _, _, path in edges)
    assert len(places) == len(set(places)) == len(nodes(chain)) + crossings


def test_an_input_stands_just_above_its_first_use():
    x, late = Number(1.0), Number(5.0)
    a = Number(2.0, "exp", (x,))
    b = Number(3.0, "exp", (a,))
    rows, _ = layered(Number(8.0, "add", (b, late)))
    assert id(late) in rows[2]


def test_a_picture_of_four_rows_fits_a_phone(product):
    width, _ = expression_graph(product[0]).get_size_inches()
    assert width <= 4.6  # 500 px at 110 dots an inch


def test_the_plane_is_shaded_by_the_score_and_right_points_are_counted():
    points, labels = [(0.0, 0.0), (1.0, 1.0), (0.2, 0.0)], [-1, 1, 1]
    figure = loss_and_boundary([2.0, 0.5], points, labels, lambda point: point[0] - 0.5)
    curve, plane = figure.axes
    assert np.array_equal(curve.lines[0].get_ydata(), [2.0, 0.5])
    assert plane.get_title() == "2 of 3 points right"
