"""Unit 06: its numbers worked by hand, its walks held against the meter and real steps."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, optim

from helpers.meter import training_memory
from helpers.meter.measured import measured_training
from helpers.meter.memory.device.allocator import CachingAllocator, rounded
from helpers.meter.models import build
from helpers.plots.training import peak_by_batch, segments_and_bytes, step_timeline
from tests.exercises.questions import drawn, right

LARGE = 197_956_840  # parameters of convnextv2_large


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_the_states_are_those_that_pytorch_keeps(optimizer):
    layer = nn.Linear(30, 20)
    parameters = list(layer.parameters())
    made = {
        "sgd": optim.SGD(parameters, 0.1),
        "momentum": optim.SGD(parameters, 0.1, 0.9),
        "adam": optim.Adam(parameters),
    }[optimizer]
    layer(torch.ones(1, 30)).sum().backward()
    made.step()
    kept = [value for state in made.state.values() for value in state.values()]
    states = sum(value.nbytes for value in kept if torch.is_tensor(value) and value.dim())
    assert right("optimizer_ledger", 30 * 20 + 20, optimizer) == {
        "weights": sum(p.nbytes for p in parameters),
        "gradients": sum(p.grad.nbytes for p in parameters),
        "states": states,
    }


def test_adam_takes_16_bytes_a_parameter_in_fp32_and_in_mixed_precision_and_8_in_bf16():
    assert right("precision_bytes", 10, "fp32") == 10 * (4 + 4 + 4 + 4)
    assert right("precision_bytes", 10, "mixed") == 10 * (2 + 2 + 4 + 4 + 4)
    assert right("precision_bytes", 10, "bf16") == 10 * (2 + 2 + 2 + 2)


def test_the_states_of_the_large_model_take_three_gigabytes():
    assert right("precision_bytes", LARGE, "fp32") == 3_167_309_440


def test_eight_bit_adam_has_a_scale_for_every_block_begun():
    # 4 + 4 + 1 + 1 B a parameter, and 4 B for each block of 256 of m and of v
    assert right("adam_8bit_step", 256) == 2560 + 2 * 4
    assert right("adam_8bit_step", 257) == 2570 + 2 * 8


def test_a_peak_is_the_highest_level_and_not_the_sum_of_what_was_taken():
    # levels 40, 70, 30, 50, 0; 90 was taken in all
    assert right("peak_of_changes", (40, 30, -40, 20, -50)) == {"peak": 70, "at": 1}


@pytest.mark.parametrize("args", drawn("peak_of_changes"))
def test_a_list_of_changes_never_gives_back_more_than_was_taken(args):
    held = 0
    for change in args[0]:
        held += change
        assert held >= 0


def test_three_moments_of_the_large_model():
    saved = 543_882_320
    assert right("step_moments", LARGE, saved) == {
        "end of forward": 12 * LARGE + saved,
        "end of backward": 16 * LARGE,
        "foreach update": 20 * LARGE,
    }


def test_foreach_holds_one_more_number_a_parameter_in_the_update():
    layer = nn.Linear(500, 500, bias=False)
    step = training_memory(layer, (1, 500), foreach=True)
    assert step.timeline.phases[step.timeline.peak_at] == "optimizer"
    by_hand = right("step_moments", 500 * 500, 0)["foreach update"]
    assert step.timeline.peak_of("optimizer") == pytest.approx(by_hand, rel=0.01)


def test_a_chain_is_walked_from_its_end():
    # 3 · 820 + 1300 = 3760 held when backward starts; a gradient comes before its activation goes
    # + 400 = 4160, − 50 + 400 = 4510, − 50 + 10 = 4470, …
    assert right("chain_peak", (10, 10, 400, 400), (600, 600, 50, 50)) == 4510
    # + 10 = 3770, − 600 + 10 = 3180, …
    assert right("chain_peak", (400, 400, 10, 10), (50, 50, 600, 600)) == 3770


sizes = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=1, max_size=8)


@given(sizes)
def test_a_chain_peaks_between_its_ends_and_the_sum_of_its_parts(pairs):
    weights, saved = zip(*pairs, strict=True)
    peak = right("chain_peak", weights, saved)
    ends = 3 * sum(weights) + sum(saved), 4 * sum(weights)
    assert max(ends) <= peak <= 4 * sum(weights) + sum(saved)


@pytest.mark.parametrize("name", ["deit_tiny_patch16_224", "convnextv2_large"])
def test_the_walk_is_within_three_percent_of_the_timeline(name):
    model = build(name)
    step = training_memory(model, (4 if "tiny" in name else 1, 3, 224, 224))
    kept: dict[str, int] = {}
    for tensor in step.saved:
        kept[tensor.module] = kept.get(tensor.module, 0) + tensor.bytes
    weights = [sum(p.nbytes for p in m.parameters(recurse=False)) for m in model.modules()]
    saved = [kept.get(module, 0) for module, _ in model.named_modules()]
    assert right("chain_peak", weights, saved) == pytest.approx(step.peak, rel=0.03)


def test_the_small_model_is_predicted_within_one_percent():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))
        rows = torch.randn(512, 256)
        assert training_memory(model, rows).peak == pytest.approx(
            measured_training(model, rows).peak, rel=0.01
        )
    finally:
        torch.set_num_threads(threads)


def test_the_line_of_the_large_model_on_cuda():
    fitting = [
        right("batch_that_fits", 2_617_777_152, 537_640_000, int(gib * 2**30), 524_288_000)
        for gib in (14.75, 23.64, 79.15)
    ]
    # 12,695,626,752 ÷ 537,640,000 = 23.6; 41.4; 152.2
    assert fitting == [23, 41, 152]


@pytest.mark.parametrize(("batch", "gib"), [(40, 23.64), (149, 79.15)])
def test_the_batches_that_a_search_found_fit_and_one_more_does_not(batch, gib):
    model = build("convnextv2_large")

    def fits(images):
        return training_memory(model, (images, 3, 224, 224), device="cuda").fits(int(gib * 2**30))

    assert fits(batch)
    assert not fits(batch + 1)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=6))
def test_tensors_are_rounded_as_the_allocator_rounds_them(elements):
    allocator = CachingAllocator()
    for count in elements:
        allocator.allocate(4 * count)
    assert right("allocated_bytes", elements) == allocator.allocated


@pytest.mark.parametrize("args", drawn("newly_reserved", seeds=4))
def test_a_new_piece_is_what_the_model_of_the_allocator_reserves(args):
    free_blocks, request = args
    allocator = CachingAllocator()
    allocator.allocate(request)
    fits = any(block >= rounded(request) for block in free_blocks)
    assert right("newly_reserved", *args) == (0 if fits else allocator.reserved)


def test_a_later_part_of_a_batch_finds_all_gradients_there():
    model = nn.Sequential(*[nn.Sequential(nn.Linear(256, 256), nn.Tanh()) for _ in range(8)])
    parameters = 8 * (256 * 256 + 256)
    step = training_memory(model, (64, 256), zero_grad="zero")
    # each Tanh saves its output, each Linear its input: one storage a layer, of 256 · 4 B a row
    by_hand = 16 * parameters + 64 * 8 * 256 * 4
    assert step.peak == pytest.approx(by_hand, rel=0.05)
    # 4 parts of 256 images have 64 each
    assert right("fewest_parts", parameters, 8 * 256 * 4, 256, by_hand) == 4
    assert right("fewest_parts", parameters, 8 * 256 * 4, 256, by_hand - 1) == 8


def test_a_plan_of_parts_divides_the_batch_or_there_is_none():
    # 16 · 198 M and 8 images of 75 MB: 4 parts of 30 would do, but do not divide them
    assert right("fewest_parts", 198_000_000, 75_000_000, 30, 3_770_000_000) == 5
    assert right("fewest_parts", 300_000_000, 400_000_000, 8, 5_000_000_000) is None


def test_the_roots_that_foreach_holds_are_as_wide_as_v():
    # 2 + 4 + 4 + 4 + 2 = 16; fp32 gradients take 2 more, the roots 4
    ways = [(g, u) for u in ("fused", "foreach") for g in ("bf16", "fp32")]
    assert [right("mixed_update", 1, *way) for way in ways] == [16, 18, 20, 22]
    weight = nn.Parameter(torch.ones(8))
    (v,) = torch._foreach_sqrt([torch.zeros_like(weight, dtype=torch.float32)])
    assert v.nbytes == 4 * weight.numel()


def test_checkpoints_keep_a_boundary_each_and_one_segment():
    assert right("checkpointed_bytes", 16, 1, 2, 4) == 4 * 1 + 4 * 2
    assert right("checkpointed_bytes", 10, 1, 2, 4) == 4 * 1 + 3 * 2  # 3 + 3 + 2 + 2


def test_the_root_of_the_layers_is_best_where_inside_and_boundary_are_equal():
    assert right("best_segments", 100, 1, 1) == 10
    assert right("checkpointed_bytes", 100, 1, 1, 10) == 20
    assert right("best_segments", 16, 1, 2) == 4


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 50), st.integers(1, 50))
def test_no_other_number_of_segments_holds_less(layers, boundary, inside):
    best = right("best_segments", layers, boundary, inside)
    held = [right("checkpointed_bytes", layers, boundary, inside, s) for s in range(1, layers + 1)]
    assert held[best - 1] == min(held)
    assert held.index(min(held)) == best - 1


def test_the_timeline_names_its_peak_and_adds_up_to_it():
    step = training_memory(nn.Sequential(nn.Linear(64, 256), nn.ReLU()), (128, 64))
    ax = step_timeline(step, sum_of_parts=2 * step.peak)
    top = max(path.vertices[:, 1].max() for area in ax.collections for path in area.get_paths())
    assert top * 2**20 == pytest.approx(step.peak)
    operation = step.timeline.operations[step.timeline.peak_at].split(".")[1]
    texts = [text.get_text() for text in ax.texts]
    assert any(operation in text for text in texts)
    assert any("sum of parts" in text for text in texts)


def test_a_category_keeps_its_colour_in_every_timeline():
    model = nn.Linear(64, 64)
    colours = []
    for batch in 1, 64:
        ax = step_timeline(training_memory(model, (batch, 64)))
        handles, labels = ax.get_legend_handles_labels()
        colours.append({n: h.get_facecolor() for h, n in zip(handles, labels, strict=True)})
    shared = set(colours[0]) & set(colours[1])
    assert "weights" in shared
    assert all((colours[0][name] == colours[1][name]).all() for name in shared)


def test_peaks_stand_at_their_batch_and_devices_at_their_memory():
    ax = peak_by_batch({1: 4 * 2**30, 8: 6 * 2**30}, 2 * 2**30, 2**29, {"card": 5 * 2**30}, "t")
    line, points, card = (each.get_xydata().tolist() for each in ax.get_lines())
    assert line == [[0, 2], [8, 6]]
    assert points == [[1, 4], [8, 6]]
    assert {y for _, y in card} == {5}


def test_segments_show_by_hand_beside_measured():
    ax = segments_and_bytes({1: 2**20, 2: 2**21}, {1: 2**21, 2: 2**21}, 3 * 2**20, "t")
    level, by_hand, measured = (each.get_xydata().tolist() for each in ax.get_lines())
    assert {y for _, y in level} == {3}
    assert by_hand == [[1, 2], [2, 2]]
    assert measured == [[1, 1], [2, 2]]


def test_measuring_writes_nothing_but_its_result():
    code = (
        "import torch; from helpers.meter.measured import measured_training as m;"
        "print(m(torch.nn.Linear(8, 8), torch.ones(2, 8)).peak > 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("True\n", "")
