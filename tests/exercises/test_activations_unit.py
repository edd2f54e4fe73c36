"""The numbers of unit 05, worked out by hand and held against what PyTorch does."""

import re
from itertools import pairwise

import jupytext
import pytest
import torch
from torch import nn

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.unit_05_activations.kept import KEEPS
from helpers.exercises.unit_05_activations.profiles import VARIANTS
from helpers.meter import inference_memory, training_memory
from helpers.tried import numbers, tried
from tests import COURSE
from tests.exercises.questions import drawn, right

TEXT = COURSE / "source" / "05_activations" / "activations.py"


def numbers_in_and_out(model, side):
    """Of every convolution and linear layer, on the meta device."""
    pairs = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(
                lambda _, inputs, output: pairs.append((inputs[0].numel(), output.numel()))
            )
    with torch.no_grad():
        model(torch.empty(1, 3, side, side, device="meta"))
    return pairs


def build(name):
    import timm

    with torch.device("meta"):
        return timm.create_model(name).eval()


def test_alexnet_has_932264_activations_and_440928_at_once():
    # the image and what conv1 writes: 3 · 224² + 96 · 55²
    assert right("alexnet_activations", 3, 1000) == {"total": 932_264, "peak": 440_928}


def test_with_a_grey_image_alexnet_peaks_one_layer_later():
    # pool1 reads 96 · 55² and writes 96 · 27²; conv1 would hold 50,176 + 290,400
    assert right("alexnet_activations", 1, 1000)["peak"] == 96 * 55**2 + 96 * 27**2


def test_alexnets_third_layer_lies_between_256_kb_and_256_kib():
    conv2 = 96 * 27**2 + 256 * 27**2
    assert 256_000 < conv2 == 256_608 < 262_144


@pytest.mark.parametrize(("name", "peak"), [("resnet18", 953_344), ("mobilenetv2_100", 1_505_280)])
def test_mobilenetv2_has_the_higher_peak(name, peak):
    assert max(map(sum, numbers_in_and_out(build(name), 224))) == peak


def test_a_skip_of_resnet50_turns_the_comparison_round():
    wide, narrow = 256 * 56**2, 64 * 56**2
    with_skip = right("block_peak", [wide, narrow, narrow, wide])["with the skip"]
    without = max(map(sum, numbers_in_and_out(build("resnet50"), 224)))
    assert without == 1_204_224 < 1_505_280 < with_skip == 1_806_336


@pytest.mark.parametrize("block", [[24, 144, 144, 24], [32, 192, 192, 32]])
def test_skips_do_not_change_mobilenetv2s_peak(block):
    """Its blocks with a skip: 24 channels at 56², 32 at 28²; the peak is in one without."""
    pixels = 56**2 if block[0] == 24 else 28**2
    sizes = [channels * pixels for channels in block]
    assert right("block_peak", sizes)["with the skip"] < 1_505_280


def test_batch_norm_makes_resnet18_hold_1_84_times_the_count():
    memory = inference_memory("resnet18", (8, 3, 224, 224))
    held = memory.ledger["inputs"] + memory.ledger["activations"] + memory.ledger["buffers"]
    # what batch norm reads and writes, and two statistics of each of its 64 channels
    assert memory.ledger["activations"] == 2 * 8 * 64 * 112**2 * 4 + 2 * 64 * 4
    assert held / (8 * 953_344 * 4) == pytest.approx(1.84, abs=0.005)


