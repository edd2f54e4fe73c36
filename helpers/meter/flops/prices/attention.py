"""Scaled dot-product attention as one operation, whichever kernel would run it.

PyTorch takes `scaled_dot_product_attention` apart on some devices and not on others. The meter
counts it before that: the same for every kernel, and with its mask known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from helpers.conventions import FLOP_PER_MAC, PRICE

_SOFTMAX = PRICE["exponential"] + PRICE["add"] + PRICE["divide"]


@dataclass(frozen=True)
class AttentionShape:
    """Rows (batch · heads · queries), pairs of query and key that count, and head widths.

    `added` are the elements of a mask of numbers, which are added to the scores; 0 without one.
    """

    rows: int
    pairs: int
    all_pairs: int
    width: int
    value_width: int
    added: int = 0
    dropout: bool = False

    @classmethod
    def of(
        cls,
        q: Any,
        k: Any,
        v: Any,
        mask: Any = None,
        causal: bool = False,
        dropout: bool = False,
    ) -> AttentionShape:
        """From q (…, queries, e), k (…, keys, e), v (…, keys, f) and a mask (…, queries, keys).

        `causal` lets query i see i + 1 keys, as `is_causal` of PyTorch does.
        """
        heads, queries, keys = prod(q.shape[:-2]), q.shape[-2], k.shape[-2]
        seen = queries * keys
        if causal:
            full = max(queries - keys, 0)  # queries behind the last key see all keys
            partial = queries - full
            seen = full * keys + partial * (partial + 1) // 2
        return cls(
            rows=heads * queries,
            pairs=heads * seen,
            all_pairs=heads * queries * keys,
            width=q.shape[-1],
            value_width=v.shape[-1],
            added=mask.numel() if mask is not None and mask.dtype.is_floating_point else 0,
            dropout=dropout,
        )

    def forward(self) -> tuple[int, int]:
        """MAC and FLOP: scores, scale, mask, softmax, values."""
        macs = self.pairs * (self.width + self.value_width)
        each = PRICE["multiply"] + _SOFTMAX
        each += PRICE["add"] if self.added else 0
        each += 2 * PRICE["multiply"] if self.dropout else 0
        return macs, FLOP_PER_MAC * macs + self.pairs * each - self.rows * PRICE["add"]

    def backward(
        self,
        wanted: tuple[bool, bool, bool, bool] = (True, True, True, False),
        recompute: bool = False,
    ) -> tuple[int, int]:
        """MAC and FLOP of the gradients of queries, keys, values and mask that are `wanted`.

        `recompute` does the scores and their softmax again, as fused kernels do.
        """
        query, key, value, mask = wanted
        through_softmax = query or key or mask
        products = self.value_width * (value + through_softmax) + self.width * (query + key)
        each = 0
        if through_softmax:
            each += 2 * (PRICE["multiply"] + PRICE["add"])  # ∂x = y (∂y − Σ ∂y y)
            each += PRICE["multiply"] if query or key else 0  # the scale
            each += 2 * PRICE["multiply"] if self.dropout else 0
        if recompute:
            products += self.width
            each += PRICE["multiply"] + PRICE["exponential"]
        macs = self.pairs * products
        flops = FLOP_PER_MAC * macs + self.pairs * each
        if through_softmax:
            flops -= self.rows * PRICE["add"]
        if mask:
            flops += (self.all_pairs - self.added) * PRICE["add"]
        return macs, flops

    def unmasked(self) -> AttentionShape:
        """The same with every pair counted, as PyTorch's own counter does."""
        return replace(self, pairs=self.all_pairs)


#: Kernels of the operation, for programs that call one of them by itself.
FUSED_KERNELS = frozenset(
    f"_scaled_dot_product_{kernel}"
    for kernel in (
        "flash_attention",
        "flash_attention_for_cpu",
        "efficient_attention",
        "cudnn_attention",
        "fused_attention_overrideable",
    )
)


def kernel_shape(arguments: Mapping[str, Any]) -> AttentionShape:
    """The shape of a fused kernel, forward or backward, from its arguments by name."""
    return AttentionShape.of(
        arguments["query"],
        arguments["key"],
        arguments["value"],
        arguments.get("attn_mask", arguments.get("attn_bias")),
        bool(arguments.get("is_causal", False)),
        bool(arguments.get("dropout_p", 0.0)),
    )
