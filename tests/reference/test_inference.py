"""What a token costs, by hand: against PyTorch, against simulation, and by arithmetic."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from helpers.hardware import DEVICES
from helpers.reference.inference import (
    compute_bound_batch,
    decode_flops,
    decode_seconds,
    decoder_weights,
    experts_touched,
    kv_cache_bytes,
    model_flops_utilization,
    outweighing_tokens,
    prefill_flops,
    price_of_tokens,
    quantized_bytes,
    speculative_speedup,
    speculative_tokens,
    training_flops,
)
from helpers.reference.transformer import DecoderModel

LLAMA_7B = {"vocabulary": 32_000, "width": 4096, "layers": 32, "hidden": 11_008}
H100 = DEVICES["H100"]


def multiplying(**sizes) -> int:
    weights = decoder_weights(**sizes)
    return weights.total - weights["table"]


def test_llama_7b_multiplies_with_6_6_of_its_6_7_billion_weights():
    weights = decoder_weights(**LLAMA_7B)
    assert weights["query and output"] + weights["key and value"] == 32 * 4 * 4096**2
    assert weights["MLP"] == 32 * 3 * 4096 * 11_008
    assert weights.total == 6_738_149_376
    assert multiplying(**LLAMA_7B) == weights.total - 32_000 * 4096 == 6_607_077_376


@pytest.mark.parametrize(("activation", "gated"), [("swiglu", True), ("gelu", False)])
@pytest.mark.parametrize("tied", [True, False])
def test_the_weights_are_those_of_the_model_without_its_norms(activation, gated, tied):
    model = DecoderModel(
        *(1, 1, 1000, 64, 8, 3, 160, 2),  # batch, tokens, vocabulary, width, heads, layers, hidden
        activation=activation,
        tied=tied,
    )
    norms = (2 * 3 + 1) * 64
    weights = decoder_weights(1000, 64, 3, 160, kv_width=2 * 8, gated=gated, tied=tied)
    assert weights.total == model.parameters().total - norms


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 40))
def test_a_prompt_costs_what_the_layers_of_the_model_cost(batch, layers, tokens):
    model = DecoderModel(batch, tokens, 500, 32, 4, layers, 80)
    weights = multiplying(vocabulary=500, width=32, layers=layers, hidden=80)
    assert prefill_flops(weights, layers, 32, tokens, batch).total == 2 * model.macs().total


@settings(max_examples=25)
@given(st.integers(1, 10**6), st.integers(1, 9), st.integers(1, 99), st.integers(1, 60))
def test_token_by_token_with_a_cache_costs_what_one_pass_costs(weights, layers, width, tokens):
    steps = [decode_flops(weights, layers, width, cached).total for cached in range(tokens)]
    assert sum(steps) == prefill_flops(weights, layers, width, tokens).total


def test_a_decode_step_costs_what_pytorch_counts():
    width, hidden, vocabulary, cached = 32, 96, 200, 17
    weights = {"q": (32, 32), "k": (32, 32), "v": (32, 32), "o": (32, 32)}
    weights |= {"gate": (hidden, 32), "up": (hidden, 32), "down": (32, hidden), "head": (200, 32)}
    of = {name: torch.randn(size) for name, size in weights.items()}
    keys, values = torch.randn(2, cached, width)
    x = torch.randn(1, width)
    with FlopCounterMode(display=False) as counter:
        q, k, v = (functional.linear(x, of[name]) for name in "qkv")
        keys, values = torch.cat([keys, k]), torch.cat([values, v])
        x = (q @ keys.T).softmax(-1) @ values
        x = functional.linear(x, of["o"])
        inner = functional.linear(x, of["gate"]) * functional.linear(x, of["up"])
        functional.linear(functional.linear(inner, of["down"]), of["head"])
    asked = multiplying(vocabulary=vocabulary, width=width, layers=1, hidden=hidden)
    assert decode_flops(asked, 1, width, cached).total == counter.get_total_flops()


def test_the_cache_of_a_token_is_512_kib_with_32_heads_and_128_with_8():
    assert kv_cache_bytes(1, 1, 32, 32, 128).total == 512 * 1024
    assert kv_cache_bytes(1, 1, 32, 8, 128).total == 128 * 1024
    assert kv_cache_bytes(1, 1, 32, 1, 128).total == 16 * 1024
    assert kv_cache_bytes(3, 5, 32, 8, 128, "int8").total == 15 * 64 * 1024


def test_a_seven_billion_model_alone_writes_239_tokens_a_second_on_an_h100():
    assert 1 / decode_seconds(14e9, 0, 1, H100.bandwidth) == pytest.approx(239.3, abs=0.05)
    # and its arithmetic alone would allow
    assert H100.peak_at("bf16") / (2 * 7e9) == pytest.approx(70_643, abs=1)


@given(st.integers(1, 500), st.integers(0, 10**9))
def test_a_batch_never_writes_fewer_tokens_a_second_and_never_sooner(batch, cache):
    one, more = (decode_seconds(14e9, cache, each, 3.35e12) for each in (batch, batch + 1))
    assert more >= one
    assert (batch + 1) / more >= batch / one


def test_without_a_cache_the_batch_at_the_ridge_is_the_ridge_in_16_bits():
    # 2 FLOP for each 2 B: 989e12 / 3350e9 = 295.2
    batch = compute_bound_batch(7 * 10**9, 14e9, 0, H100.peak_at("bf16"), H100.bandwidth)
    assert batch == 296


@given(st.integers(1, 10**10), st.integers(0, 10**8), st.integers(1, 2000))
def test_the_batch_at_the_ridge_is_the_first_that_reads_no_longer_than_it_computes(
    weights, cache, tera
):
    peak, bandwidth = tera * 10**12, 2 * 10**12

    def waits(batch):
        return (2 * weights + batch * cache) * peak > 2 * batch * weights * bandwidth

    batch = compute_bound_batch(weights, 2 * weights, cache, peak, bandwidth)
    if batch is None:
        assert waits(10**9)
    else:
        assert not waits(batch)
        assert batch == 1 or waits(batch - 1)


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(1, 50))
def test_the_cache_outweighs_the_weights_from_the_first_length_at_which_it_is_heavier(
    weights, each, batch
):
    tokens = outweighing_tokens(weights, each, batch)
    assert batch * each * (tokens - 1) <= weights < batch * each * tokens


def test_int4_in_groups_of_128_takes_4_125_bits_a_weight():
    assert 8 * quantized_bytes(4096, 4096, 4).total / 4096**2 == 4 + 16 / 128
    # 300 numbers of a row: 150 B, and three groups, the last of 44
    assert quantized_bytes(10, 300, 4).total == 10 * (150 + 3 * 2)


def test_packed_numbers_and_scales_of_a_matrix_take_what_is_counted():
    rows, columns, group = 6, 300, 128
    weights = torch.randn(rows, columns)
    scales = torch.stack([part.abs().amax(1) / 7 for part in weights.split(group, 1)], dim=1).half()
    spread = scales.repeat_interleave(group, 1)[:, :columns]
    numbers = (weights / spread).round().clamp(-8, 7).to(torch.int8) + 8
    packed = (numbers[:, ::2] * 16 + numbers[:, 1::2]).to(torch.uint8)
    assert packed.nbytes + scales.nbytes == quantized_bytes(rows, columns, 4, group).total


@pytest.mark.parametrize(("experts", "chosen", "tokens"), [(8, 2, 1), (8, 2, 6), (64, 6, 20)])
def test_experts_touched_are_those_of_many_draws(experts, chosen, tokens):
    draw = random.Random(1)

    def touched():
        choices = (draw.sample(range(experts), chosen) for _ in range(tokens))
        return len({expert for choice in choices for expert in choice})

    mean = sum(touched() for _ in range(3000)) / 3000
    assert experts_touched(experts, chosen, tokens) == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize(("accepted", "drafted"), [(0.7, 4), (0.9, 7), (0.2, 1)])
def test_tokens_a_step_are_those_of_many_steps(accepted, drafted):
    draw = random.Random(1)

    def step():
        for kept in range(drafted):
            if draw.random() >= accepted:
                return kept + 1
        return drafted + 1

    mean = sum(step() for _ in range(20_000)) / 20_000
    assert speculative_tokens(accepted, drafted) == pytest.approx(mean, rel=0.02)
    closed = (1 - accepted ** (drafted + 1)) / (1 - accepted)
    assert speculative_tokens(accepted, drafted) == pytest.approx(closed)


def test_a_free_draft_that_is_always_right_brings_all_of_its_tokens():
    assert speculative_tokens(1, 5) == 6
    assert speculative_speedup(1, 5, 0) == 6
    assert speculative_speedup(0, 5, 0.1) == pytest.approx(1 / 1.5)


def test_a_million_tokens_at_239_a_second_and_2_50_an_hour():
    # 1e6 / 239.3 s = 1.161 h
    assert price_of_tokens(239.3, 2.5) == pytest.approx(2.902, abs=0.001)


def test_a_training_step_costs_six_flop_for_each_weight_and_token():
    layers = [torch.nn.Linear(32, 64, bias=False), torch.nn.Linear(64, 32, bias=False)]
    rows = torch.randn(10, 32, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        torch.nn.Sequential(*layers)(rows).sum().backward()
    assert training_flops(2 * 32 * 64, 10).total == counter.get_total_flops()
    assert model_flops_utilization(6e12, 2, 10e12) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: prefill_flops(10, 1, 8, 0), "tokens must be a whole number ≥ 1, not 0"),
        (lambda: experts_touched(4, 5, 1), r"chosen \(5\) must not be more than experts \(4\)"),
        (lambda: speculative_tokens(1.2, 3), "accepted must be between 0 and 1, not 1.2"),
        (lambda: quantized_bytes(4, 4, 4, 0), "group must be a whole number ≥ 1, not 0"),
    ],
)
def test_impossible_sizes_are_refused(call, line):
    with pytest.raises(ValueError, match=line):
        call()
