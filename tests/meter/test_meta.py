"""Tensors are found and lent however nested, and everything comes back as it was."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from helpers.meter import count, training_memory
from helpers.meter.loan import Loan, Values, lending
from helpers.meter.meta import tensors_in


@dataclass
class Result:
    scores: torch.Tensor
    rest: tuple


class Named(OrderedDict):
    """A container of a type that PyTorch does not know."""


def test_tensors_are_found_in_containers_of_any_type():
    a, b, c = torch.ones(1), torch.ones(2), torch.ones(3)
    nested = Result(a, ({"b": [b, 1, "x", None]}, Named(c=c)))
    assert [tensor.numel() for tensor in tensors_in(nested, 7, None)] == [1, 2, 3]


def test_one_tensor_given_twice_is_one_on_meta():
    x, i = torch.ones(2, 3).t(), torch.ones(2, dtype=torch.long)
    loan = Loan(Values.INTEGERS, torch.bfloat16)
    first, second, integers = loan.lend([x, {"x": x}, i])
    assert first is second["x"]
    assert (first.shape, first.stride(), first.dtype) == ((3, 2), (1, 3), torch.bfloat16)
    assert first.is_meta
    assert torch.equal(integers, i)


def test_a_model_is_on_meta_for_some_time():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    model[1].weight = model[0].weight
    model.tables = {"a": [torch.ones(2)], "b": (torch.ones(3), 1)}
    before, tables = model.state_dict(keep_vars=True), model.tables
    with lending(model, dtype=torch.float16):
        assert model[1].weight is model[0].weight
        assert model[0].weight.dtype is torch.float16
        assert all(tensor.is_meta for tensor in model.state_dict().values())
        assert all(tensor.is_meta for tensor in tensors_in(model.tables))
        model[2].num_batches_tracked = None
        model.eval()
    after = model.state_dict(keep_vars=True)
    assert all(after[name] is tensor for name, tensor in before.items())
    assert model.tables is tables
    assert not any(tensor.is_meta for tensor in tensors_in(tables))
    assert model.training


class Keys:
    """A cache of keys, as language models are given."""

    def __init__(self):
        self.layers = [torch.ones(2, 3)]

    def grow(self, keys):
        self.layers[0] = torch.cat([self.layers[0], keys])
        return self.layers[0]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x, keys):
        self.register_buffer("mask", torch.ones(3), persistent=False)
        self.register_forward_hook(lambda *_: None)
        return keys.grow(self.layer(x))


def test_a_cache_that_is_given_neither_grows_nor_goes_to_meta():
    model, keys = Decoder(), Keys()
    for _ in range(2):
        assert count(model, torch.ones(1, 3), keys, convention="mac2").macs == 9
    training_memory(model, torch.ones(1, 3), keys)
    assert keys.layers[0].shape == (2, 3)
    assert keys.layers[0].is_cpu


def test_hooks_and_buffers_that_a_forward_pass_registers_are_gone():
    model = Decoder()
    count(model, torch.ones(1, 3), Keys())
    assert not model._forward_hooks
    assert not model._non_persistent_buffers_set
    assert not dict(model.named_buffers())


def test_modules_that_a_function_or_a_method_works_with_are_lent_too():
    model = nn.BatchNorm1d(3)

    class Pipeline:
        def __init__(self):
            self.model, self.kept = model, {}

        def run(self, x):
            self.kept["scale"] = torch.ones(3, device=x.device)
            return self.model(x)

    pipeline = Pipeline()
    for run in (pipeline.run, lambda x: pipeline.run(x)):
        count(run, torch.ones(2, 3))
        assert pipeline.kept == {}
        assert model.num_batches_tracked == 0


class Frozen(OrderedDict):
    """A configuration that lets nobody write, as diffusers has them."""

    def __setitem__(self, key, value):
        raise TypeError("frozen")

    clear = pop = update = __setitem__


class FrozenList(list):
    clear = extend = __setitem__ = append = None


def test_containers_that_let_nobody_write_come_back_as_they_were():
    model, scale = nn.Linear(4, 4), torch.ones(4)
    model.config, model.scales = Frozen(), FrozenList([scale])
    OrderedDict.__setitem__(model.config, "scale", scale)
    assert count(model, (2, 4), convention="mac2").macs == 2 * 16
    assert not model.weight.is_meta
    assert model.config["scale"] is scale
    assert model.scales[0] is scale


@dataclass
class Reticent:
    """A configuration that does not say everything of itself."""

    heads: int
    table: torch.Tensor

    def __getattribute__(self, name):
        if name == "heads":
            raise RuntimeError("ask each layer")
        return super().__getattribute__(name)


def test_what_a_configuration_refuses_to_say_is_not_asked():
    model, table = nn.Linear(4, 4), torch.ones(3)
    model.config = Reticent(2, table)
    (found,) = tensors_in(model.config)
    assert found is table
    assert training_memory(model, (2, 4)).peak > 0
