"""Products of matrices and convolutions: multiply-accumulates by shape, and what comes on top.

PyTorch's own registry (`torch.utils.flop_counter`) counts two FLOP for each. It is followed here,
but for two things: the gradient of a grouped convolution's weights, which it overstates by the
number of groups, and causal masks, which it ignores. The common ones are written out because the
registry's wrapper takes longer than the operation; tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch

from helpers.conventions import FLOP_PER_MAC
from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, MULTIPLY, NOTHING, Numbers, Tally


def _mm(call: Call) -> int:
    return product(call.args[0], call.args[1], call.out)


def _addmm(call: Call) -> int:
    return product(call.args[1], call.args[2], call.out)


def product(a: Any, b: Any, out: Any) -> int:
    """Each number of the result is a sum over the side that a and b share.

    Of a sparse matrix each number that is there meets a row or a column of the other.
    """
    if a.layout is not torch.strided:
        return a._nnz() * prod(a.values().shape[1:] if _is_blocked(a) else ()) * _columns(b)
    if b.layout is not torch.strided:
        return b._nnz() * prod(b.values().shape[1:] if _is_blocked(b) else ()) * a.shape[-2]
    return out.numel() * a.shape[-1]


def _is_blocked(matrix: Any) -> bool:
    return matrix.layout in (torch.sparse_bsr, torch.sparse_bsc)


def _columns(b: Any) -> int:
    return b.shape[-1] if b.dim() > 1 else 1


def _dot(call: Call) -> int:
    return call.x.numel()


def _linear(call: Call) -> int:
    return call.out.numel() * call["input"].shape[-1]


def _scaled_bias(call: Call) -> Tally:
    """β b + α (products): a sum, and a product for each factor that is not one."""
    factors = [call["beta"], call["alpha"]]
    if factors[0] == 0:
        return NOTHING
    tally = ADD.on("complex" if call.is_complex else "real")
    for factor in factors:
        if factor != 1:
            tally += MULTIPLY.on(_numbers(call, factor))
    return call.out.numel() * tally


def _numbers(call: Call, factor: Any) -> Numbers:
    if not call.is_complex:
        return "real"
    return "complex" if isinstance(factor, complex) else "mixed"


def _bias(call: Call) -> Tally:
    if call["bias"] is None:
        return NOTHING
    return call.out.numel() * ADD.on("complex" if call.is_complex else "real")


def convolution_macs(x: Any, weights: Any, out: Any, transposed: bool) -> int:
    """Every output (transposed: every input) meets one kernel of each channel of its group.

    The weights carry the groups: (out, in / groups, *kernel) or (in, out / groups, *kernel).
    """
    size = (x if transposed else out).shape
    return size[0] * prod(size[2:]) * weights.numel()


def _convolution(call: Call) -> int:
    return convolution_macs(call["input"], call["weight"], call.out, call["transposed"])


def _convolution_backward(call: Call) -> int:
    x, weights, gradient = call["input"], call["weight"], call["grad_output"]
    macs = convolution_macs(x, weights, gradient, call["transposed"])
    return macs * sum(map(bool, call["output_mask"][:2]))


def _bias_gradient(call: Call) -> Tally:
    """The bias's gradient sums ∂y over all but the channels."""
    if not call["output_mask"][2]:
        return NOTHING
    gradient = call["grad_output"]
    return (gradient.numel() - gradient.shape[1]) * ADD


def _linear_backward(call: Call) -> int:
    return call["grad_output"].numel() * call.x.shape[-1] * sum(map(bool, call["output_mask"][:2]))


def _linear_bias_gradient(call: Call) -> Tally:
    if not call["output_mask"][2]:
        return NOTHING
    gradient = call["grad_output"]
    return (gradient.numel() - gradient.shape[-1]) * ADD


def _grouped(call: Call) -> int:
    """Groups of rows, columns or summands, each with a matrix of its own, or a batch of products.

    Offsets cut one side of a matrix into groups, which together are as long as that side.
    """
    a, b = call["self"], call["mat2"]
    batch = a.shape[0] if a.dim() == b.dim() == 3 else 1
    return batch * a.shape[-2] * a.shape[-1] * b.shape[-1]


