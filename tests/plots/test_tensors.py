"""Pictures of tensors and amounts: what they draw is what PyTorch says."""

import matplotlib
import pytest
import torch

from helpers.plots.bars import bars
from helpers.plots.intensity import intensity_by_batch
from helpers.plots.tensors import (
    broadcast,
    cache_lines,
    number_formats,
    positions,
    strides,
)


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def shades(fig):
    """How many cells have which colour, over all axes."""
    found = {}
    for ax in fig.axes:
        for patch in ax.patches:
            color = matplotlib.colors.to_hex(patch.get_facecolor())
            found[color] = found.get(color, 0) + 1
    return found


@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.T, lambda x: x[1:, 1:]])
def test_positions_are_the_elements_of_an_arange(view):
    tensor = view(torch.arange(12).view(3, 4))
    drawn = positions(tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
    assert drawn == tensor.tolist()


def test_a_slice_leaves_the_positions_it_does_not_reach_white():
    fig = strides((2, 3), (4, 1), size=12, offset=5)
    # 2 × 3 of the 12 positions belong to the slice
    assert shades(fig)["#ffffff"] == 12 - 6


def test_the_arrows_say_how_far_a_step_goes():
    labels = texts(strides((4, 3), (1, 4), size=12, name="x.T"))
    assert "one column on: +4" in labels
    assert "one row on: +1" in labels


@pytest.mark.parametrize(("steps", "offset", "place"), [((4, 1), 1, "12"), ((-4, 1), 4, "-4")])
def test_strides_that_leave_the_storage_are_refused(steps, offset, place):
    with pytest.raises(ValueError, match=f"no position {place}$"):
        strides((3, 4), steps, size=12, offset=offset)


def test_what_broadcasting_repeats_is_white():
    # (3, 1) has 3 of 12 cells, (1, 4) has 4: 9 + 8 are repeated
    assert shades(broadcast((3, 1), (1, 4)))["#ffffff"] == 9 + 8


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match="do not broadcast"):
        broadcast((3, 4), (3,))


def test_a_stride_of_a_line_uses_a_sixteenth():
    assert [t for t in texts(cache_lines([1, 4, 16, 32])) if "used" in t] == [
        "100% used", "25% used", "6% used", "6% used",
    ]  # fmt: skip


def test_a_format_has_as_many_cells_as_bits():
    fig = number_formats({"fp32": (1, 8, 23), "bf16": (1, 8, 7)})
    assert sum(shades(fig).values()) == 32 + 16


def test_the_limit_of_the_intensity_is_drawn_dashed():
    ax = intensity_by_batch([1, 2, 4], {"layer": [1, 2, 3]}, {"layer": 4.0}, "title")
    dashed = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [4.0]
    assert ax.get_xlabel() == "batch size"
    assert ax.get_ylabel() == "arithmetic intensity, FLOP/B"


def test_bars_end_at_their_amounts_and_on_a_log_axis_there_are_dots():
    for log in (False, True):
        ax = bars({"a": 2.0, "b": 600.0}, "pJ", "title", log=log)
        ends = ax.lines[0].get_xdata() if log else [bar.get_width() for bar in ax.patches]
        assert list(ends) == [2.0, 600.0]
        assert bool(ax.patches) is not log
        assert ax.get_xlabel().startswith("pJ")


def test_a_log_axis_has_no_zero():
    with pytest.raises(ValueError, match="log axis"):
        bars({"a": 0.0}, "pJ", "title", log=True)
