"""Scaled dot-product attention as one operation, whichever kernel would run it.

PyTorch takes `scaled_dot_product_attention` apart on some devices and not on others. The meter
counts it before that: the same for every kernel, and with its mask known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from helpers.conventions import FLOP_PER_MAC, PRICE

_SOFTMAX = PRICE["exponential"] + PRICE["add"] + PRICE["divide"]


@dataclass(frozen=True)
class AttentionShape:
    """Rows (batch · heads · queries), pairs of query and key that count, and head widths."""

    rows: int
    pairs: int
    all_pairs: int
    width: int
    value_width: int
    dropout: bool = False

    @classmethod
    def of(cls, q: Any, k: Any, v: Any, causal: bool, dropout: bool = False) -> AttentionShape:
        """From q (…, queries, e), k (…, keys, e), v (…, keys, f).

        `causal` lets query i see i + 1 keys, as `is_causal` of PyTorch does.
        """
        heads, queries, keys = prod(q.shape[:-2]), q.shape[-2], k.shape[-2]
        seen = queries * keys
        if causal:
            full = max(queries - keys, 0)  # queries behind the last key see all keys
            partial = queries - full
            seen = full * keys + partial * (partial + 1) // 2
        return cls(
            heads * queries,
            heads * seen,
            heads * queries * keys,
            q.shape[-1],
            v.shape[-1],
            dropout,
        )

    def forward(self) -> tuple[int, int]:
        """MAC and FLOP: scores, scale, softmax, values."""
        macs = self.pairs * (self.width + self.value_width)
        scale = self.pairs * PRICE["multiply"]
        softmax = self.pairs * _SOFTMAX - self.rows * PRICE["add"]
        dropout = 2 * self.pairs * PRICE["multiply"] if self.dropout else 0
        return macs, FLOP_PER_MAC * macs + scale + softmax + dropout

    def backward(self, recompute: bool = False) -> tuple[int, int]:
        """MAC and FLOP of the gradients; `recompute` does the scores and their softmax again."""
        macs = 2 * self.pairs * (self.width + self.value_width)
        softmax = self.pairs * 2 * (PRICE["multiply"] + PRICE["add"]) - self.rows * PRICE["add"]
        flops = FLOP_PER_MAC * macs + softmax + self.pairs * PRICE["multiply"]
        if self.dropout:
            flops += 2 * self.pairs * PRICE["multiply"]
        if recompute:
            macs += self.pairs * self.width
            flops += FLOP_PER_MAC * self.pairs * self.width
            flops += self.pairs * (PRICE["multiply"] + PRICE["exponential"])
        return macs, flops

    def unmasked(self) -> AttentionShape:
        """The same with every pair counted, as PyTorch's own counter does."""
        return AttentionShape(
            self.rows, self.all_pairs, self.all_pairs, self.width, self.value_width, self.dropout
        )


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
        bool(arguments.get("is_causal", False)),
        bool(arguments.get("dropout_p", 0.0)),
    )
