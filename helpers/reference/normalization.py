"""Normalizations: one formula, averaged over different axes.

For an input of N elements, normalised in G groups of one mean and one variance each:

    y = (x − μ) / √(σ² + ε) · γ + β

Batch norm averages over batch and space (G = channels), layer norm over the features of each row
(G = rows), instance norm over the space of each channel of each image (G = batch · channels),
group norm over groups of channels (G = batch · groups).

    subtract, square, subtract, divide, scale, shift:  1 + 1 + 1 + 4 + 1 + 1 = 9 FLOP an element
    two averages: 2 (N − G) + 2 · 4 G;  ε: G;  square root: 4 G      → 11 N + 11 G in all

Backward, with g = γ · ∂y and x̂ = (x − μ) / σ:  ∂x = (g − mean(g) − x̂ · mean(g · x̂)) / σ,
∂γ = Σ ∂y · x̂, ∂β = Σ ∂y. 1/σ was kept by the forward pass, so dividing by σ is a product there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from helpers.ledger import Alternative, Ledger, Term
from helpers.reference.layer import Layer, divides, priced, summed, titled

_KEPT = Alternative("x − μ is kept from the variance: no second subtraction", 0)


class Normalization(Layer):
    """A normalization of `elements` in groups of `averages`, with `learned` weights and biases."""

    @property
    def elements(self) -> int:
        """N, the elements of the input."""
        raise NotImplementedError

    @property
    def averages(self) -> int:
        """G, how many means (and variances) there are."""
        raise NotImplementedError

    @property
    def learned(self) -> int:
        """Length of γ and of β, 0 without them."""
        raise NotImplementedError

    @property
    def measures(self) -> bool:
        """Whether mean and variance are taken from this input, not remembered from training."""
        return True

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        n, groups = self.elements, self.averages
        terms: list[Term] = []
        if self.measures:
            terms += [
                summed("sums of mean and variance", 2 * n, 2 * groups),
                priced("divisions of mean and variance", "divide", 2 * groups),
                priced("variance: subtract mean", "add", n),
                priced("variance: square", "multiply", n),
            ]
        terms += [
            priced("add ε", "add", groups),
            priced("square root", "sqrt", groups),
            priced("subtract mean", "add", n, *([_KEPT] if self.measures else [])),
            priced("divide by deviation", "divide", n),
        ]
        if self.learned:
            terms += [priced("scale", "multiply", n), priced("shift", "add", n)]
        return [*terms, *self._gradients()] if backward else terms

    def _gradients(self) -> Sequence[Term]:
        n, groups = self.elements, self.averages
        terms: list[Term] = []
        if self.learned or self.measures:
            terms += [
                priced("gradient: subtract mean", "add", n),
                priced("gradient: divide by deviation", "multiply", n),
            ]
        if self.learned:
            terms += [
                priced("gradient of the weights: products", "multiply", n),
                summed("gradient of the weights: sum", n, self.learned),
                summed("gradient of the bias: sum", n, self.learned),
                priced("gradient: scale", "multiply", n),
            ]
        if self.measures:
            terms += [
                priced("gradient: g · x̂", "multiply", n),
                summed("gradient: sums of g and g · x̂", 2 * n, 2 * groups),
                priced("gradient: averages", "divide", 2 * groups),
                priced("gradient: x̂ · average", "multiply", n),
                priced("gradient: subtract both averages", "add", 2 * n),
            ]
        return [*terms, priced("gradient: times 1/σ", "multiply", n)]

    def weights(self) -> Mapping[str, int]:
        return {"weights": self.learned, "bias": self.learned} if self.learned else {}

    def reads(self) -> Mapping[str, int]:
        return {"input": self.elements}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.elements}


@dataclass(frozen=True)
class BatchNorm(Normalization):
    """Batch norm of (batch, channels, *size): one mean and variance for each *channel*.

    `training` takes them from this batch, else those remembered from training are used. Keeping
    the remembered ones up to date (6 FLOP a channel) is not priced.
    Source: Ioffe and Szegedy, arXiv:1502.03167, algorithm 1.
    """

    batch: int
    channels: int
    size: Sequence[int]
    training: bool = True
    affine: bool = True

    @property
    def elements(self) -> int:
        return self.batch * self.channels * prod(self.size)

    @property
    def averages(self) -> int:
        return self.channels

    @property
    def learned(self) -> int:
        return self.channels if self.affine else 0

    @property
    def measures(self) -> bool:
        return self.training

    def reads(self) -> Mapping[str, int]:
        return {"input": self.elements, "running averages": 2 * self.channels}

    def writes(self) -> Mapping[str, int]:
        averages = {"running averages": 2 * self.channels} if self.training else {}
        return {"output": self.elements, **averages}


@dataclass(frozen=True)
class LayerNorm(Normalization):
    """Layer norm of (batch, tokens, features): one mean and variance for each token.

    Source: Ba, Kiros and Hinton, arXiv:1607.06450, equation 4.
    """

    batch: int
    features: int
    tokens: int = 1
    affine: bool = True

    @property
    def elements(self) -> int:
        return self.averages * self.features

    @property
    def averages(self) -> int:
        return self.batch * self.tokens

    @property
    def learned(self) -> int:
        return self.features if self.affine else 0


@dataclass(frozen=True)
class GroupNorm(Normalization):
    """Group norm of (batch, channels, *size): a mean and variance for each group of each image.

    Source: Wu and He, arXiv:1803.08494, equations 1 to 6.
    """

    batch: int
    channels: int
    size: Sequence[int]
    groups: int
    affine: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        divides("groups", self.groups, "channels", self.channels)

    @property
    def elements(self) -> int:
        return self.batch * self.channels * prod(self.size)

    @property
    def averages(self) -> int:
        return self.batch * self.groups

    @property
    def learned(self) -> int:
        return self.channels if self.affine else 0


@dataclass(frozen=True)
class InstanceNorm(Normalization):
    """Instance norm of (batch, channels, *size): averages for each channel of each image.

    Source: Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022.
    """

    batch: int
    channels: int
    size: Sequence[int]
    affine: bool = False

    @property
    def elements(self) -> int:
        return self.averages * prod(self.size)

    @property
    def averages(self) -> int:
        return self.batch * self.channels

    @property
    def learned(self) -> int:
        return self.channels if self.affine else 0


@dataclass(frozen=True)
class RMSNorm(Layer):
    """RMS norm of (batch, tokens, features): y = x · (1 / √(mean(x²) + ε)) · γ, for each token.

    The division is done once for each token: 4 FLOP an element in all (square, sum, two products).
    Backward, with g = γ · ∂y and x̂ = x / √(…):  ∂x = (g − x̂ · mean(g · x̂)) / √(…), ∂γ = Σ ∂y · x̂.
    Source: Zhang and Sennrich, arXiv:1910.07467, equation 4.
    """

    batch: int
    features: int
    tokens: int = 1
    affine: bool = True

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        rows, n = self.batch * self.tokens, self.batch * self.tokens * self.features
        terms = [
            priced("square", "multiply", n),
            summed("mean: sum", n, rows),
            priced("mean: division", "divide", rows),
            priced("add ε", "add", rows),
            priced("square root", "sqrt", rows),
            priced("one over it", "divide", rows),
            priced("times 1 / root", "multiply", n),
        ]
        if self.affine:
            terms.append(priced("scale", "multiply", n))
        if not backward:
            return terms
        terms.append(priced("gradient: x̂", "multiply", n))
        if self.affine:
            terms += [
                priced("gradient of the weights: products", "multiply", n),
                summed("gradient of the weights: sum", n, self.features),
                priced("gradient: scale", "multiply", n),
            ]
        return [
            *terms,
            priced("gradient: g · x̂", "multiply", n),
            summed("gradient: sum of g · x̂", n, rows),
            priced("gradient: average", "divide", rows),
            priced("gradient: x̂ · average", "multiply", n),
            priced("gradient: subtract average", "add", n),
            priced("gradient: times 1 / root", "multiply", n),
        ]

    def weights(self) -> Mapping[str, int]:
        return {"weights": self.features} if self.affine else {}

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.tokens * self.features}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.batch * self.tokens * self.features}


@titled
def batch_norm_flops(
    batch: int, channels: int, height: int, width: int, training: bool = True
) -> Ledger:
    """FLOP of `BatchNorm` of images, with weights and biases."""
    return BatchNorm(batch, channels, (height, width), training).flops()
