"""`course count`: what it prints, and how it refuses."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from types import SimpleNamespace

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
        ({"model": "torch.nn:Linear"}, "called without arguments, fails: TypeError"),
        ({"model": f"{__name__}:fails"}, "called without arguments, fails: KeyError: 'x'"),
        ({"model": "os:"}, "named as module:function, not 'os:'"),
        ({"model": ":x"}, "named as module:function, not ':x'"),
        ({"model": "resnet18", "device": ""}, "unknown device ''"),
        ({"model": "resnet18", "input": f"1x{10**30}"}, "no input has 1x1000"),
        ({"model": f"{__name__}:tokens_only", "decode": 5}, "keeps no cache to go on from"),
        ({"model": f"{__name__}:without_cache", "decode": 5}, "gave no cache back"),
        ({"model": f"{__name__}:reads_and_writes", "decode": 5}, "writes another"),
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


class Positions(nn.Embedding):
    """A table whose first two rows stand for no position."""

    offset = 2


class OfTransformers(nn.Module):
    """A language model that says what transformers' say: a configuration, names, positions."""

    main_input_name = "input_ids"

    def __init__(self, table, limit=16, **config):
        super().__init__()
        text = SimpleNamespace(max_position_embeddings=limit)
        self.config = SimpleNamespace(get_text_config=lambda: text, **config)
        self.words, self.position_embeddings = nn.Embedding(100, 8), table
        self.out = nn.Linear(8, 100)

    def forward(self, input_ids, decoder_input_ids=None, use_cache=None, past_key_values=None):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.words(input_ids)
        if isinstance(self.position_embeddings, nn.Embedding):
            x = x + self.position_embeddings(places)
        if decoder_input_ids is not None:
            x = torch.cat([x, self.words(decoder_input_ids)], 1)
        return self.out(x)


OfTransformers.__module__ = "transformers.models.one"


def learned():
    return OfTransformers(nn.Embedding(16, 8))


def shifted():
    return OfTransformers(Positions(18, 8))


def padded():
    return OfTransformers(nn.Embedding(18, 8, padding_idx=1), limit=18)


def rotated():
    return OfTransformers(None)


def reads_and_writes():
    return OfTransformers(None, is_encoder_decoder=True)


def without_cache():
    return OfTransformers(None)


@pytest.mark.parametrize("name", ["learned", "shifted", "padded"])
def test_a_text_may_be_as_long_as_a_model_has_positions_and_no_longer(name, capsys):
    model = f"{__name__}:{name}"
    count_command(model, tokens=16, as_json=True)
    memory_command(model, input=["1x16"], as_json=True)
    for command, how in (
        (count_command, {"tokens": 17}),
        (count_command, {"decode": 16}),
        (count_command, {"input": "1x17"}),
        (memory_command, {"input": ["input_ids=1x17"]}),
    ):
        with pytest.raises(ValueError, match="16 positions: no text of 17 tokens"):
            command(model, **how)


def test_a_model_without_a_table_of_positions_takes_any_text(capsys):
    count_command(f"{__name__}:rotated", tokens=1000, convention="mac2", as_json=True)
    assert json.loads(capsys.readouterr().out)["macs"] == 1000 * 800


def test_a_model_that_reads_one_text_and_writes_another_is_given_both(capsys):
    count_command(f"{__name__}:reads_and_writes", tokens=5, convention="mac2", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["input"] == {"input_ids": [1, 5], "decoder_input_ids": [1, 5]}
    assert data["macs"] == 10 * 800


class LooksAtValues(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x) if torch.isfinite(x).all() else x


def test_a_model_that_needs_values_is_built_with_some(capsys):
    model = f"{__name__}:LooksAtValues"
    count_command(model, input="2x4", convention="mac2", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["macs"] == 32
    assert "ran for real" in data["ran"]
    memory_command(model, input=["2x4"], as_json=True)
    assert "ran for real" in json.loads(capsys.readouterr().out)["ran"]


def fails():
    raise KeyError("x")


@pytest.fixture
def configurations(tmp_path, monkeypatch):
    """A package that knows one kind of model, whose configuration has a wrong value."""

    def for_model(kind, **options):
        raise RuntimeError("wrong\nvalue")

    known = SimpleNamespace(
        CONFIG_MAPPING={"one": 0}, AutoConfig=SimpleNamespace(for_model=for_model)
    )
    monkeypatch.setitem(sys.modules, "transformers", known)

    def write(text):
        path = tmp_path / "model.json"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"model_type": "two"}', "transformers knows no model_type 'two'"),
        ('{"layers": 2}', "it has no model_type"),
        ("[1]", "it has no model_type"),
        ("{", "Expecting property name"),
        ('{"model_type": "one"}', "wrong value"),
    ],
)
def test_a_configuration_that_is_none_is_one_clear_line(text, reason, configurations):
    with pytest.raises(
        ValueError, match=f"is no configuration of transformers: {reason}"
    ) as raised:
        count_command(configurations(text), tokens=8)
    assert "\n" not in str(raised.value)


def test_a_kind_that_nobody_knows_is_one_clear_line(configurations):
    with pytest.raises(ValueError, match="transformers has no such kind"):
        count_command("gpt3", tokens=8)


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


def test_a_token_after_others_is_counted_under_the_names_of_the_model(capsys):
    count_command(f"{__name__}:Decoder", decode=31, as_json=True)
    modules = [row["name"] for row in json.loads(capsys.readouterr().out)["by_module"]]
    assert modules == ["", "table", "qkv", "head"]
    count_command(f"{__name__}:Decoder", decode=31)
    printed = capsys.readouterr()
    assert "Next" not in printed.out
    assert printed.err == ""


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


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"autocast": "fp32"}, "products run in bf16 or fp16 under autocast, not fp32"),
        ({"fused": True, "optimizer": "adafactor"}, "adafactor has no update that is fused"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
        ({"dtype": "int8"}, "no model runs in int8 here"),
        ({"data": 1}, "ranks that share something are ≥ 2, not 1"),
        ({"data": 2, "zero": 4}, "ZeRO has the stages 0 to 3, not 4"),
        ({"data": 2, "rank": 2}, "of 2 ranks there is none 2"),
        ({"zero": 1}, "give --data"),
        ({"input": ["1x4"], "checkpoint": True}, "does not choose what to checkpoint"),
    ],
)
def test_a_bad_option_of_memory_is_one_clear_line(options, reason, capsys):
    model = f"{__name__}:{'LooksAtValues' if 'input' in options else 'Decoder'}"
    given = {"tokens": 4, **options} if "input" not in options else options
    with pytest.raises(ValueError, match=reason) as raised:
        memory_command(model, **given)
    assert "\n" not in str(raised.value)
    assert capsys.readouterr().out == ""
