"""Storages are followed from their birth to their death; tensors that share one count once."""

from __future__ import annotations

import torch

from helpers.meter.memory.storages import StorageTracker, Taken
from helpers.meter.memory.timeline import timeline_of


def test_a_storage_lives_from_its_operation_to_its_last_use() -> None:
    tracker = StorageTracker()
    with tracker:
        x = torch.empty(10, device="meta")  # operation 0
        y = x + 1  # operation 1
        del x
        z = y * 2  # operation 2
        del y
    lives = [(storage.bytes, storage.born, storage.died) for storage in tracker.log.storages]
    assert lives == [(40, 0, 1), (40, 1, 2), (40, 2, None)]
    assert z.shape == (10,)


def test_a_view_keeps_its_base_alive_and_adds_nothing() -> None:
    tracker = StorageTracker()
    with tracker:
        base = torch.empty(4, 6, device="meta")
        view = base.t()[:2].expand(2, 4)
        del base
        view.add_(1)
    assert [storage.bytes for storage in tracker.log.storages] == [96]
    assert tracker.log.storages[0].died is None


def test_what_is_held_keeps_its_name() -> None:
    tracker = StorageTracker()
    weight = torch.empty(8, device="meta")
    tracker.hold(weight, "weights")
    with tracker:
        result = weight.view(2, 4)
        number = tracker.relabel(result, "saved activations")
    assert number is None
    assert tracker.log.live_bytes() == {"weights": [32]}


def test_rounding_is_the_devices() -> None:
    tracker = StorageTracker(rounded=lambda size: 512)
    with tracker:
        kept = torch.empty(3, device="meta")
    assert tracker.log.storages[0].bytes == 512
    assert kept.numel() == 3


def test_the_peak_counts_a_kernels_workspace() -> None:
    add = torch.ops.aten.add.Tensor
    taken = {add: Taken(1000, 1000, 1000)}
    tracker = StorageTracker(lambda func, *_: taken.get(func, Taken(0, 0, 0)))
    tracker.phase = "forward"
    with tracker:
        x = torch.empty(10, device="meta")
        y = x + 1
        z = y.view(2, 5)
    timeline = timeline_of(tracker.log, "activations", {})
    assert timeline.total == (40, 1080, 80)
    assert timeline.peak_at == 1
    assert timeline.ledger().total == 1080
    assert timeline.peak_of("forward") == 1080
    assert z.shape == (2, 5)
