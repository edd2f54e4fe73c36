"""Operations of detectors (torchvision): windows around boxes, moved windows, overlaps of boxes."""

from __future__ import annotations

from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, Tally

#: A number between four neighbours, their four weights at hand.
_BETWEEN = 4 * MULTIPLY + 3 * ADD
#: Where a point lies between them: two distances, what is left of both, four products.
_WEIGHTS = 4 * ADD + 4 * MULTIPLY


def _samples(call: Call) -> int:
    """Points a bin; where their number is left to the box it is taken as 2 × 2."""
    ratio = call["sampling_ratio"]
    return int(ratio**2) if ratio > 0 else 4


def _aligned(call: Call) -> Tally:
    """The average of the points of each bin; weights serve all channels."""
    n, samples = call.first.numel(), _samples(call)
    bins = call["rois"].shape[0] * call["pooled_height"] * call["pooled_width"]
    return n * (samples * _BETWEEN + (samples - 1) * ADD + DIVIDE) + bins * samples * _WEIGHTS


def _aligned_gradient(call: Call) -> Tally:
    """Each ∂y, divided, goes to four neighbours of each point."""
    n, samples = call["grad"].numel(), _samples(call)
    return n * (DIVIDE + samples * 4 * (MULTIPLY + ADD))


def _deformed(call: Call) -> int:
    return call.out.numel() * (call["weight"].numel() // call["weight"].shape[0])


def _moved(out: Any, call: Call) -> Tally:
    """Each channel between neighbours at each tap, times its mask; then the bias."""
    places, taps = out.shape[0] * out.shape[2] * out.shape[3], call["weight"][0, 0].numel()
    points = places * taps * call["offset_groups"]
    masked = MULTIPLY if call["use_mask"] else NOTHING
    numbers = places * taps * call["input"].shape[1]
    return points * (2 * ADD + _WEIGHTS) + numbers * (_BETWEEN + masked)


def _deformed_scalars(call: Call) -> Tally:
    bias = call.out.numel() * ADD if call["bias"] is not None else NOTHING
    return _moved(call.out, call) + bias


def _deformed_gradient(call: Call) -> int:
    """∂ of what was read, and of the weights."""
    return 2 * call["grad"].numel() * (call["weight"].numel() // call["weight"].shape[0])


def _deformed_gradient_scalars(call: Call) -> Tally:
    """The points again, to ∂input and, with a product more, to both offsets."""
    return 4 * _moved(call["grad"], call)


def _overlaps(call: Call) -> Tally:
    """Of every pair: two differences and a product of the overlap, a sum, a difference, a quotient;
    each box's area before."""
    boxes = call["dets"].shape[0]
    pairs = boxes * (boxes - 1) // 2
    return boxes * (2 * ADD + MULTIPLY) + pairs * (4 * ADD + MULTIPLY + DIVIDE)


class _OnBoxes(Op):
    """Its result are places, and its arithmetic is on the boxes."""

    def scalars(self, call: Call) -> Tally | None:
        return self.tally(call)


_TWO_BY_TWO = "2 × 2 points a bin, where that is left to the box"

OPS: dict[str, Op] = {
    "torchvision::roi_align": Op(_aligned, assumes=_TWO_BY_TWO),
    "torchvision::_roi_align_backward": Op(_aligned_gradient, assumes=_TWO_BY_TWO),
    "torchvision::ps_roi_align": Op(_aligned, assumes=_TWO_BY_TWO),
    "torchvision::_ps_roi_align_backward": Op(_aligned_gradient, assumes=_TWO_BY_TWO),
    "torchvision::roi_pool": Op(),
    "torchvision::_roi_pool_backward": Op(lambda call: call["grad"].numel() * ADD),
    "torchvision::deform_conv2d": Op(_deformed_scalars, macs=_deformed),
    "torchvision::_deform_conv2d_backward": Op(_deformed_gradient_scalars, macs=_deformed_gradient),
    "torchvision::nms": _OnBoxes(_overlaps, assumes="every pair of boxes compared"),
}
