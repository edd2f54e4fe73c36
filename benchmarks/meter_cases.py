"""The models of the comparison of counters, each with its multiply-accumulates by hand.

Needs PyTorch and timm only, so that every tool's process can build the same models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import timm
import torch
import torch.nn.functional as F
from torch import nn


class Case(NamedTuple):
    """A model, its input's sizes, and its MAC where a line of arithmetic gives them."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    macs: int | None = None


class Attention(nn.Module):
    """Scaled dot-product attention of 12 heads of width 64, without projections."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x)


class Products(nn.Module):
    """The same by hand: a product, a softmax, a product."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ x.transpose(-1, -2) * 0.125).softmax(-1) @ x


CASES = (
    Case("linear, 197 tokens", lambda: nn.Linear(768, 3072), (1, 197, 768), 197 * 768 * 3072),
    Case("linear, batch 8", lambda: nn.Linear(768, 3072), (8, 768), 8 * 768 * 3072),
    Case(
        "convolution, 4 groups",
        lambda: nn.Conv2d(64, 64, 3, padding=1, groups=4),
        (1, 64, 28, 28),
        784 * 64 * 16 * 9,
    ),
    Case(
        "convolution, padding same",
        lambda: nn.Conv2d(64, 64, 3, padding="same"),
        (1, 64, 28, 28),
        784 * 64 * 64 * 9,
    ),
    Case(
        "transposed convolution, stride 2",
        lambda: nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
        (1, 64, 14, 14),
        196 * 64 * 32 * 16,
    ),
    Case("attention, fused", Attention, (1, 12, 197, 64), 2 * 12 * 197 * 197 * 64),
    Case("attention, by hand", Products, (1, 12, 197, 64), 2 * 12 * 197 * 197 * 64),
    Case(
        "LSTM",
        lambda: nn.LSTM(128, 256, batch_first=True),
        (1, 50, 128),
        50 * 4 * 256 * (128 + 256),
    ),
    *(
        Case(name, lambda name=name: timm.create_model(name).eval(), (1, 3, side, side))  # type: ignore[misc]
        for name, side in (
            ("resnet18", 224),
            ("mobilenetv2_100", 224),
            ("efficientnet_b0", 224),
            ("resnext50_32x4d", 224),
            ("vit_base_patch16_224", 224),
            ("swin_tiny_patch4_window7_224", 224),
            ("mobilevit_xxs", 256),
            ("sequencer2d_s", 224),
            ("convnextv2_large", 224),
        )
    ),
)
