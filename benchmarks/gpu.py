"""A borrowed GPU in some minutes: 16-bit predictions against memory_stats; writes results/gpu.md.

    python benchmarks/gpu.py            # on the GPU: predicts, measures, writes
    python benchmarks/gpu.py --dry      # anywhere: predicts all, measures and writes nothing;
                                        # half a minute of a processor

Small models that between them take flash and memory-efficient attention, odd widths, masks,
grouped heads, dropout, foreach updates and others, checkpoints and convolutions, each in fp32,
bf16, fp16 and under autocast. Allocated and reserved bytes are compared, and cuBLAS's workspace is
read off a product, since it is not the same on every device.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import ranks_cases
import torch
from torch import nn

from helpers.meter.measured import measured_training
from helpers.meter.memory.predict import training_memory
from helpers.meter.models import TORCH_DTYPES

HERE = Path(__file__).parent
R = torch.randn
Case = tuple[nn.Module, tuple[Any, ...]]

PRECISIONS: dict[str, dict[str, str]] = {
    "fp32": {},
    "bf16": {"dtype": "bf16"},
    "fp16": {"dtype": "fp16"},
    "autocast bf16": {"autocast": "bf16"},
    "autocast fp16": {"autocast": "fp16"},
}


class SelfAttention(nn.Module):
    """Attention of one head, so that a width can be odd; with a mask, if wanted."""

    def __init__(self, width: int, masked: bool) -> None:
        super().__init__()
        self.qkv, self.masked = nn.Linear(width, 3 * width), masked

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (each.unsqueeze(1) for each in self.qkv(x).chunk(3, -1))
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        given = mask if self.masked else None
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=given).squeeze(1)


def _of_ranks(name: str) -> Callable[[], Case]:
    return lambda: getattr(ranks_cases, name)()[:2]


def _encoder() -> Case:
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False), (R(8, 256, 256),)


CASES: dict[str, Callable[[], Case]] = {
    **{
        name: _of_ranks(name)
        for name in ("mlp", "decoder", "grouped_heads", "residual", "convnext")
    },
    **{name: _of_ranks(name) for name in ("vit", "unet", "lstm", "waves", "checkpointed")},
    "encoder with dropout": _encoder,
    "attention, width 36": lambda: (SelfAttention(36, False), (R(8, 256, 36),)),
    "attention, masked": lambda: (SelfAttention(64, True), (R(8, 256, 64),)),
}


def real(case: Case, options: dict[str, str], foreach: bool) -> tuple[int, int]:
    """Bytes allocated and reserved at most, in a second step on the GPU."""
    model, inputs = copy.deepcopy(case[0]).cuda(), [x.cuda() for x in case[1]]
    if dtype := TORCH_DTYPES.get(options.get("dtype", "")):
        model, inputs = (
            model.to(dtype),
            [x.to(dtype) if x.is_floating_point() else x for x in inputs],
        )
    torch.cuda.empty_cache()
    autocast = TORCH_DTYPES.get(options.get("autocast", ""))
    found = measured_training(model, *inputs, foreach=foreach, autocast=autocast)
    return found.peak, found.reserved


def cublas_workspace() -> int:
    """Bytes that a first product of matrices leaves allocated beside its operands and result."""
    torch.cuda.empty_cache()
    a = torch.ones(256, 256, device="cuda")
    before = torch.cuda.memory_allocated()
    out = a @ a
    return torch.cuda.memory_allocated() - before - out.numel() * out.itemsize


def rows(dry: bool) -> list[str]:
    lines = []
    for name, make in CASES.items():
        for precision, options in PRECISIONS.items():
            torch.manual_seed(0)
            case = make()
            foreach = precision != "fp16"
            guess = training_memory(case[0], *case[1], device="cuda", foreach=foreach, **options)
            cells = [name, precision, f"{guess.peak:,}", f"{guess.reserved:,}"]
            if not dry:
                peaks = real(case, options, foreach)
                both = zip((guess.peak, guess.reserved), peaks, strict=True)
                cells += [f"{100 * (predicted / found - 1):+.2f}" for predicted, found in both]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="predict only, without a GPU")
    options = parser.parse_args()
    if not options.dry and not torch.cuda.is_available():
        parser.error("there is no GPU here: --dry predicts only")
    workspace = 0 if options.dry else cublas_workspace()
    table = rows(options.dry)
    if options.dry:
        return
    device = torch.cuda.get_device_properties(0)
    text = [
        "# A GPU: predicted against real",
        "",
        f"{date.today()}, {device.name}, {device.total_memory / 2**30:.2f} GiB, torch"
        f" {torch.__version__}, Adam. Made by `benchmarks/gpu.py`. cuBLAS keeps {workspace:,} B.",
        "",
        "| model | precision | predicted, B | reserved, B | error, % | of reserved, % |",
        "|:--|:--|--:|--:|--:|--:|",
        *table,
    ]
    (HERE / "results" / "gpu.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
