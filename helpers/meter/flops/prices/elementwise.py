"""Operations that do the same with every number, written step by step as their formula goes.

Names are those of ATen without the trailing underscore of in-place variants.
"""
# ruff: noqa: SIM905 (a list of names reads better as text)

from __future__ import annotations

from typing import Any

import torch

from helpers.meter.flops.prices.op import Call, Op, each
from helpers.meter.flops.prices.tally import (
    ADD,
    COMPARE,
    COMPLEX_INVERSE,
    COMPLEX_LOGARITHM,
    DIVIDE,
    EXP,
    MODULUS,
    MULTIPLY,
    NOTHING,
    ROOT,
    TRANSCENDENTAL,
    Numbers,
    Tally,
)

_SIGMOID = EXP + ADD + DIVIDE
_SOFTPLUS = EXP + ADD + TRANSCENDENTAL  # ln(1 + eˣ)
_ERF_PART = MULTIPLY + TRANSCENDENTAL + ADD  # 1 + erf(x / √2)
_TANH_PART = 3 * MULTIPLY + ADD + MULTIPLY + TRANSCENDENTAL + ADD  # 1 + tanh(√(2/π)(x + 0.0447x³))

#: GELU and its gradient, exact and with tanh.
_GELU = {"none": _ERF_PART + 2 * MULTIPLY, "tanh": _TANH_PART + 2 * MULTIPLY}
_GELU_GRADIENT = {
    # Φ = ½ (1 + erf), φ = e^(−x²/2) / √(2π);  ∂y (Φ + x φ)
    "none": (_ERF_PART + MULTIPLY) + (3 * MULTIPLY + EXP) + MULTIPLY + ADD + MULTIPLY,
    # left: ½ (1 + tanh);  right: ½ x (1 − tanh²) · √(2/π) (1 + 3 · 0.0447 x²);  ∂y (left + right)
    "tanh": (_TANH_PART + MULTIPLY)
    + (MULTIPLY + ADD)
    + (MULTIPLY + ADD + MULTIPLY)
    + 3 * MULTIPLY
    + ADD
    + MULTIPLY,
}


def _is_complex(operand: Any) -> bool:
    if isinstance(operand, torch.Tensor):
        return operand.is_complex()
    return isinstance(operand, complex)


def _numbers(one: Any, other: Any) -> Numbers:
    """What an operation on two operands is done on."""
    complex_operands = _is_complex(one) + _is_complex(other)
    return ("real", "mixed", "complex")[complex_operands]  # type: ignore[return-value]


def _sum(call: Call) -> Tally:
    """x + α y: a product more where α is not one."""
    x, y, alpha = call["self"], call["other"], call["alpha"]
    tally = ADD.on(_numbers(x, y))
    if alpha not in (1, -1, None):
        tally += MULTIPLY.on(_numbers(y, alpha))
    return tally * call.first.numel()


def _product(call: Call) -> Tally:
    return MULTIPLY.on(_numbers(call["self"], call["other"])) * call.first.numel()


def _quotient(call: Call) -> Tally:
    """x / y. A real x over a complex y is x · ȳ / |y|²."""
    x, y = call["self"], call["other"]
    if _is_complex(y) and not _is_complex(x):
        return (2 * MULTIPLY + COMPLEX_INVERSE) * call.first.numel()
    return DIVIDE.on(_numbers(x, y)) * call.first.numel()


#: Powers that are no general ones, on real numbers and on complex ones.
_POWERS: dict[float, tuple[Tally, Tally]] = {
    0: (NOTHING, NOTHING),
    1: (NOTHING, NOTHING),
    2: (MULTIPLY, MULTIPLY.on("complex")),
    3: (2 * MULTIPLY, 2 * MULTIPLY.on("complex")),
    0.5: (ROOT, ROOT.on("complex")),
    -0.5: (ROOT + DIVIDE, ROOT.on("complex") + COMPLEX_INVERSE),
    -1: (DIVIDE, COMPLEX_INVERSE),
}
_COMPLEX_POWER = COMPLEX_LOGARITHM + (MULTIPLY + EXP).on("complex")  # e^(y ln z)