@pytest.mark.parametrize("args", drawn("cnn_peak"))
def test_a_small_cnn_peaks_where_pytorch_says(args):
    channels, size, layers = args
    sizes, before = [channels * size**2], channels
    x = torch.empty(1, channels, size, size, device="meta")
    for out, kernel, stride in layers:
        x = nn.Conv2d(before, out, kernel, stride, kernel // 2, device="meta")(x)
        sizes, before = [*sizes, x.numel()], out
    assert right("cnn_peak", *args) == max(a + b for a, b in pairwise(sizes))


def test_the_third_layer_does_not_fit():
    sizes = [3 * 96**2, 32 * 48**2, 32 * 48**2, 96 * 48**2, 24 * 24**2]
    assert right("overflowing_layer", sizes, 1, 256) == 3
    assert right("overflowing_layer", sizes, 1, 295) is None
    # 294,912 B are 288 KiB
    assert right("overflowing_layer", sizes, 1, 294) == 3


@pytest.mark.parametrize("hidden", [False, True])
def test_who_takes_a_kb_for_a_kib_is_told_so_and_not_that_a_layer_overflows(hidden):
    exercise = EXERCISES["overflowing_layer"]

    def answer(sizes, width, kilobytes):
        for layer, held in enumerate(pairwise(sizes), start=1):
            if width * sum(held) > 1024 * kilobytes:
                return layer
        return None

    cases = grading_cases(exercise, b"1") if hidden else exercise.visible_cases()
    verdict = judge(exercise, answer, cases)
    assert verdict.hint == "a kB has 1000 bytes: here that decides"
    assert verdict.misconceptions == ("kB taken as KiB",)


def test_a_search_that_never_finds_is_not_told_of_inputs_and_outputs():
    exercise = EXERCISES["overflowing_layer"]
    verdict = judge(exercise, lambda *args: None, exercise.visible_cases())
    assert verdict.hint.startswith("None says that there is no such number")


def test_features_and_hidden_exchanged_are_said_to_be():
    exercise = EXERCISES["mlp_kept"]

    def answer(batch, features, hidden):
        return {
            "ReLU": 4 * batch * (features + hidden),
            "GELU": 4 * batch * (2 * features + hidden),
        }

    hint = judge(exercise, answer, exercise.visible_cases()).hint
    assert hint == "are features and hidden exchanged?"


@pytest.mark.parametrize("side", [64, 96, 224])
def test_mobilenetv2_holds_30_numbers_a_pixel(side):
    peak = max(map(sum, numbers_in_and_out(build("mobilenetv2_100"), side)))
    assert peak == 30 * side**2


@pytest.mark.parametrize(
    ("block", "strips", "rows"),
    [
        # 2 · 16 · 64² + 96 · 64 · 18 = 241,664 B; of two strips each would need 33 rows
        ((16, 96, 64, 256), 4, 70),
        # 2 · 8 · 24² + 48 · 24 · 24 = 36,864 B: whole
        ((8, 48, 24, 37), 1, 24),
    ],
)
def test_a_block_is_made_in_the_fewest_strips_that_fit(block, strips, rows):
    assert right("strip_plan", *block) == {"strips": strips, "rows": rows}


@pytest.mark.parametrize("args", drawn("strip_plan", seeds=2))
def test_strips_hold_what_a_walk_over_their_rows_holds(args):
    narrow, wide, side, kilobytes = args
    plan = right("strip_plan", *args)

    def needed(strips):
        height = side // strips
        return [
            {row for row in range(top - 1, top + height + 1) if 0 <= row < side}
            for top in range(0, side, height)
        ]

    def fits(strips):
        rows = max(map(len, needed(strips)))
        return 2 * narrow * side**2 + wide * side * rows <= 1000 * kilobytes

    divisors = [strips for strips in range(1, side + 1) if side % strips == 0]
    assert plan["strips"] == next(strips for strips in divisors if fits(strips))
    assert plan["rows"] == sum(map(len, needed(plan["strips"])))


def test_a_waiting_input_is_there_from_the_second_layer_on():
    # layer 1: 800 + 200; layer 2: 800 + 200 + 200; layer 3: 800 + 200 + 800
    peaks = right("block_peak", [800, 200, 200, 800])
    assert peaks == {"convolutions": 1000, "with the skip": 1800}


def test_a_relu_that_writes_a_new_tensor_holds_its_output_twice():
    assert right("relu_peak", [150, 800, 200, 400]) == {"in place": 1000, "new tensor": 1600}
    assert right("relu_peak", [1000, 400, 100]) == {"in place": 1400, "new tensor": 1400}


@pytest.mark.needs("AVX2")
def test_every_byte_that_the_notebook_measures_beside_its_prediction_is_named(capsys):
    cells = jupytext.reads(TEXT.read_text(encoding="utf-8"), fmt="py:percent").cells
    names = {"torch": torch, "nn": nn, "pairwise": pairwise, "tried": tried, "numbers": numbers}
    names["relu_peak"] = lambda sizes: right("relu_peak", sizes)
    for cell in cells:
        if cell.cell_type == "code" and "blocks_at_peak" in cell.source:
            exec(compile(cell.source, "cell", "exec"), names)
    shown = capsys.readouterr().out.split("\n\n")[0].replace(",", "")
    in_place, new_tensor = (
        [int(digits) for digits in re.findall(r"\d+", part)] for part in shown.split("new tensor")
    )
    measured, predicted, *beside = in_place
    assert measured == predicted + sum(beside)
    table = 4096 + 4120 * torch.get_num_threads()
    assert sorted(beside) == sorted([64 * 16 * 3 * 3 * 4, table])
    assert new_tensor == [8_388_608, 8_388_608]


@pytest.mark.parametrize("name", KEEPS)
def test_autograd_keeps_of_a_function_what_the_question_says(name):
    x, saved = torch.rand(4, requires_grad=True), []

    def note(tensor):
        saved.append(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y = getattr(torch, name)(x)
    kept = {
        what for what, tensor in (("input", x), ("output", y)) if tensor.data_ptr() in saved
    } or {"nothing"}
    assert kept == {KEEPS[name]}
    assert bool(saved) == (KEEPS[name] != "nothing")


def test_storages_are_counted_once_and_weights_not_at_all():
    assert right("kept_storages", [[7, 4096], [7, 4096], [9, 4096]], []) == 8192
    assert right("kept_storages", [[1, 512], [2, 100], [1, 512]], [2]) == 512


@pytest.mark.parametrize("args", drawn("mlp_kept"))
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU()], ids=["ReLU", "GELU"])
def test_an_mlp_keeps_what_autograd_keeps(args, activation):
    batch, features, hidden = args
    mlp = nn.Sequential(
        nn.Linear(features, hidden, device="meta"),
        activation,
        nn.Linear(hidden, features, device="meta"),
    )
    # The loss reads nothing of the output; the meter does not count the input.
    memory = training_memory(mlp, (batch, features), loss=lambda output: output.sum())
    name = type(activation).__name__
    assert right("mlp_kept", *args)[name] == memory.saved_bytes + 4 * batch * features


