"""The result of a count: numbers, and the same numbers by module, by layer and by operation."""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass
from typing import Any

from helpers.conventions import format_bytes, format_count
from helpers.ledger import Ledger, Term
from helpers.text_table import html_table, text_table

_HEADS = ("module", "type", "calls", "parameters", "MAC", "FLOP", "share", "moved", "FLOP/B")


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
    price and so are missing from `flops`; `assumptions` say what was taken for granted; `ran` how
    the model ran, where shapes were not enough; `frozen` parameters get no gradient.
    """

    title: str
    convention: str
    backward: bool
    parameters: int
    entries: tuple[Entry, ...]
    modules: tuple[Row, ...]
    unknown: tuple[Unknown, ...] = ()
    assumptions: tuple[str, ...] = ()
    ran: str = ""
    frozen: int = 0

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
            "frozen": self.frozen,
            "macs": self.macs,
            "flops": self.flops,
            "bytes_moved": self.bytes_moved,
            "bytes_unfused": self.bytes_unfused,
            "intensity": self.intensity if self.bytes_moved else None,
            "by_module": [asdict(row) for row in self.modules],
            "by_operation": [asdict(row) for row in self.by_operation()],
            "unknown": [asdict(operation) for operation in self.unknown],
            "assumptions": list(self.assumptions),
            "ran": self.ran,
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

    def rows(self, depth: int = 1) -> list[tuple[str, ...]]:
        """The table: a head, the model, then its modules to a depth, each with all it contains."""
        return [_HEADS, *(self._cells(row) for row in self.by_module(depth))]

    def _cells(self, row: Row) -> tuple[str, ...]:
        share = row.flops / self.flops if self.flops else 0.0
        return (
            "  " * (row.name.count(".") + 1) + row.name if row.name else self.title,
            row.kind,
            f"{row.calls}",
            format_count(row.parameters),
            format_count(row.macs),
            format_count(row.flops),
            f"{share:.1%}",
            format_bytes(row.bytes_moved),
            f"{row.intensity:.1f}" if row.bytes_moved else "–",
        )

    def notes(self) -> list[str]:
        """What the reader of a table has to know beside it."""
        passes = "forward and backward" if self.backward else "forward"
        lines = [f"{passes}, convention {self.convention}"]
        lines += [self.ran] if self.ran else []
        lines += [f"assumed: {assumption}" for assumption in self.assumptions]
        lines += [
            f"no price for {operation.operation}: called {operation.calls} times,"
            " its FLOP are missing"
            for operation in self.unknown
        ]
        return lines

    def __str__(self) -> str:
        return "\n".join([text_table(self.rows(), left=2), *self.notes()])

    def _repr_html_(self) -> str:
        notes = "<br>".join(map(html.escape, self.notes()))
        return f"{html_table(self.rows(), left=2)}<p>{notes}</p>"
