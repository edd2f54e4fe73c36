"""Units, number formats, and what one operation costs: the conventions every count here rests on.

A count without its convention is not a number. The whole course uses this one:

- one multiply-accumulate (MAC) is one multiplication and one addition: two FLOP;
- FLOP is a number of operations, FLOP/s a rate (never "FLOPS", which is read both ways);
- kB, MB, GB are powers of 1000, KiB, MiB, GiB powers of 1024;
- an operation costs what `PRICE` says, in FLOP.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, get_args

FLOP_PER_MAC = 2

Operation = Literal[
    "add", "multiply", "divide", "exponential", "sqrt", "transcendental", "compare", "copy"
]

#: FLOP for one scalar operation. Addition and multiplication are the unit. Division, square root
#: and exponential are sequences of those in hardware, so they cost more; the figures are this
#: course's round values, not a property of one processor. Comparison (also: negation, absolute
#: value, selection, rounding) and copying do no arithmetic and cost nothing. Every other
#: transcendental function (logarithm, tanh, erf, sine, power) costs what an exponential costs.
PRICE: MappingProxyType[str, int] = MappingProxyType(
    {
        "add": 1,
        "multiply": 1,
        "divide": 4,
        "exponential": 40,
        "transcendental": 40,
        "sqrt": 4,
        "compare": 0,
        "copy": 0,
    }
)

#: Bytes in one of each unit of information.
BYTE_UNITS: MappingProxyType[str, int] = MappingProxyType(
    {
        "B": 1,
        **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGTP", start=1)},
        **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGTP", start=1)},
    }
)

#: Bits that one stored element takes. TF32 is a way of multiplying, not of storing: a TF32
#: tensor lies in memory as fp32.
BITS: MappingProxyType[str, int] = MappingProxyType(
    {
        "fp64": 64,
        "fp32": 32,
        "tf32": 32,
        "fp16": 16,
        "bf16": 16,
        "fp8": 8,
        "int64": 64,
        "int32": 32,
        "int16": 16,
        "int8": 8,
        "int4": 4,
        "bool": 8,
    }
)

#: Other spellings of the same formats, PyTorch's among them.
_DTYPE_ALIASES: MappingProxyType[str, str] = MappingProxyType(
    {
        "float64": "fp64",
        "double": "fp64",
        "float32": "fp32",
        "float": "fp32",
        "float16": "fp16",
        "half": "fp16",
        "bfloat16": "bf16",
        "float8_e4m3fn": "fp8",
        "float8_e5m2": "fp8",
        "long": "int64",
        "int": "int32",
        "uint8": "int8",
    }
)


def dtype_name(dtype: object) -> str:
    """The course's name of a number format: `torch.bfloat16`, "bfloat16" and "bf16" give "bf16".

    Raises ValueError, naming the known formats, when there is no such format.
    """
    name = str(dtype).removeprefix("torch.").lower()
    name = _DTYPE_ALIASES.get(name, name)
    if name not in BITS:
        raise ValueError(f"unknown dtype {dtype!s}: use one of {', '.join(BITS)}")
    return name


def dtype_bytes(dtype: object) -> float:
    """Bytes that one stored element takes: 4 for fp32, 0.5 for int4. Whole widths come as int."""
    bits = BITS[dtype_name(dtype)]
    return bits // 8 if bits % 8 == 0 else bits / 8


def format_bytes(count: float, system: Literal["binary", "decimal"] = "binary") -> str:
    """A number of bytes for people: 3400000000 → "3.17 GiB" (binary) or "3.40 GB" (decimal)."""
    step, units = (
        (1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))
        if system == "binary"
        else (1000, ("B", "kB", "MB", "GB", "TB", "PB"))
    )
    return _scaled(count, step, units)


def format_count(count: float, unit: str = "") -> str:
    """A count for people, in steps of 1000: 4089184256, "MAC" → "4.09 GMAC"."""
    return _scaled(
        count, 1000, tuple(f"{prefix}{unit}" for prefix in ("", "k", "M", "G", "T", "P"))
    )


def _scaled(count: float, step: int, units: tuple[str, ...]) -> str:
    power, value = 0, float(count)
    # 999.995 would print as "1000.00": go up a unit there already.
    while abs(value) >= step - 0.005 and power < len(units) - 1:
        value, power = value / step, power + 1
    number = f"{value:.2f}" if power or value != int(value) else f"{int(value)}"
    return f"{number} {units[power]}".strip()


assert set(PRICE) == set(get_args(Operation))
