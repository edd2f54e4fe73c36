"""A cache of a function, or of a method, has after a count what it had before."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers.meter import count, training_memory


@lru_cache
def table(size: int) -> Tensor:
    return torch.arange(size).float()


class Cached(nn.Module):
    """It keeps what it computes where no attribute shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    @lru_cache  # noqa: B019
    def mask(self, x_size: int, device: torch.device) -> Tensor:
        return torch.ones(x_size, device=device)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x) * self.mask(4, x.device) + table(4).to(x)
        return out


def test_a_real_run_finds_no_tensor_of_a_count() -> None:
    table.cache_clear()
    model, x = Cached(), torch.randn(2, 4)
    count(model, x)
    training_memory(model, x)
    assert model(x).device.type == "cpu"
    assert table(4).device.type == "cpu"


def test_a_prediction_after_a_count_is_the_same() -> None:
    model, x = Cached(), torch.randn(2, 4)
    before = training_memory(model, x).peak
    count(model, x)
    assert training_memory(model, x).peak == before


def test_what_was_cached_before_stays_if_nothing_is_added() -> None:
    table.cache_clear()
    kept = table(4)
    count(Cached(), torch.randn(2, 4))
    assert table(4) is kept