def _power(call: Call) -> Tally:
    """x² is a product, x³ two; roots and inverses have their price, others that of a function."""
    exponent = call["exponent"]
    general = TRANSCENDENTAL if isinstance(exponent, (int, float)) else EXP
    powers = general, _COMPLEX_POWER
    if isinstance(exponent, (int, float)):
        powers = _POWERS.get(exponent, powers)
    return powers[call.is_complex] * call.first.numel()


def _gelu(call: Call) -> Tally:
    return _GELU[call["approximate"]] * call.out.numel()


def _gelu_gradient(call: Call) -> Tally:
    return _GELU_GRADIENT[call["approximate"]] * call.out.numel()


def _weight_norm(call: Call) -> Tally:
    """w = g · v / ‖v‖, a norm for each number of g."""
    n, norms = call["v"].numel(), call["g"].numel()
    return n * MULTIPLY + (n - norms) * ADD + norms * (ROOT + DIVIDE) + n * MULTIPLY


def _weight_norm_gradient(call: Call) -> Tally:
    """∂g = Σ ∂w v / ‖v‖;  ∂v = g / ‖v‖ · (∂w − v ∂g / ‖v‖)."""
    n, norms = call["saved_v"].numel(), call["saved_norms"].numel()
    gain = n * MULTIPLY + (n - norms) * ADD + norms * DIVIDE
    return gain + norms * 2 * DIVIDE + n * (MULTIPLY + ADD + MULTIPLY)


def _algebraic(real: Tally) -> Op:
    """A formula of sums, products, quotients, roots and exponentials holds for complex numbers."""
    return Op(each(real, real.on("complex")), complex=True)


#: Half of the numbers of these functions cost nothing; without data, none is taken as such.
_IF_NEGATIVE = "every element taken as ≤ 0"

_CIRCULAR = 4 * TRANSCENDENTAL + 2 * MULTIPLY  # sin z = sin a cosh b + i cos a sinh b
_TANGENT = 2 * MULTIPLY + 4 * TRANSCENDENTAL + ADD + 2 * DIVIDE  # (sin 2a + i sinh 2b) / (…)

