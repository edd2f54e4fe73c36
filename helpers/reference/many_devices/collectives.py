"""What devices send each other, and how long it takes: rings of links that all carry at once.

`amount` is always the whole tensor: what an all-reduce sums, what an all-gather ends with, what a
reduce-scatter begins with. A ring cuts it into one chunk for each device; in every step each device
sends one chunk to the next. Source: Thakur, Rabenseifner, Gropp, IJHPCA 19(1), 2005, section 4;
Patarasuk, Yuan, J. Parallel Distrib. Comput. 69(2), 2009.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from helpers.ledger import Ledger, Term
from helpers.reference.layer import whole

#: How often a ring goes round, but for the last step, in each collective.
ROUNDS = {"all-reduce": 2, "reduce-scatter": 1, "all-gather": 1}


def _rounds(collective: str) -> int:
    if collective not in ROUNDS:
        raise ValueError(f"collective must be one of {', '.join(ROUNDS)}, not {collective!r}")
    return ROUNDS[collective]


def collective_bytes(collective: str, amount: int, devices: int) -> Ledger:
    """Bytes that each device sends: (n − 1) / n of `amount` for each time round."""
    ranks = whole("devices", devices)
    steps = ranks - 1
    names = ("reduce-scatter", "all-gather") if collective == "all-reduce" else (collective,)
    assert len(names) == _rounds(collective)
    chunk = whole("amount", amount) / ranks
    return Ledger("B", tuple(Term(name, steps, chunk) for name in names), title=collective)


def collective_seconds(
    collective: str, amount: int, devices: int, bandwidth: float, latency: float
) -> Ledger:
    """Seconds on a ring of links of `bandwidth` bytes/s; each step waits `latency` s."""
    steps = _rounds(collective) * (whole("devices", devices) - 1)
    sent = collective_bytes(collective, amount, devices).total
    return Ledger("s", (Term("latency", steps, latency), Term("bandwidth", 1, sent / bandwidth)))


def data_parallel_bytes(
    parameters: int, devices: int, stage: int, micro_steps: int, weight: int = 2, gradient: int = 2
) -> Ledger:
    """Bytes that each device sends in one optimizer step of `micro_steps` passes.

    `weight`, `gradient`: bytes of one. Stage 0 sums the gradients once. ZeRO-1 reduce-scatters them
    once, and gathers the updated weights. ZeRO-2 keeps only a share of the gradients, so each pass
    reduce-scatters its own. ZeRO-3 also gathers the weights twice in each pass, before forward and
    before backward. Source: arXiv:1910.02054, section 7; PyTorch FSDP, arXiv:2304.11277, section 3.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage must be 0, 1, 2 or 3, not {stage!r}")
    count, passes = whole("parameters", parameters), whole("micro_steps", micro_steps)
    round_of = {"gradients": gradient * count, "weights": weight * count}
    sent = {name: _once_round(amount, devices) for name, amount in round_of.items()}
    times = {
        0: {"gradients": 2},
        1: {"gradients": 1, "weights": 1},
        2: {"gradients": passes, "weights": 1},
        3: {"gradients": passes, "weights": 2 * passes},
    }[stage]
    terms = tuple(Term(name, often, sent[name]) for name, often in times.items())
    return Ledger("B", terms, title=f"ZeRO-{stage}, a step of {passes} passes")


def _once_round(amount: int, devices: int) -> float:
    return (devices - 1) * amount / devices


def hiding_tokens(
    rate: int, bandwidth: int, devices: int, weight: int = 2, gradient: int = 2
) -> dict[str, int]:
    """Fewest tokens a device and pass for which what is sent hides behind what is computed.

    `rate`: FLOP/s that a device really does. A pass forward takes 2 FLOP for each parameter and
    token, backward 4. "data parallel": the all-reduce of gradients behind backward. "ZeRO-3": its
    gather behind forward, and its gather and reduce-scatter behind backward. The number of
    parameters drops out. Latency is left out.
    """
    per_byte = Fraction((devices - 1) * rate, devices * bandwidth)
    return {
        "data parallel": ceil(2 * gradient * per_byte / 4),
        "ZeRO-3": ceil(max(weight * per_byte / 2, (weight + gradient) * per_byte / 4)),
    }
