"""The homework's numbers, worked by hand, and the wrong answers that were seen in the wild."""

import random

import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
import timm
import torch

from helpers.check import judge, plain_answer
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.homework.memory import MODELS
from helpers.exercises.own_number import own_number
from helpers.reference import batch_norm_flops
from tests.exercises.questions import right

HOMEWORK = [exercise for exercise in EXERCISES.values() if exercise.unit == "homework"]


def verdict_on(name, answer):
    return judge(EXERCISES[name], answer, grading_cases(EXERCISES[name], b"seed"))


def test_21_points_are_judged_and_two_bonuses_are_2_each():
    assert sum(e.points for e in HOMEWORK if not e.bonus) == 21
    assert [e.points for e in HOMEWORK if e.bonus] == [2, 2]


def test_a_name_gives_a_number_below_2_to_the_40():
    # sha256(b"abc") begins with ba7816bf8f (FIPS 180-2, appendix B.1)
    assert own_number("abc") == 0xBA7816BF8F < 2**40


def test_padding_that_turns_11_into_9_is_0():
    assert right("padding", 11, 9, 3) == 0
    assert right("padding", 11, 11, 3) == 1


def test_standard_and_depthwise_convolution_of_16_channels():
    assert right("conv_cost", 16, 16, 11, 3) == {"MAC": 186_624, "FLOP": 373_248}
    assert right("depthwise_cost", 16, 11, 3) == {"MAC": 11_664, "FLOP": 23_328}


def test_softmax_of_4_rows_of_32():
    assert right("softmax_flops", 4, 32) == 4 * (40 * 32 + 31 + 4 * 32) == 5756


def test_prelu_multiplies_where_x_is_not_positive():
    assert right("prelu_flops", [[1.0, 0.0, -1.0]]) == 2


#: Features that go in and come out.
OUR_BLOCK = (64, 32)


def test_prelu_linear_at_batch_1_has_an_intensity_of_0_46():
    bound = right(
        "block_bound",
        right("block_flops", 1, *OUR_BLOCK),
        right("block_bytes", 1, *OUR_BLOCK),
        19.5,
        2039,
    )
    assert bound["intensity"] == pytest.approx(0.46, abs=0.005)
    assert bound["bound"] == "memory"


def test_prelu_linear_saturates_at_4_6():
    # each sample: 64 + 2·64·32 FLOP, 4·(3·64 + 32) B
    limit = (64 + 2 * 64 * 32) / (4 * (3 * 64 + 32))
    assert limit == pytest.approx(4.64, abs=0.005)
    batch = 10**9
    assert right("block_flops", batch, *OUR_BLOCK) / right(
        "block_bytes", batch, *OUR_BLOCK
    ) == pytest.approx(limit)


def test_the_weights_are_8192_of_the_bytes_at_batch_1():
    exercise = EXERCISES["block_bytes"]
    assert exercise.reference(1, *OUR_BLOCK)["read weights"] == 8192


def test_the_best_batch_is_the_first_whose_intensity_reaches_the_ridge():
    def intensity(batch):
        return 2 * batch * 768 * 3072 / (4 * (768 * 3072 + batch * (768 + 3072)))

    best = right("best_batch", 768, 3072, 20.3)
    assert intensity(best) >= 20.3 > intensity(best - 1)


def test_a_small_layer_never_reaches_a_ridge_of_20():
    assert right("best_batch", 64, 32, 20.3) is None


def test_adam_takes_16_bytes_a_parameter():
    assert right("adam_bytes", 1_000_000, 0) == 16_000_000


def test_convnextv2_large_in_fp32():
    size = right("model_size", "convnextv2_large", 32)
    assert size == {"parameters": 197_956_840, "bytes": 791_827_360}


