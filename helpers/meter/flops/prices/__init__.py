"""What each operation that PyTorch dispatches costs beside its multiply-accumulates, in FLOP.

`scalar_price(name)` finds the formula of an operation: a function of its arguments and result.
FLOP are operations on floating-point numbers: arithmetic on integers and truth values is free.
A complex number's addition is two FLOP, its product six.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log2, prod
from typing import Any

from helpers.conventions import PRICE
from helpers.meter.flops.prices.elementwise import GELU, GELU_GRADIENT, PER_ELEMENT
from helpers.meter.flops.prices.norms import NORMS
from helpers.meter.flops.prices.zero_flop import COMPARE, MOVE

ADD, MULTIPLY, DIVIDE = PRICE["add"], PRICE["multiply"], PRICE["divide"]
EXP, ROOT, TRANSCENDENTAL = PRICE["exponential"], PRICE["sqrt"], PRICE["transcendental"]

Args = tuple[Any, ...]
Price = Callable[[Args, Mapping[str, Any], Any], int]


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, (tuple, list)) else out


def _argument(args: Args, kwargs: Mapping[str, Any], place: int, name: str, default: Any) -> Any:
    return args[place] if len(args) > place else kwargs.get(name, default)


def per_element(price: int) -> Price:
    """`price` for each floating-point element of the result."""
    if not price:
        return nothing
    complex_price = 2 * price if price == ADD else 6 * price

    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        out = _first(out)
        if out.dtype.is_floating_point:
            return price * out.numel()
        return complex_price * out.numel() if out.dtype.is_complex else 0

    return cost


def nothing(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """No arithmetic."""
    return 0


def _power(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """x² is a product, x³ two; roots and inverses have their price, other powers 40."""
    known = {2: MULTIPLY, 3: 2 * MULTIPLY, 0.5: ROOT, -0.5: ROOT + DIVIDE, -1: DIVIDE, 1: 0, 0: 0}
    exponent = args[1]
    price = known.get(exponent, TRANSCENDENTAL) if isinstance(exponent, (int, float)) else EXP
    return price * out.numel() if out.dtype.is_floating_point else 0


def _scaled_sum(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """x + α y: a product more where α is not one."""
    price = ADD + (MULTIPLY if kwargs.get("alpha", 1) not in (1, -1) else 0)
    return price * out.numel() if out.dtype.is_floating_point else 0


def _gelu(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return GELU[kwargs.get("approximate", "none")] * out.numel()


def _gelu_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return GELU_GRADIENT[kwargs.get("approximate", "none")] * out.numel()


def _reduction(divisions: int = 0, each: int = 0, after: int = 0, sums: int = 1) -> Price:
    """Sums of the input: n − 1 additions each, `each` FLOP before, `after` FLOP for each result."""

    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        x, results = args[0], _first(out).numel()
        if not (x.dtype.is_floating_point or x.dtype.is_complex):
            return 0
        n = x.numel()
        adds = sums * max(n - results, 0)
        return adds * ADD + each * n + (divisions * DIVIDE + after) * results

    return cost


def _norm(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """The p-norm: (Σ |x|ᵖ)^(1/p); of order 2 squares and a root."""
    order, n, results = _argument(args, kwargs, 1, "ord", 2), args[0].numel(), out.numel()
    if order in (float("inf"), float("-inf"), 0):
        return 0
    each = {1: 0, 2: MULTIPLY}.get(order, TRANSCENDENTAL)
    after = {1: 0, 2: ROOT}.get(order, TRANSCENDENTAL)
    return each * n + ADD * (n - results) + after * results


def _scan(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """A running sum or product: one operation for each element but the first of its row."""
    rows = out.numel() // max(out.shape[args[1]], 1) if out.dim() else 1
    return (out.numel() - rows) * ADD if out.dtype.is_floating_point else 0


def _addmm_bias(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    scales = [kwargs.get("beta", 1), kwargs.get("alpha", 1)]
    if scales[0] == 0:
        return 0
    return out.numel() * (ADD + sum(MULTIPLY for scale in scales if scale != 1))


def _linear_bias(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return out.numel() * ADD if _argument(args, kwargs, 2, "bias", None) is not None else 0


def _convolution_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    if not args[10][2]:
        return 0
    channels = args[0].shape[1]
    return (args[0].numel() - channels) * ADD


def _softmax(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    n, rows = _rows(out, args[1])
    return EXP * n + ADD * (n - rows) + DIVIDE * n


def _log_softmax(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    n, rows = _rows(out, args[1])
    return EXP * n + ADD * (n - rows) + TRANSCENDENTAL * rows + ADD * n


def _softmax_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    n, rows = _rows(out, args[2])
    return MULTIPLY * n + ADD * (n - rows) + ADD * n + MULTIPLY * n


def _log_softmax_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    n, rows = _rows(out, args[2])
    return ADD * (n - rows) + EXP * n + MULTIPLY * n + ADD * n


def _rows(x: Any, dim: int) -> tuple[int, int]:
    """Elements, and how many rows along `dim` they form."""
    n = x.numel()
    return n, n // max(x.shape[dim], 1) if x.dim() else 1


def _window(kernel: Any, dimensions: int) -> int:
    """Numbers in a window, whose sides are given one by one or as one for all."""
    return prod(kernel) if len(kernel) == dimensions else kernel[0] ** dimensions


def _window_average(dimensions: int) -> Price:
    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        return out.numel() * ((_window(args[1], dimensions) - 1) * ADD + DIVIDE)

    return cost


def _window_average_gradient(dimensions: int) -> Price:
    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        return args[0].numel() * (_window(args[2], dimensions) * ADD + DIVIDE)

    return cost


def _summands(size: Any, outputs: Any) -> int:
    """Numbers in all windows of adaptive pooling, for one channel."""
    held = 1
    for m, n in zip(size, outputs, strict=True):
        held *= sum(-(-(i + 1) * m // n) - i * m // n for i in range(n))
    return held


def _adaptive_average(dimensions: int) -> Price:
    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        size, outputs = args[0].shape[-dimensions:], out.shape[-dimensions:]
        channels = prod(out.shape[:-dimensions])
        adds = channels * _summands(size, outputs) - out.numel()
        return adds * ADD + out.numel() * DIVIDE

    return cost


def _adaptive_average_gradient(dimensions: int) -> Price:
    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        size, outputs = args[1].shape[-dimensions:], args[0].shape[-dimensions:]
        channels = prod(args[0].shape[:-dimensions])
        return channels * _summands(size, outputs) * ADD + args[0].numel() * DIVIDE

    return cost


def _interpolation(taps: int, gradient: bool = False) -> Price:
    """Separable interpolation from `taps` neighbours: products and sums, one side at a time.

    Its gradient adds `taps²` weighted parts of each ∂y to the inputs: three FLOP a part.
    """

    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        sides = (args[0] if gradient else out).dim() - 2
        if gradient:
            return args[0].numel() * 3 * taps**sides
        groups = sum(taps**side for side in range(sides))
        return out.numel() * groups * (taps * MULTIPLY + (taps - 1) * ADD)

    return cost


def _grid_sample(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """Bilinear at coordinates that are first made pixels: ((x + 1) · size − 1) · ½, 4 FLOP each."""
    return _interpolation(2)(args, kwargs, out) + args[1].numel() * 2 * (ADD + MULTIPLY)


def _added_back(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """The gradient of what copies or chooses numbers: each ∂y is added to the one it came from."""
    return args[0].numel() * ADD


def _scatter_sum(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """Additions of the scattered numbers (the third tensor: index_add, scatter_add)."""
    source = args[3] if len(args) > 3 else kwargs.get("source", args[-1])
    return source.numel() * ADD if hasattr(source, "numel") else 0


def _put(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    accumulate = _argument(args, kwargs, 3, "accumulate", False)
    return args[2].numel() * ADD if accumulate else 0


def _folded(n: int, reduction: int) -> int:
    """A loss of n numbers made one: none (0), their mean (1), their sum (2)."""
    return {0: 0, 1: (n - 1) * ADD + DIVIDE, 2: (n - 1) * ADD}[reduction]


def _mean_of(each: int) -> Price:
    """A loss: `each` FLOP an element, then their sum and, for a mean, its division."""

    def cost(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
        n = args[0].numel()
        reduction = next((a for a in args[2:] if isinstance(a, int)), kwargs.get("reduction", 1))
        return each * n + _folded(n, int(reduction))

    return cost


def _nll(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """One chosen number for each target: their sum and, for a mean, its division."""
    targets, weights, reduction = args[1].numel(), args[2], args[3]
    each = MULTIPLY * targets if weights is not None else 0
    return each + _folded(targets, reduction)


def _nll_gradient(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    return DIVIDE if args[4] == 1 else 0


def _fourier(args: Args, kwargs: Mapping[str, Any], out: Any) -> int:
    """5 n log₂ n for each complex transform of n numbers (Cooley-Tukey), half for real ones."""
    x = args[0] if args[0].numel() >= out.numel() else out
    n = prod(x.shape[dim] for dim in args[1])
    real = not (args[0].dtype.is_complex and out.dtype.is_complex)
    return round(5 * x.numel() * log2(max(n, 2)) / (2 if real else 1))


#: Operations with a formula of their own.
FORMULAS: dict[str, Price] = {
    "add": _scaled_sum,
    "sub": _scaled_sum,
    "pow": _power,
    "gelu": _gelu,
    "gelu_backward": _gelu_gradient,
    "sum": _reduction(),
    "nansum": _reduction(),
    "mean": _reduction(divisions=1),
    "prod": _reduction(),
    "var": _reduction(divisions=2, each=ADD + MULTIPLY, sums=2),
    "var_mean": _reduction(divisions=2, each=ADD + MULTIPLY, sums=2),
    "std": _reduction(divisions=2, each=ADD + MULTIPLY, sums=2, after=ROOT),
    "std_mean": _reduction(divisions=2, each=ADD + MULTIPLY, sums=2, after=ROOT),
    "logsumexp": _reduction(each=EXP, after=TRANSCENDENTAL),
    "linalg_vector_norm": _norm,
    "norm": _norm,
    "cumsum": _scan,
    "cumprod": _scan,
    "trace": lambda args, kwargs, out: (min(args[0].shape) - 1) * ADD,
    "addmm": _addmm_bias,
    "baddbmm": _addmm_bias,
    "addbmm": _addmm_bias,
    "addmv": _addmm_bias,
    "_addmm_activation": _addmm_bias,
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "_int_mm"), nothing),
    "linear": _linear_bias,
    "convolution": lambda args, kwargs, out: 0 if args[2] is None else out.numel() * ADD,
    "_convolution": lambda args, kwargs, out: 0 if args[2] is None else out.numel() * ADD,
    "convolution_backward": _convolution_gradient,
    "_softmax": _softmax,
    "_safe_softmax": _softmax,
    "_log_softmax": _log_softmax,
    "_softmax_backward_data": _softmax_gradient,
    "_log_softmax_backward_data": _log_softmax_gradient,
    "avg_pool1d": _window_average(1),
    "avg_pool2d": _window_average(2),
    "avg_pool3d": _window_average(3),
    "avg_pool2d_backward": _window_average_gradient(2),
    "avg_pool3d_backward": _window_average_gradient(3),
    "_adaptive_avg_pool2d": _adaptive_average(2),
    "_adaptive_avg_pool3d": _adaptive_average(3),
    "adaptive_avg_pool1d": _adaptive_average(1),
    "_adaptive_avg_pool2d_backward": _adaptive_average_gradient(2),
    "_adaptive_avg_pool3d_backward": _adaptive_average_gradient(3),
    **dict.fromkeys(
        (
            *("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward"),
            *("adaptive_max_pool2d_backward", "embedding_dense_backward"),
            *("upsample_nearest2d_backward", "_upsample_nearest_exact2d_backward"),
            *("reflection_pad1d_backward", "reflection_pad2d_backward"),
            *("replication_pad2d_backward", "col2im", "unfold_backward"),
        ),
        _added_back,
    ),
    **dict.fromkeys(
        ("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), _interpolation(2)
    ),
    "_upsample_bilinear2d_aa": _interpolation(2),
    **dict.fromkeys(("upsample_bicubic2d", "_upsample_bicubic2d_aa"), _interpolation(4)),
    **dict.fromkeys(
        (
            *("upsample_linear1d_backward", "upsample_bilinear2d_backward"),
            "_upsample_bilinear2d_aa_backward",
        ),
        _interpolation(2, gradient=True),
    ),
    **dict.fromkeys(
        ("upsample_bicubic2d_backward", "_upsample_bicubic2d_aa_backward"),
        _interpolation(4, gradient=True),
    ),
    "grid_sampler_2d": _grid_sample,
    **dict.fromkeys(("index_add", "scatter_add", "index_reduce", "scatter_reduce"), _scatter_sum),
    **dict.fromkeys(("index_put", "_index_put_impl", "_unsafe_index_put"), _put),
    "mse_loss": _mean_of(ADD + MULTIPLY),
    "smooth_l1_loss": _mean_of(ADD + 2 * MULTIPLY),
    "huber_loss": _mean_of(ADD + 2 * MULTIPLY),
    "binary_cross_entropy": _mean_of(2 * TRANSCENDENTAL + 2 * ADD + 2 * MULTIPLY),
    "mse_loss_backward": lambda args, kwargs, out: out.numel() * (ADD + MULTIPLY),
    "smooth_l1_loss_backward": lambda args, kwargs, out: out.numel() * (ADD + 2 * MULTIPLY),
    "huber_loss_backward": lambda args, kwargs, out: out.numel() * (ADD + 2 * MULTIPLY),
    **dict.fromkeys(("nll_loss_forward", "nll_loss2d_forward"), _nll),
    **dict.fromkeys(("nll_loss_backward", "nll_loss2d_backward"), _nll_gradient),
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), _fourier),
}


def scalar_price(name: str) -> Price | None:
    """The formula of an ATen operation (its name without `aten::`), None if it has no price."""
    for table in (FORMULAS, NORMS):
        if name in table:
            return table[name]
    if name in PER_ELEMENT:
        return per_element(PER_ELEMENT[name])
    return nothing if name in COMPARE or name in MOVE else None
