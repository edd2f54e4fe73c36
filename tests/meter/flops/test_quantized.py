"""A quantized model has the MAC of the same model in floating point, and its own FLOP beside."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.meter import count, counting

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*")


def layers():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))


X = torch.ones(2, 3, 6, 6)
CONVOLUTION, LINEAR = 2 * 16 * 4 * 27, 2 * 64 * 5


def dynamic():
    return torch.ao.quantization.quantize_dynamic(layers(), {nn.Linear}, dtype=torch.qint8)


def static():
    quantization = torch.ao.quantization
    model = nn.Sequential(quantization.QuantStub(), layers(), quantization.DeQuantStub()).eval()
    model.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    quantization.prepare(model, inplace=True)
    model(X)
    return quantization.convert(model)


def aware():
    model = layers().train()
    model.qconfig = torch.ao.quantization.get_default_qat_qconfig("x86")
    return torch.ao.quantization.prepare_qat(model)


@pytest.mark.parametrize("make", [dynamic, static, aware])
def test_a_quantized_model_has_the_products_of_the_real_one(make):
    counted = count(make(), X)
    assert counted.macs == CONVOLUTION + LINEAR
    assert not counted.unknown
    assert counted.flops > count(layers(), X).flops


def test_a_quantized_linear_layer_rounds_multiplies_and_scales():
    layer = torch.ao.nn.quantized.dynamic.Linear(64, 5)
    counted = count(layer, torch.ones(2, 64))
    rounded, scaled_with_bias = 2 * 64, 2 * 2 * 5
    assert counted.flops == 2 * LINEAR + rounded + scaled_with_bias
    weights, bias, inputs, outputs = 64 * 5, 4 * 5, 4 * 2 * 64, 4 * 2 * 5
    assert counted.bytes_unfused == weights + bias + inputs + outputs
    assert "packed weights are not among the parameters" in " ".join(counted.assumptions)


@pytest.mark.parametrize(
    ("layer", "gates"),
    [
        (nn.LSTM(6, 5, 2, bidirectional=True), 4),
        (nn.GRU(6, 5, 2, bidirectional=True), 3),
        (nn.LSTMCell(6, 5), 4),
        (nn.GRUCell(6, 5), 3),
    ],
)
def test_a_quantized_recurrent_layer_has_the_products_of_the_real_one(layer, gates):
    quantize = torch.ao.quantization.quantize_dynamic
    model = quantize(nn.Sequential(layer), {type(layer)}, dtype=torch.qint8)
    is_cell = isinstance(layer, nn.RNNCellBase)
    counted = count(model, torch.ones(3, 6) if is_cell else torch.ones(7, 3, 6))
    both_layers = 2 * 7 * ((6 + 5) + (10 + 5))
    assert counted.macs == 3 * gates * 5 * (6 + 5 if is_cell else both_layers)
    assert counted.unknown == ()


class EightBits(torch.Tensor):
    """A weight of whole numbers and a scale, as torchao's are made."""

    @staticmethod
    def __new__(cls, whole, scale):
        return torch.Tensor._make_wrapper_subclass(cls, whole.shape, dtype=scale.dtype)

    def __init__(self, whole, scale):
        self.whole, self.scale = whole, scale

    def __tensor_flatten__(self):
        return ["whole", "scale"], None

    @classmethod
    def __tensor_unflatten__(cls, parts, kept, size, stride):
        return cls(parts["whole"], parts["scale"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return cls(args[0].whole, args[0].scale)
        args = [a.whole.to(a.scale.dtype) * a.scale if isinstance(a, cls) else a for a in args]
        return func(*args, **(kwargs or {}))

    __torch_function__ = torch._C._disabled_torch_function_impl


def test_a_weight_made_of_others_is_counted_as_what_it_is_made_of():
    layer = nn.Linear(64, 32, bias=False)
    weight = EightBits(torch.ones(32, 64, dtype=torch.int8), torch.ones(32, 1))
    layer.weight = nn.Parameter(weight, requires_grad=False)
    counted = count(layer, torch.ones(2, 64))
    assert counted.macs == 2 * 64 * 32
    assert counted.flops == 2 * counted.macs + 32 * 64
    assert counted.bytes_moved == 64 * 32 + 4 * 32 + 4 * 2 * (64 + 32)
    assert isinstance(layer.weight, EightBits)


def test_an_optimizer_over_lists_costs_what_it_costs_one_by_one():
    def flops(**how):
        model = nn.Linear(4, 4)
        optimizer = torch.optim.SGD(model.parameters(), momentum=0.9, **how)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        with counting() as counter:
            optimizer.step()
        assert not counter.result.unknown
        return counter.result.flops

    assert flops(foreach=True) == flops(foreach=False) == flops(fused=True)
