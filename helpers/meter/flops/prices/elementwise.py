"""FLOP of one element of each elementwise operation that PyTorch dispatches.

Written as sums of the prices in `conventions.PRICE`, step by step as the formula of the operation
goes. Names are those of ATen without the trailing underscore of in-place variants.
"""
# ruff: noqa: SIM905 (a list of names reads better as text)

from __future__ import annotations

from helpers.conventions import PRICE

ADD, MULTIPLY, DIVIDE = PRICE["add"], PRICE["multiply"], PRICE["divide"]
EXP, ROOT, TRANSCENDENTAL = PRICE["exponential"], PRICE["sqrt"], PRICE["transcendental"]

_SIGMOID = EXP + ADD + DIVIDE
_SOFTPLUS = EXP + ADD + TRANSCENDENTAL  # ln(1 + eˣ)
_ERF_PART = MULTIPLY + TRANSCENDENTAL + ADD  # 1 + erf(x / √2)
_TANH_PART = 3 * MULTIPLY + ADD + MULTIPLY + TRANSCENDENTAL + ADD  # 1 + tanh(√(2/π)(x + 0.0447x³))

#: GELU and its gradient, exact and with tanh.
GELU = {"none": _ERF_PART + 2 * MULTIPLY, "tanh": _TANH_PART + 2 * MULTIPLY}
GELU_GRADIENT = {
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

#: Operations on floating-point numbers, FLOP for each element of the result.
PER_ELEMENT: dict[str, int] = {
    "add": ADD,
    "sub": ADD,
    "rsub": ADD,
    "mul": MULTIPLY,
    "div": DIVIDE,
    "true_divide": DIVIDE,
    "reciprocal": DIVIDE,
    "fmod": DIVIDE,
    "remainder": DIVIDE,
    "floor_divide": DIVIDE,
    "sqrt": ROOT,
    "rsqrt": ROOT + DIVIDE,
    "square": MULTIPLY,
    "lerp": 2 * ADD + MULTIPLY,
    "addcmul": ADD + 2 * MULTIPLY,
    "addcdiv": ADD + MULTIPLY + DIVIDE,
    "exp": EXP,
    "exp2": EXP,
    "expm1": EXP + ADD,
    "sigmoid": _SIGMOID,
    "log_sigmoid_forward": _SOFTPLUS,
    "silu": _SIGMOID + MULTIPLY,
    "softplus": _SOFTPLUS,
    "mish": _SOFTPLUS + TRANSCENDENTAL + MULTIPLY,
    "elu": EXP + ADD + MULTIPLY,
    "celu": DIVIDE + EXP + ADD + MULTIPLY,
    "selu": EXP + ADD + 2 * MULTIPLY,
    "leaky_relu": MULTIPLY,
    "_prelu_kernel": MULTIPLY,
    "rrelu_with_noise": MULTIPLY,
    "hardsigmoid": ADD + DIVIDE,
    "hardswish": ADD + MULTIPLY + DIVIDE,
    "native_dropout": 2 * MULTIPLY,
    "addr": 2 * ADD,
    **dict.fromkeys(
        """
        log log2 log10 log1p erf erfc erfinv tan tanh sin cos sinh cosh asin acos atan atan2 asinh
        acosh atanh sinc lgamma digamma special_i0 hypot logaddexp xlogy
        """.split(),
        TRANSCENDENTAL,
    ),
    # gradients
    "sigmoid_backward": ADD + 2 * MULTIPLY,
    "tanh_backward": ADD + 2 * MULTIPLY,
    "silu_backward": _SIGMOID + 2 * ADD + 3 * MULTIPLY,
    "softplus_backward": _SIGMOID + MULTIPLY,
    "log_sigmoid_backward": _SIGMOID + MULTIPLY,
    # t = tanh(softplus(x));  ∂y (t + x σ (1 − t²))
    "mish_backward": _SOFTPLUS + TRANSCENDENTAL + _SIGMOID + 2 * ADD + 4 * MULTIPLY,
    "elu_backward": ADD + MULTIPLY,
    "leaky_relu_backward": MULTIPLY,
    "_prelu_kernel_backward": 2 * MULTIPLY,
    "rrelu_with_noise_backward": MULTIPLY,
    "hardsigmoid_backward": MULTIPLY,
    "hardswish_backward": DIVIDE + ADD + MULTIPLY,
    "native_dropout_backward": 2 * MULTIPLY,
}

#: Functions that do arithmetic only where x ≤ 0: without data, every element is taken as such.
DATA_DEPENDENT = frozenset(
    {"_prelu_kernel", "leaky_relu", "elu", "celu", "selu", "rrelu_with_noise"}
    | {"_prelu_kernel_backward", "leaky_relu_backward", "elu_backward"}
)
