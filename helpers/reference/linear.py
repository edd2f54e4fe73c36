"""Fully connected layers and the matrix products below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.ledger import Ledger, Term
from helpers.reference.layer import Layer, bias_additions, summed, titled


@dataclass(frozen=True)
class Linear(Layer):
    """Linear layer y = x Wᵀ + b: x (batch, tokens, in_features) → y (batch, tokens, out_features).

    MAC = batch · tokens · in_features · out_features. The bias adds one FLOP for each output.
    Backward: the gradients of x and of W each cost as many MAC as the forward pass, the gradient
    of b is a sum over batch and tokens.
    Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.
    """

    batch: int
    in_features: int
    out_features: int
    bias: bool = True
    tokens: int = 1

    @property
    def rows(self) -> int:
        return self.batch * self.tokens

    def products(self, backward: bool = False) -> Mapping[str, int]:
        macs = self.rows * self.in_features * self.out_features
        names = ["multiply-accumulates"]
        if backward:
            names += ["gradient of the input", "gradient of the weights"]
        return dict.fromkeys(names, macs)

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        if not self.bias:
            return ()
        outputs = self.rows * self.out_features
        terms = [bias_additions(outputs)]
        if backward:
            terms.append(summed("gradient of the bias", outputs, self.out_features))
        return terms

    def weights(self) -> Mapping[str, int]:
        weights = {"weights": self.in_features * self.out_features}
        return {**weights, "bias": self.out_features} if self.bias else weights

    def reads(self) -> Mapping[str, int]:
        return {"input": self.rows * self.in_features}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.rows * self.out_features}


@dataclass(frozen=True)
class MatrixVector(Layer):
    """Matrix times vector: (m, n) · (n,) → (m,).  MAC = m · n."""

    m: int
    n: int

    def products(self, backward: bool = False) -> Mapping[str, int]:
        names = ["multiply-accumulates"]
        if backward:
            names += ["gradient of the matrix", "gradient of the vector"]
        return dict.fromkeys(names, self.m * self.n)

    def reads(self) -> Mapping[str, int]:
        return {"matrix": self.m * self.n, "vector": self.n}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.m}


@dataclass(frozen=True)
class MatrixMatrix(Layer):
    """Matrix times matrix: (m, k) · (k, n) → (m, n), `batch` of them.  MAC = batch · m · n · k."""

    m: int
    n: int
    k: int
    batch: int = 1

    def products(self, backward: bool = False) -> Mapping[str, int]:
        names = ["multiply-accumulates"]
        if backward:
            names += ["gradient of the left matrix", "gradient of the right matrix"]
        return dict.fromkeys(names, self.batch * self.m * self.n * self.k)

    def reads(self) -> Mapping[str, int]:
        return {
            "left matrix": self.batch * self.m * self.k,
            "right matrix": self.batch * self.k * self.n,
        }

    def writes(self) -> Mapping[str, int]:
        return {"output": self.batch * self.m * self.n}


@titled
def linear_flops(
    batch: int, in_features: int, out_features: int, bias: bool = True, tokens: int = 1
) -> Ledger:
    """FLOP of `Linear`: two for each of batch · tokens · in · out, one for each bias added."""
    return Linear(batch, in_features, out_features, bias, tokens).flops()


@titled
def linear_bytes(
    batch: int,
    in_features: int,
    out_features: int,
    bias: bool = True,
    tokens: int = 1,
    dtype: str = "fp32",
) -> Ledger:
    """Bytes that `Linear` moves: weights and input are read once, the output is written once."""
    return Linear(batch, in_features, out_features, bias, tokens).bytes(dtype)
