"""Stands in front of composite operations on the meta device, before PyTorch takes them apart.

Some operations have one kernel on a real device and none on meta, where PyTorch dispatches what
they are made of. Within `intercepting`, a function of one's own is called in their place, in this
thread and for meta tensors only, whoever makes the call: Python, TorchScript, or an operation
inside another. Outside, nothing of PyTorch is changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

Handler = Callable[..., Any]

_aten = torch.ops.aten

#: Recurrent layers, by PyTorch's decompositions in Python: as real kernels do, they multiply the
#: inputs of all steps at once.
RECURRENT: dict[torch._ops.OpOverload, Handler] = {
    func: func.decompose
    for func in (_aten.lstm.input, _aten.gru.input, _aten.rnn_tanh.input, _aten.rnn_relu.input)
}


def _needs_vectors(matrix: torch.Tensor) -> bool:
    return torch.is_grad_enabled() and matrix.requires_grad


#: Values without vectors where no gradient is wanted: PyTorch computes both while it is watched.
VALUES_ONLY: dict[torch._ops.OpOverload, Handler] = {
    _aten.linalg_svdvals.default: lambda a, driver=None: _aten._linalg_svd(
        a, False, _needs_vectors(a), driver=driver
    )[1],
    _aten.linalg_eigvalsh.default: lambda a, uplo="L": _aten._linalg_eigh(
        a, uplo, _needs_vectors(a)
    )[0],
}

_this_thread = threading.local()
_lock = threading.Lock()

#: Operations that are registered, each with its registration and how many threads want it.
_registered: dict[torch._ops.OpOverload, tuple[torch.library.Library, int]] = {}


@contextmanager
def intercepting(handlers: Mapping[torch._ops.OpOverload, Handler]) -> Iterator[None]:
    """Calls `handlers[operation]` with the arguments of each call of such an operation."""
    before = getattr(_this_thread, "handlers", {})
    with ExitStack() as stack:
        for func in handlers:
            stack.enter_context(_kept_registered(func))
        _this_thread.handlers = handlers
        try:
            yield
        finally:
            _this_thread.handlers = before


@contextmanager
def _kept_registered(func: torch._ops.OpOverload) -> Iterator[None]:
    with _lock:
        library, users = _registered.get(func, (None, 0))
        if library is None:
            library = torch.library.Library("aten", "IMPL")
            library.impl(func, partial(_call, func), "AutogradMeta")
        _registered[func] = library, users + 1
    try:
        yield
    finally:
        with _lock:
            library, users = _registered.pop(func)
            if users > 1:
                _registered[func] = library, users - 1
            else:
                library._destroy()


def _call(func: torch._ops.OpOverload, *args: Any, **kwargs: Any) -> Any:
    handler = getattr(_this_thread, "handlers", {}).get(func)
    return handler(*args, **kwargs) if handler else func.decompose(*args, **kwargs)
