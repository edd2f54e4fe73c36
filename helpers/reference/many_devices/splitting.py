"""One model cut up: a layer among ranks, layers among stages, a part of it that learns."""

from __future__ import annotations

from fractions import Fraction

from helpers.ledger import Ledger, Term
from helpers.reference.layer import whole


def tensor_parallel_mlp(
    tokens: int, width: int, hidden: int, ranks: int, element: int = 2
) -> dict[str, Ledger]:
    """A transformer's MLP (width → hidden → width, no biases) on each of `ranks` devices.

    The first matrix is cut by columns, the second by rows, so a rank computes its share of the
    hidden features alone and the outputs are summed once: one all-reduce of tokens × width forward,
    one backward. `element`: bytes of a number. `ranks` divides `hidden`. Source: Shoeybi et al.,
    arXiv:1909.08053, section 3.

    Returns:
        "weights": bytes held; "kept": bytes kept for backward, the input whole, and the hidden
        features before and after the activation function; "sent": bytes of both all-reduces.
    """
    if hidden % whole("ranks", ranks):
        raise ValueError(f"ranks ({ranks}) must divide hidden ({hidden})")
    own, rows = hidden // ranks, whole("tokens", tokens)
    kept = (
        Term("input", rows * width, element),
        Term("before the activation", rows * own, element),
        Term("after the activation", rows * own, element),
    )
    around = element * rows * width * (ranks - 1) / ranks
    return {
        "weights": Ledger(
            "B", (Term("columns", width * own, element), Term("rows", own * width, element))
        ),
        "kept": Ledger("B", kept),
        "sent": Ledger(
            "B", (Term("all-reduce forward", 2, around), Term("all-reduce backward", 2, around))
        ),
    }


def pipeline_idle_share(stages: int, micro_batches: int) -> Fraction:
    """The share of a step in which a stage waits: (p − 1) / (m + p − 1).

    Source: Huang et al. (GPipe), arXiv:1811.06965, section 2.3.
    """
    waiting = whole("stages", stages) - 1
    return Fraction(waiting, whole("micro_batches", micro_batches) + waiting)


def micro_batches_kept(stages: int, micro_batches: int, stage: int) -> dict[str, int]:
    """Micro-batches whose activations a stage (the first is 0) holds at most, by schedule.

    "all forward first" (GPipe) holds all of them. "1F1B" starts a backward pass as soon as one
    can: a stage runs ahead by the stages from itself to the end. Source: Narayanan et al.,
    arXiv:2104.04473, section 2.2.
    """
    if not 0 <= whole("stage", stage, 0) < stages:
        raise ValueError(f"stage must be one of 0 to {stages - 1}, not {stage}")
    return {"all forward first": micro_batches, "1F1B": min(micro_batches, stages - stage)}


def lora_bytes(parameters: int, matrices: int, width: int, rank: int) -> dict[str, Ledger]:
    """Bytes with LoRA: a frozen model in 16 bits, and beside each of `matrices` square matrices of
    `width` a product of two thin ones, width × rank and rank × width, that learn in mixed precision
    with Adam. Source: Hu et al., arXiv:2106.09685, section 4.1.

    Returns:
        "weights": those frozen and the thin ones, "gradients" and "states" (master weights, m, v).
    """
    thin = 2 * whole("matrices", matrices) * whole("width", width) * whole("rank", rank)
    return {
        "weights": Ledger("B", (Term("frozen", parameters, 2), Term("thin matrices", thin, 2))),
        "gradients": Ledger("B", (Term("gradients", thin, 2),)),
        "states": Ledger(
            "B", (Term("master weights", thin, 4), Term("Adam m", thin, 4), Term("Adam v", thin, 4))
        ),
    }
