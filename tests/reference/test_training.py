"""The by-hand memory of training, against arithmetic and against the predicted peak."""

from __future__ import annotations

import pytest
from torch import nn

from helpers.meter.memory.optimizer_states import optimizer_states
from helpers.meter.memory.predict import training_memory
from helpers.reference.training import (
    checkpointing_bytes,
    largest_batch_by_sum,
    training_bytes,
    training_state_bytes,
)


@pytest.mark.parametrize(
    ("optimizer", "precision", "bytes_each"),
    [
        ("sgd", "fp32", 8),
        ("momentum", "fp32", 12),
        ("adam", "fp32", 16),
        ("adamw", "autocast", 16),
        ("adam", "mixed", 16),
        ("sgd", "mixed", 8),
        ("adam", "bf16", 8),
        ("adam8bit", "fp32", 10 + 8 / 256),
    ],
)
def test_bytes_a_parameter(optimizer: str, precision: str, bytes_each: float) -> None:
    assert training_state_bytes(256_000, optimizer, precision).total == 256_000 * bytes_each


def test_convnextv2_large_takes_3_17_gigabytes_before_activations() -> None:
    assert training_state_bytes(197_956_840).total / 1e9 == pytest.approx(3.17, abs=0.005)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "adam8bit"])
def test_states_are_those_that_pytorch_keeps(optimizer: str) -> None:
    model = nn.Linear(256, 512, bias=False)
    count = 256 * 512
    ledger = optimizer_states(model.parameters(), optimizer)
    # Adam also counts its steps, 4 B a tensor.
    kept = sum(term.amount for term in ledger.terms if term.name != "step counts")
    assert kept == training_state_bytes(count, optimizer).total - 8 * count


def test_the_sum_of_parts_is_above_the_peak_where_gradients_and_activations_take_turns() -> None:
    # When the last gradient is there, all activations are gone: the two never add up.
    model = nn.Sequential(*(nn.Linear(512, 512) for _ in range(24)))
    memory = training_memory(model, (512, 512), loss=lambda output: output.sum())
    parameters = sum(p.numel() for p in model.parameters())
    parts = training_bytes(parameters, memory.saved_bytes).total
    assert 0.7 * memory.saved_bytes < parts - memory.peak < memory.saved_bytes


def test_foreach_adds_a_number_a_parameter() -> None:
    without, with_ = (training_bytes(1000, 500, foreach=each).total for each in (False, True))
    assert (without, with_) == (16_500, 20_500)


def test_largest_batch_is_what_the_states_leave() -> None:
    # 16 GB − 16 · 25.56 M = 15.59 GB; at 88 MB an image: 177.
    assert largest_batch_by_sum(16_000_000_000, 25_560_000, 88_000_000) == 177
    assert largest_batch_by_sum(1_000_000, 25_560_000, 88_000_000) == 0


def test_the_square_root_of_layers_is_the_best_number_of_segments() -> None:
    held = {n: checkpointing_bytes(64, 10, 10, n).total for n in range(1, 65)}
    assert min(held, key=held.__getitem__) == 8
    assert checkpointing_bytes(64, 10, 10).total == held[8] == 160
    assert held[1] == 650


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: training_state_bytes(0), "parameters must be a whole number ≥ 1, not 0"),
        (lambda: training_state_bytes(10, "lion"), "optimizer must be one of .*, not 'lion'"),
        (lambda: training_state_bytes(10, precision="fp12"), "unknown dtype fp12"),
        (lambda: checkpointing_bytes(4, 1, 1, segments=5), r"segments \(5\) must not be more"),
    ],
)
def test_impossible_sizes_are_refused(call, line) -> None:
    with pytest.raises(ValueError, match=line):
        call()
