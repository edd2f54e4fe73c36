"""What all reference cost functions share: sizes that are checked, and costs that are derived.

A layer is a frozen dataclass of its sizes. It says five things about itself:

- `products`: how many multiply-accumulates it does, under which names;
- `scalars`: the operations beside them, priced by `conventions.PRICE`;
- `weights`: how many parameters it has, under which names;
- `reads` and `writes`: how many elements go in and come out.

From these `Layer` derives MAC, FLOP, parameters and bytes, and `cost_function` turns each of them
into a plain function, `linear_flops(batch, in_features, ...)`, which is what the course calls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, getdoc, signature
from math import prod
from typing import Any

from helpers.conventions import FLOP_PER_MAC, PRICE, Operation, dtype_bytes
from helpers.ledger import Alternative, Ledger, Term


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """`value` as an int, if it is a whole number ≥ `minimum`; else ValueError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise ValueError(f"{name} must be a whole number ≥ {minimum}, not {value!r}")
    return number


def each(name: str, value: Any, dimensions: int, minimum: int = 1) -> tuple[int, ...]:
    """A size for every dimension: 3 and (3, 3) are the same kernel in two dimensions."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != dimensions:
            raise ValueError(f"{name} must be one number or {dimensions}, not {value!r}")
        return tuple(whole(name, item, minimum) for item in value)
    return (whole(name, value, minimum),) * dimensions


def elements_of(name: str, value: Any) -> int:
    """Number of elements of a shape, given as a count (64) or as sizes ((8, 8))."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return prod(whole(name, size) for size in value)
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

    Every field annotated `int` is a size: a whole number ≥ 1. Subclasses check the rest.
    """

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int":
                object.__setattr__(self, field.name, whole(field.name, value))
            elif field.type == "bool" and not isinstance(value, bool):
                raise ValueError(f"{field.name} must be True or False, not {value!r}")

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


def cost_function(
    layer: type[Layer], name: str, sides: Sequence[str] = ()
) -> Callable[..., Ledger]:
    """The plain function `name(sizes of the layer…, options of the quantity…) → Ledger`.

    The name ends in the quantity: "linear_flops" asks `Linear` for its `flops`. `sides` names the
    dimensions of the layer's field `size`, which the function then takes one by one: with
    ("height", "width") it is the two-dimensional layer of one that knows any dimension.
    """
    quantity = name.rpartition("_")[2]
    method = getattr(layer, quantity)
    options = list(signature(method).parameters.values())[1:]
    parameters: list[Parameter] = []
    for parameter in (*signature(layer).parameters.values(), *options):
        if sides and parameter.name == "size":
            parameters += [parameter.replace(name=side, annotation="int") for side in sides]
        else:
            parameters.append(parameter)
    call = Signature(parameters, return_annotation="Ledger")

    def function(*args: Any, **kwargs: Any) -> Ledger:
        given = call.bind(*args, **kwargs).arguments
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in given.items())
        chosen = {option.name: given.pop(option.name) for option in options if option.name in given}
        if sides:
            given["size"] = tuple(whole(side, given.pop(side)) for side in sides)
        return getattr(layer(**given), quantity)(**chosen).titled(f"{name}({shown})")

    function.__name__ = function.__qualname__ = name
    function.__module__ = layer.__module__
    function.__doc__ = f"{getdoc(method)}\n\n{getdoc(layer)}"
    function.__signature__ = call  # type: ignore[attr-defined]
    return function


def _shown(value: Any) -> str:
    """An argument as a ledger's title shows it: data by its shape only."""
    shape = getattr(value, "shape", ())
    return f"data of {tuple(shape)}" if shape else f"{value}"
