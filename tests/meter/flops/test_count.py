"""Counts of models whose numbers can be worked out by hand, and how a count behaves."""

from __future__ import annotations

import json
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.meter import count, training_memory
from helpers.meter.flops.result import Count


def meta(*shape, **options):
    return torch.empty(*shape, device="meta", **options)


def test_lstm():
    batch, tokens, m, n = 2, 5, 3, 4
    counted = count(nn.LSTM(m, n, batch_first=True), (batch, tokens, m))
    states = batch * tokens * n
    assert counted.macs == 4 * states * (m + n)
    # two biases and the sum of both products for 4 gates; 3 sigmoids, 2 tanh, 3 products, 1 sum
    assert counted.flops == 2 * counted.macs + states * (3 * 4 + 3 * 45 + 2 * 40 + 3 + 1)


def test_gru():
    batch, tokens, m, n = 2, 5, 3, 4
    counted = count(nn.GRU(m, n, batch_first=True, bias=False), (batch, tokens, m))
    states = batch * tokens * n
    assert counted.macs == 3 * states * (m + n)
    # the sum of both products for 3 gates; 2 sigmoids, 1 tanh; r · n, (h − n) · z + n
    assert counted.flops == 2 * counted.macs + states * (3 + 2 * 45 + 40 + 1 + 3)


def test_a_transposed_convolution_counts_from_its_input():
    layer = nn.ConvTranspose2d(3, 5, 4, stride=2, bias=False)
    # 7 · 7 inputs of 3 channels, each times 5 · 4 · 4
    assert count(layer, (1, 3, 7, 7)).macs == 49 * 3 * 5 * 16


def test_a_convolution_with_padding_same_has_as_many_outputs_as_inputs():
    layer = nn.Conv2d(3, 5, 3, padding="same", bias=False)
    assert count(layer, (1, 3, 7, 7)).macs == 49 * 5 * 27
    assert count(layer, (1, 3, 7, 7), convention="timm").macs == 0  # fvcore does not know it


def test_the_gradient_of_a_grouped_convolution_costs_twice_its_forward():
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    x = meta(2, 8, 6, 6, requires_grad=True)
    forward = 2 * 8 * 36 * 9
    assert count(layer, x, backward=True).macs == 3 * forward


def test_the_first_layer_has_no_gradient_of_its_input_to_take():
    layer = nn.Linear(4, 6, bias=False)
    assert count(layer, (10, 4), backward=True).macs == 2 * 10 * 4 * 6
    assert count(layer, meta(10, 4, requires_grad=True), backward=True).macs == 3 * 10 * 4 * 6


def test_frozen_weights_take_no_gradient():
    layer = nn.Linear(4, 6, bias=False).requires_grad_(False)
    assert count(layer, meta(10, 4, requires_grad=True), backward=True).macs == 2 * 10 * 4 * 6


class Tied(nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 100, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens):
        return self.head(self.table(tokens))


def test_shared_weights_are_counted_once():
    counted = count(Tied(), torch.zeros(2, 5, dtype=torch.long))
    assert counted.parameters == 800
    assert counted.macs == 2 * 5 * 8 * 100
    # indices (int64), the table once, the scores
    assert counted.bytes_moved == 2 * 5 * 8 + 800 * 4 + 2 * 5 * 100 * 4


def test_an_embedding_alone_reads_only_its_rows():
    counted = count(nn.Embedding(1_000_000, 8), torch.zeros(5, dtype=torch.long))
    assert counted.bytes_moved == 5 * 8 + 5 * 8 * 4 + 5 * 8 * 4


