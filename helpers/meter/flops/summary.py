"""Sums up what a recorder wrote down: each module with all the modules in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from torch import nn

from helpers.meter.flops.module_stack import Scope
from helpers.meter.flops.recorder import Recorder
from helpers.meter.flops.result import Count, Entry, Row, Unknown
from helpers.meter.flops.traffic import tensor_bytes

_Sums = TypeVar("_Sums")


def summarize(recorder: Recorder, parts: Mapping[str, nn.Module], backward: bool) -> Count:
    """The count that a recorder wrote down, of a model with these modules; of a function without.

    `parts`: the modules by path, as `named_modules` gives them, parents before what is in them.
    """
    entries = tuple(
        Entry(path, name, in_backward, sums.calls, sums.macs, sums.flops, sums.bytes)
        for (path, name, in_backward), sums in recorder.sums.items()
    )
    scopes, paths = recorder.modules.scopes, list({"": None, **parts})
    learned = _with_inner(paths, _own_parameters(parts), dict.update)
    used = _with_inner(paths, {path: dict(s.parameters) for path, s in scopes.items()}, _larger)
    sums = _with_inner(paths, _own_sums(entries), _add)
    rows = [
        _row(
            path,
            type(parts[path]).__name__ if path in parts else "function",
            scopes[path],
            sums.get(path, [0, 0, 0]),
            sum(used[path].values()),
            learned.get(path, {}),
            backward,
        )
        for path in paths
        if path in scopes
    ]
    return Count(
        rows[0].kind,
        recorder.convention.name,
        backward,
        rows[0].parameters,
        entries,
        tuple(rows),
        tuple(
            Unknown(name, calls, tuple(sorted(shapes)))
            for name, (calls, shapes) in recorder.unknown.items()
        ),
        tuple(recorder.assumptions),
        frozen=sum(p.numel() for p in learned.get("", {}).values() if not p.requires_grad),
    )


def _with_inner(
    paths: list[str], own: dict[str, _Sums], add: Callable[[_Sums, _Sums], None]
) -> dict[str, _Sums]:
    """Adds to what each module has of its own what the modules in it have."""
    for path in reversed(paths):
        if path in own and path:
            parent = path.rpartition(".")[0]
            if parent in own:
                add(own[parent], own[path])
            else:
                own[parent] = type(own[path])(own[path])  # type: ignore[call-arg]
    return own


def _own_parameters(parts: Mapping[str, nn.Module]) -> dict[str, dict[int, nn.Parameter]]:
    return {
        path: {id(p): p for p in part._parameters.values() if p is not None}
        for path, part in parts.items()
    }


def _own_sums(entries: Iterable[Entry]) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = {}
    for entry in entries:
        _add(sums.setdefault(entry.module, [0, 0, 0]), [entry.macs, entry.flops, entry.bytes])
    return sums


def _add(numbers: list[int], more: list[int]) -> None:
    numbers[:] = [a + b for a, b in zip(numbers, more, strict=True)]


def _larger(sizes: dict[int, int], more: dict[int, int]) -> None:
    """A parameter that two modules read counts once, as the larger part of it."""
    for key, size in more.items():
        sizes[key] = max(sizes.get(key, 0), size)


def _row(
    path: str,
    kind: str,
    scope: Scope,
    sums: list[int],
    weights: int,
    learned: Mapping[int, nn.Parameter],
    backward: bool,
) -> Row:
    macs, flops, unfused = sums
    ideal = scope.read + weights * max(scope.calls, 1) + scope.written
    if backward:
        # The backward reads the same again, with the gradient of what was written in its place,
        # and writes a gradient for each parameter and each input that has one.
        gradients = sum(tensor_bytes(p) for p in learned.values() if p.requires_grad)
        ideal += ideal + scope.differentiated + gradients
    return Row(
        path,
        kind,
        scope.calls,
        macs,
        flops,
        sum(parameter.numel() for parameter in learned.values()),
        min(ideal, unfused),
        unfused,
    )
