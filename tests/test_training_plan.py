"""A plan's bytes and seconds, against the unit's formulas, the meter and a search by hand."""

import pytest
import torch
from torch import nn

from helpers.exercises.plan_answer import every_plan, fastest_plan
from helpers.meter import training_memory
from helpers.reference.many_devices import data_parallel_bytes, zero_bytes
from helpers.reference.transformer import DecoderModel
from helpers.training_plan import (
    Gpt,
    Machine,
    Plan,
    Task,
    held_bytes,
    mismatch,
    own_task,
    read_plan,
    step_seconds,
)

SMALL = Gpt(layers=4, width=256, heads=4, vocabulary=1024, tokens=128)
NAMES = [f"student {number}" for number in range(40)]


def task(gpt=SMALL, devices=8, link=50e9, memory=80 * 2**30, sequences=32):
    return Task(gpt, Machine(devices, "H100", link, memory), sequences)


def plan(**changes):
    usual = {
        "batch": 2,
        "accumulation": 2,
        "checkpointing": False,
        "precision": "mixed",
        "optimizer": "adam",
        "zero": 0,
        "tensor": 1,
    }
    return Plan(**{**usual, **changes})


class Block(nn.Module):
    def __init__(self, gpt):
        super().__init__()
        w, self.heads = gpt.width, gpt.heads
        self.norms = nn.ModuleList(nn.RMSNorm(w) for _ in range(2))
        self.qkv, self.out = nn.Linear(w, 3 * w, bias=False), nn.Linear(w, w, bias=False)
        self.up, self.down = nn.Linear(w, 4 * w, bias=False), nn.Linear(4 * w, w, bias=False)

    def forward(self, x):
        heads = [
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norms[0](x)).chunk(3, -1)
        ]
        mixed = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(-2))
        return x + self.down(nn.functional.gelu(self.up(self.norms[1](x))))


class Model(nn.Module):
    def __init__(self, gpt, checkpointing):
        super().__init__()
        self.table = nn.Embedding(gpt.vocabulary, gpt.width)
        self.blocks = nn.ModuleList(Block(gpt) for _ in range(gpt.layers))
        self.norm, self.again = nn.RMSNorm(gpt.width), checkpointing

    def forward(self, ids):
        x = self.table(ids)
        for block in self.blocks:
            if self.again:
                x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.norm(x) @ self.table.weight.T


def next_token(logits):
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.zeros_like(logits[..., 0]).long().flatten()
    )


def test_the_parameters_are_those_of_the_model_and_of_the_reference():
    with torch.device("meta"):
        model = Model(SMALL, False)
    assert SMALL.parameters == sum(p.numel() for p in model.parameters())
    by_hand = DecoderModel(1, 128, 1024, 256, 4, 4, 1024, activation="gelu", norm="rms", tied=True)
    assert SMALL.parameters == by_hand.parameters().total
    macs = by_hand.macs().total
    assert SMALL.forward_flops == pytest.approx(2 * macs, rel=0.002)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_later_pass_in_fp32_peaks_as_the_meter_says(checkpointing):
    with torch.device("meta"):
        model = Model(SMALL, checkpointing)
        ids = torch.zeros(8, 128, dtype=torch.long)
    step = training_memory(model, ids, loss=next_token, zero_grad="zero")
    chosen = plan(batch=8, precision="fp32", checkpointing=checkpointing)
    assert held_bytes(task(), chosen).total == pytest.approx(step.peak, rel=0.08)


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
@pytest.mark.parametrize("precision", ["fp32", "mixed"])
def test_states_are_those_of_zero(zero, precision):
    held = held_bytes(task(), plan(zero=zero, precision=precision))
    recipe = "fp32" if precision == "fp32" else "mixed 16"
    by_hand = zero_bytes(SMALL.parameters, 8, zero, recipe)
    for mine, theirs in (("weights",) * 2, ("gradients",) * 2, ("optimizer states", "states")):
        assert held[mine] == pytest.approx(by_hand[theirs], abs=16)


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
def test_on_a_slow_link_all_that_is_sent_is_waited_for(zero):
    slow = 1.0
    waits = step_seconds(task(link=slow), plan(zero=zero))["data ranks wait"]
    sent = data_parallel_bytes(SMALL.parameters, 8, zero, 2).total
    assert waits == pytest.approx(sent / slow, rel=1e-3)


def test_checkpointing_costs_a_third_more_products_and_keeps_less():
    plain, again = (plan(checkpointing=each) for each in (False, True))
    extra = step_seconds(task(), again)["forward again"]
    assert extra == pytest.approx(step_seconds(task(), plain)["forward and backward"] / 3)
    kept = [held_bytes(task(), each)["kept activations"] for each in (plain, again)]
    assert kept[1] < kept[0] / 2


@pytest.mark.parametrize("name", NAMES[:8])
def test_the_fastest_fits_and_none_that_fits_is_faster(name):
    own = own_task(name)
    best = fastest_plan(own)
    assert held_bytes(own, best).total <= own.machine.room
    fitting = [p for p in every_plan(own) if held_bytes(own, p).total <= own.machine.room]
    assert step_seconds(own, best).total == min(step_seconds(own, p).total for p in fitting)


def test_every_task_asks_for_thought_and_can_be_done():
    tasks = {own_task(name) for name in NAMES}
    assert len(tasks) > 12
    for own in tasks:
        plans = list(every_plan(own))
        fits = [held_bytes(own, each).total <= own.machine.room for each in plans]
        assert 0.1 < sum(fits) / len(fits) < 0.65
        naive = plan(batch=1, accumulation=own.sequences // own.machine.devices)
        assert not mismatch(own, naive)
        assert held_bytes(own, naive).total > own.machine.room


def test_a_name_gives_the_same_task_with_blanks_around_it():
    assert own_task(" Ada ") == own_task("Ada") != own_task("Grace")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tensor": 3}, "8 devices do not make groups of 3"),
        ({"tensor": 8}, "4 heads cannot be shared evenly by 8"),
        ({"batch": 4}, "4 × 2 × 8 groups are 64 sequences, and an update takes 32"),
    ],
)
def test_a_plan_that_does_not_do_the_task_is_told_why(changes, says):
    assert mismatch(task(), plan(**changes)).startswith(says)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "a plan is a dict"),
        ({}, "lacks 'batch'"),
        ({**vars(plan()), "batch": 0}, "batch is a whole number"),
        ({**vars(plan()), "batch": True}, "batch is a whole number"),
        ({**vars(plan()), "batch": 2.0}, "batch is a whole number"),
        ({**vars(plan()), "zero": 4}, "zero is one of 0, 1, 2, 3"),
        ({**vars(plan()), "zero": True}, "zero is one of"),
        ({**vars(plan()), "precision": "bf16"}, "precision is one of 'fp32', 'mixed'"),
        ({**vars(plan()), "checkpointing": 1}, "checkpointing is one of False, True"),
    ],
)
def test_what_is_no_plan_is_told_in_a_line(given, says):
    with pytest.raises(ValueError, match=says):
        read_plan(given)
