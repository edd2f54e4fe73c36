"""A GPT to be trained on one machine of several devices: what a plan holds, how long a step takes.

A model of a machine, and no measurement: it leaves out latency, and every product runs at half the
device's dense peak. It counts what decides between plans. Everything is of one device.

Sources: states arXiv:1910.02054; kept activations and tensor ranks arXiv:2205.05198, with attention
that keeps no scores (FlashAttention, arXiv:2205.14135) and without dropout.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

from helpers.hardware import device
from helpers.ledger import Ledger, Term

#: Of the dense peak, what large products reach.
EFFICIENCY = 0.5
#: Bytes of a device that tensors cannot have: its context, kernels, buffers of the links.
OUTSIDE = 2 * 2**30


@dataclass(frozen=True)
class Gpt:
    """A decoder with an MLP four times as wide, no biases, and one table for embedding and head."""

    layers: int
    width: int
    heads: int
    vocabulary: int = 32_768
    tokens: int = 2048

    @property
    def block_parameters(self) -> int:
        return 12 * self.width**2 + 2 * self.width

    @property
    def parameters(self) -> int:
        return self.layers * self.block_parameters + self.vocabulary * self.width + self.width

    @property
    def forward_flops(self) -> int:
        """Of one sequence: 2 for each weight that multiplies and token, and causal attention."""
        weights = 12 * self.layers * self.width**2 + self.vocabulary * self.width
        return 2 * weights * self.tokens + 2 * self.tokens**2 * self.width * self.layers


@dataclass(frozen=True)
class Machine:
    """`devices` of a kind (a name of `helpers.hardware`) in a ring.

    Attributes:
        link: bytes/s from each device to the next, one way.
        memory: bytes of a device that PyTorch reports.
    """

    devices: int
    kind: str
    link: float
    memory: int

    @property
    def room(self) -> int:
        """Bytes of a device for tensors."""
        return self.memory - OUTSIDE

    def __str__(self) -> str:
        return f"{self.devices} × {self.kind}, links of {self.link / 1e9:.0f} GB/s"


@dataclass(frozen=True)
class Task:
    """A GPT, a machine, and the sequences whose gradients one update takes."""

    gpt: Gpt
    machine: Machine
    sequences: int


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        batch: sequences in one pass of a device (of a group of tensor ranks).
        accumulation: passes before an update.
        checkpointing: whether only the input of each block is kept.
        precision: "fp32" or "mixed".
        optimizer: "adam" or "adam8bit".
        zero: the stage, 0 to 3, among the devices that hold the same part of the model.
        tensor: devices that share each layer.
    """

    batch: int
    accumulation: int
    checkpointing: bool
    precision: str
    optimizer: str
    zero: int
    tensor: int

    @property
    def element(self) -> int:
        """Bytes of a weight, gradient or activation."""
        return 4 if self.precision == "fp32" else 2

    @property
    def state(self) -> float:
        """Bytes a parameter of master weights, m and v; an 8-bit number shares a scale with 255."""
        master = 0 if self.precision == "fp32" else 4
        return master + (2 * (1 + 4 / 256) if self.optimizer == "adam8bit" else 8)


_CHOICES = {
    "precision": ("fp32", "mixed"),
    "optimizer": ("adam", "adam8bit"),
    "zero": (0, 1, 2, 3),
    "checkpointing": (False, True),
}


def read_plan(given: Any) -> Plan:
    """The plan that a dict names. ValueError, with a line on the first entry that is none."""
    if not isinstance(given, dict):
        raise ValueError("a plan is a dict: {'batch': 4, 'accumulation': 8, …}")
    for field in fields(Plan):
        name = field.name
        if name not in given:
            raise ValueError(f"the plan lacks {name!r}")
        value = given[name]
        if name in _CHOICES:
            options = _CHOICES[name]
            if not any(value == option and type(value) is type(option) for option in options):
                raise ValueError(f"{name} is one of {', '.join(map(repr, options))}")
        elif type(value) is not int or not 1 <= value <= 10**6:
            raise ValueError(f"{name} is a whole number, 1 or more")
    return Plan(**{field.name: given[field.name] for field in fields(Plan)})


def mismatch(task: Task, plan: Plan) -> str:
    """A line on a plan that does not do the task; "" for one that does."""
    devices, heads = task.machine.devices, task.gpt.heads
    if devices % plan.tensor:
        return f"{devices} devices do not make groups of {plan.tensor} tensor ranks"
    if heads % plan.tensor:
        return f"{heads} heads cannot be shared evenly by {plan.tensor} tensor ranks"
    groups = devices // plan.tensor
    done = plan.batch * plan.accumulation * groups
    if done != task.sequences:
        return (
            f"{plan.batch} × {plan.accumulation} × {groups} groups are {done} sequences, and an "
            f"update takes {task.sequences}"
        )
    return ""


