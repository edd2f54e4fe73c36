"""Quantized numbers: products of packed weights, rounding to a grid and back, training with both.

A quantized tensor stands for real numbers: what is done on it counts as on those. What it takes
beside: x / s + z to make a number (a product with 1 / s; z is a whole number), s (q − z) to read
one, and a scale for each result of a product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.meter.flops.prices import elementwise, norms, reductions
from helpers.meter.flops.prices.matmul import convolution_macs
from helpers.meter.flops.prices.op import Call, Op, each
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, Tally


def packed_weights(value: Any) -> tuple[Any, Any]:
    """Weight and bias of an object that PyTorch packs them in; None where it is none."""
    return value.unpack() if hasattr(value, "unpack") else (None, None)


def _packed(call: Call) -> tuple[Any, Any]:
    return next(packed_weights(value) for value in call.args if hasattr(value, "unpack"))


def _scale_and_bias(call: Call) -> Tally:
    has_bias = _packed(call)[1] is not None
    return call.out.numel() * (MULTIPLY + ADD if has_bias else MULTIPLY)


def _rounded_first(call: Call) -> Tally:
    """Activations come as floating-point numbers and are rounded."""
    return _scale_and_bias(call) + call.x.numel() * MULTIPLY


def _bias_of_halves(call: Call) -> Tally:
    return call.out.numel() * (ADD if _packed(call)[1] is not None else NOTHING)


def _linear(call: Call) -> int:
    return call.out.numel() * call.x.shape[-1]


def _convolution(call: Call) -> int:
    return convolution_macs(call.x, _packed(call)[0], call.out, transposed=False)


def _transposed(call: Call) -> int:
    return convolution_macs(call.x, _packed(call)[0], call.out, transposed=True)


def _product(call: Call) -> int:
    return call.out.numel() * call.x.shape[-1]


def _four_bits(call: Call) -> int:
    return call.out.numel() * call["in_features"]


def _batch_norm(call: Call) -> Tally:
    return norms.normalize(call.x.numel(), call.x.shape[1], affine=True, computed=False)


def _norm_of_rows(call: Call) -> Tally:
    rows = call.x.numel()
    for size in call["normalized_shape"]:
        rows //= size
    return norms.normalize(call.x.numel(), rows, call["weight"] is not None)


def _norm_of_groups(call: Call) -> Tally:
    groups = call.x.shape[0] * (call["num_groups"] or call.x.shape[1])
    return norms.normalize(call.x.numel(), groups, call["weight"] is not None)


def _of(name: str) -> Op:
    """The record of the same operation on real numbers."""
    return (elementwise.OPS | reductions.OPS)[name]


_ROUND, _READ = MULTIPLY, MULTIPLY
#: s (clamp(x / s + z) − z), in floating point throughout.
_FAKE = 2 * MULTIPLY + 2 * ADD
#: Two running extremes, a number each: m + c (x − m); the scale and the zero point of them.
_OBSERVED = 2 * (2 * ADD + MULTIPLY) + ADD + 2 * DIVIDE


def _fake(call: Call) -> Tally:
    return call.x.numel() * _FAKE


def _observed_and_fake(call: Call) -> Tally:
    """Of a tensor or, with `per_row_fake_quant`, of each of its channels."""
    channels = call.x.shape[call["ch_axis"]] if call["per_row_fake_quant"] else 1
    return _fake(call) + channels * _OBSERVED


def _learned_fake_gradient(call: Call) -> Tally:
    """∂x where x was not clamped, and ∂s, ∂z, of each number, summed."""
    return call["self"].numel() * (_FAKE + 2 * MULTIPLY + 3 * ADD)


_CONVOLUTIONS = [f"conv{n}d{after}" for n in (1, 2, 3) for after in ("", "_relu")]
_CONVOLUTIONS += ["conv2d_add", "conv2d_add_relu"]
_OUTSIDE = "packed weights are not among the parameters"


def _packed_product(tally: Callable[[Call], Tally], macs: Callable[[Call], int]) -> Op:
    return Op(tally, macs=macs, assumes=_OUTSIDE)


_LINEAR = _packed_product(_scale_and_bias, _linear)
_SAME = ("sigmoid", "hardswish", "elu", "celu", "leaky_relu")
_FREE = (
    *("relu6", "clamp", "threshold", "max_pool1d", "max_pool2d", "cat", "cat_relu", "dropout"),
    *("embedding_byte", "embedding_4bit"),
)


def _ours(records: dict[str, Op]) -> dict[str, Op]:
    return {f"quantized::{name}": op for name, op in records.items()}


OPS: dict[str, Op] = {
    **_ours(
        {
            **dict.fromkeys(("linear", "linear_relu", "linear_leaky_relu", "linear_tanh"), _LINEAR),
            **dict.fromkeys(
                ("linear_dynamic", "linear_relu_dynamic"), _packed_product(_rounded_first, _linear)
            ),
            **dict.fromkeys(
                ("linear_dynamic_fp16", "linear_relu_dynamic_fp16"),
                _packed_product(_bias_of_halves, _linear),
            ),
            **dict.fromkeys(_CONVOLUTIONS, _packed_product(_scale_and_bias, _convolution)),
            **{
                f"conv{n}d_dynamic": _packed_product(_rounded_first, _convolution)
                for n in (1, 2, 3)
            },
            **{
                f"conv_transpose{n}d": _packed_product(_scale_and_bias, _transposed)
                for n in (1, 2, 3)
            },
            "matmul": Op(each(MULTIPLY), macs=_product),
            "int4mm_packed_weight_cpu": Op(each(MULTIPLY), macs=_product),
            **dict.fromkeys(("add", "add_relu", "add_scalar", "add_scalar_relu"), Op(each(ADD))),
            **dict.fromkeys(
                ("mul", "mul_relu", "mul_scalar", "mul_scalar_relu"), Op(each(MULTIPLY))
            ),
            **{name: _of(name) for name in _SAME},
            "prelu": _of("_prelu_kernel"),
            "softmax": _of("_softmax"),
            **dict.fromkeys(
                [
                    f"batch_norm{n}{after}"
                    for n in ("", "1d", "2d", "3d")
                    for after in ("", "_relu")
                ],
                Op(_batch_norm),
            ),
            "layer_norm": Op(_norm_of_rows),
            **dict.fromkeys(("group_norm", "instance_norm"), Op(_norm_of_groups)),
            **dict.fromkeys(_FREE, Op()),
        }
    ),
    **dict.fromkeys(
        (*("quantize_per_tensor", "quantize_per_tensor_dynamic", "quantize_per_channel"),),
        Op(each(_ROUND)),
    ),
    **dict.fromkeys(
        (
            "dequantize",
            "quantized_decomposed::dequantize_per_tensor",
            "quantized_decomposed::dequantize_per_channel",
        ),
        Op(each(_READ)),
    ),
    **dict.fromkeys(
        (
            "fake_quantize_per_tensor_affine_cachemask",
            "fake_quantize_per_channel_affine_cachemask",
            "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
            "_fake_quantize_learnable_per_tensor_affine",
            "_fake_quantize_learnable_per_channel_affine",
        ),
        Op(_fake),
    ),
    **dict.fromkeys(
        (
            "_fake_quantize_learnable_per_tensor_affine_backward",
            "_fake_quantize_learnable_per_channel_affine_backward",
        ),
        Op(_learned_fake_gradient),
    ),
    "_fused_moving_avg_obs_fq_helper": Op(_observed_and_fake),
    "_dyn_quant_matmul_4bit": Op(each(2 * MULTIPLY), macs=_four_bits),
    **dict.fromkeys(
        (
            *("quantized_max_pool1d", "quantized_max_pool2d", "quantized_max_pool3d", "int_repr"),
            *("_make_per_tensor_quantized_tensor", "_make_per_channel_quantized_tensor"),
            *("_dyn_quant_pack_4bit_weight", "_convert_weight_to_int4pack"),
            *("_convert_weight_to_int4pack_for_cpu", "quantized::embedding_bag_byte_prepack"),
            *("quantized_decomposed::quantize_per_tensor",),
            *("quantized_decomposed::quantize_per_channel",),
        ),
        Op(),
    ),
    **dict.fromkeys(
        (
            *("q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points"),
            *("q_per_channel_axis", "qscheme", "_empty_affine_quantized", "empty_quantized"),
            "_empty_per_channel_affine_quantized",
        ),
        Op(moves="nothing"),
    ),
}
