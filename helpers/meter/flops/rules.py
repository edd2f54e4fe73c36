"""Figures that people compare a count with: 6 · N · D, and model FLOP/s utilization (MFU)."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.conventions import FLOP_PER_MAC, format_count
from helpers.hardware import Device
from helpers.meter.flops.result import Count


@dataclass(frozen=True)
class RuleOfThumb:
    """2 · N · D FLOP forward, 6 · N · D with the backward pass: N parameters, D tokens.

    Source: Kaplan et al., Scaling Laws for Neural Language Models (2020). It leaves out attention's
    own products. `counted` are the FLOP of the count's products.
    """

    parameters: int
    tokens: int
    backward: bool
    counted: int

    @property
    def flops(self) -> int:
        """By the rule."""
        return (6 if self.backward else 2) * self.parameters * self.tokens

    def __str__(self) -> str:
        factor = 6 if self.backward else 2
        share = f"{self.counted / self.flops:.1%}" if self.flops else "–"
        return (
            f"{factor} · N · D, N all parameters, D {self.tokens:,} tokens:"
            f" {format_count(self.flops, 'FLOP')}; the products counted are {share} of that"
        )


def rule_of_thumb(counted: Count, tokens: int) -> RuleOfThumb:
    """The rule beside a count of a language model that read `tokens` tokens."""
    products = FLOP_PER_MAC * counted.macs
    return RuleOfThumb(counted.parameters, tokens, counted.backward, products)


def utilization(counted: Count, seconds: float, device: Device, dtype: str) -> float:
    """MFU: FLOP of the products, in the time measured, as a share of the device's peak.

    Source: Chowdhery et al., PaLM (2022), appendix B. Raises ValueError for a time that is not
    above 0, and where the device has no peak in `dtype`.
    """
    if not 0 < seconds < float("inf"):
        raise ValueError(f"a measured time is a number of seconds above 0, not {seconds}")
    return FLOP_PER_MAC * counted.macs / seconds / device.peak_at(dtype)
