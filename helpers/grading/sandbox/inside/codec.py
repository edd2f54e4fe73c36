"""Plain data as JSON, and nothing else: what crosses between the grader and a student's process.

Both sides use this module, but only the grader relies on it: `decode` accepts what is written
below and refuses the rest, whatever was sent. Nothing is unpickled, imported or evaluated.

    None, bool, int, float, str     themselves (NaN and infinities included)
    list                            a JSON list
    tuple, set, dict, complex       {"tuple": [...]}, {"set": [...]}, {"dict": [[k, v], ...]}, ...
    numpy array                     {"array": [dtype, shape, base64 of the bytes]}
    torch tensor                    {"tensor": ...}, the same; bfloat16 comes as float32
    matplotlib figure or axes       {"figure": ...}, as `helpers.figures.read_figure` reads it
    a function or class             {"function": name}
    range, deque, a dict's views    {"opaque": [type, start of its repr, members]}; what a function
                                    returns that gives its members once, as well
    anything else                   {"opaque": [type, start of its repr]}
"""

from __future__ import annotations

import base64
import json
import math
import sys
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Any

import numpy

from helpers.values import ONCE, REPEATABLE, members

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 24
#: Of what is no list, but gives what a list may hold.
MAX_MEMBERS = 10_000
MAX_INT_BITS = 4096
#: Lists that an array may become: one of shape (n, 0) has no bytes, but n lists.
MAX_LISTS = 500_000
#: Members of sets and keys of dicts that are no text: numbers can be chosen to fall on one place of
#: a hash table, which then takes time that grows with the square of their number.
MAX_KEYS = 2_000

DTYPES = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64", "complex64", "complex128"}
)