class Twice(nn.Module):
    """A layer that is applied to its own result."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8, bias=False)

    def forward(self, x):
        return self.layer(self.layer(x))


def test_a_module_called_twice_costs_twice_and_has_its_parameters_once():
    counted = count(Twice(), (3, 8))
    layer = counted.by_module()[1]
    assert counted.macs == 2 * 3 * 64
    assert (layer.calls, layer.macs, layer.parameters) == (2, 2 * 3 * 64, 64)
    # the layer reads its weights at each call, the model as one kernel only once
    assert layer.bytes_moved == 2 * 4 * (24 + 64 + 24)
    assert counted.bytes_moved == 4 * (24 + 64 + 24)


def test_batch_norm_costs_less_in_eval_mode():
    norm = nn.BatchNorm2d(3)
    n = 2 * 3 * 16
    assert count(norm.train(), (2, 3, 4, 4)).flops == 11 * n + 11 * 3
    assert count(norm.eval(), (2, 3, 4, 4)).flops == 7 * n + 5 * 3


def test_dropout_costs_only_in_train_mode():
    dropout = nn.Dropout(0.5)
    assert count(dropout.eval(), (10,)).flops == 0
    assert count(dropout.train(), (10,)).flops > 0


def test_a_compiled_model_counts_as_what_was_compiled():
    layer = nn.Linear(4, 6, bias=False)
    assert count(torch.compile(layer), (10, 4)).macs == 10 * 4 * 6


def test_an_inference_mode_caller_gets_the_same_count():
    layer = nn.Sequential(nn.Linear(4, 6), nn.GELU())
    expected = count(layer, (10, 4))
    with torch.inference_mode():
        assert count(layer, (10, 4)).entries == expected.entries
        assert count(layer, torch.randn(10, 4), backward=True).macs == 2 * 10 * 4 * 6


def test_counting_leaves_the_model_and_its_caller_as_they_were():
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.LSTM(6, 3))
    model.constant = torch.ones(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weight, constant, random = model[0].weight, model.constant, torch.get_rng_state()
    count(model, (10, 4), backward=True)
    assert model[0].weight is weight
    assert model.constant is constant
    assert weight.grad is None
    assert weight.device.type == "cpu"
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.is_grad_enabled()
    assert model(torch.randn(10, 4))[0].shape == (10, 3)


def test_a_model_that_fails_is_left_as_it_was():
    layer = nn.Linear(4, 6)
    with pytest.raises(ValueError, match=r"Linear cannot be counted on inputs \(10, 5\)"):
        count(layer, (10, 5))
    assert layer.weight.device.type == "cpu"
    assert layer(torch.randn(2, 4)).shape == (2, 6)


class Caching(nn.Module):
    """Keeps what its first forward pass makes: in an attribute, a buffer, a dict and a list."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 6)
        self.mask, self.kept, self.seen, self.calls = None, {}, [], 0

    def forward(self, x):
        self.calls += 1
        if self.mask is None:
            self.mask = torch.ones(4, device=x.device)
            self.register_buffer("places", torch.arange(4, device=x.device))
            self.kept["scale"] = torch.ones(4, device=x.device)
        self.seen.append(x)
        return self.layer(x * self.mask * self.kept["scale"])


def test_what_a_forward_pass_makes_and_keeps_is_gone_after_a_count():
    model = Caching()
    kept, seen = model.kept, model.seen
    count(model, (10, 4))
    assert (model.mask, model.kept, model.seen, model.calls) == (None, {}, [], 0)
    assert model.kept is kept
    assert model.seen is seen
    assert "places" not in dict(model.named_buffers())
    assert model(torch.randn(2, 4)).shape == (2, 6)
    model(torch.randn(2, 4))
    count(model, (10, 4))
    assert model.calls == 2
    assert all(tensor.is_cpu for tensor in (model.mask, model.places, *model.seen))
    assert model(torch.randn(2, 4)).shape == (2, 6)


def test_a_second_try_with_the_values_of_integers_starts_anew():
    model = Caching().to("meta")
    calls = []

    def looking(x, tokens):
        calls.append(model.calls)
        return model(x), tokens.max().item()

    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x, tokens):
            return looking(x, tokens)

    count(Looking(), torch.randn(2, 4), torch.tensor([1, 2]))
    assert calls == [0, 0]


