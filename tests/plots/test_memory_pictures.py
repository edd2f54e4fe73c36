"""Pictures of memory say what the figures say."""

from __future__ import annotations

from itertools import pairwise

import matplotlib
import pytest
from torch import nn

matplotlib.use("Agg")

from helpers.meter.memory import Memory, training_memory
from helpers.plots.memory import activations_by_layer, fits, memory_timeline
from helpers.reference.activations import chain_activations


@pytest.fixture(scope="module")
def memory() -> Memory:
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))
    return training_memory(model, (128, 64))


def test_the_areas_of_a_timeline_add_up_to_its_peak(memory: Memory) -> None:
    ax = memory_timeline(memory, capacity=2 * memory.peak)
    top = max(path.vertices[:, 1].max() for area in ax.collections for path in area.get_paths())
    assert top * 2**30 == pytest.approx(memory.peak)
    assert "at the peak" in ax.get_title()


def test_layers_show_what_inference_holds_at_once(memory: Memory) -> None:
    chain = {"input": 128 * 64, "0": 128 * 256, "1": 128 * 256, "2": 128 * 64}
    ax = activations_by_layer(chain_activations(chain), memory.saved)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[:3] == [a + b for a, b in pairwise(chain.values())]
    # Of the layers only ReLU saves something that is neither weight nor input: its output.
    assert heights[3:] == [0, 128 * 256, 0]


def test_what_does_not_fit_is_said(memory: Memory) -> None:
    ax = fits({"batch 128": memory, "the same": memory}, memory.peak - 1)
    assert ax.get_title().startswith("0 of 2 fit")
    assert any("does not fit" in text.get_text() for text in ax.texts)
