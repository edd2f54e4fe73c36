"""Pictures of many devices: the numbers in them are those of what they draw."""

import matplotlib.pyplot as plt
import pytest

from helpers.plots import devices
from helpers.plots.bars import stacked
from helpers.reference.many_devices import micro_batches_kept


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("ranks", [2, 3, 4, 5])
def test_a_ring_ends_with_every_chunk_summed_on_every_rank(ranks):
    moments = devices._ring_moments(ranks)
    assert len(moments) == 2 * (ranks - 1) + 1
    assert moments[-1][0] == [[ranks] * ranks] * ranks
    halfway = moments[ranks - 1][0]
    assert all(halfway[rank][(rank + 1) % ranks] == ranks for rank in range(ranks))
    assert len(devices.ring_steps(ranks).axes) >= len(moments)


@pytest.mark.parametrize("schedule", ["all forward first", "1F1B"])
@pytest.mark.parametrize(("stages", "micro_batches"), [(4, 6), (3, 1), (2, 8)])
def test_a_pipeline_takes_its_slots_and_keeps_what_the_formula_says(
    stages, micro_batches, schedule
):
    boxes = devices._passes(stages, micro_batches, schedule == "1F1B")
    assert max(slot for _, slot, _, _ in boxes) + 1 == 2 * (micro_batches + stages - 1)
    for stage in range(stages):
        held = most = 0
        for _, _, _, forward in sorted(box[:4] for box in boxes if box[0] == stage):
            held += 1 if forward else -1
            most = max(most, held)
        assert most == micro_batches_kept(stages, micro_batches, stage)[schedule]
    axes = devices.pipeline(stages, micro_batches, schedule == "1F1B")
    assert len(axes.patches) == len(boxes)


def test_a_cut_layer_has_a_band_for_each_rank_in_three_matrices():
    (axes,) = devices.cut_mlp(4).axes
    assert len(axes.patches) == 2 + 3 * 4


def test_curves_are_drawn_as_they_are_given():
    axes = devices.scaling({"weak": {2: 1.0, 4: 0.9}}, "a title")
    assert axes.lines[0].get_ydata().tolist() == [1.0, 0.9]
    axes = devices.seconds_by_size({"ring": {1e3: 1e-5, 1e6: 2e-5}}, {"a norm": 1e4}, "a title")
    assert axes.lines[0].get_xdata().tolist() == [1e3, 1e6]


def test_what_stands_behind_a_stacked_bar_is_written_as_asked():
    rows = {"model": {"weights": 140, "states": 980}}
    axes = stacked(rows, "GB", "a title", text="{:,.0f}".format)
    assert [text.get_text() for text in axes.texts if "," in text.get_text()] == ["1,120"]
