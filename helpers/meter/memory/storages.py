"""Follows every storage that PyTorch allocates and releases, without allocating any.

Memory is held by storages, not by tensors: a view, a transpose, a broadcast and an in-place result
share the storage of their input and cost nothing. `StorageTracker` runs below autograd, sees every
operation that reaches a kernel, and notes when a storage that was not there before comes out of
one and when the last reference to it goes. Run on meta tensors it costs no memory and no
arithmetic, and the life of each storage is that of the real step, because autograd, the optimizer
and Python's reference counts are the real ones.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

import torch
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass

from helpers.meter.loan import Values
from helpers.meter.memory.accumulation import Accumulation
from helpers.meter.memory.request import Request, request_of
from helpers.meter.memory.strides import with_strides
from helpers.meter.meta import is_inexact, is_made_of_others, tensors_in
from helpers.meter.mixed_meta import Dispatcher


@dataclass(frozen=True)
class Taken:
    """Bytes that a kernel takes inside an operation and gives back before it ends, beyond its
    outputs: by the best that is known, at least, and at most.

    `asked`: how often the kernel has to be called to know it: twice where it takes more of large
    numbers than of zeros, never where it looks at numbers otherwise.
    """

    known: int
    least: int
    most: int
    asked: Literal["never", "once", "twice"] = "once"


_NOTHING = Taken(0, 0, 0)

_RAND, _ALMOST_ONE = torch.ops.aten.rand.default, 1 - 2**-24

#: What an operation takes: of it, its result and its arguments.
Kernels = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Taken]


@dataclass
class Storage:
    """One storage: its bytes, what it holds, and the operations between which it lives.

    `born` is the number of the operation that made it, -1 for what was there before the step;
    `died` is the last operation that it was alive in, None for what outlives the step.
    """

    bytes: int
    category: str
    born: int
    died: int | None = None


@dataclass(frozen=True)
class Operation:
    """One operation that reached a kernel: its name and phase, what its kernel takes, the bytes
    that it sends to other devices. `request` makes the call again, where it is not sure what the
    kernel takes."""

    name: str
    phase: str
    taken: Taken = _NOTHING
    sent: int = 0
    request: Request | None = None

    @property
    def workspace(self) -> int:
        return self.taken.known


@dataclass
class StorageLog:
    """What a step did: its operations in order, its storages, and each allocation and release.

    `events` holds the number of a storage (in `storages`), and whether it was allocated (True) or
    released, in the order in which that happened.
    """

    operations: list[Operation] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    events: list[tuple[int, bool]] = field(default_factory=list)

    def live_bytes(self) -> dict[str, list[int]]:
        """Bytes of each category alive in each operation, its outputs included."""
        length = len(self.operations)
        change: dict[str, list[int]] = {}
        for storage in self.storages:
            steps = change.setdefault(storage.category, [0] * (length + 1))
            steps[max(storage.born, 0)] += storage.bytes
            if storage.died is not None:
                steps[storage.died + 1] -= storage.bytes
        series: dict[str, list[int]] = {}
        for category, steps in change.items():
            series[category] = list(accumulate(steps[:length]))
        return series


class StorageTracker(TorchDispatchMode):
    """Logs every storage that comes and goes while the mode is active.

    `hold` names what is there from the start (weights, inputs). `phase` is the part of the step
    that operations belong to. `kernels` says how much an operation's kernel takes beyond its
    outputs. `layouts` replaces the meta kernel of an operation where the real kernel returns
    other strides. `count_cpu` says whether
    real CPU tensors (an optimizer's step counts) belong to the device that is asked about, and
    `rounded` how many bytes its allocator hands out for a request.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        kernels: Kernels = lambda func, out, args, kwargs: _NOTHING,
        layouts: Mapping[Any, Callable[..., Any]] | None = None,
        count_cpu: bool = True,
        rounded: Callable[[int], int] = int,
        values: Values = Values.NONE,
    ) -> None:
        super().__init__()
        self.log = StorageLog()
        self.phase = ""
        self.accumulation = Accumulation()
        self._kernels = kernels
        self._layouts = layouts or {}
        self._count_cpu = count_cpu
        self._rounded = rounded
        self._dispatcher = Dispatcher(values)
        self._alive: dict[int, tuple[int, weakref.ref]] = {}

    def hold(self, tensor: torch.Tensor, category: str, size: int | None = None) -> None:
        """Counts a tensor's storage, there before the step, under `category`; as `size` bytes."""
        self._see(tensor, category, size)

    def transfer(self, name: str, sent: int, workspace: int = 0) -> None:
        """Notes that bytes go to other devices, by a collective of that name."""
        self.log.operations.append(
            Operation(name, self.phase, Taken(workspace, workspace, workspace), sent)
        )

    def relabel(self, tensor: torch.Tensor, category: str) -> int | None:
        """Says what a storage that the step made is for, and returns its number.

        A storage that was there before keeps its category; None is returned for it.
        """
        entry = self._alive.get(_stored(tensor)[-1].untyped_storage()._cdata)
        if entry is None or self.log.storages[entry[0]].born < 0:
            return None
        self.log.storages[entry[0]].category = category
        return entry[0]

    @contextmanager
    def seeing_random_states(self) -> Iterator[None]:
        """Counts the random states that checkpointing keeps, which no operation makes."""
        get_state = torch.get_rng_state

        def seen() -> torch.Tensor:
            state = get_state()
            if self._count_cpu:
                self._see(state, "temporaries")
            return state

        torch.get_rng_state = seen
        try:
            yield
        finally:
            torch.get_rng_state = get_state

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if types and is_made_of_others(types):
            return NotImplemented
        kwargs = kwargs or {}
        if isinstance(func, torch._ops.HigherOrderOperator):
            if func.name() == "cond":
                with self:
                    return args[1 if args[0] else 2](*args[3])
            return func(*args, **kwargs)
        run = self._layouts.get(func, func)
        in_place = self.accumulation.in_place(func, args)
        if in_place:
            run, args = in_place, (self._changeable(args), *args[1:])
        out, args, kwargs = self._dispatcher.run(run, args, kwargs)
        if func is _RAND and out.numel() == 1 and not out.is_meta:
            # Layers that leave themselves out by chance stay: they are there at the highest peak.
            out.fill_(_ALMOST_ONE)
        if in_place:
            self.accumulation.changed(out)
        else:
            out = with_strides(func, out, args, kwargs)
        taken = self._kernels(func, out, args, kwargs)
        self.log.operations.append(Operation(str(func), self.phase, taken))
        before = len(self.log.storages)
        for tensor in tensors_in(out):
            self._see(tensor, "temporaries")
        if taken.most > taken.least and taken.asked != "never":
            made = sum(storage.bytes for storage in self.log.storages[before:])
            request = request_of(func, args, kwargs, out, made)
            self.log.operations[-1] = replace(self.log.operations[-1], request=request)
        return out

    def _changeable(self, args: tuple[Any, ...]) -> torch.Tensor:
        """The first tensor, to be changed in place by the others; on meta, if one of them is.

        Its twin there takes no memory, and keeps the tensor as long as it is there itself.
        """
        first: torch.Tensor = args[0]
        if first.is_meta or not any(tensor.is_meta for tensor in tensors_in(args)):
            return first
        twin: Any = torch.empty_like(first, device="meta")
        twin.of = first
        self._see(twin, "temporaries", 0)
        return twin  # type: ignore[no-any-return]

    def _see(self, tensor: torch.Tensor, category: str, size: int | None = None) -> None:
        for part in _stored(tensor):
            if part._is_zerotensor():  # forward-mode gradients: nothing is there but a shape
                continue
            if part.is_meta or self._count_cpu or not is_inexact(part):
                self._see_storage(part.untyped_storage(), category, size)

    def _see_storage(self, storage: torch.UntypedStorage, category: str, size: int | None) -> None:
        key = storage._cdata
        if key in self._alive:
            return
        number = len(self.log.storages)
        born = len(self.log.operations) - 1
        held = self._rounded(storage.nbytes() if size is None else size)
        self.log.storages.append(Storage(held, category, born))
        self.log.events.append((number, True))
        self._alive[key] = number, weakref.ref(storage, lambda _: self._released(key, number))

    def _released(self, key: int, number: int) -> None:
        del self._alive[key]
        self.log.storages[number].died = len(self.log.operations) - 1
        self.log.events.append((number, False))


def _stored(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The tensors that hold a tensor's numbers: itself, or those that it is made of."""
    if is_traceable_wrapper_subclass(tensor):
        names, _ = tensor.__tensor_flatten__()
        return [part for name in names for part in _stored(getattr(tensor, name))]
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    return [tensor]
