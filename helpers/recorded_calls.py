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
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import import_module
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any


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
    return _written([tuple(args), dict(sorted(named.items()))], lambda _, text: text)


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
    """A value as JSON. TypeError for anything but plain data, functions by name and dataclasses.

    What comes more than once, as the terms of a ledger do, is written once: `[shared, value]`.
    """
    found: Counter[str] = Counter()
    _written(value, lambda whole, _: (found.update([whole]), whole)[1])
    shared: dict[str, tuple[int, str]] = {}

    def once(whole: str, text: str) -> str:
        if found[whole] == 1 or len(whole) <= _SHORT:
            return text
        number, _ = shared.setdefault(whole, (len(shared) + 1, text))
        return f"[-{number}]"

    text = _written(value, once)
    return f"[[{','.join(each for _, each in shared.values())}],{text}]"


def loads(text: str) -> Any:
    """What `dumps` was given. It imports what the text names: for this package's own files only."""
    parts, data = json.loads(text)
    shared: list[Any] = []
    for part in parts:
        shared.append(_read(part, shared))
    return _read(data, shared)


def load(path: Path) -> Any:
    """What a file of `dumps` holds."""
    return loads(path.read_text(encoding="utf-8"))


#: An array begins with what it stands for; with -n for the n-th of what is shared.
_LIST, _TUPLE, _DICT, _NAME, _DATACLASS = range(5)
#: A text that is no longer than this is written each time.
_SHORT = 6

#: Of a part and all in it, and of it as it is to stand: what is written.
_Said = Callable[[str, str], str]


def _written(value: Any, said: _Said) -> str:
    """A value as JSON, where `said` has the last word on each part that cannot be changed."""
    return _parts(value, said)[1]


def _parts(value: Any, said: _Said) -> tuple[str, str]:
    """A value as JSON, with all in it, and as it is to stand."""
    if value is None or type(value) in (bool, int, float):
        return (text := json.dumps(value)), text
    if type(value) is str:
        text = json.dumps(value, ensure_ascii=False)
        return text, said(text, text)
    if isinstance(value, list):
        return _array(_LIST, value, said)
    if isinstance(value, tuple):
        return _shared(_array(_TUPLE, value, said), said)
    if isinstance(value, dict):
        return _array(_DICT, [each for pair in value.items() for each in pair], said)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = [_address(type(value)), *_without_defaults(value)]
        return _shared(_array(_DATACLASS, members, said), said)
    if callable(value) and hasattr(value, "__qualname__"):
        return _array(_NAME, [_address(value)], said)
    raise TypeError(f"a {type(value).__name__} cannot be recorded: use numbers, words and lists")


def _array(kind: int, members: Sequence[Any], said: _Said) -> tuple[str, str]:
    pairs = [(str(kind), str(kind)), *(_parts(member, said) for member in members)]
    whole, text = (f"[{','.join(each)}]" for each in zip(*pairs, strict=True))
    return whole, text


def _shared(pair: tuple[str, str], said: _Said) -> tuple[str, str]:
    return pair[0], said(*pair)


def _without_defaults(value: Any) -> list[Any]:
    """The values of a dataclass's fields, without those at the end that are as if not given."""
    fields = list(dataclasses.fields(value))
    while fields and _is_default(fields[-1], getattr(value, fields[-1].name)):
        fields.pop()
    return [getattr(value, field.name) for field in fields]


def _is_default(field: dataclasses.Field[Any], mine: Any) -> bool:
    return field.default is not dataclasses.MISSING and (
        type(mine) is type(field.default) and mine == field.default
    )


def _address(thing: Any) -> str:
    module, name = thing.__module__, thing.__qualname__
    if not module.startswith("helpers.") or "<" in name:
        raise TypeError(f"{module}.{name} cannot be recorded: it has no name in this package")
    return f"{module}:{name}"


def _read(data: Any, shared: Sequence[Any]) -> Any:
    if type(data) is not list:
        return data
    kind = data[0]
    if kind < 0:
        return shared[-kind - 1]
    members = [_read(each, shared) if type(each) is list else each for each in data[1:]]
    if kind == _LIST:
        return members
    if kind == _TUPLE:
        return tuple(members)
    if kind == _DICT:
        return dict(zip(members[::2], members[1::2], strict=True))
    thing = _named(members[0])
    return thing if kind == _NAME else thing(*members[1:])


@cache
def _named(address: str) -> Any:
    module, _, name = address.partition(":")
    if not module.startswith("helpers."):
        raise ValueError(f"{address} is not part of this package")
    return getattr(import_module(module), name)


def nothing_drawn(draw: object) -> tuple[tuple[Any, ...], ...]:
    """The hidden cases of a recorded question: there are none."""
    return ()
