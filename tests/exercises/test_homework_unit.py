"""The homework's numbers, worked by hand, and the wrong answers that were seen in the wild."""

import pytest
import timm
import torch

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.exercises.homework.memory import MODELS
from helpers.exercises.own_number import own_number
from tests.exercises.questions import right

HOMEWORK = [exercise for exercise in EXERCISES.values() if exercise.unit == "homework"]


def verdict_on(name, answer):
    return judge(EXERCISES[name], answer, grading_cases(EXERCISES[name], b"seed"))


def test_21_points_are_judged_and_2_are_a_bonus():
    assert sum(e.points for e in HOMEWORK if not e.bonus) == 21
    assert sum(e.points for e in HOMEWORK if e.bonus) == 2


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


def test_prelu_linear_at_batch_1_has_an_intensity_of_0_46():
    bound = right("block_bound", 1, 19.5, 2039)
    assert bound["intensity"] == pytest.approx(0.46, abs=0.005)
    assert bound["bound"] == "memory"


def test_prelu_linear_saturates_at_4_6():
    # each sample: 64 + 2·64·32 FLOP, 4·(3·64 + 32) B
    limit = (64 + 2 * 64 * 32) / (4 * (3 * 64 + 32))
    intensity = right("block_bound", 10**9, 19.5, 2039)["intensity"]
    assert limit == pytest.approx(4.64, abs=0.005)
    assert intensity == pytest.approx(limit, rel=1e-6)


def test_the_weights_are_8192_of_the_bytes_at_batch_1():
    exercise = EXERCISES["block_bytes"]
    assert exercise.reference(1)["read weights"] == 8192


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
        assert every == activations + facts.weights_kept + batch * facts.repeated_per_image


def batch_norm(n, c, sums=None, mean=True, keep=False, root=True, division=4):
    """FLOP of BatchNorm as students count it."""
    sums = n - c if sums is None else sums
    total = 2 * sums + 2 * 4 * c + 2 * n + c + (4 * c if root else 0)
    return total + (0 if keep else n) + division * n + 2 * n


@pytest.mark.parametrize("keep", [False, True], ids=["11N", "10N"])
@pytest.mark.parametrize("root", [False, True], ids=["root free", "root priced"])
@pytest.mark.parametrize("from_zero", [False, True], ids=["n-1 additions", "n additions"])
def test_every_right_derivation_of_batch_norm_earns_all(keep, root, from_zero):
    def answer(b, c, h, w):
        n = b * c * h * w
        return batch_norm(n, c, sums=n if from_zero else None, keep=keep, root=root)

    assert verdict_on("batch_norm_flops", answer).fraction == 1


def test_11n_and_10n_are_what_is_left_without_the_channels():
    n, c = 4 * 3 * 220 * 220, 3
    assert batch_norm(n, c) == 11 * n + 6 * c + c + 4 * c
    assert batch_norm(n, c, keep=True, root=False) == 10 * n + 6 * c + c


@pytest.mark.parametrize("additions", [0, 1])
def test_softmax_may_add_n_or_n_minus_1_times(additions):
    assert verdict_on("softmax_flops", lambda b, n: b * (45 * n - additions)).fraction == 1