def held_bytes(task: Task, plan: Plan) -> Ledger:
    """The sum of what a device holds: states, kept activations, and what is there for a moment."""
    gpt, ranks = task.gpt, plan.tensor
    groups = task.machine.devices // ranks
    own = gpt.parameters / ranks
    share = {stage: own / groups if plan.zero >= stage else own for stage in (1, 2, 3)}
    rows = plan.batch * gpt.tokens
    # Norms' and products' inputs are on every rank; heads and hidden features are shared.
    block = rows * plan.element * gpt.width * (4 + 12 / ranks)
    boundary = rows * plan.element * gpt.width
    kept = gpt.layers * boundary + block if plan.checkpointing else gpt.layers * block
    whole = gpt.block_parameters / ranks * plan.element
    moment = {0: 0, 1: 0, 2: whole, 3: 3 * whole}[plan.zero]
    # Logits, the logarithms of their softmax in fp32, and the gradient of these.
    logits = rows * gpt.vocabulary / ranks * (plan.element + 4 + 4)
    amounts = {
        "weights": share[3] * plan.element,
        "gradients": share[2] * plan.element,
        "optimizer states": share[1] * plan.state,
        "kept activations": kept,
        "logits": logits,
        "blocks gathered for a moment": moment,
    }
    return Ledger("B", tuple(Term(name, round(each)) for name, each in amounts.items()))


def step_seconds(task: Task, plan: Plan) -> Ledger:
    """Seconds of one update. What is sent among data ranks hides behind the pass that it is for;
    what tensor ranks send is waited for."""
    gpt, machine = task.gpt, task.machine
    kind, ranks = device(machine.kind), plan.tensor
    groups = machine.devices // ranks
    rate = EFFICIENCY * kind.peak_at("fp32" if plan.precision == "fp32" else "bf16")
    forward = plan.batch * gpt.forward_flops / ranks / rate
    again = forward if plan.checkpointing else 0.0
    backward = 2 * forward + again
    around = plan.batch * gpt.tokens * gpt.width * plan.element * (ranks - 1) / ranks
    all_reduces = gpt.layers * (6 if plan.checkpointing else 4)
    once = gpt.parameters / ranks * plan.element * (groups - 1) / groups / machine.link
    waits = {
        0: max(0.0, 2 * once - backward),
        1: max(0.0, once - backward) + max(0.0, once - forward),
        2: plan.accumulation * max(0.0, once - backward) + max(0.0, once - forward),
        3: plan.accumulation * (max(0.0, once - forward) + max(0.0, 2 * once - backward)),
    }[plan.zero]
    held = held_bytes(task, plan)
    updated = held["optimizer states"] + (held["weights"] + held["gradients"]) / (
        groups if plan.zero in (1, 2) else 1
    )
    terms = (
        Term("forward and backward", plan.accumulation, 3 * forward),
        Term("forward again", plan.accumulation, again),
        Term("tensor ranks wait", plan.accumulation * all_reduces, 2 * around / machine.link),
        Term("data ranks wait", 1, waits),
        Term("update", 1, 2 * updated / kind.bandwidth),
    )
    return Ledger("s", terms)


GIB = 2**30
#: Memory as PyTorch reports it (public out-of-memory messages). Links, one way: NVLink 4 has 18 and
#: NVLink 3 12 links of 25 GB/s, PCIe 4 16 lanes of 16 Gbit/s, InfiniBand NDR 400 Gbit/s.
_MACHINES = (
    (Machine(8, "H100", 450e9, int(79.1 * GIB)), ((40, 5120), (48, 6144), (52, 6656))),
    (Machine(8, "A100", 300e9, int(79.2 * GIB)), ((40, 5120), (48, 6144), (44, 5632))),
    (Machine(16, "H100", 50e9, int(79.1 * GIB)), ((48, 6144), (52, 6656), (60, 7168))),
    (Machine(8, "RTX4090", 32e9, int(23.64 * GIB)), ((28, 3072), (32, 3584), (36, 3584))),
)


def own_task(name: str) -> Task:
    """A GPT and a machine for a name: from its SHA-256, blanks around it left out."""
    drawn = int(hashlib.sha256(name.strip().encode()).hexdigest()[:10], 16)
    drawn, at = divmod(drawn, len(_MACHINES))
    machine, sizes = _MACHINES[at]
    drawn, at = divmod(drawn, len(sizes))
    layers, width = sizes[at]
    return Task(Gpt(layers, width, width // 128), machine, (128, 256, 384)[drawn % 3])
