"""The largest batch fits and the next one does not; the command line says so."""

from __future__ import annotations

import json

import pytest
from torch import nn

from helpers.meter.memory.command import memory_command
from helpers.meter.memory.largest_batch import largest_batch
from helpers.meter.memory.predict import training_memory


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(512, 2048), nn.GELU(), nn.Linear(2048, 512))


@pytest.mark.parametrize("kernels", ["cpu", "cuda"])
def test_the_largest_batch_fits_and_the_next_does_not(kernels: str) -> None:
    capacity = 700 * 2**20
    found = largest_batch(model(), (512,), capacity, kernels=kernels)
    at, above = (
        training_memory(model(), (batch, 512), device=kernels)
        for batch in (found.batch, found.batch + 1)
    )
    assert at.fits(capacity)
    assert not above.fits(capacity)
    assert found.margin == capacity - at.peak - at.context


def test_a_larger_device_takes_a_larger_batch() -> None:
    small, large = (
        largest_batch(model(), (512,), name, largest=1 << 24).batch for name in ("T4", "A100")
    )
    # 16 and 80 GB: about five times the batch.
    assert 4 < large / small < 6


def test_none_fits_where_the_states_do_not() -> None:
    # 16 B a parameter of 2 million: 34 MB.
    found = largest_batch(model(), (512,), 30_000_000, kernels="cpu")
    assert found.batch == 0
    assert found.margin < 0


def test_the_search_ends_at_the_largest_asked_for() -> None:
    assert largest_batch(model(), (512,), "A100", largest=8).batch == 8


@pytest.mark.parametrize(
    ("device", "line"), [("X9", "unknown device 'X9'"), (0, "at least 1 byte")]
)
def test_a_device_that_does_not_exist_is_named(device: str | int, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        largest_batch(model(), (512,), device)


def test_the_command_prints_plain_data(capsys: pytest.CaptureFixture[str]) -> None:
    memory_command("resnet18", batch=2, device="T4", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["ledger"]["total"] == data["peak"] <= data["reserved"]
    assert data["fits"] is True
    assert data["input"] == [2, 3, 224, 224]


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    memory_command("resnet18", batch=1)
    printed = capsys.readouterr().out
    assert "Adam m" in printed
    assert "(f)orward" in printed


def test_the_command_refuses_a_batch_of_nothing() -> None:
    with pytest.raises(ValueError, match="a batch must be a whole number"):
        memory_command("resnet18", batch=0)
