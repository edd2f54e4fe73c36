"""Sums up what a recorder wrote down, over modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from helpers.meter.flops.module_stack import Scope
from helpers.meter.flops.recorder import Recorder
from helpers.meter.flops.result import Count, Entry, Row, Unknown
from helpers.meter.flops.traffic import tensor_bytes


def summarize(recorder: Recorder, module: nn.Module | None, backward: bool) -> Count:
    """The count that a recorder wrote down, summed up over modules."""
    entries = tuple(
        Entry(path, name, in_backward, sums.calls, sums.macs, sums.flops, sums.bytes)
        for (path, name, in_backward), sums in recorder.sums.items()
    )
    parts = dict(module.named_modules()) if module is not None else {}
    learned = _learned(parts)
    sums = _sums_over_parents(entries)
    scopes = recorder.modules.scopes
    used = _parameters_of_parents(scopes)
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
        for path in sorted(scopes, key=_order(parts))
    ]
    return Count(
        type(module).__name__ if module is not None else "function",
        recorder.convention.name,
        backward,
        sum(parameter.numel() for parameter in learned.get("", {}).values()),
        entries,
        tuple(rows),
        tuple(
            Unknown(name, calls, tuple(sorted(shapes)))
            for name, (calls, shapes) in recorder.unknown.items()
        ),
        tuple(recorder.assumptions),
    )


def _order(parts: Mapping[str, Any]) -> Any:
    places = {name: place for place, name in enumerate(parts)}
    return lambda path: places.get(path, len(places))


def _parents(path: str) -> Iterable[str]:
    """A module's path and those of all that contain it, the model ("") last."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""


def _sums_over_parents(entries: Iterable[Entry]) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = {}
    for entry in entries:
        for path in _parents(entry.module):
            numbers = sums.setdefault(path, [0, 0, 0])
            numbers[0] += entry.macs
            numbers[1] += entry.flops
            numbers[2] += entry.bytes
    return sums


def _parameters_of_parents(scopes: Mapping[str, Scope]) -> dict[str, dict[int, int]]:
    used: dict[str, dict[int, int]] = {path: {} for path in scopes}
    for owner, scope in scopes.items():
        for path in _parents(owner):
            for key, size in scope.parameters.items():
                mine = used.setdefault(path, {})
                mine[key] = max(mine.get(key, 0), size)
    return used


def _learned(parts: Mapping[str, nn.Module]) -> dict[str, dict[int, nn.Parameter]]:
    """The parameters of each module and of all modules in it, shared ones once."""
    learned: dict[str, dict[int, nn.Parameter]] = {path: {} for path in parts}
    for owner, part in parts.items():
        for parameter in part._parameters.values():
            if parameter is not None:
                for path in _parents(owner):
                    learned[path][id(parameter)] = parameter
    return learned


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
