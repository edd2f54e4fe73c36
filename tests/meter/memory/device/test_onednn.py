"""What a convolution takes beside its tensors on a CPU: by hand, and as the allocator saw it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from helpers.meter.memory.device.cpu_kernels import WORKSPACES
from helpers.meter.memory.device.onednn import Convolution
from helpers.meter.profiled import allocations

aten = torch.ops.aten

#: (batch, in, out, kernel, stride, padding, groups, size, channels-last)
SHAPES = {
    "3 x 3": (2, 64, 128, 3, 1, 1, 1, 28, False),
    "3 x 3, channels to pad": (2, 24, 36, 3, 1, 1, 1, 28, False),
    "1 x 1": (2, 64, 96, 1, 1, 0, 1, 28, False),
    "1 x 1, strided": (2, 64, 128, 1, 2, 0, 1, 28, False),
    "3 x 3, strided": (2, 64, 64, 3, 2, 1, 1, 28, False),
    "first layer": (2, 3, 64, 7, 2, 3, 1, 64, False),
    "patches": (2, 3, 64, 16, 16, 0, 1, 64, False),
    "grouped by 16": (2, 64, 64, 3, 1, 1, 4, 28, False),
    "grouped by 4": (2, 64, 64, 3, 1, 1, 16, 28, False),
    "depthwise": (2, 64, 64, 3, 1, 1, 64, 28, False),
    "depthwise 5 x 5": (2, 64, 64, 5, 1, 2, 64, 14, False),
    "depthwise 7 x 7, channels-last": (2, 64, 64, 7, 1, 3, 64, 28, True),
    "2 x 2, strided, channels-last": (2, 64, 128, 2, 2, 0, 1, 28, True),
    "one small image, PyTorch's own": (1, 16, 16, 3, 1, 1, 1, 14, False),
}

#: Bytes of barriers and pointers a thread, and the padding of one weight block.
ROUGHLY = 40_000


def peak_and_left(run: Callable[[], Any]) -> tuple[int, int]:
    """Bytes at the highest moment of an operation, and after it, its result alive."""
    run()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = run()
    sizes = sum(t.numel() * t.itemsize for t in kept if t is not None)
    changes = allocations(profiler)
    # The result is released before the profile ends or after it: stop where it is complete.
    return max(accumulate(changes, initial=0)), sizes


@pytest.mark.needs("AVX512")
@pytest.mark.parametrize("name", SHAPES)
def test_the_workspace_is_what_the_allocator_sees(name: str) -> None:
    batch, ins, outs, kernel, stride, padding, groups, size, last = SHAPES[name]
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(batch, ins, size, size).contiguous(memory_format=layout)
    w = torch.randn(outs, ins // groups, kernel, kernel)
    where = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups)
    forward = aten.convolution.default
    y = forward(x, w, None, *where)
    peak, result = peak_and_left(lambda: [forward(x, w, None, *where)])
    assert WORKSPACES[forward](y, x, w, None, *where) == pytest.approx(peak - result, abs=ROUGHLY)

    backward = aten.convolution_backward.default
    mask = [True, True, False]
    gradient = torch.randn_like(y)
    arguments = (gradient, x, w, None, *where, mask)
    peak, result = peak_and_left(lambda: backward(*arguments))
    predicted = WORKSPACES[backward](None, *arguments)
    assert predicted == pytest.approx(peak - result, abs=ROUGHLY)


def shapes(**changes: Any) -> Convolution:
    """A 3 x 3 convolution of 2 images of 28 x 28, from 24 to 40 channels, with changes."""
    sizes: dict[str, Any] = {
        "batch": 2,
        "in_channels": 24,
        "out_channels": 40,
        "groups": 1,
        "kernel": (3, 3),
        "stride": (1, 1),
        "in_size": (28, 28),
        "out_size": (28, 28),
        "element_bytes": 4,
        "channels_last": False,
        "threads": 1,
        "register": 16,
    }
    return Convolution(**{**sizes, **changes})


def test_channels_are_padded_to_whole_registers() -> None:
    # 24 and 40 channels lie in blocks of 16 as 32 and 48. The kernel holds both, and the weights;
    # the result, 40 channels, is counted elsewhere.
    pixels = 2 * 28 * 28 * 4
    blocked = 32 * pixels + 48 * pixels + 32 * 48 * 9 * 4
    assert shapes().forward() == blocked - 40 * pixels


def test_a_narrower_register_pads_less() -> None:
    # Blocks of 8 fit 24 and 40 channels exactly. The peak comes at the end, when the result is
    # copied back: then as much is held again, which is more than input and weights.
    pixels = 2 * 28 * 28 * 4
    assert 24 * pixels + 24 * 40 * 9 * 4 < 40 * pixels
    assert shapes(register=8).forward() == 40 * pixels


def test_channels_last_copies_only_weights() -> None:
    # To channels-last and into blocks; 4,096 + 4,120 bytes for one thread.
    weights = 24 * 40 * 9 * 4
    assert shapes(channels_last=True).forward() == 2 * weights + 4096 + 4120


def test_threads_that_split_the_batch_hold_a_weight_gradient_each() -> None:
    one, two = shapes(in_size=(56, 56), out_size=(56, 56)), None
    two = shapes(in_size=(56, 56), out_size=(56, 56), threads=2)
    weights = 32 * 48 * 9 * 4
    assert two.backward((False, True, False)) - one.backward((False, True, False)) == weights + 8448


def test_a_large_kernel_over_its_whole_input_is_a_matrix_product() -> None:
    layer = shapes(kernel=(7, 7), in_size=(7, 7), out_size=(1, 1))
    # The gradient of the weights is there three times.
    weights = 24 * 40 * 49 * 4
    assert layer.backward((False, True, False)) == 2 * weights