OPS: dict[str, Op] = {
    **dict.fromkeys(("add", "sub", "rsub"), Op(_sum, complex=True)),
    "mul": Op(_product, complex=True),
    "div": Op(_quotient, complex=True),
    "pow": Op(_power, complex=True),
    "reciprocal": Op(each(DIVIDE, COMPLEX_INVERSE), complex=True),
    "square": _algebraic(MULTIPLY),
    "sqrt": _algebraic(ROOT),
    "rsqrt": Op(each(ROOT + DIVIDE, ROOT.on("complex") + COMPLEX_INVERSE), complex=True),
    "exp": _algebraic(EXP),
    "sigmoid": Op(each(_SIGMOID, (EXP + ADD).on("complex") + COMPLEX_INVERSE), complex=True),
    "abs": Op(each(COMPARE, MODULUS), complex=True),
    "sgn": Op(each(COMPARE, MODULUS + 2 * DIVIDE), complex=True),
    "angle": Op(each(COMPARE, TRANSCENDENTAL), complex=True),
    "polar": Op(each(NOTHING, 2 * TRANSCENDENTAL + 2 * MULTIPLY), complex=True),
    "log": Op(each(TRANSCENDENTAL, COMPLEX_LOGARITHM), complex=True),
    **dict.fromkeys(
        ("log2", "log10"), Op(each(TRANSCENDENTAL, COMPLEX_LOGARITHM + 2 * DIVIDE), complex=True)
    ),
    **dict.fromkeys(
        ("sin", "cos", "sinh", "cosh"), Op(each(TRANSCENDENTAL, _CIRCULAR), complex=True)
    ),
    **dict.fromkeys(("tan", "tanh"), Op(each(TRANSCENDENTAL, _TANGENT), complex=True)),
    **dict.fromkeys(
        """
        log1p erf erfc erfinv asin acos atan atan2 asinh acosh atanh sinc lgamma digamma special_i0
        hypot logaddexp logaddexp2 xlogy special_xlog1py special_entr special_log_ndtr special_ndtri
        special_erfcx special_i0e special_i1 special_i1e i0 igamma igammac polygamma mvlgamma
        special_zeta special_bessel_j0 special_bessel_j1
        """.split(),
        Op(each(TRANSCENDENTAL)),
    ),
    "logit": Op(each(ADD + DIVIDE + TRANSCENDENTAL)),
    "logit_backward": Op(each(ADD + MULTIPLY + DIVIDE)),
    "glu_backward": Op(each(_SIGMOID + ADD + 2 * MULTIPLY)),
    **dict.fromkeys(("deg2rad", "rad2deg", "ldexp", "_masked_scale"), Op(each(MULTIPLY))),
    "_fused_dropout": Op(each(MULTIPLY)),
    "_add_relu": Op(_sum),
    "linalg_cross": Op(each(2 * MULTIPLY + ADD)),
    "exp2": Op(each(EXP)),
    "expm1": Op(each(EXP + ADD)),
    **dict.fromkeys(("fmod", "remainder", "floor_divide"), Op(each(DIVIDE))),
    "lerp": Op(each(2 * ADD + MULTIPLY)),
    "addcmul": Op(each(ADD + 2 * MULTIPLY)),
    "addcdiv": Op(each(ADD + MULTIPLY + DIVIDE)),
    "addr": Op(each(2 * ADD)),
    "native_dropout": Op(each(2 * MULTIPLY)),
    "_weight_norm_interface": Op(_weight_norm),
    # activation functions
    "gelu": Op(_gelu),
    "silu": Op(each(_SIGMOID + MULTIPLY)),
    "softplus": Op(each(_SOFTPLUS)),
    "log_sigmoid_forward": Op(each(_SOFTPLUS)),
    "mish": Op(each(_SOFTPLUS + TRANSCENDENTAL + MULTIPLY)),
    "hardsigmoid": Op(each(ADD + DIVIDE)),
    "hardswish": Op(each(ADD + MULTIPLY + DIVIDE)),
    "glu": Op(each(_SIGMOID + MULTIPLY)),
    "elu": Op(each(EXP + ADD + MULTIPLY), assumes=_IF_NEGATIVE),
    "celu": Op(each(DIVIDE + EXP + ADD + MULTIPLY), assumes=_IF_NEGATIVE),
    "selu": Op(each(EXP + ADD + 2 * MULTIPLY), assumes=_IF_NEGATIVE),
    **dict.fromkeys(
        ("leaky_relu", "_prelu_kernel", "rrelu_with_noise"),
        Op(each(MULTIPLY), assumes=_IF_NEGATIVE),
    ),
    # their gradients
    "gelu_backward": Op(_gelu_gradient),
    "sigmoid_backward": Op(each(ADD + 2 * MULTIPLY)),
    "tanh_backward": Op(each(ADD + 2 * MULTIPLY)),
    "silu_backward": Op(each(_SIGMOID + 2 * ADD + 3 * MULTIPLY)),
    "softplus_backward": Op(each(_SIGMOID + MULTIPLY)),
    "log_sigmoid_backward": Op(each(_SIGMOID + MULTIPLY)),
    # t = tanh(softplus(x));  ∂y (t + x σ (1 − t²))
    "mish_backward": Op(each(_SOFTPLUS + TRANSCENDENTAL + _SIGMOID + 2 * ADD + 4 * MULTIPLY)),
    "hardsigmoid_backward": Op(each(MULTIPLY)),
    "hardswish_backward": Op(each(DIVIDE + ADD + MULTIPLY)),
    "native_dropout_backward": Op(each(2 * MULTIPLY)),
    "_weight_norm_interface_backward": Op(_weight_norm_gradient),
    "elu_backward": Op(each(ADD + MULTIPLY), assumes=_IF_NEGATIVE),
    "leaky_relu_backward": Op(each(MULTIPLY), assumes=_IF_NEGATIVE),
    "_prelu_kernel_backward": Op(each(2 * MULTIPLY), assumes=_IF_NEGATIVE),
    "rrelu_with_noise_backward": Op(each(MULTIPLY)),
}
