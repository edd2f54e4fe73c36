"""Devices: what each can do at most, and what this machine really does.

A peak belongs to one number format and is dense: vendors often print the rate for 2:4 sparse
matrices, which is twice as high. Bandwidth is of the memory that holds the tensors (HBM, GDDR or
DRAM). `DEVICES` holds vendor figures with their source; `measure()` times this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from helpers import timing
from helpers.conventions import dtype_bytes, dtype_name
from helpers.files import write_text


@dataclass(frozen=True)
class Device:
    """What a device can do at most.

    Attributes:
        name: as it is usually written, "H100 SXM".
        peak: dense FLOP/s for each dtype that the device computes in.
        bandwidth: bytes/s between the device and its main memory.
        memory: bytes of that memory, as sold.
        source: where the figures come from.
        usable: bytes that PyTorch finds there: a card's GB is 2³⁰ bytes, less what error correction
            and firmware keep. What is sold, where no figure is known.
    """

    name: str
    peak: Mapping[str, float]
    bandwidth: float
    memory: float
    source: str
    usable: float = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "usable", self.usable or self.memory)

    def peak_at(self, dtype: object) -> float:
        """Dense FLOP/s in `dtype`. ValueError where the device has no figure for it."""
        name = dtype_name(dtype)
        if name not in self.peak:
            raise ValueError(f"{self.name} has no {name} peak here: use {', '.join(self.peak)}")
        return self.peak[name]

    def ridge(self, dtype: object) -> float:
        """Arithmetic intensity, FLOP/B, at which the two roofs meet: peak ÷ bandwidth."""
        return self.peak_at(dtype) / self.bandwidth


def _device(
    name: str,
    peak_tera: dict[str, float],
    gb_per_s: float,
    gb: float,
    source: str,
    usable_gib: float = 0,
) -> Device:
    peak = MappingProxyType({dtype: tera * 1e12 for dtype, tera in peak_tera.items()})
    return Device(name, peak, gb_per_s * 1e9, gb * 1e9, source, round(usable_gib * 2**30))


#: The last figure is what PyTorch prints as a card's total in public reports of full memory (GiB).
DEVICES: Mapping[str, Device] = MappingProxyType(
    {
        "A100": _device(
            "A100 80 GB SXM",
            {"bf16": 312, "fp16": 312, "tf32": 156, "fp32": 19.5},
            2039,
            80,
            "NVIDIA A100 data sheet",
            79.2,
        ),
        "H100": _device(
            "H100 SXM",
            {"bf16": 989, "fp16": 989, "tf32": 494.7, "fp32": 66.9},
            3350,
            80,
            "NVIDIA H100 architecture white paper, dense; the data sheet rounds to 67 and 494.5",
            79.1,
        ),
        "H200": _device(
            "H200 SXM",
            {"bf16": 989, "fp16": 989, "tf32": 494.5, "fp32": 67},
            4800,
            141,
            "NVIDIA H200 data sheet, sparse rates halved",
        ),
        "B200": _device(
            "B200 HGX",
            {"bf16": 2250, "fp16": 2250, "tf32": 1125, "fp32": 75},
            7700,
            180,
            "NVIDIA HGX B200 data sheet, as cited by engineering notes, sparse rates halved; "
            "fp32: 148 SM × 128 lanes × 2 FLOP × 1.98 GHz",
        ),
        "RTX4090": _device(
            "RTX 4090",
            {"bf16": 165.2, "fp16": 165.2, "tf32": 82.6, "fp32": 82.6},
            1008,
            24,
            "NVIDIA Ada architecture white paper; 16-bit with fp32 accumulation",
            23.64,
        ),
        "T4": _device(
            "T4",
            {"fp16": 65, "fp32": 8.1},
            320,
            16,
            "NVIDIA T4 data sheet; no native bf16",
            14.75,
        ),
        "L4": _device(
            "L4",
            {"bf16": 121, "fp16": 121, "tf32": 60, "fp32": 30.3},
            300,
            24,
            "NVIDIA L4 data sheet, sparse rates halved",
        ),
        "M2Pro": _device(
            "M2 Pro, 19 GPU cores",
            {"fp32": 6.8},
            200,
            16,
            "19 cores × 128 lanes × 2 FLOP × 1.398 GHz; bandwidth and memory as sold by Apple",
        ),
    }
)


def device(name: str) -> Device:
    """The device of that name; case, spaces and dashes do not matter ("rtx 4090").

    Raises ValueError, listing the known devices, when there is none.
    """
    wanted = "".join(filter(str.isalnum, name)).lower()
    for key, found in DEVICES.items():
        if wanted == key.lower():
            return found
    raise ValueError(f"unknown device {name!r}: use one of {', '.join(DEVICES)}")


@dataclass(frozen=True)
class Measured:
    """What this machine did, in a few seconds of trying.

    Attributes:
        name: the processor or GPU.
        dtype: the format of the matrices multiplied.
        flop_rate, bandwidth: medians: FLOP/s of a square matrix product, bytes/s of a large copy
            (bytes read + bytes written).
        flop_spread, bandwidth_spread: (slowest, fastest) of the repetitions.
    """

    name: str
    dtype: str
    flop_rate: float
    bandwidth: float
    flop_spread: tuple[float, float]
    bandwidth_spread: tuple[float, float]

    @property
    def ridge(self) -> float:
        """FLOP/B at which this machine's two measured roofs meet."""
        return self.flop_rate / self.bandwidth

    def as_device(self) -> Device:
        """The same as a `Device`, to be drawn beside the vendors' figures."""
        peak = {self.dtype: self.flop_rate}
        return Device(self.name, peak, self.bandwidth, 0, "measured on this machine")


