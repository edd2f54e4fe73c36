"""Runs an operation on tensors of which some are on meta and some have values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_map_only
from torch.utils.weak import WeakIdKeyDictionary

from helpers.meter.loan import Values
from helpers.meter.meta import is_inexact, tensors_in

_EMBEDDING = torch.ops.aten.embedding.default
_META, _CPU = torch.device("meta"), torch.device("cpu")


class Dispatcher:
    """What `Values` says of the inputs holds for what a model makes, too.

    Numbers that have values lose them where they meet a tensor on meta: a twin takes their place,
    of which `brought` is told.
    """

    def __init__(
        self, values: Values, brought: Callable[[torch.Tensor], None] = lambda twin: None
    ) -> None:
        self.values = values
        self._tell = brought
        self._brought = WeakIdKeyDictionary()

    def run(self, func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        """The result of an operation, and the arguments that it was given in the end."""
        if func is _EMBEDDING and args[1].is_floating_point():
            # An older PyTorch (2.12 for one) looks up on meta whatever it is given.
            raise RuntimeError("indices need one of the scalar types: Long, Int")
        device = kwargs.get("device")
        if device is not None and self.values is not Values.ALL:
            return self._run_on(torch.device(device), func, args, kwargs)
        try:
            return func(*args, **kwargs), args, kwargs
        except (RuntimeError, NotImplementedError):
            tensors = list(tensors_in(args, kwargs))
            if self.values is Values.ALL or all(tensor.is_meta for tensor in tensors):
                raise
            args, kwargs = tree_map_only(torch.Tensor, self._on_meta, (args, kwargs))
            return func(*args, **kwargs), args, kwargs

    def _run_on(self, device: torch.device, func: Any, args: Any, kwargs: Any) -> Any:
        """An operation that makes a tensor on a device.

        From a tensor on meta it makes one on meta, wherever it is to be. Integers keep their values
        where those are wanted.
        """
        of_meta = any(tensor.is_meta for tensor in tensors_in(args))
        if of_meta or device.type == "cuda":
            kwargs = {**kwargs, "device": _META}
        out = func(*args, **kwargs)
        if self.values is Values.INTEGERS and not of_meta and out.is_meta and not is_inexact(out):
            kwargs = {**kwargs, "device": _CPU}
            out = func(*args, **kwargs)
        return out, args, kwargs

    def _on_meta(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor that has values, on meta; a number can stay."""
        if tensor.is_meta or tensor.dim() == 0:
            return tensor
        twin = self._brought.get(tensor)
        if twin is None:
            twin = self._brought[tensor] = torch.empty_like(tensor, device="meta")
            self._tell(twin)
        return twin
