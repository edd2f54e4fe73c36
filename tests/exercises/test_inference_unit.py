"""Unit 09: its numbers worked by hand, its tiny GPT held against PyTorch, its pictures read."""

import pytest
import torch
from torch.nn import functional

from helpers.exercises.unit_09_inference import models
from helpers.exercises.unit_09_inference.tiny_gpt import HEADS, WIDTH, decoded, drawn, last_logits
from helpers.hardware import DEVICES
from helpers.plots.inference import (
    Serving,
    seen_places,
    share_by_batch,
    throughput_and_latency,
    time_by_length,
)
from helpers.reference.inference import decoder_weights
from tests.exercises.questions import drawn as drawn_cases
from tests.exercises.questions import right


def logits_by_pytorch(seed, tokens):
    """The last logits of the tiny GPT, by PyTorch's own norm, attention and products."""
    gpt = drawn(seed)
    table, places = (torch.tensor(each, dtype=torch.float64) for each in (gpt.table, gpt.places))
    x = table[list(tokens)] + places[: len(tokens)]

    def norm(x):
        return functional.rms_norm(x, (WIDTH,), eps=1e-6)

    for block in gpt.blocks:
        q, k, v, out, up, down = (torch.tensor(each, dtype=torch.float64) for each in block)
        heads = ((norm(x) @ w).unflatten(1, (HEADS, -1)).transpose(0, 1) for w in (q, k, v))
        found = functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + found.transpose(0, 1).flatten(1) @ out
        x = x + functional.relu(norm(x) @ up) @ down
    return (norm(x) @ table.T)[-1].tolist()


@pytest.mark.parametrize(("seed", "prompt", "more"), drawn_cases("cached_decode"))
def test_the_tiny_gpt_is_what_pytorch_computes(seed, prompt, more):
    tokens = [*prompt, *more]
    assert last_logits(seed, tokens) == pytest.approx(logits_by_pytorch(seed, tokens), rel=1e-9)


def test_a_step_with_a_cache_gives_what_a_full_pass_gives():
    assert decoded(7, [1, 2, 3], [4, 5]) == (last_logits(7, [1, 2, 3, 4, 5]), [5, 5])


def test_the_sizes_that_questions_ask_of_are_those_of_the_models():
    for model, multiply in (
        (models.LLAMA_2_7B, models.LLAMA_2_7B_MULTIPLY),
        (models.LLAMA_3_8B, models.LLAMA_3_8B_MULTIPLY),
    ):
        weights = decoder_weights(
            model.vocabulary, model.width, model.layers, model.hidden, model.kv_width
        )
        assert weights.total - weights["table"] == multiply
    # the published 8.03 billion, norms apart
    assert weights.total == 8_030_261_248 - 65 * 4096


@pytest.mark.parametrize("name", ["H100", "A100", "L4"])
def test_the_devices_that_questions_ask_of_are_those_of_the_table(name):
    device = DEVICES[name]
    assert getattr(models, name) == (device.bandwidth / 1e9, device.memory / 1e9)


def test_a_prompt_of_three_has_six_pairs_and_the_next_token_four():
    # 2 · 100 weights a token; 4 · 2 layers · 8 a pair
    assert right("pass_flops", 100, 2, 8, 3) == {
        "prompt": 600 + 64 * 6,
        "next token": 200 + 64 * 4,
    }


def test_a_token_of_the_older_llama_keeps_half_a_mebibyte_and_of_the_newer_a_quarter_of_it():
    found = right("cache_bytes", 1, 1, 32, 32, 8, 128)
    assert found == {"multi-head": 2**19, "grouped-query": 2**17, "multi-query": 2**14}


def test_a_cache_that_is_just_as_heavy_is_not_heavier():
    # 1,000 tokens of 5 texts · 12,288 B = 61.44 MB, as 30.72 M weights
    assert right("outweighed_from", 30_720_000, 12, 4, 64, 5) == 1001


def test_32_readers_of_a_seven_billion_model_wait_three_times_as_long_as_one():
    # (14 + 32) GB and (14 + 1) GB at 3,350 GB/s
    many = right("decode_rate", 14 * 10**9, 10**9, 32, 3350)
    assert many["ms a token"] == pytest.approx(46 / 3.35)
    assert many["tokens a second"] == pytest.approx(32 * 3350 / 46)


