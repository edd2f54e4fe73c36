"""A shortcut's result is the one PyTorch's meta kernel finds: shape, dtype and strides."""

from __future__ import annotations

import pytest
import torch

from helpers.meter.flops.meta_fast_paths import shortcut

aten = torch.ops.aten


def tensors(*shape, dtype=torch.float32):
    """One tensor in each layout that models use."""
    dense = torch.empty(shape, device="meta", dtype=dtype)
    yield dense
    if len(shape) == 4:
        yield dense.to(memory_format=torch.channels_last)
        yield dense.permute(0, 2, 3, 1)
    if len(shape) >= 2:
        yield dense.transpose(-1, -2)
        yield dense[..., ::2]
        yield dense[..., :1].expand(shape)


def looks(result):
    """What must be equal: shape, dtype and strides of each tensor."""
    if result is None:
        return None
    if isinstance(result, torch.Tensor):
        return tuple(result.shape), result.dtype, result.stride()
    return [looks(part) for part in result]


UNARY = ["gelu", "silu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "exp", "relu", "mish"]
UNARY += ["leaky_relu", "elu", "softplus", "hardtanh", "neg", "abs", "sqrt", "rsqrt", "erf", "log"]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_functions_of_one_tensor(name, dtype):
    func = getattr(aten, name).default
    for x in tensors(2, 3, 4, 6, dtype=dtype):
        assert looks(shortcut(func)((x,), {})) == looks(func(x))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_functions_of_two_tensors(name):
    func = getattr(aten, name).Tensor
    for x in tensors(2, 3, 4, 6):
        for y in (*tensors(2, 3, 4, 6), *tensors(4, 6), torch.empty((), device="meta"), 2.0):
            short = shortcut(func)((x, y), {})
            assert short is None or looks(short) == looks(func(x, y))
    x = torch.empty(2, 3, device="meta")
    assert shortcut(func)((x, x), {}) is not None
    assert shortcut(func)((x[:1], x), {}) is None  # the result is larger than the first operand
    assert shortcut(func)((x, x.double()), {}) is None
    assert shortcut(func)((x.long(), x.long()), {}) is None


@pytest.mark.parametrize("name", ["gelu_backward", "silu_backward", "sigmoid_backward"])
def test_gradients_of_functions(name):
    func = getattr(aten, name).default
    for x in tensors(2, 3, 4, 6):
        for y in tensors(2, 3, 4, 6):
            short = shortcut(func)((x, y), {})
            assert short is None or looks(short) == looks(func(x, y))
    x = torch.empty(2, 3, device="meta")
    assert shortcut(func)((x, x), {}) is not None


def test_products():
    a, b = torch.empty(3, 4, device="meta"), torch.empty(4, 5, device="meta")
    bias = torch.empty(5, device="meta")
    assert looks(shortcut(aten.mm.default)((a, b), {})) == looks(aten.mm(a, b))
    assert looks(shortcut(aten.addmm.default)((bias, a, b), {})) == looks(aten.addmm(bias, a, b))
    assert shortcut(aten.mm.default)((a, a), {}) is None  # PyTorch says why this cannot be


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(affine, training):
    x = torch.empty(2, 3, 4, 6, device="meta")
    c = torch.empty(3, device="meta")
    weight = c if affine else None
    args = (x, weight, weight, c, c, training, 0.1, 1e-5)
    func = aten.native_batch_norm.default
    short = shortcut(func)(args, {})
    # On the meta device PyTorch makes room for averages that its kernels do not keep in eval mode.
    real = func(*(torch.empty_like(a, device="cpu") if hasattr(a, "shape") else a for a in args))
    assert looks(short) == looks(real)
    gradient = aten.native_batch_norm_backward.default
    mask = [True, affine, affine]
    args = (x, x, weight, c, c, *short[1:], training, 1e-5, mask)
    if training:
        assert looks(shortcut(gradient)(args, {})) == looks(gradient(*args))


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(affine):
    x = torch.empty(2, 3, 4, device="meta")
    w = torch.empty(4, device="meta") if affine else None
    func = aten.native_layer_norm.default
    short = shortcut(func)((x, [4], w, w, 1e-5), {})
    assert looks(short) == looks(func(x, [4], w, w, 1e-5))
    gradient = aten.native_layer_norm_backward.default
    args = (x, x, [4], *short[1:], w, w, [True, affine, affine])
    assert looks(shortcut(gradient)(args, {})) == looks(gradient(*args))
    turned = x.transpose(0, 1)
    assert shortcut(func)((turned, [4], w, w, 1e-5), {}) is None


def test_softmax_gradient():
    x = torch.empty(2, 3, device="meta")
    func = aten._softmax_backward_data.default
    args = (x, x, 1, torch.float32)
    assert looks(shortcut(func)(args, {})) == looks(func(*args))


@pytest.mark.parametrize("func", [aten.relu_.default, aten.add_.Tensor, aten.mul_.Tensor])
def test_operations_in_place_return_what_they_were_given(func):
    x = torch.empty(2, 3, device="meta")
    args = (x,) if func is aten.relu_.default else (x, x)
    assert shortcut(func)(args, {}) is x


def test_other_operations_have_none():
    assert shortcut(aten.convolution.default) is None
    assert shortcut(aten.add.out) is None
