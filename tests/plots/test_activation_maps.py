"""Pictures of activations: what they draw is what was counted."""

from __future__ import annotations

import pytest
from torch import nn

from helpers.meter import inference_memory, training_memory
from helpers.plots.activation_maps import (
    held_over_time,
    in_and_out,
    lifetimes,
    storage_lives,
    strip,
)

LAYERS = {"conv1": (100, 300), "conv2": (300, 50), "fc": (50, 10)}


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


def test_input_and_output_of_a_layer_stand_on_each_other():
    ax = in_and_out({"net": LAYERS}, "numbers", "finding").axes[0]
    assert heights(ax) == [100, 300, 50, 300, 50, 10]
    assert [bar.get_y() for bar in ax.patches][3:] == [100, 300, 50]


def test_the_layer_that_holds_most_is_named():
    ax = in_and_out({"net": LAYERS}, "numbers", "finding").axes[0]
    assert [text.get_text() for text in ax.texts] == ["conv1: 400"]


def test_what_is_over_the_limit_is_hatched():
    ax = in_and_out({"net": LAYERS}, "B", "finding", limit=("a chip", 350)).axes[0]
    hatched = [bar.get_hatch() is not None for bar in ax.patches]
    # 400 is over 350; 350 is not; 60 is not
    assert hatched == [True, False, False, True, False, False]


def test_networks_share_one_scale():
    fig = in_and_out({"small": {"a": (1, 1)}, "large": LAYERS}, "numbers", "finding")
    assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()


def stack(depth):
    layers = [nn.Conv2d(4, 4, 3, padding=1) for _ in range(depth)]
    return nn.Sequential(*(part for layer in layers for part in (layer, nn.Sigmoid())))


def most_alive(lives):
    return max(sum(born <= at < died for born, died, _ in lives) for at, _, _ in lives)


@pytest.mark.parametrize("depth", [2, 5])
def test_inference_holds_two_tensors_however_deep(depth):
    memory = inference_memory(stack(depth), (1, 4, 64, 64))
    assert most_alive(storage_lives(memory, smallest=4 * 64 * 64)) == 2


@pytest.mark.parametrize("depth", [2, 5])
def test_training_keeps_one_output_for_each_sigmoid(depth):
    memory = training_memory(stack(depth), (1, 4, 64, 64))
    kept = [kept for _, _, kept in storage_lives(memory, smallest=4 * 64 * 64)]
    assert sum(kept) == depth


def test_lifetimes_have_a_panel_for_each_step():
    steps = {"a": inference_memory(stack(3), (1, 4, 64, 64))}
    steps["b"] = training_memory(stack(3), (1, 4, 64, 64))
    fig = lifetimes(steps, smallest=4 * 64 * 64)
    assert fig.axes[0].get_title() == "a: 6 tensors, at most 2 at once"
    assert fig.axes[1].get_title().startswith("b: ")


def test_a_profile_is_drawn_in_mb():
    ax = held_over_time({"training": [0, 2e6, 1e6]}, "finding")
    assert list(ax.get_lines()[0].get_ydata()) == [0, 2, 1]
    assert ax.get_legend().get_texts()[0].get_text() == "training: peak 2 MB"


def test_a_strip_shows_its_rows_and_one_more_on_each_side():
    ax = strip(side=12, height=4, number=2, title="a strip")
    wide = [bar for bar in ax.patches if bar.get_width() == 4]
    there = [round(bar.get_y() + 0.5) for bar in wide if bar.get_facecolor() != (1, 1, 1, 1)]
    assert there == [3, 4, 5, 6, 7, 8]
