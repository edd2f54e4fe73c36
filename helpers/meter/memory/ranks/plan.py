"""How many ranks train together, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STAGES = (0, 1, 2, 3)


@dataclass(frozen=True)
class Plan:
    """`data` groups of ranks that share what ZeRO's `stage` says, each of `tensor` ranks that share
    every layer; `rank` is the one that is looked at, counted through one group after another.

    `units`: names of submodules that are gathered one at a time; the blocks of the model, if None.
    `cut`: styles of the layers that are shared, as `layer_styles` takes them; the model's own, or
    such as are found, if None.
    """

    stage: int = 0
    data: int = 1
    rank: int = 0
    units: tuple[str, ...] | None = None
    tensor: int = 1
    cut: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ValueError(f"ZeRO has the stages 0 to 3, not {self.stage}")
        if min(self.data, self.tensor) < 1 or self.ranks < 2:
            raise ValueError(f"ranks that share something are ≥ 2, not {self.ranks}")
        if self.stage and self.data < 2:
            raise ValueError(f"ZeRO {self.stage} shares among data-parallel ranks: there are none")
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"of {self.ranks} ranks there is none {self.rank}: count from 0")

    @property
    def ranks(self) -> int:
        """All of them."""
        return self.data * self.tensor

    @property
    def place(self) -> int:
        """Of the groups, that of the rank that is looked at."""
        return self.rank // self.tensor
