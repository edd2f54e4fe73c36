"""What decides which of oneDNN's kernels run here: its version, and the processor's vectors.

Sizes were read off on x86 with AVX-512, for oneDNN 3.7 (PyTorch 2.9 and 2.10) to 3.13.
"""

from __future__ import annotations

import re
from functools import cache

import torch

#: From this version on an LSTM takes less.
LEANER_LSTM = 3, 10


def onednn_runs() -> bool:
    """Whether PyTorch has oneDNN and is allowed to use it."""
    onednn = torch.backends.mkldnn
    return bool(onednn.is_available() and onednn.enabled)


@cache
def onednn_version() -> tuple[int, int]:
    """Of the oneDNN in this PyTorch, as that says it; (0, 0) where it says none."""
    found = re.search(r"MKL-DNN v(\d+)\.(\d+)", torch.__config__.show())
    return (int(found[1]), int(found[2])) if found else (0, 0)


def vector_register() -> int:
    """Floats in one vector register of this machine: 16 with AVX-512, 8 with AVX2."""
    return 16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 8
