"""The roofline model: what bounds a layer on a device, and how long it takes at best.

    attainable FLOP/s = min(peak, intensity · bandwidth)

The two roofs meet at the ridge, an intensity of peak ÷ bandwidth. Left of it a layer is bound by
memory, right of it by arithmetic; its time is at least max(FLOP / peak, bytes / bandwidth).
Source: Williams, Waterman and Patterson, Communications of the ACM 52 (2009).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from helpers.hardware import Device, device

Bound = Literal["memory", "compute"]


class Work(Protocol):
    """Something with a cost: a row or the whole of a `helpers.meter.Count`."""

    @property
    def flops(self) -> int: ...

    @property
    def bytes_moved(self) -> int: ...


@dataclass(frozen=True)
class Point:
    """One layer on the roofline of a device.

    `intensity` in FLOP/B, `rate` in FLOP/s (the attainable one), `time` in seconds (the bound).
    """

    name: str
    flops: float
    bytes: float
    intensity: float
    rate: float
    time: float
    bound: Bound


def ridge_point(on: str | Device, dtype: str = "fp32") -> float:
    """Intensity, in FLOP/B, at which a device's two roofs meet: peak ÷ bandwidth."""
    return _device(on).ridge(dtype)


def attainable_rate(intensity: float, on: str | Device, dtype: str = "fp32") -> float:
    """FLOP/s that a layer of that intensity (FLOP/B) can reach at most."""
    if not intensity >= 0:
        raise ValueError(f"an intensity is a number ≥ 0, not {intensity!r}")
    where = _device(on)
    return min(where.peak_at(dtype), intensity * where.bandwidth)


def time_bound(flops: float, bytes_moved: float, on: str | Device, dtype: str = "fp32") -> float:
    """Seconds that the work takes at least: max(FLOP / peak, bytes / bandwidth)."""
    if not (flops >= 0 and bytes_moved >= 0):
        raise ValueError(f"work cannot be negative: {flops!r} FLOP, {bytes_moved!r} B")
    where = _device(on)
    return max(flops / where.peak_at(dtype), bytes_moved / where.bandwidth)


def bound_of(flops: float, bytes_moved: float, on: str | Device, dtype: str = "fp32") -> Bound:
    """What limits the work: "memory", or "compute" from the ridge on."""
    where = _device(on)
    time_bound(flops, bytes_moved, where, dtype)  # raises for impossible work
    return "compute" if flops / where.peak_at(dtype) >= bytes_moved / where.bandwidth else "memory"


def point(name: str, flops: float, bytes_moved: float, on: str | Device, dtype: str) -> Point:
    """Work as a point on a device's roofline."""
    where = _device(on)
    intensity = flops / bytes_moved if bytes_moved else float("inf")
    return Point(
        name,
        flops,
        bytes_moved,
        intensity,
        attainable_rate(intensity, where, dtype) if flops else 0.0,
        time_bound(flops, bytes_moved, where, dtype),
        bound_of(flops, bytes_moved, where, dtype),
    )


def points(layers: Iterable[Work], on: str | Device, dtype: str = "fp32") -> tuple[Point, ...]:
    """Each layer (a row of `Count.layers()`) as a point; layers that cost nothing are left out.

    The counted bytes are taken as they are: count the model in the dtype that it shall run in.
    """
    where = _device(on)
    return tuple(
        point(getattr(layer, "name", ""), layer.flops, layer.bytes_moved, where, dtype)
        for layer in layers
        if layer.flops or layer.bytes_moved
    )


def smallest_compute_bound_batch(
    cost: Callable[[int], tuple[float, float]],
    on: str | Device,
    dtype: str = "fp32",
    largest: int = 1 << 20,
) -> int | None:
    """The smallest batch at which a layer is bound by compute; None if there is none ≤ `largest`.

    `cost` takes a batch and gives FLOP and bytes. Intensity grows with the batch and saturates, so
    the search halves; where it saturates under the ridge there is no such batch.
    """
    where = _device(on)

    def bound(batch: int) -> bool:
        return bound_of(*cost(batch), where, dtype) == "compute"

    if not bound(largest):
        return None
    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if bound(middle) else (middle + 1, high)
    return low


def _device(on: str | Device) -> Device:
    return device(on) if isinstance(on, str) else on