def test_a_model_on_meta_gets_no_gradients_and_counts_the_same_again():
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)).to("meta")
    x = meta(10, 4, requires_grad=True)
    first = count(model, x, backward=True)
    assert count(model, x, backward=True).entries == first.entries
    assert all(parameter.grad is None for parameter in (*model.parameters(), x))
    model[0].weight.grad = torch.ones_like(model[0].weight)
    assert count(model, x, backward=True).entries == first.entries
    assert model[0].weight.grad is not None


def test_functions_and_keyword_inputs():
    weights = torch.randn(6, 4)
    counted = count(lambda x, scale: F.linear(x, weights) * scale, x=torch.randn(10, 4), scale=2.0)
    assert counted.macs == 10 * 4 * 6
    assert counted.flops == 2 * 240 + 10 * 6


class Answer(dict):
    """A result as language models give it: by name, a loss among the rest."""

    __getattr__ = dict.get


class LanguageModel(Tied):
    """Called with keywords, as Hugging Face models are."""

    def forward(self, input_ids=None, labels=None):
        scores = super().forward(input_ids)
        loss = (
            F.cross_entropy(scores.flatten(0, 1), labels.flatten()) if labels is not None else None
        )
        return Answer(logits=scores, loss=loss)


def test_a_model_with_keyword_inputs_is_differentiated_through_its_loss():
    tokens = torch.zeros(2, 5, dtype=torch.long)
    counted = count(LanguageModel(), input_ids=tokens, labels=tokens, backward=True)
    assert counted.macs == 3 * 2 * 5 * 8 * 100
    assert "nll_loss_backward" in {row.name for row in counted.by_operation()}


def test_a_model_may_look_at_its_tokens_but_not_at_its_activations():
    tied = Tied()

    def cautious(tokens):
        places = torch.arange(tokens.shape[1], device="meta")
        if tokens.to("meta").max() >= 100 or not places.diff().all():  # as language models check
            raise ValueError("no such token")
        return tied.to("meta")(tokens)

    assert count(cautious, torch.full((2, 5), 7)).macs == 2 * 5 * 8 * 100


def test_what_has_no_price_is_named_and_never_silently_zero():
    counted = count(torch.linalg.matrix_exp, (3, 3))
    assert counted.unknown
    assert counted.unknown[0].calls == 1
    assert counted.unknown[0].shapes == (((3, 3),),)
    assert "no price for" in str(counted)
    for convention in ("mac2", "timm"):
        assert (
            count(torch.linalg.matrix_exp, (3, 3), convention=convention).unknown == counted.unknown
        )


class Switched(nn.Linear):
    def forward(self, x, backward=False, loss=None):
        return super().forward(super().forward(x) if backward else x)


def test_an_option_that_the_model_calls_its_own_is_refused():
    model = Switched(4, 4)
    assert count(model, (2, 4), convention="mac2").macs == 32
    with pytest.raises(ValueError, match="'backward' is an option of the meter and an argument"):
        count(model, (2, 4), backward=True)
    assert count(lambda x: model(x, backward=True), (2, 4), convention="mac2").macs == 64
    with pytest.raises(ValueError, match="'loss' is an option of the meter and an argument"):
        training_memory(model, (2, 4), loss=lambda out: out.sum())


def test_integers_cost_no_flop():
    assert count(lambda x: (x + 1) * 2, torch.zeros(5, dtype=torch.long)).flops == 0


def test_views_move_nothing_and_operations_in_place_read_and_write():
    assert count(lambda x: x.view(4, 2).t()[1:].unsqueeze(0), (8,)).bytes_unfused == 0
    assert count(lambda x: x.mul_(2), (8,)).bytes_unfused == 2 * 8 * 4
    assert count(lambda x: x.clone().zero_(), (8,)).bytes_unfused == 3 * 8 * 4
    # an expanded tensor has one row, whatever its shape says
    assert count(lambda x: x.expand(100, 8) + 1, (1, 8)).bytes_unfused == (8 + 800) * 4