IN_THE_WILD = [
    ("padding", lambda i, o, k: 1, "as large as the input"),
    ("batch_norm_flops", lambda b, c, h, w: batch_norm(b * c * h * w, c * h * w), "each channel"),
    (
        "batch_norm_flops",
        lambda b, c, h, w: batch_norm(b * c * h * w, c) - (b * c * h * w - c),
        "you left out one of the two sums",
    ),
    (
        "batch_norm_flops",
        lambda b, c, h, w: batch_norm(b * c * h * w, c, division=1),
        "priced as 1 where the price list says more: divide by deviation",
    ),
    ("batch_norm_flops", lambda b, c, h, w: 9 * b * c * h * w, "mean and variance"),
    ("prelu_flops", lambda x: 2 * len(x) * len(x[0]), "multiplied at all"),
    ("softmax_flops", lambda b, n: 2 * b * n, "price list"),
    ("softmax_flops", lambda b, n: 45 * n - 1, "the batch is missing"),
    ("block_bytes", lambda b: 4 * (224 * b + 1), "you left out: read weights"),
    ("block_bytes", lambda b: 224 * b + 2049, "elements, not of bytes"),
    ("block_bytes", lambda b: 32 * (224 * b + 2049), "bits"),
    ("conv_cost", lambda i, o, s, k: (i * o * k**2 * (s - k + 1) ** 2,) * 2, "multiply and an add"),
    ("block_flops", lambda b: b * 2080, "half: MAC, not FLOP"),
    ("adam_bytes", lambda p, a: 12 * p + a, "left out one of: weights, gradients, Adam m, Adam v"),
    ("adam_bytes", lambda p, a: 8 * p + a, "left out two of: weights, gradients, Adam m, Adam v"),
    ("adam_bytes", lambda p, a: 16 * p, "you left out: saved activations"),
    ("prelu_flops", 7, "write over it"),
    ("adam_bytes", lambda p, a: 4 * p + a, "what else is kept for every parameter?"),
    ("batch_norm_flops", lambda b, c, h, w: 8 * b * c * h * w + 8 * c, "left out the variance"),
    ("batch_norm_flops", lambda b, c, h, w: 7 * b * c * h * w + 5 * c, "not known beforehand"),
    ("prelu_flops", lambda x: 2 * sum(v <= 0 for row in x for v in row), "one multiplication is"),
    (
        "conv_cost",
        lambda i, o, s, k: (0, o * (s - k + 1) ** 2 * (2 * i * k**2 - 1)),
        "first addition",
    ),
    ("largest_batch", lambda p, a, gb: max(0, (gb * 10**9 - 16 * p) / a), "a whole number"),
]


@pytest.mark.parametrize(("name", "answer", "hint"), IN_THE_WILD)
def test_a_mistake_from_the_wild_is_named(name, answer, hint):
    verdict = verdict_on(name, answer)
    assert verdict.fraction < 1
    assert hint in verdict.hint


def picture(y, x=range(1, 65), xlabel="batch size", ylabel="intensity (FLOP/B)"):
    line = {"label": "", "x": list(x), "y": list(y)}
    return {"axes": [{"xlabel": xlabel, "ylabel": ylabel, "lines": [line], "points": []}]}


INTENSITY = [4160 * b / (4 * (224 * b + 2049)) for b in range(1, 65)]


def test_a_right_plot_earns_all():
    assert verdict_on("plot_intensity", lambda: picture(INTENSITY)).fraction == 1


def test_a_plot_without_axis_labels_earns_two_thirds():
    verdict = verdict_on("plot_intensity", lambda: picture(INTENSITY, xlabel="", ylabel=""))
    assert verdict.fraction == pytest.approx(2 / 3)


def test_a_plot_without_the_weights_is_named():
    verdict = verdict_on("plot_intensity", lambda: picture([4160 / 896] * 64))
    assert verdict.fraction < 1
    assert "the weights are missing" in verdict.hint


def test_a_plot_of_something_else_earns_nothing_for_its_labels():
    assert verdict_on("plot_intensity", lambda: picture(range(1, 65))).fraction == 0


def test_the_bound_cannot_be_guessed_from_the_device():
    cases = grading_cases(EXERCISES["block_bound"], b"seed")
    bounds = {}
    for case in cases:
        bound = EXERCISES["block_bound"].correct(case)["bound"]
        bounds.setdefault(case.args[1:], set()).add(bound)
    assert {"memory", "compute"} in bounds.values()


@pytest.mark.parametrize(
    "nothing", [None, {"axes": []}, {"axes": 5}, {"axes": [{"lines": [1]}]}, picture([])]
)
def test_a_plot_that_is_not_there_gets_a_line(nothing):
    verdict = verdict_on("plot_intensity", lambda: nothing)
    assert verdict.fraction == 0
    assert "figure" in verdict.hint
