"""What PyTorch's allocator hands out and takes back on a CPU while something runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from torch.profiler import ProfilerActivity, profile


def profiled_peak(run: Callable[[], Any]) -> int:
    """Bytes at the highest moment, beyond what was there before."""
    # The profiler writes lines about itself to stderr; it reads this when it is used first.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = run()
    del kept
    return max(accumulate(allocations(profiler), initial=0))


def allocations(profiler: Any) -> list[int]:
    """Bytes of each allocation (positive) and release (negative), in the order of time."""
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    return [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
