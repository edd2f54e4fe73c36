"""What a step holds at every operation, by category, and the moment at which it holds most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from helpers.ledger import Ledger, Term
from helpers.meter.memory.storages import StorageLog

#: From the bottom of a picture up; what is not named (optimizer states) comes after the weights.
_FIRST = ("weights",)
_LAST = ("buffers", "inputs", "gradients", "saved activations")


@dataclass(frozen=True)
class Timeline:
    """Bytes held during each operation of a step, by category.

    `operations[i]` ran in phase `phases[i]` ("forward", "backward", "optimizer") while at most
    `bytes[category][i]` were held, its results and its kernel's workspace included.
    """

    operations: tuple[str, ...]
    phases: tuple[str, ...]
    bytes: Mapping[str, tuple[int, ...]]

    @cached_property
    def total(self) -> tuple[int, ...]:
        """Bytes held during each operation, all categories together."""
        return tuple(map(sum, zip(*self.bytes.values(), strict=True)))

    @cached_property
    def peak_at(self) -> int:
        """The number of the operation during which most is held."""
        return max(range(len(self.total)), key=self.total.__getitem__)

    def peak_of(self, phase: str) -> int:
        """Bytes held at most in one phase. ValueError where the step has no such phase."""
        held = [b for b, where in zip(self.total, self.phases, strict=True) if where == phase]
        if not held:
            raise ValueError(f"no phase {phase!r}: there are {', '.join(sorted(set(self.phases)))}")
        return max(held)

    def ledger(self) -> Ledger:
        """What is held at the peak."""
        at = self.peak_at
        terms = tuple(Term(name, held[at]) for name, held in self.bytes.items() if held[at])
        name = self.operations[at].removeprefix("aten.")
        return Ledger("B", terms, title=f"peak: {name}, {self.phases[at]}")


def timeline_of(log: StorageLog, own_tensors: str, constant: Mapping[str, int]) -> Timeline:
    """The timeline of a log.

    `own_tensors` names what the step makes and nothing else claims; `constant` adds categories
    that stay the same throughout.
    """
    live = log.live_bytes()
    own = live.pop("temporaries", [0] * len(log.operations))
    states = [name for name in live if name not in _FIRST + _LAST]
    series = {name: tuple(live[name]) for name in (*_FIRST, *states, *_LAST) if name in live}
    series[own_tensors] = tuple(own)
    series["temporaries/kernel workspace"] = tuple(o.workspace for o in log.operations)
    for name, held in constant.items():
        series[name] = (held,) * len(log.operations)
    return Timeline(
        operations=tuple(operation.name for operation in log.operations),
        phases=tuple(operation.phase for operation in log.operations),
        bytes=series,
    )
