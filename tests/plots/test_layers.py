"""The drawings of layers show what they say."""

import numpy as np
import pytest

from helpers.plots import layers
from helpers.reference import conv2d_output_size, receptive_field


@pytest.mark.parametrize("window", [(4, 2, 1, 0), (7, 3, 1, 1), (7, 3, 2, 1), (12, 5, 3, 2)])
def test_a_bar_for_each_place_of_the_kernel(window):
    (panel,) = layers.windows([window]).axes
    assert len(panel.lines) == conv2d_output_size(*window)
    assert panel.get_title().endswith(f"{len(panel.lines)} out")


def test_padded_pixels_are_drawn_dashed():
    (panel,) = layers.windows([(7, 3, 1, 2)]).axes
    assert [cell.get_linestyle() for cell in panel.patches].count("--") == 4


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_groups_cut_the_connections(groups):
    (panel,) = layers.channel_groups(8, [groups]).axes
    assert len(panel.lines) == 8 * 8 // groups


@pytest.mark.parametrize("stack", [([3, 3], [1, 1]), ([3, 3], [2, 1]), ([3, 5, 3], [2, 3, 2])])
def test_the_lowest_row_is_the_receptive_field(stack):
    assert layers.seen_by_one_output(*stack)[0] == (0, receptive_field(*stack) - 1)


@pytest.mark.parametrize(
    ("kind", "means"), [("batch", 4), ("layer", 3), ("instance", 12), ("group", 6)]
)
def test_cells_that_share_a_mean(kind, means):
    assert len(np.unique(layers.norm_groups(kind, images=3, channels=4, groups=2))) == means


def test_every_cell_names_its_mean():
    panels = layers.normalization_axes(images=3, channels=4, groups=2).axes
    assert [len({text.get_text() for text in panel.texts}) for panel in panels] == [4, 3, 12, 6]


def test_the_band_behind_a_curve_is_the_range_of_its_outputs():
    panel = layers.activation_curves({"half": lambda x: x / 2}).axes[0]
    assert panel.get_title() == "half: -4 … 4"


def test_the_line_on_the_right_is_where_the_classifier_is_zero():
    xy = np.array([[0.0, 0.0], [1.0, 1.0]])
    _, after = layers.reshaped_plane(xy, xy, np.array([0, 1]), [(1, 1, 0)], (1, -2, -0.5)).axes
    (line,) = after.lines
    for x, y in (line.get_xy1(), line.get_xy2()):
        assert x - 2 * y - 0.5 == pytest.approx(0)
