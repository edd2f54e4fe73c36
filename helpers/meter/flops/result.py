"""The result of a count: numbers, and the same numbers by module, by layer and by operation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from helpers.ledger import Ledger, Term
from helpers.meter.flops.traffic import tensor_bytes

if TYPE_CHECKING:
    from helpers.meter.flops.recorder import Recorder, Scope


@dataclass(frozen=True)
class Entry:
    """What one operation costs in one module, over all its calls. `bytes` are unfused."""

    module: str
    operation: str
    backward: bool
    calls: int
    macs: int
    flops: int
    bytes: int


@dataclass(frozen=True)
class Row:
    """One line of a table: a module with all it contains, an operation, or a layer.

    `bytes_moved` is the ideal: what must move if each tensor that enters or leaves, and each
    parameter, moves once. `bytes_unfused` is what moves when each operation reads its arguments and
    writes its results.
    """

    name: str
    kind: str
    calls: int
    macs: int
    flops: int
    parameters: int
    bytes_moved: int
    bytes_unfused: int

    @property
    def intensity(self) -> float:
        """FLOP for each byte moved; infinite when nothing moves."""
        return self.flops / self.bytes_moved if self.bytes_moved else float("inf")


@dataclass(frozen=True)
class Unknown:
    """An operation without a price: how often it was called, and on what shapes."""

    operation: str
    calls: int
    shapes: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Count:
    """What a model costs. Counts are for the whole batch that was given.

    `parameters` are those of the model, shared ones once. `unknown` are operations that have no
    price and so are missing from `flops`; `assumptions` say what was taken for granted.
    """

    title: str
    convention: str
    backward: bool
    parameters: int
    entries: tuple[Entry, ...]
    modules: tuple[Row, ...]
    unknown: tuple[Unknown, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return sum(entry.macs for entry in self.entries)

    @property
    def flops(self) -> int:
        """FLOP by the convention."""
        return sum(entry.flops for entry in self.entries)

    @property
    def bytes_moved(self) -> int:
        """Bytes that must move: inputs, used parameters and outputs, each once."""
        return self.modules[0].bytes_moved

    @property
    def bytes_unfused(self) -> int:
        """Bytes that move when every operation reads its arguments and writes its results."""
        return sum(entry.bytes for entry in self.entries)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, FLOP for each byte of `bytes_moved`."""
        return self.modules[0].intensity

    def by_module(self, depth: int | None = None) -> tuple[Row, ...]:
        """Each module with all that it contains, to `depth` names deep; the model itself first."""
        return tuple(
            row
            for row in self.modules
            if depth is None or not row.name or row.name.count(".") < depth
        )

    def by_operation(self) -> tuple[Row, ...]:
        """Each operation over all modules, the costliest first. Its bytes are unfused."""
        sums: dict[str, list[int]] = {}
        for entry in self.entries:
            numbers = sums.setdefault(entry.operation, [0, 0, 0, 0])
            for place, value in enumerate((entry.calls, entry.macs, entry.flops, entry.bytes)):
                numbers[place] += value
        rows = (
            Row(name, "operation", calls, macs, flops, 0, moved, moved)
            for name, (calls, macs, flops, moved) in sums.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.flops, -row.bytes_unfused)))

    def layers(self) -> tuple[Row, ...]:
        """What runs one after the other: modules without modules inside, and the operations that
        other modules do themselves, such as an attention or a residual sum.
        """
        inner = {name.rpartition(".")[0] for name in (row.name for row in self.modules[1:])}
        leaves = {row.name: row for row in self.modules if row.name not in inner and row.name}
        rows: dict[str, Row] = {}
        for entry in self.entries:
            if entry.module in leaves:
                rows[entry.module] = leaves[entry.module]
                continue
            name = f"{entry.module or self.title}: {entry.operation}"
            old = rows.get(name, Row(name, "operation", 0, 0, 0, 0, 0, 0))
            moved = old.bytes_unfused + entry.bytes
            rows[name] = Row(
                name,
                "operation",
                old.calls + entry.calls,
                old.macs + entry.macs,
                old.flops + entry.flops,
                0,
                moved,
                moved,
            )
        return tuple(rows.values())

    def ledger(self, by: str = "operation", depth: int = 1) -> Ledger:
        """The FLOP as a ledger, a term for each "operation" or each "module" of that depth."""
        if by == "operation":
            terms = [Term(row.name, row.flops) for row in self.by_operation() if row.flops]
        elif by == "module":
            rows = [r for r in self.by_module(depth) if r.name and r.name.count(".") == depth - 1]
            terms = [Term(row.name, row.flops) for row in rows if row.flops]
            rest = self.flops - sum(term.count for term in terms)
            if rest:
                terms.append(Term("the rest", rest))
        else:
            raise ValueError(f'by must be "operation" or "module", not {by!r}')
        return Ledger("FLOP", tuple(terms), self.title)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "title": self.title,
            "convention": self.convention,
            "backward": self.backward,
            "parameters": self.parameters,
            "macs": self.macs,
            "flops": self.flops,
            "bytes_moved": self.bytes_moved,
            "bytes_unfused": self.bytes_unfused,
            "intensity": self.intensity if self.bytes_moved else None,
            "by_module": [asdict(row) for row in self.modules],
            "by_operation": [asdict(row) for row in self.by_operation()],
            "unknown": [asdict(operation) for operation in self.unknown],
            "assumptions": list(self.assumptions),
        }

    def to_json(self) -> str:
        """The count as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_dataframe(self) -> Any:
        """`by_module` as a pandas DataFrame; ValueError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ValueError("to_dataframe needs pandas: pip install pandas") from error
        return pandas.DataFrame([asdict(row) for row in self.modules])

    def __str__(self) -> str:
        from helpers.meter.flops.table import count_table

        return count_table(self)

    def _repr_html_(self) -> str:
        from helpers.meter.flops.table import count_html

        return count_html(self)


def summarize(
    recorder: Recorder, module: nn.Module | None, convention: str, backward: bool
) -> Count:
    """The count that a recorder wrote down, summed up over modules."""
    entries = tuple(
        Entry(path, name, in_backward, tally.calls, tally.macs, tally.flops, tally.bytes)
        for (path, name, in_backward), tally in recorder.tallies.items()
    )
    parts = dict(module.named_modules()) if module is not None else {}
    learned = _learned(parts)
    sums = _sums_over_parents(entries)
    used = _parameters_of_parents(recorder.scopes)
    rows = [
        _row(
            path,
            type(parts[path]).__name__ if path in parts else "function",
            recorder.scopes[path],
            sums.get(path, [0, 0, 0]),
            sum(used[path].values()),
            learned.get(path, {}),
            backward,
        )
        for path in sorted(recorder.scopes, key=_order(parts))
    ]
    return Count(
        type(module).__name__ if module is not None else "function",
        convention,
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