def _packed(call: Call) -> int:
    """Weights in 8 or 4 bits, packed along a side that x shows unpacked."""
    return call.out.numel() * call["self"].shape[-1]


def _scales(call: Call) -> Tally:
    """A scale for each column of the result."""
    return call.out.numel() * MULTIPLY


def _scales_and_zeros(call: Call) -> Tally:
    """w = q · scale + zero for each weight."""
    return call.out.shape[-1] * call["self"].shape[-1] * (MULTIPLY + ADD)


def _trilinear(call: Call) -> int:
    """Σ a b c: the sum over what c does not share first, a · b, then the result times c.

    `expand` names, for each factor, the dimensions that it does not have.
    """
    missing = [frozenset(call[f"expand{number}"]) for number in (1, 2, 3)]
    sizes: dict[int, int] = {}
    for number, lacks in enumerate(missing, start=1):
        factor = call[f"i{number}"]
        own = (d for d in range(factor.dim() + len(lacks)) if d not in lacks)
        sizes.update(zip(own, factor.shape, strict=True))
    first = [size for d, size in sizes.items() if not (d in missing[0] and d in missing[1])]
    summed = {d for d in call["sumdim"] if d in missing[2]}
    return prod(first) + prod(size for d, size in sizes.items() if d not in summed)


def registered(packet: Any) -> Op | None:
    """PyTorch's formula for an operation that has no record here, if it has one."""
    from torch.utils.flop_counter import flop_registry

    formula: Callable[..., int] | None = flop_registry.get(packet)
    if formula is None:
        return None
    return Op(
        macs=lambda call: formula(*call.args, **call.kwargs, out_val=call.out) // FLOP_PER_MAC
    )


OPS: dict[str, Op] = {
    **dict.fromkeys(("mm", "bmm", "mv", "_int_mm", "_sparse_mm", "_scaled_mm_v2"), Op(macs=_mm)),
    **dict.fromkeys(("dot", "vdot"), Op(macs=_dot)),
    **dict.fromkeys(
        ("addmm", "baddbmm", "addmv", "_addmm_activation", "_sparse_addmm"),
        Op(_scaled_bias, macs=_addmm, complex=True),
    ),
    "addbmm": Op(
        _scaled_bias,
        macs=lambda call: call["batch1"].numel() * call["batch2"].shape[-1],
        complex=True,
    ),
    "linear": Op(_bias, macs=_linear, complex=True),
    **dict.fromkeys(
        ("convolution", "_convolution", "convolution_overrideable"), Op(_bias, macs=_convolution)
    ),
    **dict.fromkeys(
        ("convolution_backward", "convolution_backward_overrideable"),
        Op(_bias_gradient, macs=_convolution_backward),
    ),
    **dict.fromkeys(
        ("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2"),
        Op(_bias, macs=_grouped, assumes="the offsets end where the matrix ends"),
    ),
    "_weight_int8pack_mm": Op(_scales, macs=_packed),
    **dict.fromkeys(
        (
            *("_weight_int4pack_mm", "_weight_int4pack_mm_for_cpu"),
            "_weight_int4pack_mm_with_scales_and_zeros",
        ),
        Op(_scales_and_zeros, macs=_packed),
    ),
    # Of a sparse result only the numbers that are there.
    "sparse_sampled_addmm": Op(
        lambda call: call.x._nnz() * 2 * ADD,
        macs=lambda call: call.x._nnz() * call["mat1"].shape[-1],
    ),
    "_sparse_mm_reduce_impl": Op(macs=lambda call: call.x._nnz() * call["other"].shape[-1]),
    "_mixed_dtypes_linear": Op(_scales, macs=_linear),
    "linear_backward": Op(_linear_bias_gradient, macs=_linear_backward),
    "mkldnn_linear": Op(_bias, macs=lambda call: call.out.numel() * call.x.shape[-1]),
    "mkldnn_convolution": Op(
        _bias, macs=lambda call: convolution_macs(call.x, call["weight"], call.out, False)
    ),
    "_trilinear": Op(macs=_trilinear),
    "affine_grid_generator": Op(macs=lambda call: call.out.numel() * call["theta"].shape[-1]),
}