def measure(
    dtype: str = "fp32", refresh: bool = False, seconds: float = 2.0, on_cpu: bool = False
) -> Measured:
    """This machine's own roof: its best matrix-product and copy rates, on a GPU if there is one
    and not `on_cpu`: what runs on the CPU belongs below the CPU's roof.

    Each is repeated for about `seconds` and the median taken. The result is kept in the user's
    cache folder for this machine, dtype and PyTorch version; `refresh=True` measures anew.
    """
    import torch

    where = "cuda" if torch.cuda.is_available() and not on_cpu else "cpu"
    name = torch.cuda.get_device_name() if where == "cuda" else _processor_name()
    key = f"{name}-{torch.get_num_threads()}-{dtype_name(dtype)}-{torch.__version__}"
    cache = _cache_folder() / ("".join(c if c.isalnum() else "_" for c in key) + ".json")
    if not refresh and (kept := _kept(cache)):
        return kept

    torch_dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(
        dtype_name(dtype)
    )
    if torch_dtype is None:
        raise ValueError(f"measure() knows fp32, fp16 and bf16, not {dtype!r}")
    side = 8192 if where == "cuda" else 1536
    a = torch.randn(side, side, device=where).to(torch_dtype)
    rates = _rates(lambda: a @ a, 2 * side**3, seconds)

    # Larger than any last-level cache, so that the copy streams from memory.
    elements = (1 << 30) // 4 if where == "cuda" else (256 << 20) // 4
    source = torch.ones(elements, device=where)
    target = torch.empty_like(source)
    copied = 2 * elements * int(dtype_bytes("fp32"))
    bandwidths = _rates(lambda: target.copy_(source), copied, seconds)

    measured = Measured(
        name=name,
        dtype=dtype_name(dtype),
        flop_rate=statistics.median(rates),
        bandwidth=statistics.median(bandwidths),
        flop_spread=(min(rates), max(rates)),
        bandwidth_spread=(min(bandwidths), max(bandwidths)),
    )
    _keep(cache, measured)
    return measured


def _kept(cache: Path) -> Measured | None:
    """What was measured before; None where there is nothing, or what is there is damaged."""
    try:
        kept = json.loads(cache.read_text())
        spreads = {key: tuple(kept[key]) for key in ("flop_spread", "bandwidth_spread")}
        return Measured(**{**kept, **spreads})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(cache: Path, measured: Measured) -> None:
    """In a home that is read-only, not at all."""
    with contextlib.suppress(OSError):
        write_text(cache, json.dumps(asdict(measured)))


def _rates(run: Callable[[], object], work: float, seconds: float) -> list[float]:
    """`work` per second of each run, for about `seconds`, after one run to warm up."""
    timing.seconds(run)
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while len(rates) < 3 or time.perf_counter() < end:
        rates.append(work / timing.seconds(run))
    return rates


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "network-costs"


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
