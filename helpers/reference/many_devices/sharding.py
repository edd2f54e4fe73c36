"""Who holds weights, gradients and states: plain data parallelism and ZeRO-1, -2, -3."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from helpers.ledger import Ledger, Term
from helpers.reference.layer import whole

PARTS = ("weights", "gradients", "states")

#: Bytes a parameter with Adam, as (weights, gradients, states). In mixed precision the states are
#: master weights, m and v in fp32: 16 B in all with 16-bit gradients, 18 B with fp32 gradients
#: (Rajbhandari et al., arXiv:1910.02054, section 3.1; Megatron-LM keeps gradients in fp32).
RECIPES: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {"fp32": (4, 4, 8), "mixed 16": (2, 2, 12), "mixed 18": (2, 4, 12)}
)

#: The stage from which each part is cut into as many shares as there are devices.
SHARED_FROM = {"states": 1, "gradients": 2, "weights": 3}


def zero_bytes(parameters: int, devices: int, stage: int, recipe: str = "mixed 16") -> Ledger:
    """Bytes that each device holds between two steps, activations left out.

    Stage 0 is plain data parallelism: everything on every device. ZeRO-1 shares the states, ZeRO-2
    the gradients as well, ZeRO-3 (FSDP) the weights, too. A share is rounded up to whole numbers.
    Raises ValueError for an unknown stage or recipe. Source: arXiv:1910.02054, section 5.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage must be 0, 1, 2 or 3, not {stage!r}")
    count, ranks = whole("parameters", parameters), whole("devices", devices)
    share = -(-count // ranks)
    held = {part: share if stage >= SHARED_FROM[part] else count for part in PARTS}
    widths = zip(PARTS, _recipe(recipe), strict=True)
    terms = tuple(Term(part, held[part], width) for part, width in widths)
    return Ledger("B", terms, title=f"ZeRO-{stage}, one of {ranks} devices, {recipe}")


def fewest_devices(
    parameters: int, memory: int, stage: int, recipe: str = "mixed 16"
) -> int | None:
    """The fewest devices of `memory` bytes that hold weights, gradients and states; None where no
    number does, as what every device holds whole is too much already."""
    widths = dict(zip(PARTS, _recipe(recipe), strict=True))
    count = whole("parameters", parameters)
    whole_bytes = sum(count * widths[part] for part in PARTS if stage < SHARED_FROM[part])
    shared = sum(count * widths[part] for part in PARTS if stage >= SHARED_FROM[part])
    room = whole("memory", memory) - whole_bytes
    if room < 0 or (room == 0 and shared):
        return None
    return max(1, -(-shared // room)) if shared else 1


def _recipe(name: str) -> tuple[int, int, int]:
    if name not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(RECIPES)}, not {name!r}")
    return RECIPES[name]