@pytest.mark.parametrize("model", MODELS)
def test_what_a_model_holds_and_keeps_is_what_pytorch_says(model):
    with torch.device("meta"):
        network = timm.create_model(model)
    weights = {p.untyped_storage()._cdata for p in network.parameters()}
    facts = MODELS[model]
    assert sum(p.numel() for p in network.parameters()) == facts.parameters
    assert sum(buffer.numel() for buffer in network.buffers()) == facts.buffers
    assert len(list(network.parameters())) == facts.tensors
    for batch in (1, 3):
        kept, weights_kept, every = {}, {}, 0

        def keep(tensor, kept=kept, weights_kept=weights_kept):
            nonlocal every
            storage = tensor.untyped_storage()
            where = weights_kept if storage._cdata in weights else kept
            where[storage._cdata] = storage.nbytes()
            every += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = network(torch.empty(batch, 3, 224, 224, device="meta"))
        assert result.shape[0] == batch
        activations = batch * facts.kept_per_image + facts.kept_once
        assert sum(kept.values()) == activations
        assert sum(weights_kept.values()) == facts.weights_kept
        assert list(kept.values())[-1] == batch * facts.last_per_image
        assert every == activations + facts.weights_kept + batch * facts.repeated_per_image


def test_batch_norm_is_11n_and_11c_in_all():
    n, c = 4 * 3 * 220 * 220, 3
    parts = right("batch_norm_flops", 4, 3, 220, 220)
    assert sum(parts.values()) == 11 * n + 6 * c + c + 4 * c


def test_the_parts_of_batch_norm_are_those_of_the_reference():
    ledger = batch_norm_flops(2, 8, 5, 5)
    parts = right("batch_norm_flops", 2, 8, 5, 5)
    assert parts["mean"] == (ledger["sums of mean and variance"] + 4 * 16) / 2
    assert sum(parts.values()) == ledger.total


def test_a_function_written_over_is_said_to_be():
    assert "write over it" in verdict_on("prelu_flops", 7).hint


#: FLOP and bytes of a sample, bytes of a batch, largest batch: the case that is shown.
BLOCK = 4160, 896, 8196, 64


def plotted(draw):
    """The verdict on a function that draws with pyplot, in the notebook's case."""
    exercise = EXERCISES["plot_intensity"]
    try:
        return judge(exercise, plain_answer(draw, draws=True), exercise.visible_cases()[:1])
    finally:
        plt.close("all")


def intensities(flop, moved, once, largest):
    return [flop * b / (once + moved * b) for b in range(1, largest + 1)]


def named(axes=None):
    (axes or plt.gca()).set(xlabel="batch size", ylabel="intensity (FLOP/B)")


def a_line(flop, moved, once, largest):
    plt.plot(range(1, largest + 1), intensities(flop, moved, once, largest))
    named()


def a_level_line_of_as_many_points_first(flop, moved, once, largest):
    plt.plot(range(1, largest + 1), [flop / moved] * largest)
    a_line(flop, moved, once, largest)


def a_finer_level_line_first(flop, moved, once, largest):
    plt.plot(np.linspace(1, largest, 500), np.full(500, flop / moved))
    a_line(flop, moved, once, largest)


def ridges_first(flop, moved, once, largest):
    plt.axhline(0)
    plt.plot([1, largest], [9.6, 9.6])
    plt.hlines([25.3, 34], 0, largest)
    plt.axvline(3)
    a_line(flop, moved, once, largest)


def points_in_a_loop(flop, moved, once, largest):
    for b, height in enumerate(intensities(flop, moved, once, largest), 1):
        plt.plot(b, height, "bo")
    named()


def dots_in_a_loop(flop, moved, once, largest):
    for b, height in enumerate(intensities(flop, moved, once, largest), 1):
        plt.scatter(b, height)
    named()


def pieces_in_a_loop(flop, moved, once, largest):
    heights = intensities(flop, moved, once, largest)
    for b in range(1, largest):
        plt.plot([b, b + 1], heights[b - 1 : b + 1])
    named()


def a_scatter(flop, moved, once, largest):
    plt.scatter(range(1, largest + 1), intensities(flop, moved, once, largest))
    named()
    return plt


