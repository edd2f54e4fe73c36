"""Layers made of layers: their cost is the sum of their parts, each under its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helpers.ledger import Ledger
from helpers.reference.layer import Layer


class Composite(Layer):
    """A layer that is the sum of its parts. `bytes` moves every tensor between two parts twice."""

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        """The parts by name, and how many there are of each."""
        raise NotImplementedError

    def _sum(self, unit: str, cost: Callable[[Layer], Ledger]) -> Ledger:
        ledgers = (times * cost(part).under(name) for name, (times, part) in self.parts().items())
        return sum(ledgers, start=Ledger(unit))

    def macs(self, backward: bool = False) -> Ledger:
        """Multiply-accumulates of all parts; with `backward`, those of the gradients as well."""
        return self._sum("MAC", lambda part: part.macs(backward))

    def flops(self, backward: bool = False) -> Ledger:
        """FLOP of all parts at the course's prices; with `backward`, the gradients' as well."""
        return self._sum("FLOP", lambda part: part.flops(backward))

    def parameters(self) -> Ledger:
        """Parameters of all parts."""
        return self._sum("parameters", lambda part: part.parameters())

    def bytes(self, dtype: str = "fp32") -> Ledger:
        """Bytes moved when each part reads and writes its own tensors once: nothing is fused."""
        return self._sum("B", lambda part: part.bytes(dtype))
