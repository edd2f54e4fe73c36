"""The record of an operation: all that the meter knows of it, in one place.

An operation of one's own gets a price by an entry in `helpers.meter.flops.prices.OPS`:

    OPS["mylibrary::scaled_sum"] = Op(each(ADD + MULTIPLY))     # for each number of the result
    OPS["mylibrary::product"] = Op(macs=lambda call: call.out.numel() * call["x"].shape[-1])

What has no record is reported as unknown, in every convention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from helpers.meter.flops.prices.tally import NOTHING, Tally


def places_of(func: torch._ops.OpOverload) -> dict[str, tuple[int, Any]]:
    """Where an operation's arguments stand, and their defaults, by name."""
    return {
        argument.name: (place, argument.default_value)
        for place, argument in enumerate(func._schema.arguments)
    }


class Call:
    """One call of an operation: `call["dim"]` is the argument called dim in its schema, given or by
    default (None where the schema has none); `out` is the result."""

    __slots__ = ("_places", "args", "kwargs", "out")

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Any,
        places: Mapping[str, tuple[int, Any]],
    ) -> None:
        self.args, self.kwargs, self.out = args, kwargs, out
        self._places = places

    def __getitem__(self, name: str) -> Any:
        place, default = self._places.get(name, (len(self.args), None))
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Call:
        """A call of the same operation with other arguments and result."""
        return Call(args, kwargs, out, self._places)

    @property
    def x(self) -> Any:
        """The first argument."""
        return self.args[0]

    @property
    def first(self) -> Any:
        """The result, or the first of several that is there."""
        if isinstance(self.out, (tuple, list)):
            return next((part for part in self.out if part is not None), None)
        return self.out

    @property
    def is_complex(self) -> bool:
        """Whether the first argument or the result consists of complex numbers."""
        return _is_complex(self.first) or _is_complex(self.args[0] if self.args else None)


def _is_complex(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_complex()


def no_arithmetic(call: Call) -> Tally:
    return NOTHING


#: How an operation moves its arguments and results: it reads and writes all of them; it moves
#: nothing; it overwrites its first argument unread; it reads of that only what it returns.
Moves = Literal["all", "nothing", "overwrites", "looks_up"]


@dataclass(frozen=True)
class Op:
    """What one operation costs, by convention-free formulas of a `Call`.

    Attributes:
        tally: elementary operations beside the multiply-accumulates; None where they are not known
            for numbers of that kind.
        macs: multiply-accumulates, where the operation is a product of matrices or a convolution.
        unmasked_macs: the same with masked pairs included, where that is another number.
        moves: how it moves its arguments and results.
        assumes: what is taken for granted, where the cost depends on data.
        complex: whether `tally` knows complex numbers; if not, they are reported as unknown.
    """

    tally: Callable[[Call], Tally | None] = no_arithmetic
    macs: Callable[[Call], int] | None = None
    unmasked_macs: Callable[[Call], int] | None = None
    moves: Moves = "all"
    assumes: str = ""
    complex: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it does no arithmetic at all."""
        return self.macs is None and self.tally is no_arithmetic

    def scalars(self, call: Call) -> Tally | None:
        """The operations of a call beside its multiply-accumulates; None where they are unknown.

        Arithmetic on integers and truth values is not FLOP; a quantized tensor stands for real
        numbers.
        """
        if call.is_complex:
            return self.tally(call) if self.complex or self.tally is no_arithmetic else None
        out = call.first
        if isinstance(out, torch.Tensor) and not (out.is_floating_point() or out.is_quantized):
            return NOTHING
        return self.tally(call)


def each(real: Tally, on_complex: Tally | None = None) -> Callable[[Call], Tally]:
    """A formula: `real` for each number of the result, `on_complex` where numbers are complex."""

    def tally(call: Call) -> Tally:
        if on_complex is not None and call.is_complex:
            return on_complex * call.first.numel()
        return real * call.first.numel()

    return tally
