"""`course count`: what it prints, and how it refuses."""

from __future__ import annotations

import json

import pytest

from helpers.meter.flops.command import count_command


def test_it_prints_a_table_with_the_totals(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    count_command("resnet18", device="H100", dtype="bf16")
    printed = capsys.readouterr().out
    assert "11.69 M parameters, 1.81 GMAC" in printed
    assert "layer4" in printed
    assert "H100 in bf16: at least" in printed
    assert "convention course" in printed


def test_json_has_the_whole_count(capsys):
    count_command("resnet18", input="2x3x64x64", as_json=True, backward=True)
    data = json.loads(capsys.readouterr().out)
    assert data["model"] == "resnet18"
    assert data["input"] == [2, 3, 64, 64]
    assert data["backward"] is True
    assert data["parameters"] == 11_689_512
    assert data["by_module"][0]["flops"] == data["flops"]


def test_a_factory_of_any_module(capsys):
    count_command("torchvision.models:alexnet", input="1x3x224x224", as_json=True)
    assert json.loads(capsys.readouterr().out)["macs"] == 714_188_480


def test_a_batch_costs_its_size_times_one(capsys):
    macs = []
    for size in ("1x3x64x64", "8x3x64x64"):
        count_command("resnet18", input=size, convention="mac2", as_json=True)
        macs.append(json.loads(capsys.readouterr().out)["macs"])
    assert macs[1] == 8 * macs[0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model": "resnet1"}, "timm has no model"),
        ({"model": "resnet18", "input": "8x0x224"}, "input sizes are whole numbers"),
        ({"model": "resnet18", "input": "8,3,224,224"}, "input sizes are whole numbers"),
        ({"model": "resnet18", "input": "1x5x224x224"}, "cannot be counted on inputs"),
        ({"model": "resnet18", "device": "H1000"}, "unknown device"),
        ({"model": "resnet18", "device": "T4", "dtype": "bf16"}, "T4 has no bf16 peak"),
        ({"model": "resnet18", "dtype": "int8"}, "counted in one of"),
        ({"model": "resnet18", "dtype": "float12"}, "unknown dtype"),
        ({"model": "resnet18", "convention": "macs"}, "unknown convention"),
        ({"model": "torchvision.models:alexnet"}, "does not say what it takes"),
        ({"model": "os:getcwd"}, "not a torch.nn.Module"),
    ],
)
def test_bad_input_raises_one_clear_line_and_prints_nothing(options, reason, capsys):
    with pytest.raises(ValueError, match=reason) as raised:
        count_command(**options)
    assert "\n" not in str(raised.value)
    assert capsys.readouterr().out == ""