def test_no_batch_is_bound_by_compute_where_a_cache_takes_longer_than_its_arithmetic():
    # 2 · 7.5e9 FLOP last 15.2 µs on an H100: time for 50.8 MB, or 387 tokens of 128 KiB
    sizes = (models.LLAMA_3_8B_MULTIPLY, 2)
    assert right("compute_bound_from", *sizes, 387 * 2**17, 989, 3350) > 100_000
    assert right("compute_bound_from", *sizes, 388 * 2**17, 989, 3350) is None
    assert right("compute_bound_from", *sizes, 0, 989, 3350) == 296


def test_a_promise_is_kept_by_what_fits_and_is_in_time():
    # 80 GB hold 14 + 66; in 20 ms come 67 GB, 14 + 53
    assert right("service_batch", 14 * 10**9, 10**9, 3350, 80, 40)["batch"] == 66
    assert right("service_batch", 14 * 10**9, 10**9, 3350, 80, 20)["batch"] == 53
    assert right("service_batch", 14 * 10**9, 10**9, 300, 24, 40) == {
        "batch": 0,
        "tokens a second": 0,
    }


def test_int4_in_groups_of_128_is_4_125_bits_and_a_started_group_has_a_whole_scale():
    assert right("quantized_bytes", 4096, 4096, 4, 128)["bits a weight"] == 4.125
    assert right("quantized_bytes", 10, 300, 4, 128)["bytes"] == 1500 + 10 * 3 * 2


def test_four_tokens_touch_five_and_a_half_of_eight_experts():
    assert right("experts_touched", 8, 2, 4) == pytest.approx(8 * (1 - 0.75**4))


def test_a_draft_of_one_that_is_right_half_of_the_time_yields_one_and_a_half_tokens():
    found = right("speculation", 0.5, 1, 0.1)
    assert found == {
        "tokens a step": pytest.approx(1.5),
        "speedup": pytest.approx(1.5 / 1.1),
    }


def test_an_hour_buys_3600_seconds_of_tokens():
    # 1 token a second at 3.6 an hour is 0.001 a token
    found = right("token_price", 10**9, 0, 1, 1, 3.6, 50)
    assert found == {
        "a million tokens": pytest.approx(1000),
        "joules a token": pytest.approx(50),
    }


def test_days_follow_from_the_rate_of_a_step():
    # 6e9 · 1000 FLOP in 6 s are 1 TFLOP/s; 20 tokens for each of 1e9 weights are 1.2e20 FLOP
    found = right("training_use", 10**9, 1000, 6.0, 2)
    assert found == {"MFU": pytest.approx(0.5), "days": pytest.approx(1.2e8 / 86_400)}


def test_a_prompt_is_a_triangle_and_the_next_token_its_last_row():
    ax = seen_places(["a", "b"], "c", "title")
    places = [(square.get_x() + 0.5, square.get_y() + 0.5) for square in ax.patches]
    assert places == [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]
    colours = [square.get_facecolor() for square in ax.patches]
    assert len(set(colours[:3])) == len(set(colours[3:])) == 1
    assert colours[0] != colours[3]


def test_times_stand_at_their_length_and_the_bound_is_level():
    ax = time_by_length([16, 64], {"again": [1.0, 4.0], "cache": [1.0, 1.1]}, "t", least=0.9)
    again, cached, bound = (line.get_ydata() for line in ax.get_lines())
    assert (list(again), list(cached), set(bound)) == ([1.0, 4.0], [1.0, 1.1], {0.9})


def test_batches_stand_where_their_wait_and_their_rate_are():
    points = [Serving(1, 5.0, 200.0), Serving(64, 20.0, 3200.0)]
    ax = throughput_and_latency({"short": points}, "t", promise=10)
    assert ax.get_lines()[0].get_xydata().tolist() == [[5, 200], [20, 3200]]
    said = [text.get_text() for text in ax.texts]
    assert [text for text in said if text.startswith("1")] == ["1 reader", "10 ms promised"]


def test_shares_of_experts_are_drawn_in_percent():
    ax = share_by_batch([1, 2], {"2 of 8": [0.25, 0.4375]}, "t")
    assert ax.get_lines()[0].get_ydata().tolist() == [0.25, 0.4375]
    assert ax.yaxis.get_major_formatter()(0.25, 0) == "25%"
