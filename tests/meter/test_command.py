"""`course count`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from helpers.meter.flops.command import count_command
from helpers.meter.memory.command import memory_command


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
        ({"model": "resnet1"}, "timm has no (such )?model"),
        ({"model": "resnet18", "input": "8x0x224"}, "input sizes are whole numbers"),
        ({"model": "resnet18", "input": "8,3,224,224"}, "input sizes are whole numbers"),
        ({"model": "resnet18", "input": "1x5x224x224"}, "cannot be counted on inputs"),
        ({"model": "resnet18", "input": "3x224:int4"}, "an input is one of"),
        ({"model": "resnet18", "input": "3x224", "batch": 2}, "give one or the other"),
        ({"model": "resnet18", "batch": 0}, "whole number ≥ 1"),
        ({"model": "resnet18", "depth": 0}, "whole number ≥ 1"),
        ({"model": "resnet18", "device": "H1000"}, "unknown device"),
        ({"model": "resnet18", "device": "T4", "dtype": "bf16"}, "T4 has no bf16 peak"),
        ({"model": "resnet18", "dtype": "int8"}, "counted in one of"),
        ({"model": "resnet18", "dtype": "float12"}, "unknown dtype"),
        ({"model": "resnet18", "convention": "macs"}, "unknown convention"),
        ({"model": "torchvision.models:alexnet"}, "does not say what it takes"),
        ({"model": "resnet18", "seconds": 1.0}, "name it by --device"),
        ({"model": "resnet18", "seconds": 0.0, "device": "T4"}, "seconds above 0"),
        ({"model": "resnet18", "decode": 5}, "keeps no cache to go on from"),
        ({"model": "resnet18", "decode": 5, "tokens": 2}, "counts one token forward"),
        ({"model": "os:getcwd"}, "not a torch.nn.Module"),
    ],
)
def test_bad_input_raises_one_clear_line_and_prints_nothing(options, reason, capsys):
    with pytest.raises(ValueError, match=reason) as raised:
        count_command(**options)
    assert "\n" not in str(raised.value)
    assert capsys.readouterr().out == ""


class LanguageModel(nn.Module):
    """As transformers' are called: by names, with a mask."""

    def __init__(self):
        super().__init__()
        self.table, self.layers = nn.Embedding(100, 8), nn.ModuleDict({"first": nn.Linear(8, 8)})
        self.table.requires_grad_(False)

    def forward(self, input_ids, mask):
        return self.layers["first"](self.table(input_ids)) * mask.unsqueeze(-1)


def test_inputs_have_names_and_formats(capsys):
    inputs = ["input_ids=2x5:int64", "mask=2x5:bool"]
    count_command(f"{__name__}:LanguageModel", input=inputs, convention="mac2", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["macs"] == 2 * 5 * 64
    assert data["input"] == {"input_ids": [2, 5], "mask": [2, 5]}
    assert data["frozen"] == 800
    memory_command(f"{__name__}:LanguageModel", input=inputs, as_json=True)
    assert json.loads(capsys.readouterr().out)["peak"] > 4 * 800


def test_a_number_of_tokens_is_the_input_of_a_language_model(capsys):
    count_command(f"{__name__}:tokens_only", tokens=7, batch=2, convention="mac2", as_json=True)
    assert json.loads(capsys.readouterr().out)["macs"] == 2 * 7 * 64


def tokens_only():
    return nn.Sequential(nn.Embedding(100, 8), nn.Linear(8, 8))


def test_no_digit_is_cut_where_a_terminal_is_narrow(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    count_command("resnet18", depth=2)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert "layer4.1" in printed


@dataclass
class Result:
    logits: torch.Tensor
    past_key_values: list[torch.Tensor]


class Decoder(nn.Module):
    """One head of attention, with a cache as transformers' models have."""

    def __init__(self):
        super().__init__()
        self.table, self.qkv = nn.Embedding(100, 8), nn.Linear(8, 24, bias=False)
        self.head = nn.Linear(8, 100, bias=False)

    def forward(self, input_ids, past_key_values=None, use_cache=None):
        q, k, v = self.qkv(self.table(input_ids)).chunk(3, -1)
        if past_key_values:
            k, v = (torch.cat(both, 1) for both in zip(past_key_values, (k, v), strict=True))
        attended = nn.functional.scaled_dot_product_attention(q, k, v)
        return Result(self.head(attended), [k, v] if use_cache else None)


def test_a_token_after_others_reads_their_cache(capsys):
    count_command(f"{__name__}:Decoder", decode=31, batch=2, convention="mac2", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["macs"] == 2 * (8 * 24 + 2 * 32 * 8 + 8 * 100)
    step = data["decode"]
    assert (step["before"], step["cache"], step["cache_after"]) == (31, 3968, 4096)
    # both weights, a row of the table for each token, logits, the cache
    tokens, logits = 2 * 8 * 4 + 2 * 8, 2 * 100 * 4
    assert step["bytes_moved"] == 4 * (8 * 24 + 8 * 100) + tokens + logits + 4096
    assert data["rule_of_thumb"] == {"tokens": 2, "flops": 2 * data["parameters"] * 2}
    count_command(f"{__name__}:Decoder", decode=31)
    assert "the cache: 1.94 KiB of 31 tokens, 64 B more" in capsys.readouterr().out


def test_a_training_step_of_tokens_stands_beside_six_n_d(capsys):
    model = f"{__name__}:tokens_only"
    count_command(model, tokens=7, batch=2, backward=True, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["rule_of_thumb"] == {"tokens": 14, "flops": 6 * data["parameters"] * 14}
    count_command(model, tokens=7)
    assert "2 · N · D, N all parameters, D 7 tokens" in capsys.readouterr().out


def test_a_measured_time_gives_the_share_of_the_peak(capsys):
    seconds = 2e-3
    options = {"device": "T4", "dtype": "fp16", "seconds": seconds}
    count_command("resnet18", **options, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["mfu"] == pytest.approx(2 * data["macs"] / seconds / 65e12)
    count_command("resnet18", **options)
    assert "% of T4's peak in fp16 (MFU" in capsys.readouterr().out


def test_no_digit_of_a_memory_is_cut_where_a_terminal_is_narrow(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    memory_command("resnet18", batch=2)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert "100 %" in printed
