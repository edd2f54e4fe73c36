"""What ranks that share layers send each other, as steps of autograd: forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from helpers.meter.memory.storages import StorageTracker


@dataclass
class Group:
    """The ranks that share layers, of which one is looked at, and the tracker that it runs under.

    `on_gloo`: whether gloo carries what they send, which copies what it gathers.
    """

    ranks: int
    rank: int
    on_gloo: bool
    tracker: StorageTracker | None = None

    def send(self, name: str, size: int, rounds: int = 1, workspace: int = 0) -> None:
        """Notes a collective on so many bytes, of all ranks together where they are gathered."""
        if self.tracker:
            sent = rounds * size * (self.ranks - 1) // self.ranks
            self.tracker.transfer(name, sent, workspace)

    def part(self, size: int) -> tuple[int, int]:
        """Where a rank's part of a dimension begins, and how long it is: as `torch.chunk` cuts."""
        most = -(-size // self.ranks)
        first = min(size, self.rank * most)
        return first, min(most, size - first)


def bytes_of(tensor: Tensor) -> int:
    return tensor.numel() * tensor.itemsize


def all_reduced(group: Group, tensor: Tensor, in_place: bool) -> Tensor:
    """The sum over all ranks: a copy, unless it may lie where it was."""
    if not in_place:
        tensor = tensor.clone(memory_format=torch.contiguous_format)
    group.send("all-reduce", bytes_of(tensor), rounds=2)
    return tensor


class Copied(torch.autograd.Function):
    """Its input; the gradient is summed over all ranks."""

    @staticmethod
    def forward(ctx: Any, group: Group, x: Tensor, in_place: bool) -> Tensor:
        ctx.how = group, in_place
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        group, in_place = ctx.how
        return None, all_reduced(group, gradients[0], in_place), None


class Summed(torch.autograd.Function):
    """Its input, summed over all ranks; the gradient is the same for all."""

    @staticmethod
    def forward(ctx: Any, group: Group, x: Tensor, in_place: bool) -> Tensor:
        return all_reduced(group, x.view_as(x), in_place)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, gradients[0], None


class LookedUp(torch.autograd.Function):
    """Rows of a table of which a rank has some; those of others are zero, and the sum is whole.

    The gradient is that of the whole table, of which a rank keeps a view of its rows.
    """

    @staticmethod
    def forward(
        ctx: Any, group: Group, ids: Tensor, table: Tensor, rows: int, padding: int
    ) -> Tensor:
        ctx.how = rows, padding, table.shape[0]
        ctx.save_for_backward(ids)
        elsewhere = (ids < 0) | (ids >= table.shape[0])
        own = ids.clone().sub(0).masked_fill_(elsewhere, 0)
        found = torch.embedding(table, own).masked_fill_(elsewhere.unsqueeze(-1), 0)
        return all_reduced(group, found, in_place=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        rows, padding, own = ctx.how
        (ids,) = ctx.saved_tensors
        whole = torch.ops.aten.embedding_dense_backward(gradients[0], ids, rows, padding, False)
        return None, None, whole[:own], None, None


def _gathered(group: Group, part: Tensor, width: int) -> Tensor:
    """The parts of all ranks side by side: gathered one after another, then put together."""
    most = -(-width // group.ranks)
    if part.shape[-1] != most:  # a last part may be smaller, and is sent as large as the others
        part = nn.functional.pad(part, (0, most - part.shape[-1]))
    gathered = part.new_zeros((group.ranks * part.shape[0], *part.shape[1:]))
    size = bytes_of(gathered)
    group.send("all-gather", size, workspace=size if group.on_gloo else 0)
    return torch.cat(gathered.chunk(group.ranks), dim=-1)[..., :width]


class Gathered(torch.autograd.Function):
    """The features of all ranks; each needs the gradient of its own."""

    @staticmethod
    def forward(ctx: Any, group: Group, x: Tensor, width: int) -> Tensor:
        ctx.width = x.shape[-1]
        return _gathered(group, x, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, gradients[0][..., : ctx.width].contiguous(), None


class Split(torch.autograd.Function):
    """A rank's part of the features; their gradients are gathered."""

    @staticmethod
    def forward(ctx: Any, group: Group, x: Tensor) -> Tensor:
        ctx.how = group, x.shape[-1]
        return x.narrow(-1, *group.part(x.shape[-1])).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        group, width = ctx.how
        return None, _gathered(group, gradients[0], width)
