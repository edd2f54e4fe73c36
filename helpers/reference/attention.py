"""Attention: projections, scores and values; over the past only, in groups, and with a cache.

With s tokens of width d, and all keys for all queries, the MAC of a self-attention are

    4 · s · d²  for the four projections,   2 · s² · d  for scores and values:

in FLOP 8 s d² and 4 s² d. The number of heads drops out: h heads of width d / h do the same work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.ledger import Term
from helpers.reference.composite import Composite
from helpers.reference.layer import Layer, divides, priced, summed, whole
from helpers.reference.linear import Linear


@dataclass(frozen=True)
class ScaledDotProduct(Layer):
    """softmax(Q Kᵀ / √e) V for queries (batch, heads, queries, e), keys and values (…, keys, e).

    `causal` leaves out the keys after each query (the last query sees all keys): of s² pairs of
    self-attention s (s + 1) / 2 remain, about half. Every pair costs e MAC for its score and e for
    its value, a product for the scale, and its share of the softmax. `kv_heads` < `heads` (grouped
    queries) saves memory, not arithmetic. Backward: two products for each one of the forward pass;
    scores are not computed again (fused kernels do, to save memory: 1.25 times as many).
    Source: Vaswani et al., arXiv:1706.03762, equation 1; groups: Ainslie et al., arXiv:2305.13245.
    """

    batch: int
    heads: int
    queries: int
    keys: int
    head_width: int
    kv_heads: int | None = None
    causal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        kv_heads = self.heads if self.kv_heads is None else whole("kv_heads", self.kv_heads)
        object.__setattr__(self, "kv_heads", kv_heads)
        divides("kv_heads", kv_heads, "heads", self.heads)
        if self.causal and self.keys < self.queries:
            raise ValueError(
                f"causal attention needs a key for each query: {self.keys} keys,"
                f" {self.queries} queries"
            )

    @property
    def pairs(self) -> int:
        """Pairs of query and key that are not masked, of all heads."""
        pairs = self.queries * self.keys
        if self.causal:
            pairs -= self.queries * (self.queries - 1) // 2
        return self.batch * self.heads * pairs

    def products(self, backward: bool = False) -> Mapping[str, int]:
        names = ["scores", "values"]
        if backward:
            names += [f"gradient of the {x}" for x in ("queries", "keys", "weights", "values")]
        return dict.fromkeys(names, self.pairs * self.head_width)

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        rows = self.batch * self.heads * self.queries
        terms = [
            priced("scale", "multiply", self.pairs),
            priced("softmax: exponentials", "exponential", self.pairs),
            summed("softmax: sum", self.pairs, rows),
            priced("softmax: division", "divide", self.pairs),
        ]
        if backward:
            terms += [
                priced("gradient of the softmax: products", "multiply", 2 * self.pairs),
                summed("gradient of the softmax: sum", self.pairs, rows),
                priced("gradient of the softmax: subtraction", "add", self.pairs),
                priced("gradient of the scale", "multiply", self.pairs),
            ]
        return terms

    def reads(self) -> Mapping[str, int]:
        assert self.kv_heads is not None
        keys = self.batch * self.kv_heads * self.keys * self.head_width
        queries = self.batch * self.heads * self.queries * self.head_width
        return {"queries": queries, "keys": keys, "values": keys}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.batch * self.heads * self.queries * self.head_width}


@dataclass(frozen=True)
class Attention(Composite):
    """Multi-head attention of (batch, tokens, width), projections included.

    `kv_heads`: heads of keys and values, `heads` unless queries share them. `context`: tokens of
    another sequence (batch, context, width) that keys and values are made of (cross-attention).
    `cached`: tokens before these, whose keys and values are kept: a prefill has many tokens and
    none cached, a decoding step one token and many cached. `causal` as in `ScaledDotProduct`.
    Source: Vaswani et al., arXiv:1706.03762, section 3.2.
    """

    batch: int
    tokens: int
    width: int
    heads: int
    kv_heads: int | None = None
    context: int | None = None
    cached: int | None = None
    causal: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        divides("heads", self.heads, "width", self.width)
        if self.context is not None and (self.causal or self.cached):
            raise ValueError("cross-attention has no causal mask and no cached tokens")
        self.parts()

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        head_width = self.width // self.heads
        cached = whole("cached", self.cached or 0, minimum=0)
        source = self.tokens if self.context is None else whole("context", self.context)
        pairs = ScaledDotProduct(
            self.batch,
            self.heads,
            self.tokens,
            cached + source,
            head_width,
            self.kv_heads,
            self.causal,
        )
        assert pairs.kv_heads is not None
        query = Linear(self.batch, self.width, self.width, self.bias, self.tokens)
        key = Linear(self.batch, self.width, pairs.kv_heads * head_width, self.bias, source)
        return {
            "query": (1, query),
            "key": (1, key),
            "value": (1, key),
            "attention": (1, pairs),
            "output": (1, query),
        }
