"""Losses: FLOP an element, then their sum and, for a mean, its division."""

from __future__ import annotations

from typing import Any

from helpers.meter.flops.prices.op import Call, Op, each
from helpers.meter.flops.prices.tally import (
    ADD,
    DIVIDE,
    EXP,
    MULTIPLY,
    NOTHING,
    TRANSCENDENTAL,
    Tally,
)

_MEAN, _SUM = 1, 2


def _folded(n: int, reduction: int) -> Tally:
    """n losses as they are, as their mean or as their sum."""
    if reduction not in (_MEAN, _SUM):
        return NOTHING
    return (n - 1) * ADD + (DIVIDE if reduction == _MEAN else NOTHING)


def _loss(of_each: Tally) -> Op:
    def tally(call: Call) -> Tally:
        n = call.x.numel()
        return n * of_each + _folded(n, call["reduction"])

    return Op(tally)


def _cross_entropy_with_logits(call: Call) -> Tally:
    """x (1 − t) + max(−x, 0) + ln(e^… + e^…), times weights where there are any."""
    n = call.x.numel()
    weights = sum(call[name] is not None for name in ("weight", "pos_weight"))
    of_each = ADD + MULTIPLY + (2 * EXP + ADD + TRANSCENDENTAL) + 2 * ADD + weights * MULTIPLY
    return n * of_each + _folded(n, call["reduction"])


def _nll(call: Call) -> Tally:
    """One chosen number for each target: their sum and, for a mean, its division."""
    targets = call["target"].numel()
    weighted = targets * MULTIPLY if call["weight"] is not None else NOTHING
    return weighted + _folded(targets, call["reduction"])


def _nll_gradient(call: Call) -> Tally:
    return DIVIDE if call["reduction"] == _MEAN else NOTHING


def _margins(call: Call) -> Tally:
    """max(0, margin − x_y + x_i)ᵖ for each class, their mean of a row, then over rows."""
    rows = call["target"].numel()
    of_each = 3 * ADD + (MULTIPLY if call["p"] == 2 else NOTHING)
    of_each += MULTIPLY if call["weight"] is not None else NOTHING
    return call.x.numel() * of_each + rows * DIVIDE + _folded(rows, call["reduction"])


def _margins_of_several(call: Call) -> Tally:
    """max(0, 1 − x_y + x_i) for each pair of a right class and another, of which there may be most
    where half of the classes are right."""
    classes = call.x.shape[-1] if call.x.dim() else 1
    rows = call.x.numel() // max(classes, 1)
    pairs = rows * (classes // 2) * (classes - classes // 2)
    return pairs * 3 * ADD + rows * DIVIDE + _folded(rows, call["reduction"])


def _steps_of_states(call: Call) -> int:
    """Σ T (2 L + 1): in each step each letter, and a blank around each. Lengths that are not known
    are those of the longest."""
    scores, targets = call["log_probs"], call["targets"]
    steps, texts = scores.shape[0], scores.shape[1] if scores.dim() == 3 else 1
    letters = targets.shape[-1] if targets.dim() > 1 else targets.shape[0] // texts
    times, lengths = call["input_lengths"], call["target_lengths"]
    times = _known(times) or [steps] * texts
    lengths = _known(lengths) or [letters] * texts
    return sum(t * (2 * n + 1) for t, n in zip(times, lengths, strict=True))


def _known(lengths: Any) -> list[int]:
    if hasattr(lengths, "tolist"):
        return [] if lengths.is_meta else list(lengths.reshape(-1).tolist())
    return list(lengths)


#: α = ln (e^a + e^b + e^c) + ln p, from the largest of the three on (Graves et al. 2006).
_STATE = 3 * (ADD + EXP) + 2 * ADD + TRANSCENDENTAL + 2 * ADD


def _ctc(call: Call) -> Tally:
    return _steps_of_states(call) * _STATE


def _ctc_gradient(call: Call) -> Tally:
    """β as α, both added up for each letter, then e^y − e^(… − y) for each score."""
    states, scores = _steps_of_states(call), call["log_probs"].numel()
    summed = states * (ADD + 2 * (ADD + EXP) + ADD + TRANSCENDENTAL)
    return states * _STATE + summed + scores * (2 * EXP + 3 * ADD + MULTIPLY)


#: Of a linear layer with its cross entropy as one operation, the gradients that the forward pass
#: makes beside the loss; the backward pass scales them.
_MADE_AT_ONCE = ("compute_input_grad", "compute_linear_weight_grad")


def _scores(call: Call) -> int:
    return call["input"].numel() // call["input"].shape[-1] * call["linear_weight"].shape[0]


def _linear_cross_entropy(call: Call) -> int:
    """Scores, and the products of the gradients that are wanted."""
    wanted = sum(bool(call[name]) for name in _MADE_AT_ONCE)
    return _scores(call) * call["input"].shape[-1] * (1 + wanted)


def _linear_cross_entropy_scalars(call: Call) -> Tally:
    """Bias, log-softmax; of gradients p − t, and its sum for the bias."""
    scores, texts = _scores(call), call["target"].shape[0]
    biased = scores * ADD if call["linear_bias"] is not None else NOTHING
    tally = biased + scores * (EXP + 2 * ADD) + texts * (TRANSCENDENTAL + 2 * ADD)
    if any(call[name] for name in _MADE_AT_ONCE):
        tally += scores * (EXP + MULTIPLY) + texts * ADD
    return tally + (scores * ADD if call["compute_linear_bias_grad"] else NOTHING)


_LINEAR_CROSS_ENTROPY = Op(_linear_cross_entropy_scalars, macs=_linear_cross_entropy)

OPS: dict[str, Op] = {
    **{
        f"torch_nn::_linear_cross_entropy_batch_chunked{which}": _LINEAR_CROSS_ENTROPY
        for which in ("", "_no_reduction")
    },
    "_ctc_loss": Op(_ctc),
    "_ctc_loss_backward": Op(_ctc_gradient),
    "binary_cross_entropy_backward": Op(each(2 * ADD + 2 * MULTIPLY + DIVIDE)),
    "soft_margin_loss": _loss(MULTIPLY + EXP + ADD + TRANSCENDENTAL),
    "soft_margin_loss_backward": Op(each(2 * MULTIPLY + EXP + ADD + DIVIDE + MULTIPLY)),
    "multi_margin_loss": Op(_margins),
    "multi_margin_loss_backward": Op(each(3 * ADD + DIVIDE)),
    "multilabel_margin_loss_forward": Op(_margins_of_several, assumes="half of the classes right"),
    "multilabel_margin_loss_backward": Op(each(2 * ADD), assumes="half of the classes right"),
    "mse_loss": _loss(ADD + MULTIPLY),
    "smooth_l1_loss": _loss(ADD + 2 * MULTIPLY),
    "huber_loss": _loss(ADD + 2 * MULTIPLY),
    "binary_cross_entropy": _loss(2 * TRANSCENDENTAL + 2 * ADD + 2 * MULTIPLY),
    "binary_cross_entropy_with_logits": Op(_cross_entropy_with_logits),
    "mse_loss_backward": Op(each(ADD + MULTIPLY)),
    "smooth_l1_loss_backward": Op(each(ADD + 2 * MULTIPLY)),
    "huber_loss_backward": Op(each(ADD + 2 * MULTIPLY)),
    **dict.fromkeys(("nll_loss_forward", "nll_loss2d_forward"), Op(_nll)),
    **dict.fromkeys(("nll_loss_backward", "nll_loss2d_backward"), Op(_nll_gradient)),
}
