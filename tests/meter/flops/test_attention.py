"""Attention counts the same whichever kernel would run it; masks and groups as they are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.meter import count

SOFTMAX = 40 + 1 + 4  # FLOP for a number of a row; each row's sum has an addition less


def meta(*shape, **options):
    return torch.empty(*shape, device="meta", **options)


def test_multi_head_attention():
    s, d, heads = 10, 16, 4
    attention = nn.MultiheadAttention(d, heads, bias=False, batch_first=True).eval()
    x = meta(1, s, d)
    counted = count(lambda x: attention(x, x, x, need_weights=False), x)
    projections, pairs = 4 * s * d * d, heads * s * s
    assert counted.macs == projections + 2 * s * s * d
    assert counted.flops == 2 * counted.macs + pairs + pairs * SOFTMAX - heads * s
    # asked for the weights, PyTorch takes the long way: the same products
    assert count(lambda x: attention(x, x, x), x).macs == counted.macs


@pytest.mark.parametrize(
    "backend",
    [
        torch.nn.attention.SDPBackend.MATH,
        torch.nn.attention.SDPBackend.FLASH_ATTENTION,
        torch.nn.attention.SDPBackend.EFFICIENT_ATTENTION,
        torch.nn.attention.SDPBackend.CUDNN_ATTENTION,
    ],
)
def test_attention_counts_the_same_whichever_backend_would_run_it(backend):
    batch, heads, s, e = 2, 3, 8, 16
    q = torch.randn(batch, heads, s, e)
    with torch.nn.attention.sdpa_kernel(backend):
        counted = count(F.scaled_dot_product_attention, q, q, q)
    pairs = batch * heads * s * s
    assert counted.macs == 2 * pairs * e
    assert counted.flops == 2 * counted.macs + pairs * (1 + SOFTMAX) - batch * heads * s


@pytest.mark.parametrize(
    "kernel",
    [
        lambda q: torch.ops.aten._scaled_dot_product_flash_attention(q, q, q),
        lambda q: torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, q, q),
        lambda q: torch.ops.aten._scaled_dot_product_efficient_attention(q, q, q, None, False),
        lambda q: torch.ops.aten._scaled_dot_product_cudnn_attention(q, q, q, None, False),
    ],
)
def test_fused_kernels_that_a_program_calls_itself_count_as_attention(kernel):
    q = meta(2, 3, 8, 16, dtype=torch.float16)
    whole = count(F.scaled_dot_product_attention, q, q, q)
    counted = count(kernel, q)
    assert (counted.macs, counted.flops) == (whole.macs, whole.flops)


def test_a_fused_backward_does_the_scores_again():
    q = meta(2, 3, 8, 16, requires_grad=True)
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    # forward 2, backward 4, the scores once more 1, of batch · heads · s² · e each
    assert count(lambda q: kernel(q, q, q)[0], q, backward=True).macs == 7 * 2 * 3 * 8 * 8 * 16


def test_a_causal_mask_counts_half_and_says_so():
    heads, s, e = 2, 8, 16
    q = meta(1, heads, s, e)

    def causal(q):
        return F.scaled_dot_product_attention(q, q, q, is_causal=True)

    counted = count(causal, q)
    assert counted.macs == 2 * heads * (s * (s + 1) // 2) * e
    assert "causal" in counted.assumptions[0]
    # PyTorch's own counter takes no notice of masks, and so does the convention that follows it
    assert count(causal, q, convention="mac2").macs == 2 * heads * s * s * e


def test_a_mask_of_numbers_is_added_and_can_be_learned():
    pairs, e = 2 * 8 * 8, 16
    q, mask = meta(1, 2, 8, e), meta(8, 8, requires_grad=True)

    def masked(q, mask):
        return F.scaled_dot_product_attention(q, q, q, attn_mask=mask)

    plain = count(F.scaled_dot_product_attention, q, q, q)
    assert count(masked, q, mask).flops == plain.flops + pairs
    # of the products only the gradient of the weights, on the way to the mask's
    assert count(masked, q, mask, backward=True).macs == plain.macs + pairs * e


def test_grouped_queries_do_the_same_work_on_fewer_keys():
    q, kv = meta(1, 8, 10, 16), meta(1, 2, 10, 16)
    counted = count(lambda q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True), q, kv)
    assert counted.macs == 2 * 8 * 10 * 10 * 16
    assert counted.bytes_unfused == 4 * (2 * q.numel() + 2 * kv.numel())
