"""A composite operation can be called by another name on meta, in one thread, for some time."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.meter import count
from helpers.meter.interception import intercepting

attention = torch.ops.aten.scaled_dot_product_attention.default


def has_kernel():
    return torch._C._dispatch_has_kernel_for_dispatch_key(attention.name(), "AutogradMeta")


def test_nothing_is_registered_until_something_is_counted_nor_afterwards():
    assert not has_kernel()
    with intercepting({attention: attention.decompose}):
        assert has_kernel()
    assert not has_kernel()
    count(nn.Linear(4, 4), (2, 4), convention="timm")
    assert not has_kernel()


def test_it_sees_calls_from_python_script_and_other_operations():
    seen = []

    def handler(query, *args, **kwargs):
        seen.append(tuple(query.shape))
        return query

    q = torch.empty(1, 2, 3, 4, device="meta")
    mha = nn.MultiheadAttention(8, 2, batch_first=True, device="meta")
    scripted = torch.jit.script(self_attention)
    with intercepting({attention: handler}):
        F.scaled_dot_product_attention(q, q, q)
        scripted(q)
        x = torch.empty(1, 3, 8, device="meta")
        mha(x, x, x, need_weights=False)
        F.scaled_dot_product_attention(*(torch.ones(1, 2, 3, 4),) * 3)  # not on meta
    assert seen == [(1, 2, 3, 4)] * 3


def self_attention(q: torch.Tensor) -> torch.Tensor:
    return F.scaled_dot_product_attention(q, q, q)


def test_it_is_over_after_an_error_and_nests():
    q = torch.empty(1, 2, 3, 4, device="meta")

    def named(shape):
        return lambda query, *args, **kwargs: torch.empty(shape, device="meta")

    with intercepting({attention: named(1)}):
        with intercepting({attention: named(2)}):
            assert F.scaled_dot_product_attention(q, q, q).shape == (2,)
        assert F.scaled_dot_product_attention(q, q, q).shape == (1,)
    with pytest.raises(ZeroDivisionError), intercepting({attention: lambda *args, **_: 1 / 0}):
        F.scaled_dot_product_attention(q, q, q)
    assert F.scaled_dot_product_attention(q, q, q).shape == q.shape


def test_other_threads_see_nothing_of_it():
    q = torch.empty(1, 2, 3, 4, device="meta")
    shapes = []
    with intercepting({attention: lambda query, *args, **kwargs: query.new_empty(7)}):
        thread = threading.Thread(
            target=lambda: shapes.append(F.scaled_dot_product_attention(q, q, q).shape)
        )
        thread.start()
        thread.join()
    assert shapes == [q.shape]