@pytest.mark.parametrize("name", VARIANTS)
def test_convnexts_parameters_by_formula_are_those_of_timm(name):
    model = build(name)
    size = right("convnext_size", name, 2, 32)
    assert size["parameters"] == sum(p.numel() for p in model.parameters())
    assert size["bytes"] == 4 * size["parameters"]
    for stage in range(4):
        in_stage = sum(p.numel() for p in model.stages[stage].parameters())
        assert right("convnext_size", name, stage, 32)["in the stage"] == in_stage


def test_convnextv2_large_has_198_million_parameters():
    assert right("convnext_size", "convnextv2_large", 0, 32)["parameters"] == 197_956_840


def test_the_peaks_in_the_examples_are_those_of_convnextv2_atto():
    weights, image = 4 * 3_708_400, 4 * 3 * 224**2
    peaks = {}
    for batch in 2, 8:
        memory = training_memory("convnextv2_atto", (batch, 3, 224, 224), optimizer="sgd")
        peaks[batch] = weights + batch * image + memory.saved_bytes
    each = right("activations_per_image", peaks[8], 3_708_400, 8, 224, 4, False)
    assert EXERCISES["activations_per_image"].examples[0][0] == peaks[8]
    assert EXERCISES["two_peaks"].examples[1] == (2, peaks[2], 8, peaks[8])
    line = right("two_peaks", 2, peaks[2], 8, peaks[8])
    assert line == {"each image": each + image, "fixed": weights}
