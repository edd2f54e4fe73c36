"""Functions that are known by some of their calls only, and the JSON that keeps them.

The package for the students of a graded course holds no formulas. It has what they gave for the
cases that a student sees, and the same questions with a table in the place of each function:

    >>> flops = Recorded("linear_flops", ("batch", "n"), ((call_of(1, 64), 4096),))
    >>> flops(1, 64)
    4096

JSON keeps plain data and this package's dataclasses, exactly: 1 is not 1.0, nor (1,) [1].
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

#: The key of a dict of JSON that stands for something else than a dict of strings.
_KIND = "is"


@dataclass(frozen=True)
class Recorded:
    """A function as a table of its calls.

    Attributes:
        name: of the function, for messages.
        parameters: what its arguments are called.
        calls: of each, what `call_of` gives for its arguments, and the result.
    """

    name: str
    parameters: tuple[str, ...]
    calls: tuple[tuple[str, Any], ...]

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The result of a call that was recorded. ValueError for any other."""
        try:
            return self._results[call_of(*args, **named)]
        except (KeyError, TypeError):
            raise ValueError(
                f"{self.name} is not part of this course's package, which knows no more than "
                "the calls that its notebooks make"
            ) from None

    @cached_property
    def _results(self) -> dict[str, Any]:
        return dict(self.calls)

    @property
    def __signature__(self) -> Signature:
        kind = Parameter.POSITIONAL_OR_KEYWORD
        return Signature([Parameter(name, kind) for name in self.parameters])


def call_of(*args: Any, **named: Any) -> str:
    """The arguments of a call as text, the same for equal ones. TypeError for what `dumps` does
    not keep."""
    return dumps([tuple(args), dict(sorted(named.items()))])


def record(
    name: str,
    function: Callable[..., Any],
    parameters: Sequence[str],
    calls: Sequence[tuple[Any, ...]],
) -> Recorded:
    """A function's results for these arguments."""
    results = {call_of(*args): function(*args) for args in calls}
    return Recorded(name, tuple(parameters), tuple(results.items()))


def merged(tables: Iterable[Mapping[str, Recorded]]) -> dict[str, Recorded]:
    """The functions of all tables, by name, each with all the calls that are known of it."""
    found: dict[str, Recorded] = {}
    for name, known in (each for table in tables for each in table.items()):
        calls = dict(found[name].calls + known.calls if name in found else known.calls)
        found[name] = replace(known, calls=tuple(calls.items()))
    return found


def dumps(value: Any) -> str:
    """A value as JSON. TypeError for anything but plain data, functions by name and dataclasses."""
    return json.dumps(_encoded(value), ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """What `dumps` was given. It imports what the text names: for this package's own files only."""
    return json.loads(text, object_hook=_decoded)


def load(path: Path) -> Any:
    """What a file of `dumps` holds."""
    return loads(path.read_text(encoding="utf-8"))


def _encoded(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list):
        return [_encoded(each) for each in value]
    if isinstance(value, tuple):
        return {_KIND: "tuple", "of": [_encoded(each) for each in value]}
    if isinstance(value, dict):
        if _KIND not in value and all(type(key) is str for key in value):
            return {key: _encoded(each) for key, each in value.items()}
        return {_KIND: "dict", "of": [[_encoded(k), _encoded(v)] for k, v in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_KIND: _address(type(value))} | {
            field.name: _encoded(mine)
            for field in dataclasses.fields(value)
            if not _is_default(field, mine := getattr(value, field.name))
        }
    if callable(value) and hasattr(value, "__qualname__"):
        return {_KIND: "name", "of": _address(value)}
    raise TypeError(f"a {type(value).__name__} cannot be recorded: use numbers, words and lists")


def _is_default(field: dataclasses.Field[Any], mine: Any) -> bool:
    return field.default is not dataclasses.MISSING and (
        type(mine) is type(field.default) and mine == field.default
    )


def _address(thing: Any) -> str:
    module, name = thing.__module__, thing.__qualname__
    if not module.startswith("helpers.") or "<" in name:
        raise TypeError(f"{module}.{name} cannot be recorded: it has no name in this package")
    return f"{module}:{name}"


def _decoded(data: dict[str, Any]) -> Any:
    kind = data.pop(_KIND, None)
    if kind is None:
        return data
    if kind == "tuple":
        return tuple(data["of"])
    if kind == "dict":
        return dict(data["of"])
    if kind == "name":
        return _named(data["of"])
    return _named(kind)(**data)


def _named(address: str) -> Any:
    module, _, name = address.partition(":")
    if not module.startswith("helpers."):
        raise ValueError(f"{address} is not part of this package")
    return getattr(import_module(module), name)


def nothing_drawn(draw: object) -> tuple[tuple[Any, ...], ...]:
    """The hidden cases of a recorded question: there are none."""
    return ()