def from_right_to_left(flop, moved, once, largest):
    plt.plot(range(largest, 0, -1), intensities(flop, moved, once, largest)[::-1])
    named()
    return plt


def bars(flop, moved, once, largest):
    plt.bar(range(1, largest + 1), intensities(flop, moved, once, largest))
    plt.axhline(flop / moved)
    named()


def stems(flop, moved, once, largest):
    plt.stem(range(1, largest + 1), intensities(flop, moved, once, largest))
    named()


def a_fine_line(flop, moved, once, largest):
    b = np.linspace(1, largest, 1000)
    plt.plot(b, flop * b / (once + moved * b))
    named()


def a_twin_axis(flop, moved, once, largest):
    figure, axes = plt.subplots()
    other = axes.twinx()
    axes.plot(range(1, largest + 1), [once + moved * b for b in range(1, largest + 1)])
    other.plot(range(1, largest + 1), intensities(flop, moved, once, largest))
    axes.set(xlabel="batch", ylabel="bytes")
    other.set_ylabel("FLOP/B")
    return figure


def names_of_the_figure(flop, moved, once, largest):
    figure, axes = plt.subplots()
    axes.plot(range(1, largest + 1), intensities(flop, moved, once, largest))
    figure.supxlabel("batch")
    figure.supylabel("FLOP/B")
    return figure


def a_second_picture_with_more_points(flop, moved, once, largest):
    figure, (first, second) = plt.subplots(1, 2)
    second.plot(range(1, 300), intensities(flop, moved / 2, once, 299))
    first.plot(range(1, largest + 1), intensities(flop, moved, once, largest))
    named(first)
    return figure


def by_pandas(flop, moved, once, largest):
    rows = {"batch": range(1, largest + 1), "y": intensities(flop, moved, once, largest)}
    return pandas.DataFrame(rows).plot(x="batch", y="y", ylabel="FLOP/B")


def by_seaborn(flop, moved, once, largest):
    import seaborn

    axes = seaborn.lineplot(
        x=list(range(1, largest + 1)), y=intensities(flop, moved, once, largest)
    )
    named(axes)
    return axes


def by_a_grid_of_seaborn(flop, moved, once, largest):
    import seaborn

    rows = {"batch": range(1, largest + 1), "FLOP/B": intensities(flop, moved, once, largest)}
    return seaborn.relplot(pandas.DataFrame(rows), x="batch", y="FLOP/B", kind="line")


WAYS_TO_PLOT = (
    *(a_line, a_level_line_of_as_many_points_first, a_finer_level_line_first, ridges_first),
    *(points_in_a_loop, dots_in_a_loop, pieces_in_a_loop, a_scatter, from_right_to_left, bars),
    *(stems, a_fine_line, a_twin_axis, names_of_the_figure, a_second_picture_with_more_points),
    *(by_pandas, by_seaborn, by_a_grid_of_seaborn),
)


@pytest.mark.parametrize("draw", WAYS_TO_PLOT)
def test_a_right_plot_earns_all_however_it_is_drawn(draw):
    verdict = plotted(draw)
    assert (verdict.status, verdict.hint) == ("right", "")


def drawn_by(change, x="batch", y="FLOP/B", batches=None):
    """A plot whose heights are `change` of the right ones, over other batches, if any."""

    def draw(flop, moved, once, largest):
        over = batches or range(1, largest + 1)
        plt.plot(over, [change(b, flop, moved, once) for b in over])
        plt.gca().set(xlabel=x, ylabel=y)

    return draw


def right_height(b, flop, moved, once):
    return flop * b / (once + moved * b)


