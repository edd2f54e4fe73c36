"""Kernels of which no formula is sure: asked if they can be at the peak, or said to be unsure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.meter.measured import measured_training
from helpers.meter.memory.device import asking
from helpers.meter.memory.device.plain import is_plain
from helpers.meter.memory.predict import Memory, training_memory
from helpers.meter.memory.request import Look, request_of
from helpers.meter.meta import tensors_in
from helpers.meter.profiled import profiled_peak

aten = torch.ops.aten
R = torch.randn


class Calls(nn.Module):
    """A linear layer, then an operation that this course has never heard of."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.layer, self.operation = nn.Linear(8, 64), operation

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.operation(self.layer(x).detach())
        return out + self.layer(x).sum()


@pytest.fixture
def library() -> Iterator[torch.library.Library]:
    made = torch.library.Library("course_tests", "FRAGMENT")
    yield made
    made._destroy()


def _registered(library: torch.library.Library, name: str, run: Any) -> Any:
    library.define(f"{name}(Tensor x) -> Tensor")
    library.impl(name, run, "CPU")
    library.impl(name, torch.empty_like, "Meta")
    return getattr(torch.ops.course_tests, name)


def _wasteful(x: Tensor) -> Tensor:
    return torch.cat([x] * 30).view(30, -1).sum(0).view(x.shape)


def test_an_operation_of_ones_own_is_called_to_see_what_it_takes(library: Any) -> None:
    model, x = Calls(_registered(library, "wasteful", _wasteful)), R(32, 8)
    predicted = training_memory(model, x, optimizer="sgd")
    assert predicted.asked == ("course_tests.wasteful.default",)
    assert predicted.peak == measured_training(model, x, optimizer="sgd").peak
    assert not predicted.uncertain


def test_what_cannot_be_called_alone_is_uncertain(library: Any) -> None:
    def fails(x: Tensor) -> Tensor:
        raise RuntimeError("not with these numbers")

    predicted = training_memory(Calls(_registered(library, "fails", fails)), R(32, 8))
    assert not predicted.asked
    assert predicted.uncertain > 4 * 32 * 64 * 4


def _grouped(monkeypatch: pytest.MonkeyPatch, **limits: int) -> tuple[Memory, int]:
    for name, limit in limits.items():
        monkeypatch.setattr(asking, name, limit)
    model, x = nn.Conv3d(16, 16, 3, groups=4), R(2, 16, 6, 6, 6)
    return training_memory(model, x, optimizer="sgd"), measured_training(
        model, x, optimizer="sgd"
    ).peak


@pytest.mark.parametrize("limit", ["LARGEST", "MOST_WORK"])
def test_what_is_too_large_to_be_asked_is_uncertain(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted, real = _grouped(monkeypatch, **{limit: 0})
    assert not predicted.asked
    assert predicted.peak <= real <= predicted.peak + predicted.uncertain


def test_what_is_asked_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    predicted, real = _grouped(monkeypatch)
    assert predicted.asked
    assert predicted.peak == real
    assert not predicted.uncertain


@pytest.mark.needs("AVX512")
def test_a_usual_model_asks_nothing() -> None:
    layers = [nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(64 * 784, 10))
    assert training_memory(model, (8, 64, 28, 28)).asked == ()


def test_a_request_lies_as_the_call_did_and_keeps_small_whole_numbers() -> None:
    x, places = torch.empty(6, 4, device="meta").t(), torch.tensor([2, 0])
    request = request_of(aten.index_select.default, (x, 1, places), {}, x[:, :2], 32)
    assert request is not None
    assert request.leaves[0] == Look((4, 6), (1, 4), torch.float32)
    (made, _, kept), _ = request.arguments(whole=0, scale=1)
    assert made.stride() == (1, 4)
    assert kept.tolist() == [2, 0]
    assert request.key is None


PLAIN: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "joined": (aten.cat.default, ([R(40, 30), R(40, 30).t().contiguous().t()], 1)),
    "looked up": (aten.embedding.default, (R(50, 30), torch.arange(40))),
    "put": (aten.index_add.default, (R(40, 30), 0, torch.arange(40), R(40, 30))),
    "gathered": (aten.gather.default, (R(40, 30), 1, torch.zeros(40, 9, dtype=torch.long))),
    "largest": (aten.topk.default, (R(40, 300), 9)),
    "varying": (aten.var_mean.correction, (R(40, 300), [1])),
    "pooled": (aten.avg_pool3d.default, (R(2, 4, 8, 8, 8), [2, 2, 2])),
    "padded": (aten.constant_pad_nd.default, (R(40, 300).t(), [1, 2])),
    "chosen": (aten.nll_loss_forward.default, (R(40, 9), torch.zeros(40).long(), None, 1, -100)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_listed_takes_nothing_beside_its_results(name: str) -> None:
    func, args = PLAIN[name]
    assert is_plain(func, args, {})
    results = {t.untyped_storage()._cdata: t.untyped_storage() for t in tensors_in(func(*args))}
    assert profiled_peak(lambda: func(*args)) == sum(s.nbytes() for s in results.values())


def test_a_pool_of_what_is_not_contiguous_is_not_listed() -> None:
    assert not is_plain(aten.avg_pool3d.default, (R(4, 8, 8, 8, 2).permute(4, 0, 1, 2, 3),), {})
