"""Ranks that share states, gradients and weights: predictions against what real ranks held."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from helpers.meter.memory.command import memory_command
from helpers.meter.memory.predict import Memory, training_memory
from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.memory.ranks.sharding import blocks_of
from helpers.meter.ranks import LAYERS, RECORDED, ROWS, WIDTH, Job, layers_of

STAGES = {"ddp": 0, "zero1": 1, "fsdp": 3, "lora": 0, "plain": 0}
TRAINED = [job for job in RECORDED if job.kind in STAGES]


def predicted(model: nn.Module, *inputs: Any, device: str = "cpu", **options: Any) -> Memory:
    return training_memory(model, *inputs, foreach=False, device=device, plan=Plan(**options))


@pytest.mark.parametrize("job", TRAINED, ids=lambda job: f"{job.kind}-{job.ranks}-{job.tensor}")
def test_a_rank_holds_and_sends_what_a_real_one_did(job: Job) -> None:
    real = RECORDED[job][0]
    model = layers_of(job.kind)
    shared = {"data": job.ranks // job.tensor, "tensor": job.tensor}
    memory = predicted(model, (ROWS, WIDTH), stage=STAGES[job.kind], **shared)
    assert memory.peak == pytest.approx(real.peak, rel=1e-5)
    assert memory.sent.total == pytest.approx(real.sent, rel=1e-2)
    assert memory.ledger.total == memory.peak


def test_each_stage_holds_less_and_the_last_sends_half_as_much_again() -> None:
    parameters = LAYERS * WIDTH * WIDTH * 4
    steps = [
        predicted(layers_of("ddp"), (ROWS, WIDTH), stage=stage, data=4, device="cuda")
        for stage in range(4)
    ]
    peaks = [step.peak for step in steps]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > peaks[3]
    # NCCL's rings: all-reduce 2 (N − 1) / N, each of three rounds of FSDP (N − 1) / N
    assert steps[0].sent.total == 2 * parameters * 3 // 4
    assert steps[3].sent.total == 3 * parameters * 3 // 4
    assert steps[2].sent.total == 2 * parameters * 3 // 4
    assert {term.name for term in steps[3].sent.terms} == {"all-gather", "reduce-scatter"}


def test_ranks_share_what_does_not_divide_and_the_first_has_most() -> None:
    model, x = nn.Sequential(nn.Linear(30, 7, bias=False), nn.Linear(7, 5, bias=False)), (2, 30)
    steps = [predicted(model, x, stage=3, data=4, rank=rank) for rank in range(4)]
    weights = [step.timeline.bytes["weights"][0] for step in steps]
    assert weights == [4 * (2 * 30 + 2 * 7)] * 4  # cut from as much as the first has
    moments = [step.timeline.bytes["Adam m"][0] for step in steps]
    assert sum(moments) == 4 * (210 + 35)
    assert moments[0] == max(moments)


def test_states_of_a_whole_parameter_lie_on_one_rank() -> None:
    model = nn.Sequential(nn.Linear(40, 40, bias=False), nn.Linear(40, 10, bias=False))
    steps = [predicted(model, (2, 40), stage=1, data=2, rank=rank) for rank in range(2)]
    assert [step.timeline.bytes["Adam m"][0] for step in steps] == [4 * 1600, 4 * 400]
    assert all(step.timeline.bytes["weights"][0] == 4 * 2000 for step in steps)


def test_weights_are_whole_only_while_their_unit_runs() -> None:
    model = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(6)))
    gathered = predicted(model, (2, 64), stage=3, data=2).timeline.bytes["gathered weights"]
    # its own weights, what they were gathered into, and the next unit's
    assert 0 < max(gathered) <= 4 * 3 * 64 * 64
    kept = predicted(model, (2, 64), stage=2, data=2).timeline.bytes["gathered weights"]
    assert max(kept) >= 4 * 6 * 64 * 64


def test_a_unit_that_runs_three_times_is_gathered_six_times_and_reduced_once() -> None:
    class Repeated(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.times, self.first, self.block = times, nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            for _ in range(self.times):
                x = self.block(x)
            return x

    def sent(times: int) -> int:
        plan = {"stage": 3, "data": 2, "units": ("block",)}
        return predicted(Repeated(times), (2, 8), device="cuda", **plan).sent.total

    block = 4 * (64 + 8) // 2  # of the other rank; each time forward and backward
    assert sent(3) - sent(1) == 2 * 2 * block


def test_units_are_the_blocks_of_a_model_or_those_named() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(8, 8)
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            for block in self.blocks:
                x = block(x)
            return x

    model = Model()
    assert blocks_of(model) == ["blocks.0", "blocks.1"]
    sent = predicted(model, (2, 8), stage=3, data=2, units=("first",)).sent
    assert sent.total > 0
    with pytest.raises(ValueError, match="no submodule 'third' to shard in Model"):
        predicted(model, (2, 8), stage=3, data=2, units=("third",))


def test_the_model_stays_as_it_was() -> None:
    model, x = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), torch.randn(2, 8)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for stage in range(4):
        predicted(model, x, stage=stage, data=2)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    model(x).sum().backward()
    assert not model[0]._forward_pre_hooks


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"zero": 3}, "give --data"),
        ({"rank": 1}, "give --data or --tensor"),
        ({"tensor": 2, "zero": 1}, "give --data"),
        ({"tensor": 0}, "ranks that share something are ≥ 2"),
        ({"tensor": 2}, "no pair of linear layers that 2 ranks can cut"),
        ({"data": 1}, "ranks that share something are ≥ 2"),
        ({"data": 2, "zero": 4}, "stages 0 to 3"),
        ({"data": 2, "rank": 2}, "there is none 2"),
    ],
)
def test_bad_plans_are_refused_in_a_line(options: dict[str, int], reason: str, capsys: Any) -> None:
    with pytest.raises(ValueError, match=reason):
        memory_command("resnet18", **options)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_the_command_says_what_a_rank_holds_and_sends(capsys: Any) -> None:
    memory_command(f"{__name__}:network", input=["2x16"], data=2, zero=3)
    printed = capsys.readouterr().out
    assert "rank 0 of 2, ZeRO 3" in " ".join(printed.split())
    assert "sends 1 KiB by all-gather" in printed.replace("1.00", "1")


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 16, bias=False))


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_model_that_needs_values_is_shared_as_one_that_does_not(stage: int) -> None:
    class Layer(nn.Linear):
        looks = False

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.looks:
                assert x.isfinite().all().item()
            return super().forward(x)

    model = nn.Sequential(*(Layer(48, 48) for _ in range(3)))
    shapes_only = predicted(model, (8, 48), stage=stage, data=2)
    Layer.looks = True
    real = predicted(model, (8, 48), stage=stage, data=2)
    assert not shapes_only.ran
    assert real.ran.startswith("ran for real on the CPU")
    assert real.ledger == shapes_only.ledger
    assert real.sent == shapes_only.sent