class CodecError(ValueError):
    """What arrived is not plain data as this module writes it, or is too large."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """A value that is no plain data. Equal to nothing, so no comparison with it succeeds."""

    kind: str
    text: str
    #: In their order, where it is something that has some: a check may take it for their list.
    members: tuple[Any, ...] | None = None

    def __repr__(self) -> str:
        return f"<{self.kind}: {self.text}>" if self.text else f"<{self.kind}>"


@dataclass(frozen=True)
class Function:
    """A function, class or other callable, by the name it was asked for."""

    name: str


def encode(value: Any, name: str = "") -> Any:
    """`value` as JSON data. `name` is what a callable is called. Never raises for a strange value:
    what is no plain data, too deep or too large becomes an `Opaque`."""
    return _encoded(_Encoder(name), value)


def encode_result(value: Any) -> Any:
    """The same of what a function has returned: nobody else goes through its generator. Raises what
    that raises."""
    return _encoded(_Encoder("", (*REPEATABLE, *ONCE)), value)


def _encoded(encoder: _Encoder, value: Any) -> Any:
    try:
        return encoder.encode(value, 0)
    except _TooLarge as error:
        return {"opaque": [type(value).__name__[:100], str(error)]}


def decode(data: Any) -> Any:
    """The value that `encode` wrote. Raises CodecError for anything it does not write."""
    return _Decoder().decode(data, 0)


def dumps(message: Any) -> bytes:
    """A message as bytes."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def loads(data: bytes) -> Any:
    """The JSON in `data`. Raises CodecError for anything else."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {str(error)[:100]}") from None


def clean_text(text: str) -> str:
    """`text` without lone surrogates, so that it can be written to a file."""
    return text.encode("utf-8", "replace").decode("utf-8")


class _TooLarge(Exception):
    pass


class _Encoder:
    def __init__(self, name: str, with_members: tuple[type, ...] = REPEATABLE) -> None:
        self.name = name
        self.with_members = with_members
        self.nodes = 0
        self.bytes = 0

    def encode(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise _TooLarge("too many or too deeply nested values")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, numpy.generic) and value.dtype.name in DTYPES:
            value = value.item()
        # The methods of the base types, because a subclass may have overridden its own.
        if isinstance(value, bool | int):
            return self._int(int.__index__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, Decimal | Fraction):
            return float(value)
        if isinstance(value, complex):
            return {"complex": [complex(value).real, complex(value).imag]}
        if isinstance(value, bytes):
            self._count(len(value))
            return {"bytes": base64.b64encode(value).decode("ascii")}
        if isinstance(value, list):
            return [self.encode(item, depth + 1) for item in list.__iter__(value)]
        if isinstance(value, tuple):
            return {"tuple": [self.encode(item, depth + 1) for item in tuple.__iter__(value)]}
        if isinstance(value, dict):
            pairs = dict.items(value)
            return {
                "dict": [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in pairs]
            }
        if isinstance(value, set | frozenset):
            # In an order that is the same in every process.
            return {"set": sorted((self.encode(item, depth + 1) for item in value), key=dumps)}
        return self._object(value, depth)

    def _int(self, value: int) -> Any:
        if value.bit_length() > MAX_INT_BITS:
            return {"opaque": ["int", f"a whole number of {value.bit_length()} bits"]}
        return value

    def _text(self, value: str) -> str:
        self._count(len(value))
        return value

    def _count(self, size: int) -> None:
        self.bytes += size
        # base64 adds a third.
        if self.bytes > MAX_BYTES * 0.7:
            raise _TooLarge("too many bytes")

    def _object(self, value: Any, depth: int) -> Any:
        array = _as_array(value)
        if array is not None:
            self._count(array.nbytes)
            data = base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode("ascii")
            tag = "array" if isinstance(value, numpy.ndarray) else "tensor"
            return {tag: [array.dtype.name, list(array.shape), data]}
        figure = _as_figure(value)
        if figure is not None:
            return {"figure": self.encode(figure, 0)}
        if callable(value):
            return {"function": self.name}
        try:
            text = repr(value)[:200]
        except Exception:
            text = ""
        found = members(value, MAX_MEMBERS + 1, self.with_members)
        # Nobody asks for so many: it may be endless.
        if found is value or len(found) > MAX_MEMBERS:
            return {"opaque": [type(value).__name__[:100], text]}
        return {
            "opaque": [
                type(value).__name__[:100],
                text,
                [self.encode(each, depth + 1) for each in found],
            ]
        }


def _as_array(value: Any) -> numpy.ndarray | None:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        try:
            value = value.detach().cpu()
            if value.dtype == torch.bfloat16:
                value = value.float()
            value = value.numpy()
        except (RuntimeError, TypeError, NotImplementedError):
            return None
    if isinstance(value, numpy.ndarray) and value.dtype.name in DTYPES:
        return numpy.asarray(value)
    return None


def _as_figure(value: Any) -> Any:
    if "matplotlib.figure" not in sys.modules:
        return None
    from helpers.figures import is_figure, read_figure

    return read_figure(value) if is_figure(value) else None


class _Decoder:
    def __init__(self) -> None:
        self.nodes = 0
        self.keys = 0

    def decode(self, data: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH + 4:
            raise CodecError("too many or too deeply nested values")
        if data is None or type(data) in (bool, float):
            return data
        if type(data) is int:
            if data.bit_length() > MAX_INT_BITS:
                raise CodecError("a whole number is too large")
            return data
        if type(data) is str:
            return clean_text(data)
        if type(data) is list:
            return [self.decode(item, depth + 1) for item in data]
        if type(data) is dict and len(data) == 1:
            ((tag, content),) = data.items()
            reader = getattr(self, f"_read_{tag}", None) if tag in _TAGS else None
            if reader is not None:
                return reader(content, depth)
        raise CodecError("a value of no known kind")

    def _items(self, content: Any, depth: int) -> list[Any]:
        if type(content) is not list:
            raise CodecError("a list was expected")
        return [self.decode(item, depth + 1) for item in content]

    def _read_tuple(self, content: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self._items(content, depth))

    def _key(self, key: Any) -> Any:
        """What is about to be hashed. Texts and bytes have hashes that nobody can choose."""
        if type(key) not in (str, bytes):
            self.keys += 1
            if self.keys > MAX_KEYS:
                raise CodecError("too many keys that are no text")
        return key

    def _read_set(self, content: Any, depth: int) -> set[Any]:
        try:
            return {self._key(item) for item in self._items(content, depth)}
        except TypeError:
            raise CodecError("a set of unhashable values") from None

    def _read_dict(self, content: Any, depth: int) -> dict[Any, Any]:
        if type(content) is not list:
            raise CodecError("a list of pairs was expected")
        result: dict[Any, Any] = {}
        for pair in content:
            if type(pair) is not list or len(pair) != 2:
                raise CodecError("a pair was expected")
            key, value = self.decode(pair[0], depth + 1), self.decode(pair[1], depth + 1)
            try:
                result[self._key(key)] = value
            except TypeError:
                raise CodecError("an unhashable key") from None
        return result

    def _read_complex(self, content: Any, depth: int) -> complex:
        parts = self._items(content, depth)
        if len(parts) != 2 or not all(type(part) in (int, float) for part in parts):
            raise CodecError("two numbers were expected")
        try:
            return complex(*parts)
        except OverflowError:
            raise CodecError("a complex number is too large") from None

    def _read_bytes(self, content: Any, depth: int) -> bytes:
        try:
            return base64.b64decode(content, validate=True)
        except (ValueError, TypeError):
            raise CodecError("not base64") from None

    def _read_array(self, content: Any, depth: int) -> numpy.ndarray:
        if type(content) is not list or len(content) != 3:
            raise CodecError("an array is dtype, shape and bytes")
        name, shape, data = content
        if type(name) is not str or name not in DTYPES:
            raise CodecError("an array of no known dtype")
        if type(shape) is not list or len(shape) > 32:
            raise CodecError("an array of no known shape")
        if not all(type(size) is int and 0 <= size <= MAX_BYTES for size in shape):
            raise CodecError("an array of no known shape")
        if sum(accumulate(shape[:-1], mul)) > MAX_LISTS:
            raise CodecError("an array of too many rows")
        raw, dtype = self._read_bytes(data, depth), numpy.dtype(name)
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise CodecError("the bytes of an array do not fit its shape")
        try:
            return numpy.frombuffer(raw, dtype).reshape(shape).copy()
        except ValueError:  # no bytes, and sizes whose product is no size
            raise CodecError("an array of no known shape") from None

    def _read_tensor(self, content: Any, depth: int) -> Any:
        array = self._read_array(content, depth)
        # Where nobody has imported torch, nobody needs a tensor.
        torch = sys.modules.get("torch")
        return array if torch is None else torch.from_numpy(array)

    def _read_figure(self, content: Any, depth: int) -> Any:
        return self.decode(content, depth + 1)

    def _read_function(self, content: Any, depth: int) -> Function:
        if type(content) is not str:
            raise CodecError("a function without a name")
        return Function(clean_text(content[:200]))

    def _read_opaque(self, content: Any, depth: int) -> Opaque:
        kinds = [type(part) for part in content] if type(content) is list else []
        if kinds not in ([str, str], [str, str, list]):
            raise CodecError("an opaque value is two texts, and members where it has some")
        kind, text, *rest = content
        found = tuple(self.decode(each, depth + 1) for each in rest[0]) if rest else None
        return Opaque(clean_text(kind[:300]), clean_text(text[:300]), found)


_TAGS = frozenset(
    ["tuple", "set", "dict", "complex", "bytes", "array", "tensor", "figure", "function", "opaque"]
)
