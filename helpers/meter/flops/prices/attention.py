"""Scaled dot-product attention as one operation, whichever kernel would run it.

PyTorch takes `scaled_dot_product_attention` apart on some devices and not on others. The meter
counts it before that: the same for every kernel, and with its mask known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, EXP, MULTIPLY, NOTHING, Tally

#: Which gradients are asked for: of queries, keys, values and mask.
Wanted = tuple[bool, bool, bool, bool]

_SOFTMAX = EXP + ADD + DIVIDE


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
    def of(cls, call: Call) -> AttentionShape:
        """From query (…, queries, e), key (…, keys, e), value (…, keys, f) and a mask (…, queries,
        keys). `is_causal` lets query i see i + 1 keys, as PyTorch does."""
        query, mask = call["query"], call["attn_mask"]
        mask = call["attn_bias"] if mask is None else mask
        heads, queries, keys = prod(query.shape[:-2]), query.shape[-2], call["key"].shape[-2]
        return cls(
            rows=heads * queries,
            pairs=heads * _seen(queries, keys, bool(call["is_causal"])),
            all_pairs=heads * queries * keys,
            width=query.shape[-1],
            value_width=call["value"].shape[-1],
            added=_numbers_in(mask),
            dropout=bool(call["dropout_p"]),
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates: scores and values."""
        return self.pairs * (self.width + self.value_width)

    @property
    def scalars(self) -> Tally:
        """Scale, mask, softmax, dropout."""
        each = MULTIPLY + _SOFTMAX
        each += ADD if self.added else NOTHING
        each += 2 * MULTIPLY if self.dropout else NOTHING
        return self.pairs * each - self.rows * ADD

    def unmasked(self) -> AttentionShape:
        """The same with every pair counted, as PyTorch's own counter does."""
        return replace(self, pairs=self.all_pairs)


@dataclass(frozen=True)
class AttentionGradient:
    """The gradients of an attention that are `wanted`.

    `recompute` does the scores and their softmax again, as fused kernels do.
    """

    shape: AttentionShape
    wanted: Wanted = (True, True, True, False)
    recompute: bool = False

    @classmethod
    def of(cls, call: Call) -> AttentionGradient:
        """Of a fused kernel, which gives all three."""
        return cls(AttentionShape.of(call), recompute=True)

    @property
    def macs(self) -> int:
        """Multiply-accumulates: two products for each gradient of the forward pass's two."""
        query, key, value, _ = self.wanted
        products = self.shape.value_width * (value + self._through_softmax)
        products += self.shape.width * (query + key + self.recompute)
        return self.shape.pairs * products

    @property
    def scalars(self) -> Tally:
        """Softmax backward, scale, dropout, the sums of the mask's gradient."""
        query, key, _, mask = self.wanted
        shape, each = self.shape, NOTHING
        if self._through_softmax:
            each += 2 * (MULTIPLY + ADD)  # ∂x = y (∂y − Σ ∂y y)
            each += MULTIPLY if query or key else NOTHING  # the scale
            each += 2 * MULTIPLY if shape.dropout else NOTHING
        if self.recompute:
            each += MULTIPLY + EXP
        tally = shape.pairs * each
        if self._through_softmax:
            tally -= shape.rows * ADD
        return tally + (shape.all_pairs - shape.added) * ADD if mask else tally

    @property
    def _through_softmax(self) -> bool:
        query, key, _, mask = self.wanted
        return query or key or mask

    def unmasked(self) -> AttentionGradient:
        return replace(self, shape=self.shape.unmasked())


def _seen(queries: int, keys: int, causal: bool) -> int:
    """Pairs of query and key that a head looks at."""
    if not causal:
        return queries * keys
    full = max(queries - keys, 0)  # queries behind the last key see all keys
    partial = queries - full
    return full * keys + partial * (partial + 1) // 2


def _numbers_in(mask: Any) -> int:
    return mask.numel() if mask is not None and mask.dtype.is_floating_point else 0


def _gradient(call: Call) -> AttentionGradient:
    """Of the whole operation, whose call says the shape and what is wanted."""
    return AttentionGradient(call["shape"], call["wanted"])


def _op(shape_of: Any) -> Op:
    return Op(
        lambda call: shape_of(call).scalars,
        macs=lambda call: shape_of(call).macs,
        unmasked_macs=lambda call: shape_of(call).unmasked().macs,
    )


#: Kernels of the operation, for programs that call one of them by itself.
_KERNELS = tuple(
    f"_scaled_dot_product_{kernel}"
    for kernel in (
        "flash_attention",
        "flash_attention_for_cpu",
        "efficient_attention",
        "cudnn_attention",
        "fused_attention_overrideable",
    )
)


def _flexible(call: Call) -> int:
    """Attention with functions for scores and mask: all pairs, whatever the mask leaves."""
    query, key, value = call.args[:3]
    return prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])


OPS: dict[str, Op] = {
    "flex_attention": Op(macs=_flexible, assumes="all pairs, whatever its mask leaves"),
    "scaled_dot_product_attention": _op(AttentionShape.of),
    "scaled_dot_product_attention_backward": _op(_gradient),
    **dict.fromkeys(_KERNELS, _op(AttentionShape.of)),
    **{f"{kernel}_backward": _op(AttentionGradient.of) for kernel in _KERNELS},
}
