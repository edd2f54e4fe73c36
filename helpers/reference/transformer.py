"""Transformer blocks, and the decoder language model made of them.

Position encodings are not priced: they are an addition for each element, or, rotary, 3 FLOP for
each element of queries and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.ledger import Ledger
from helpers.reference.attention import Attention
from helpers.reference.composite import Composite
from helpers.reference.elementwise import GELU, Product, ReLU, SiLU, Sum
from helpers.reference.embedding import Embedding
from helpers.reference.layer import Layer
from helpers.reference.linear import Linear
from helpers.reference.normalization import LayerNorm, RMSNorm

_ACTIVATIONS = {"gelu": GELU, "relu": ReLU, "swiglu": SiLU}
_NORMS = {"layer": LayerNorm, "rms": RMSNorm}


@dataclass(frozen=True)
class FeedForward(Composite):
    """The MLP of a transformer: width → hidden → width, for each token.

    `activation` is "gelu", "relu" or "swiglu". SwiGLU has a second matrix up to `hidden`, the gate,
    whose SiLU multiplies the first one's output: three matrices instead of two.
    Source: Vaswani et al., arXiv:1706.03762, section 3.3; SwiGLU: Shazeer, arXiv:2002.05202.
    """

    batch: int
    tokens: int
    width: int
    hidden: int
    activation: str = "gelu"
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in _ACTIVATIONS:
            known = ", ".join(_ACTIVATIONS)
            raise ValueError(f"activation must be one of {known}, not {self.activation!r}")

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        inner = self.batch * self.tokens * self.hidden
        up = Linear(self.batch, self.width, self.hidden, self.bias, self.tokens)
        down = Linear(self.batch, self.hidden, self.width, self.bias, self.tokens)
        function = _ACTIVATIONS[self.activation](inner)
        if self.activation != "swiglu":
            return {"up": (1, up), self.activation: (1, function), "down": (1, down)}
        gated = Product(inner, inputs=2)
        return {
            "gate": (1, up),
            "silu": (1, function),
            "up": (1, up),
            "product": (1, gated),
            "down": (1, down),
        }


@dataclass(frozen=True)
class TransformerBlock(Composite):
    """One block: attention and feed-forward, each after a norm and followed by a residual sum.

    An encoder block attends to all tokens, a decoder block with `causal` to the past; `context`
    adds a cross-attention to that many tokens of an encoder. `kv_heads`, `cached` as in
    attention; `activation` as in the feed-forward part ("swiglu" for LLaMA-like models);
    `norm` is "layer" or "rms". Source: Vaswani et al., arXiv:1706.03762; norm first: Xiong et
    al., arXiv:2002.04745; LLaMA: Touvron et al., arXiv:2302.13971.
    """

    batch: int
    tokens: int
    width: int
    heads: int
    hidden: int
    kv_heads: int | None = None
    context: int | None = None
    cached: int | None = None
    causal: bool = False
    activation: str = "gelu"
    norm: str = "layer"
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm not in _NORMS:
            raise ValueError(f"norm must be {' or '.join(_NORMS)}, not {self.norm!r}")
        self.parts()

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        sizes = (self.batch, self.tokens, self.width)
        attention = Attention(
            *sizes,
            self.heads,
            self.kv_heads,
            cached=self.cached,
            causal=self.causal,
            bias=self.bias,
        )
        norm = _NORMS[self.norm](self.batch, self.width, self.tokens)
        parts: dict[str, tuple[int, Layer]] = {
            "norms": (2 if self.context is None else 3, norm),
            "attention": (1, attention),
        }
        if self.context is not None:
            cross = Attention(*sizes, self.heads, context=self.context, bias=self.bias)
            parts["cross-attention"] = (1, cross)
        mlp = FeedForward(*sizes, self.hidden, self.activation, self.bias)
        residual = Sum(sizes, inputs=2)
        return {**parts, "mlp": (1, mlp), "residuals": (2 if self.context is None else 3, residual)}


@dataclass(frozen=True)
class DecoderModel(Composite):
    """A decoder language model: embedding, `layers` causal blocks, a last norm, a head.

    With `tied`, the head uses the embedding's table. `cached` tokens came before: the FLOP of one
    generated token are those of tokens=1 with everything before it cached.
    Source: Brown et al., arXiv:2005.14165, section 2.1; LLaMA: arXiv:2302.13971, section 2.2.
    """

    batch: int
    tokens: int
    vocabulary: int
    width: int
    heads: int
    layers: int
    hidden: int
    kv_heads: int | None = None
    cached: int | None = None
    activation: str = "swiglu"
    norm: str = "rms"
    bias: bool = False
    tied: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parts()

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        block = TransformerBlock(
            self.batch,
            self.tokens,
            self.width,
            self.heads,
            self.hidden,
            self.kv_heads,
            cached=self.cached,
            causal=True,
            activation=self.activation,
            norm=self.norm,
            bias=self.bias,
        )
        head = Linear(self.batch, self.width, self.vocabulary, False, self.tokens)
        return {
            "embedding": (1, Embedding(self.batch, self.vocabulary, self.width, self.tokens)),
            "blocks": (self.layers, block),
            "last norm": (1, _NORMS[self.norm](self.batch, self.width, self.tokens)),
            "head": (1, head),
        }

    def parameters(self) -> Ledger:
        """Parameters of all parts; a tied head has none of its own."""
        ledger = super().parameters()
        if not self.tied:
            return ledger
        kept = tuple(term for term in ledger.terms if not term.name.startswith("head/"))
        return Ledger("parameters", kept)
