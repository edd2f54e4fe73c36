"""A program of one's own, counted as it runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.meter import count, counting


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def test_a_forward_pass_costs_what_it_does_elsewhere():
    model, x = network(), torch.randn(5, 4)
    with counting(model) as counted:
        model(x)
    alone = count(model, x)
    assert (counted.result.macs, counted.result.flops) == (alone.macs, alone.flops)
    rows = {row.name: row for row in counted.result.modules}
    assert rows["Sequential.0"].flops == alone.by_module()[1].flops
    assert rows["Sequential"].parameters == alone.parameters


def test_steps_add_up_and_gradients_belong_to_their_modules():
    model, x = network(), torch.randn(5, 4)
    with counting(model, convention="mac2") as counted:
        for steps in range(1, 4):
            model(x).sum().backward()
            assert counted.result.macs == steps * (2 * 5 * 4 * 8 + 3 * 5 * 8 * 3)
    rows = {row.name: row for row in counted.result.modules}
    assert counted.result.backward
    assert rows["Sequential.2"].macs == 3 * 3 * 5 * 8 * 3
    assert rows["Sequential.2"].calls == 3


def test_what_no_module_does_is_in_the_first_row_alone():
    model, x = network(), torch.randn(5, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, foreach=False)
    with counting(model) as counted:
        loss = model(x).square().mean()
        loss.backward()
        before = counted.result.flops
        optimizer.step()
    first, inner = counted.result.modules[:2]
    # a product and a sum for each weight
    assert counted.result.flops - before == 2 * count(model, x).parameters
    assert first.flops > inner.flops
    assert first.bytes_moved == counted.result.bytes_unfused


def test_two_models_of_a_class_have_two_names():
    first, second = nn.Linear(2, 3), nn.Linear(3, 2)
    with counting(first, second, convention="mac2") as counted:
        second(first(torch.randn(1, 2)))
    names = {row.name: row.macs for row in counted.result.modules}
    assert names == {"": 12, "Linear": 6, "Linear 2": 6}


def test_without_models_there_is_one_row():
    with counting(convention="mac2") as counted:
        torch.randn(2, 3) @ torch.randn(3, 4)
    assert [row.macs for row in counted.result.modules] == [24]
    assert "all" in str(counted.result)


def test_an_error_passes_and_nothing_stays_behind():
    model = network()
    with pytest.raises(RuntimeError), counting(model):
        model(torch.randn(1, 5))
    model(torch.randn(1, 4)).sum().backward()
    with pytest.raises(ValueError, match="looks at one forward pass"), counting(convention="timm"):
        pass


def test_an_operation_that_has_no_tensor_is_not_unknown():
    with torch.library._scoped_library("meter_test", "DEF") as library, counting() as counter:
        library.define("version() -> int")
        library.impl("version", lambda: 7, "CompositeExplicitAutograd")
        torch.ones(3) * torch.ops.meter_test.version()
    assert counter.result.flops == 3
    assert counter.result.unknown == ()
