"""Operations on images and signals by windows and neighbours: pooling, interpolation, grids."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, Tally


def _window(kernel: Any, dimensions: int) -> int:
    """Numbers in a window, whose sides are given one by one or as one for all."""
    return prod(kernel) if len(kernel) == dimensions else kernel[0] ** dimensions


def _window_average(dimensions: int) -> Callable[[Call], Tally]:
    def tally(call: Call) -> Tally:
        summands = _window(call["kernel_size"], dimensions)
        return call.out.numel() * ((summands - 1) * ADD + DIVIDE)

    return tally


def _window_average_gradient(dimensions: int) -> Callable[[Call], Tally]:
    def tally(call: Call) -> Tally:
        summands = _window(call["kernel_size"], dimensions)
        return call["grad_output"].numel() * (summands * ADD + DIVIDE)

    return tally


def _summands(size: Any, outputs: Any) -> int:
    """Numbers in all windows of adaptive pooling, for one channel."""
    held = 1
    for m, n in zip(size, outputs, strict=True):
        held *= sum(-(-(i + 1) * m // n) - i * m // n for i in range(n))
    return held


def _adaptive_average(dimensions: int) -> Callable[[Call], Tally]:
    def tally(call: Call) -> Tally:
        size, outputs = call.x.shape[-dimensions:], call.out.shape[-dimensions:]
        channels = prod(call.out.shape[:-dimensions])
        sums = channels * _summands(size, outputs) - call.out.numel()
        return sums * ADD + call.out.numel() * DIVIDE

    return tally


def _adaptive_average_gradient(dimensions: int) -> Callable[[Call], Tally]:
    def tally(call: Call) -> Tally:
        gradient = call["grad_output"]
        size, outputs = call["self"].shape[-dimensions:], gradient.shape[-dimensions:]
        channels = prod(gradient.shape[:-dimensions])
        return channels * _summands(size, outputs) * ADD + gradient.numel() * DIVIDE

    return tally


def _interpolation(taps: int) -> Callable[[Call], Tally]:
    """Separable interpolation from `taps` neighbours: products and sums, one side at a time."""

    def tally(call: Call) -> Tally:
        sides = call.out.dim() - 2
        groups = sum(taps**side for side in range(sides))
        return call.out.numel() * groups * (taps * MULTIPLY + (taps - 1) * ADD)

    return tally


def _interpolation_gradient(taps: int) -> Callable[[Call], Tally]:
    """Each ∂y adds `taps` weighted parts a side to the inputs: three FLOP a part."""

    def tally(call: Call) -> Tally:
        gradient = call["grad_output"]
        parts = taps ** (gradient.dim() - 2)
        return gradient.numel() * parts * (2 * MULTIPLY + ADD)

    return tally


#: A coordinate from −1 to 1 as a pixel: ((x + 1) · size − 1) · ½.
_PIXEL = 2 * (ADD + MULTIPLY)


def _grid_sample(call: Call) -> Tally:
    """Linear, at coordinates that are first made pixels."""
    return _interpolation(2)(call) + call["grid"].numel() * _PIXEL


def _grid_sample_gradient(call: Call) -> Tally:
    """∂x as of an interpolation; ∂grid from the same neighbours, for each coordinate."""
    gradient, grid = call["grad_output"], call["grid"]
    parts = 2 ** (gradient.dim() - 2)
    each = parts * (2 * MULTIPLY + ADD)
    wanted_input, wanted_grid = call["output_mask"]
    coordinates = grid.shape[-1] * wanted_grid
    return (gradient.numel() * (wanted_input + coordinates)) * each + grid.numel() * _PIXEL


OPS: dict[str, Op] = {
    **{f"avg_pool{n}d": Op(_window_average(n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d_backward": Op(_window_average_gradient(n)) for n in (2, 3)},
    "adaptive_avg_pool1d": Op(_adaptive_average(1)),
    **{f"_adaptive_avg_pool{n}d": Op(_adaptive_average(n)) for n in (2, 3)},
    **{f"_adaptive_avg_pool{n}d_backward": Op(_adaptive_average_gradient(n)) for n in (2, 3)},
    **dict.fromkeys(
        ("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), Op(_interpolation(2))
    ),
    "_upsample_bilinear2d_aa": Op(_interpolation(2)),
    **dict.fromkeys(("upsample_bicubic2d", "_upsample_bicubic2d_aa"), Op(_interpolation(4))),
    **dict.fromkeys(
        (
            *("upsample_linear1d_backward", "upsample_bilinear2d_backward"),
            *("upsample_trilinear3d_backward", "_upsample_bilinear2d_aa_backward"),
        ),
        Op(_interpolation_gradient(2)),
    ),
    **dict.fromkeys(
        ("upsample_bicubic2d_backward", "_upsample_bicubic2d_aa_backward"),
        Op(_interpolation_gradient(4)),
    ),
    **dict.fromkeys(("grid_sampler_2d", "grid_sampler_3d"), Op(_grid_sample)),
    **dict.fromkeys(
        ("grid_sampler_2d_backward", "grid_sampler_3d_backward"), Op(_grid_sample_gradient)
    ),
}