def test_a_fused_chain_moves_its_ends_only():
    counted = count(nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid()), (8,))
    assert counted.bytes_unfused == 3 * 2 * 8 * 4
    assert counted.bytes_moved == 2 * 8 * 4


def test_half_precision_moves_half_the_bytes():
    full = count(nn.Linear(4, 6), (10, 4))
    half = count(nn.Linear(4, 6).half(), meta(10, 4, dtype=torch.float16))
    assert full.bytes_moved == 2 * half.bytes_moved
    assert full.flops == half.flops


def test_modules_add_up_to_the_model_forward_and_backward():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    x = meta(2, 3, 8, 8, requires_grad=True)
    counted = count(model, x, backward=True)
    for quantity in ("macs", "flops", "bytes_unfused"):
        parts = sum(getattr(row, quantity) for row in counted.by_module()[1:])
        assert parts == getattr(counted, quantity)
    # the backward of each layer is booked where its forward was
    assert counted.by_module()[4].macs == 3 * 2 * 144 * 5


def test_recomputed_activations_are_paid_for_again():
    layers = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)).to("meta")

    def checkpointed(x):
        return torch.utils.checkpoint.checkpoint(layers, x, use_reentrant=False)

    x = meta(3, 8, requires_grad=True)
    assert count(layers, x, backward=True).macs == 2 * 3 * 3 * 64
    # the first layer's result again; the second one's is not needed
    assert count(checkpointed, x, backward=True).macs == (2 * 3 + 1) * 3 * 64


def test_a_count_can_run_in_many_threads():
    counts: dict[int, Count] = {}

    def run(size):
        layers = nn.Sequential(*(nn.Linear(size, size, bias=False) for _ in range(20)))
        counts[size] = count(layers, (1, size))

    threads = [threading.Thread(target=run, args=(size,)) for size in range(2, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for size in range(2, 10):
        assert [row.macs for row in counts[size].by_module()[1:]] == 20 * [size * size]


@pytest.fixture(scope="module")
def two_layers():
    return count(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), (10, 4))


def test_a_count_as_json(two_layers):
    data = json.loads(two_layers.to_json())
    assert data["macs"] == two_layers.macs == 240
    assert [row["name"] for row in data["by_module"]] == ["", "0", "1"]


def test_a_count_as_a_ledger_by_operation_and_by_module(two_layers):
    by_module = two_layers.ledger(by="module")
    assert by_module.unit == "FLOP"
    assert by_module["0"] == 2 * 240 + 60
    assert by_module.total == two_layers.ledger().total == two_layers.flops


def test_a_count_as_text_and_as_html(two_layers):
    assert "Linear" in str(two_layers)
    assert "<table>" in two_layers._repr_html_()


def test_dataframe_needs_pandas(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ValueError, match="pip install pandas"):
        count(nn.Linear(4, 6), (10, 4)).to_dataframe()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("no_such_model",), "no (such )?model"),
        (("no.such.module:factory",), "no model 'no.such.module:factory'"),
        (("math:pi",), "not a function"),
        ((nn.Linear(4, 6),), "give its inputs"),
        ((nn.Linear(4, 6), (0, 4)), "whole numbers ≥ 1"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, reason):
    with pytest.raises(ValueError, match=reason) as raised:
        count(*arguments)
    assert "\n" not in str(raised.value)


def test_unknown_conventions_and_impossible_backwards():
    with pytest.raises(ValueError, match="course, mac2, timm"):
        count(nn.Linear(4, 6), (10, 4), convention="flops")
    with pytest.raises(ValueError, match="no backward"):
        count(nn.Linear(4, 6), (10, 4), convention="timm", backward=True)
    with pytest.raises(ValueError, match="nothing to differentiate"):
        count(nn.ReLU(), (4,), backward=True)
