"""What training holds in memory, by hand: the sum of parts that a lecture starts from.

Weights, gradients and optimizer states cost a fixed number of bytes a parameter; saved activations
grow with the batch. Adding them up is the first estimate of a training step's memory, and it is
not the peak: gradients appear while saved activations go, so the two are never there in full at
once. Against 84 real Adam steps of 43 models (`benchmarks/results/memory.md`) the sum is off by
4.7 % in the median: up to 20 % too high where activations and weights are of a size (transformers
at batch 1), and up to 26 % too low where a kernel or the optimizer holds large copies for a moment
(VGG, whose largest weight is most of it). `helpers.meter.training_memory` predicts the peak.
"""

from __future__ import annotations

from math import ceil, isqrt

from helpers.conventions import dtype_bytes
from helpers.ledger import Ledger, Term
from helpers.reference.layer import whole

#: Optimizer states, in numbers a parameter.
_STATES: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "adam": ("Adam m", "Adam v"),
    "adamw": ("Adam m", "Adam v"),
}

#: Elements that share a 4-byte scale in 8-bit Adam (Dettmers et al., arXiv:2110.02861).
_BLOCK = 256


def training_state_bytes(
    parameters: int, optimizer: str = "adam", precision: str = "fp32"
) -> Ledger:
    """Bytes of weights, gradients and optimizer states: 16 a parameter for Adam in fp32.

    `optimizer`: "sgd", "momentum", "adam", "adamw" or "adam8bit". `precision`:

    - a dtype ("fp32", "bf16"): everything in it; Adam in bf16 takes 8 B a parameter;
    - "autocast": everything in fp32; the 16-bit copies of weights are activations;
    - "mixed": 16-bit weights and gradients, fp32 master weights and states (Rajbhandari et al.,
      arXiv:1910.02054, section 3.1): 2 + 2 + 4 + 4 + 4 = 16 B for Adam as well.

    Raises ValueError for an unknown optimizer or precision.
    """
    count = whole("parameters", parameters)
    if optimizer not in (*_STATES, "adam8bit"):
        known = ", ".join((*_STATES, "adam8bit"))
        raise ValueError(f"optimizer must be one of {known}, not {optimizer!r}")
    mixed = precision == "mixed"
    full = _full_width(precision)
    work = 2 if mixed else full
    terms = [Term("weights", count, work), Term("gradients", count, work)]
    if mixed:
        terms.append(Term("master weights", count, full))
    if optimizer == "adam8bit":
        terms += [Term("Adam m", count), Term("Adam v", count)]
        terms.append(Term("block scales", 2 * ceil(count / _BLOCK), 4))
    else:
        terms += [Term(name, count, full) for name in _STATES[optimizer]]
    title = f"{count:,} parameters, {optimizer}, {precision}"
    return Ledger("B", tuple(terms), title=title)


def _full_width(precision: str) -> float:
    """Bytes of a number that the optimizer keeps and updates."""
    return 4 if precision in ("mixed", "autocast") else dtype_bytes(precision)


def training_bytes(
    parameters: int,
    saved_bytes: int,
    optimizer: str = "adam",
    precision: str = "fp32",
    foreach: bool = False,
) -> Ledger:
    """The sum of parts: states, what autograd saves, and with `foreach` the optimizer's copies.

    `foreach` updates all parameters in one call and holds one more number a parameter for a
    moment (the square root of v), in the end phase, when saved activations are gone. A sum counts
    it on top; a peak does not.
    """
    ledger = training_state_bytes(parameters, optimizer, precision)
    terms = [*ledger.terms, Term("saved activations", whole("saved_bytes", saved_bytes, 0))]
    if foreach and optimizer in ("adam", "adamw"):
        terms.append(Term("temporaries", parameters, _full_width(precision)))
    return Ledger("B", tuple(terms), title=ledger.title)


def largest_batch_by_sum(
    capacity: int, parameters: int, saved_bytes_per_input: int, optimizer: str = "adam"
) -> int:
    """How many inputs the sum of parts lets into `capacity` bytes; 0 if the states do not fit."""
    room = whole("capacity", capacity) - training_state_bytes(parameters, optimizer).total
    return max(0, int(room // whole("saved_bytes_per_input", saved_bytes_per_input)))


def checkpointing_bytes(
    layers: int, boundary_bytes: int, inside_bytes: int, segments: int | None = None
) -> Ledger:
    """Activations of a chain of equal layers of which only segment boundaries are kept.

    One boundary is kept for each segment; in the backward pass one segment at a time is computed
    again and held: `segments` · boundary + ⌈layers / segments⌉ · inside. About √layers segments are
    best where the two are of a size (Chen et al., arXiv:1604.06174); that is the default. The price
    is one more forward pass, 4/3 of the FLOP of a step.
    """
    count = whole("layers", layers)
    parts = whole("segments", segments if segments is not None else max(1, isqrt(count)))
    if parts > count:
        raise ValueError(f"segments ({parts}) must not be more than layers ({count})")
    terms = (
        Term("kept boundaries", parts, whole("boundary_bytes", boundary_bytes)),
        Term(
            "one segment, computed again", ceil(count / parts), whole("inside_bytes", inside_bytes)
        ),
    )
    return Ledger("B", terms, title=f"{count} layers in {parts} segments")
