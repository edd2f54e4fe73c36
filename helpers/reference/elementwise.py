"""Activation functions: what one element costs, times the number of elements.

Comparing, choosing, negating and taking the absolute value do no arithmetic and cost nothing. An
exponential costs 40 FLOP, and so does every other transcendental function (`conventions.PRICE`).

PReLU, leaky ReLU and ELU do arithmetic only where x ≤ 0: their cost depends on the data, so their
functions take the data itself, or the number of its elements that are ≤ 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, NamedTuple

from helpers.conventions import PRICE, Operation
from helpers.ledger import Alternative, Ledger, Term
from helpers.reference.layer import Layer, elements_of, priced, titled, whole


class Step(NamedTuple):
    """One operation on one element, and another right way to do it."""

    name: str
    operation: Operation
    why_otherwise: str = ""
    otherwise: Operation = "copy"

    def over(self, count: int) -> Term:
        if not self.why_otherwise:
            return priced(self.name, self.operation, count)
        other = Alternative(self.why_otherwise, count, PRICE[self.otherwise])
        return priced(self.name, self.operation, count, other)


class Steps(Layer):
    """The same steps for each of `count` elements."""

    forward: ClassVar[tuple[Step, ...]] = ()
    gradient: ClassVar[tuple[Step, ...]] = ()

    @property
    def count(self) -> int:
        raise NotImplementedError

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [step.over(self.count) for step in self.forward]
        if backward:
            steps = (step._replace(name=f"gradient: {step.name}") for step in self.gradient)
            terms += [step.over(self.count) for step in steps]
        return terms


@dataclass(frozen=True)
class Activation(Steps):
    """A function of each element; `elements` is their number, or the sizes of the tensor."""

    elements: int | Sequence[int]

    @property
    def count(self) -> int:
        return elements_of("elements", self.elements)

    def reads(self) -> Mapping[str, int]:
        return {"input": self.count}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.count}


class ReLU(Activation):
    """max(x, 0): a comparison, 0 FLOP.  Source: Nair and Hinton, ICML 2010."""

    forward = (Step("comparison", "compare"),)
    gradient = (Step("selection", "compare"),)


class ReLU6(Activation):
    """min(max(x, 0), 6): two comparisons, 0 FLOP.  Source: Howard et al., arXiv:1704.04861."""

    forward = (Step("comparisons", "compare"),)
    gradient = (Step("selection", "compare"),)


class Sigmoid(Activation):
    """σ(x) = 1 / (1 + e^−x): 40 + 1 + 4 = 45 FLOP.  Backward: ∂y · y (1 − y)."""

    forward = (
        Step("e^−x", "exponential"),
        Step("1 + e^−x", "add"),
        Step("1 / (1 + e^−x)", "divide"),
    )
    gradient = (Step("1 − y", "add"), Step("y (1 − y)", "multiply"), Step("times ∂y", "multiply"))


class Tanh(Activation):
    """tanh(x): 40 FLOP.  Backward: ∂y · (1 − y²)."""

    forward = (Step("tanh", "transcendental"),)
    gradient = (Step("y²", "multiply"), Step("1 − y²", "add"), Step("times ∂y", "multiply"))


class SiLU(Activation):
    """x · σ(x), also called swish: 46 FLOP, or 45 as x / (1 + e^−x).

    Backward: ∂y · σ (1 + x (1 − σ)), with σ computed again.
    Source: Ramachandran, Zoph and Le, arXiv:1710.05941.
    """

    forward = (
        *Sigmoid.forward,
        Step("x · σ(x)", "multiply", "x / (1 + e^−x) divides x itself: no product"),
    )
    gradient = (
        *Sigmoid.forward,
        Step("1 − σ", "add"),
        Step("x (1 − σ)", "multiply"),
        Step("1 + x (1 − σ)", "add"),
        Step("times σ", "multiply"),
        Step("times ∂y", "multiply"),
    )


_ERF = (Step("x / √2", "multiply"), Step("erf", "transcendental"), Step("1 + erf", "add"))


class GELU(Activation):
    """½ x (1 + erf(x / √2)): 44 FLOP (1/√2 is a constant: a product).

    Backward: ∂y · (Φ(x) + x φ(x)), with Φ = ½ (1 + erf(x / √2)) and φ = e^(−x²/2) / √(2π).
    Source: Hendrycks and Gimpel, arXiv:1606.08415.
    """

    forward = (*_ERF, Step("times x", "multiply"), Step("times ½", "multiply"))
    gradient = (
        *_ERF,
        Step("Φ: times ½", "multiply"),
        Step("x²", "multiply"),
        Step("−x²/2", "multiply"),
        Step("e^(−x²/2)", "exponential"),
        Step("φ: times 1/√(2π)", "multiply"),
        Step("x φ", "multiply"),
        Step("Φ + x φ", "add"),
        Step("times ∂y", "multiply"),
    )


_TANH_INNER = (
    Step("x²", "multiply"),
    Step("x³", "multiply"),
    Step("0.044715 x³", "multiply"),
    Step("x + 0.044715 x³", "add"),
    Step("times √(2/π)", "multiply"),
    Step("tanh", "transcendental"),
    Step("1 + tanh", "add"),
)


class GELUTanh(Activation):
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): 48 FLOP.  Source: arXiv:1606.08415, section 2."""

    forward = (*_TANH_INNER, Step("times x", "multiply"), Step("times ½", "multiply"))
    gradient = (
        *_TANH_INNER,
        Step("left part: times ½", "multiply"),
        Step("tanh²", "multiply"),
        Step("1 − tanh²", "add"),
        Step("0.134145 x²", "multiply"),
        Step("1 + 0.134145 x²", "add"),
        Step("inner derivative: times √(2/π)", "multiply"),
        Step("½ x", "multiply"),
        Step("times 1 − tanh²", "multiply"),
        Step("times inner derivative", "multiply"),
        Step("sum of both parts", "add"),
        Step("times ∂y", "multiply"),
    )


class HardSigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6: 5 FLOP.  Source: Howard et al., arXiv:1905.02244."""

    forward = (
        Step("x + 3", "add"),
        Step("comparisons", "compare"),
        Step("division by 6", "divide", "1/6 is a constant: a product", "multiply"),
    )
    gradient = (Step("selection", "compare"), Step("times 1/6", "multiply"))


class HardSwish(Activation):
    """x · min(max(x + 3, 0), 6) / 6: 6 FLOP.  Source: Howard et al., arXiv:1905.02244."""

    forward = (
        Step("x + 3", "add"),
        Step("comparisons", "compare"),
        Step("times x", "multiply"),
        Step("division by 6", "divide", "1/6 is a constant: a product", "multiply"),
    )
    gradient = (
        Step("selection", "compare"),
        Step("x / 3", "divide", "1/3 is a constant: a product", "multiply"),
        Step("x / 3 + ½", "add"),
        Step("times ∂y", "multiply"),
    )


def _leaves(x: Any) -> Iterator[Any]:
    """The tensors, arrays or numbers that lists in lists hold."""
    if isinstance(x, Sequence):
        for part in x:
            yield from _leaves(part)
    else:
        yield x


@dataclass(frozen=True)
class NegativePart(Steps):
    """A function that leaves x > 0 as it is, so that only elements ≤ 0 cost anything.

    `x` is a tensor, an array or lists in lists, whose elements ≤ 0 are counted, or that count.
    """

    x: Any

    @property
    def count(self) -> int:
        """How many elements are ≤ 0."""
        if not self._is_data:
            return self._given
        found = (leaf <= 0 for leaf in _leaves(self.x))
        return sum(int(f.sum() if getattr(f, "shape", ()) else f) for f in found)

    @property
    def elements(self) -> int:
        """How many there are; those ≤ 0, where no more is known."""
        if not self._is_data:
            return self._given
        return sum(prod(getattr(leaf, "shape", ())) for leaf in _leaves(self.x))

    @property
    def _is_data(self) -> bool:
        return isinstance(self.x, Sequence) or bool(getattr(self.x, "shape", ()))

    @property
    def _given(self) -> int:
        return whole("x, as the count of elements ≤ 0,", self.x, minimum=0)

    def reads(self) -> Mapping[str, int]:
        return {"input": self.elements}

    def writes(self) -> Mapping[str, int]:
        return {"output": self.elements}


@dataclass(frozen=True)
class PReLU(NegativePart):
    """x where x > 0, else a · x with a learned a: one product for each x ≤ 0, none otherwise.

    Backward: ∂x = a · ∂y and ∂a = Σ x · ∂y over x ≤ 0: two products for each, and a sum for each
    of the `slopes` (one, or one for each channel).  Source: He et al., arXiv:1502.01852.
    """

    slopes: int = 1

    forward = (Step("products where x ≤ 0", "multiply"),)
    gradient = (Step("a · ∂y", "multiply"), Step("x · ∂y", "multiply"))

    def weights(self) -> Mapping[str, int]:
        return {"slopes": self.slopes}

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = super().scalars(backward)
        if not backward:
            return terms
        additions = max(self.count - self.slopes, 0)
        return [*terms, priced("gradient: sum of x · ∂y", "add", additions)]


class LeakyReLU(NegativePart):
    """x where x > 0, else slope · x: one product for each x ≤ 0.  Source: Maas et al., 2013."""

    forward = (Step("products where x ≤ 0", "multiply"),)
    gradient = (Step("slope · ∂y", "multiply"),)


class ELU(NegativePart):
    """x where x > 0, else α (eˣ − 1): 42 FLOP for each x ≤ 0.  Backward: ∂y · (y + α).

    Source: Clevert, Unterthiner and Hochreiter, arXiv:1511.07289.
    """

    forward = (
        Step("eˣ where x ≤ 0", "exponential"),
        Step("eˣ − 1", "add"),
        Step("times α", "multiply"),
    )
    gradient = (Step("y + α", "add"), Step("times ∂y", "multiply"))


@dataclass(frozen=True)
class Pointwise(Activation):
    """Any operation on `inputs` tensors, element by element: an addition reads two, writes one."""

    inputs: int = 1

    def reads(self) -> Mapping[str, int]:
        return {"input": self.inputs * self.count}


class Sum(Pointwise):
    """x + y. The gradients of both are ∂sum as it is."""

    forward = (Step("additions", "add"),)


class Product(Pointwise):
    """x · y.  Backward: ∂x = y · ∂product and ∂y = x · ∂product."""

    forward = (Step("products", "multiply"),)
    gradient = (Step("products with y", "multiply"), Step("products with x", "multiply"))


@titled
def sigmoid_flops(elements: int | Sequence[int]) -> Ledger:
    """FLOP of `Sigmoid`: 45 for each element."""
    return Sigmoid(elements).flops()