WRONG_PLOTS = [
    (drawn_by(lambda b, flop, moved, once: flop / moved), 0, "does not rise"),
    (drawn_by(lambda b, flop, moved, once: flop * b / (once + moved)), 0, "straight line"),
    (drawn_by(lambda b, *of: right_height(b, *of) / 2), 0, "MAC for FLOP, or"),
    (drawn_by(lambda b, *of: 4 * right_height(b, *of)), 0, "not for each fp32 number"),
    (drawn_by(lambda b, *of: 1 / right_height(b, *of)), 0, "divided by the other"),
    (drawn_by(lambda b, flop, moved, once: b * flop), 0, "these are the FLOP"),
    (drawn_by(right_height, batches=range(65)), 2 / 3, "a batch of 0"),
    (drawn_by(right_height, batches=range(1, 66)), 2 / 3, "one batch too far"),
    (drawn_by(right_height, batches=range(1, 64)), 0, "the last batch is missing"),
    (drawn_by(right_height, batches=[1, 2, 4, 8, 16, 32, 64]), 0, "powers of two"),
    (drawn_by(right_height, x="", y=""), 2 / 3, "name both axes"),
    (drawn_by(right_height, x=""), 2 / 3, "only the y axis is named"),
    (drawn_by(right_height, y="intensity"), 2 / 3, "only the x axis is named"),
    (drawn_by(right_height, x="FLOP/B", y="batch"), 2 / 3, "at each other's axes"),
]


@pytest.mark.parametrize(("draw", "share", "hint"), WRONG_PLOTS)
def test_a_wrong_plot_is_told_what_is_wrong_with_it(draw, share, hint):
    verdict = plotted(draw)
    assert verdict.fraction == pytest.approx(share)
    assert hint in verdict.hint


def test_exchanged_axes_are_said_to_be_and_not_that_they_lack_names():
    def draw(*block):
        plt.plot(intensities(*block), range(1, 65))
        plt.gca().set(xlabel="FLOP/B", ylabel="batch")

    assert plotted(draw).hint == (
        "the batch runs along x and the intensity up y: yours are the other way round"
    )


def test_the_plot_is_asked_for_of_other_blocks_when_graded():
    cases = grading_cases(EXERCISES["plot_intensity"], b"seed")
    assert len({case.args for case in cases}) >= 3

    def the_case_that_is_shown(*block):
        return {"axes": [picture_of(intensities(*BLOCK))]}

    assert judge(EXERCISES["plot_intensity"], the_case_that_is_shown, cases).fraction < 1


def picture_of(y, x=range(1, 65)):
    line = {"label": "", "x": list(x), "y": list(y)}
    return {"xlabel": "batch", "ylabel": "FLOP/B", "lines": [line], "points": []}


def test_both_bounds_are_drawn_and_a_block_on_the_ridge():
    for seed in range(20):
        drawn = EXERCISES["block_bound"].hidden(random.Random(seed))
        bounds = [right("block_bound", *args) for args in drawn]
        assert {bound["bound"] for bound in bounds} == {"memory", "compute"}
        assert any(bound["intensity"] == bound["ridge"] for bound in bounds)


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        {"axes": []},
        {"axes": 5},
        {"axes": [{"lines": [1]}]},
        {"axes": [{"lines": [{"x": [1, 2], "y": ["a", {}]}]}]},
        {"axes": [{"lines": [{"x": [1, 2, 3], "y": [1]}]}]},
        {"axes": [picture_of([], [])]},
    ],
)
def test_a_plot_that_is_not_there_gets_a_line(nothing):
    verdict = verdict_on("plot_intensity", lambda *block: nothing)
    assert verdict.fraction == 0
    assert "figure" in verdict.hint


@pytest.mark.parametrize(("heads", "tokens", "width"), [(2, 128, 32), (4, 96, 64)])
def test_attention_keeps_what_pytorch_keeps(heads, tokens, width):
    answer = right("recomputed_attention", heads, tokens, width)
    q, k, v = (torch.randn(1, heads, tokens, width, requires_grad=True) for _ in range(3))
    ways = {
        "written out": lambda: torch.softmax(q @ k.transpose(-1, -2), -1) @ v,
        "fused": lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v),
    }
    for name, way in ways.items():
        kept = {}

        def note(tensor, kept=kept):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            way()
        # A seed for dropout is kept as well: some bytes.
        assert sum(kept.values()) == pytest.approx(answer[name], abs=64)
