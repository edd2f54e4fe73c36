"""What all reference cost functions share: sizes that are checked, and costs that are derived.

A layer is a frozen dataclass of its sizes. It says five things about itself:

- `products`: how many multiply-accumulates it does, under which names;
- `scalars`: the operations beside them, priced by `conventions.PRICE`;
- `weights`: how many parameters it has, under which names;
- `reads` and `writes`: how many elements go in and come out.

From these `Layer` derives MAC, FLOP, parameters and bytes: `Linear(1, 64, 32).flops()`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from math import prod
from typing import Any, ClassVar, ParamSpec, get_type_hints

from helpers.conventions import FLOP_PER_MAC, PRICE, Operation, dtype_bytes
from helpers.ledger import Alternative, Ledger, Term

Asked = ParamSpec("Asked")


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """`value` as an int, if it is a whole number ≥ `minimum`; else ValueError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise ValueError(f"{name} must be a whole number ≥ {minimum}, not {value!r}")
    return number


def per_dimension(name: str, value: Any, dimensions: int, minimum: int = 1) -> tuple[int, ...]:
    """A size for every dimension: 3 and (3, 3) are the same kernel in two dimensions."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != dimensions:
            raise ValueError(f"{name} must be one number or {dimensions}, not {value!r}")
        return tuple(whole(name, item, minimum) for item in value)
    return (whole(name, value, minimum),) * dimensions


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"{name} must be one number for each dimension, as (8, 8), not {value!r}")
    return tuple(whole(name, size) for size in value)


def elements_of(name: str, value: Any) -> int:
    """Number of elements of a shape, given as a count (64) or as sizes ((8, 8))."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return prod(_sizes(name, value))
    return whole(name, value)


def divides(part: str, divisor: int, whole_name: str, number: int) -> None:
    """Raises ValueError unless `divisor` divides `number`."""
    if number % divisor:
        raise ValueError(f"{part} ({divisor}) must divide {whole_name} ({number})")


def priced(name: str, operation: Operation, count: int, *alternatives: Alternative) -> Term:
    """A term at the course's price of `operation`."""
    return Term(name, count, PRICE[operation], alternatives)


def summed(name: str, elements: int, sums: int = 1) -> Term:
    """The additions in `sums` sums of `elements` numbers in all: n numbers take n − 1."""
    from_zero = Alternative("each sum starts from zero: one addition for every number", elements)
    return priced(name, "add", elements - sums, from_zero)


def bias_additions(count: int) -> Term:
    """One addition for each output, which an accumulator that starts at the bias does not need."""
    free = Alternative("the accumulator starts at the bias: no addition of its own", 0)
    return priced("bias additions", "add", count, free)


@dataclass(frozen=True)
class Layer:
    """The sizes of one layer, and what they cost.

    A field annotated `int` is a size, a whole number ≥ 1, and one annotated `Sequence[int]` holds
    such sizes. Subclasses check the rest. Impossible sizes raise ValueError.
    """

    #: What each field of a kind of layer is annotated as.
    _kinds: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._kinds = get_type_hints(cls)

    def __post_init__(self) -> None:
        for name, kind in self._kinds.items():
            value = getattr(self, name)
            if kind is int:
                object.__setattr__(self, name, whole(name, value))
            elif kind == Sequence[int]:
                object.__setattr__(self, name, _sizes(name, value))
            elif kind is bool and not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False, not {value!r}")

    def products(self, backward: bool = False) -> Mapping[str, int]:
        """Multiply-accumulates by name."""
        return {}

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        """Operations that are not part of a multiply-accumulate."""
        return ()

    def weights(self) -> Mapping[str, int]:
        """Parameters by name."""
        return {}

    def reads(self) -> Mapping[str, int]:
        """Elements read, parameters apart, by name."""
        raise NotImplementedError

    def writes(self) -> Mapping[str, int]:
        """Elements written, by name."""
        raise NotImplementedError

    def macs(self, backward: bool = False) -> Ledger:
        """Multiply-accumulates; with `backward`, those of the gradients as well."""
        products = self.products(backward)
        return Ledger("MAC", tuple(Term(name, count) for name, count in products.items()))

    def flops(self, backward: bool = False) -> Ledger:
        """FLOP at the course's prices, two for a MAC; with `backward`, the gradients' as well."""
        products = self.products(backward)
        terms = (Term(name, count, FLOP_PER_MAC) for name, count in products.items())
        return Ledger("FLOP", (*terms, *self.scalars(backward)))

    def parameters(self) -> Ledger:
        """Parameters that are learned."""
        weights = self.weights()
        return Ledger("parameters", tuple(Term(name, count) for name, count in weights.items()))

    def bytes(self, dtype: str = "fp32") -> Ledger:
        """Bytes that one forward pass moves when every tensor is read or written once."""
        read = {**self.weights(), **self.reads()}
        moved = [(f"read {name}", count) for name, count in read.items()]
        moved += [(f"write {name}", count) for name, count in self.writes().items()]
        width = dtype_bytes(dtype)
        return Ledger("B", tuple(Term(name, count, width) for name, count in moved))


def titled(cost: Callable[Asked, Ledger]) -> Callable[Asked, Ledger]:
    """The same function, its ledgers titled as it was called: "softmax_flops(batch=4, n=32)"."""
    asked = signature(cost)

    @wraps(cost)
    def call(*args: Asked.args, **kwargs: Asked.kwargs) -> Ledger:
        given = asked.bind(*args, **kwargs).arguments
        shown = ", ".join(f"{name}={value}" for name, value in given.items())
        return cost(*args, **kwargs).titled(f"{cost.__name__}({shown})")

    return call
