"""Predicted peaks are the real allocator's, on small models of every kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.meter.measured import measured_inference, measured_training
from helpers.meter.memory.predict import inference_memory, training_memory

#: Relative: barriers and pointers of a convolution's threads, a few kB, are modelled roundly.
CLOSE = 1e-3


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 24, 7, 2, 3, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(24, 64, 3, 2, 1),
        nn.BatchNorm2d(64),
        nn.SiLU(),
        nn.Conv2d(64, 64, 3, padding=1, groups=4),
        nn.Conv2d(64, 128, 1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def depthwise() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 4, 4),
        nn.Conv2d(32, 32, 5, padding=2, groups=32),
        nn.Conv2d(32, 96, 1),
        nn.Hardswish(),
        nn.Conv2d(96, 96, 3, 2, 1, groups=96),
        nn.Conv2d(96, 48, 1, 2),
        nn.Flatten(2),
        nn.Linear(49, 10),
    )


class ChannelsLastBlock(nn.Module):
    """As in ConvNeXt: depthwise 7 x 7, then norm and linear layers over the last dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 48, 4, 4)
        self.depthwise = nn.Conv2d(48, 48, 7, padding=3, groups=48)
        self.norm = nn.LayerNorm(48)
        self.up, self.down = nn.Linear(48, 192), nn.Linear(192, 48)
        self.head = nn.Conv2d(48, 96, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)
        return self.head(x + y)


class Attention(nn.Module):
    """Patches, then one block with fused attention and a layer norm over a transposed tensor."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 96, 8, 8)
        self.norm = nn.LayerNorm(96)
        self.qkv, self.out = nn.Linear(96, 288), nn.Linear(96, 96)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        batch, length, width = tokens.shape
        qkv = self.qkv(self.norm(tokens)).view(batch, length, 3, 4, width // 4)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout)
        return tokens + self.out(y.transpose(1, 2).reshape(batch, length, width))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "convolutions": convolutions,
    "depthwise": depthwise,
    "channels-last": ChannelsLastBlock,
    "attention": Attention,
    "unfused attention": lambda: Attention(dropout=0.1),
    "PyTorch's encoder": lambda: nn.Sequential(
        nn.Conv2d(3, 64, 16, 16),
        nn.Flatten(2),
        nn.Linear(49, 64),
        nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True),
    ),
}


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_training_peak_is_the_allocators(name: str, batch: int) -> None:
    model, inputs = MODELS[name](), torch.randn(batch, 3, 112, 112)
    predicted = training_memory(model, inputs)
    assert predicted.peak == pytest.approx(measured_training(model, inputs).peak, rel=CLOSE)


@pytest.mark.parametrize("name", ["convolutions", "depthwise", "channels-last", "attention"])
def test_inference_peak_is_the_allocators(name: str) -> None:
    model, inputs = MODELS[name](), torch.randn(2, 3, 112, 112)
    predicted = inference_memory(model, inputs)
    assert predicted.peak == pytest.approx(measured_inference(model, inputs).peak, rel=CLOSE)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd"},
        {"optimizer": "momentum", "foreach": True},
        {"optimizer": "adam", "foreach": True},
        {"optimizer": "adamw"},
        {"optimizer": "adafactor"},
        {"optimizer": "adam8bit"},
        {"optimizer": lambda parameters: torch.optim.RMSprop(parameters)},
        {"zero_grad": "zero"},
    ],
    ids=["sgd", "momentum", "foreach", "adamw", "adafactor", "8 bit", "a function", "zeroed"],
)
def test_every_optimizer_has_its_own_peak(options: dict[str, Any]) -> None:
    # Wide layers and one small input: the optimizer's phase decides the peak.
    model, inputs = nn.Sequential(nn.Linear(300, 400), nn.Linear(400, 500)), torch.randn(2, 300)
    predicted = training_memory(model, inputs, **options)
    real = measured_training(model, inputs, **options)
    assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)


def test_adam_keeps_sixteen_bytes_a_parameter() -> None:
    model = nn.Linear(1000, 1000, bias=False)
    ledger = training_memory(model, (1, 1000)).ledger
    for part in ("weights", "gradients", "Adam m", "Adam v"):
        assert ledger[part] == 4_000_000


def test_the_ledger_adds_up_to_the_peak() -> None:
    memory = training_memory(convolutions(), (2, 3, 64, 64))
    assert memory.ledger.total == memory.peak == max(memory.timeline.total)


def test_tied_weights_count_once() -> None:
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    model[1].weight = model[0].weight
    ledger = training_memory(model, (1, 64)).ledger
    assert ledger["weights"] == ledger["gradients"] == ledger["Adam m"] == 64 * 64 * 4


def test_a_parameter_that_is_not_used_has_no_gradient_and_no_states() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(32, 32, bias=False), nn.Linear(32, 32, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    ledger = training_memory(Half(), (1, 32)).ledger
    assert ledger["weights"] == 2 * 32 * 32 * 4
    assert ledger["Adam m"] == ledger["gradients"] == 32 * 32 * 4


def test_views_and_in_place_operations_take_nothing() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            y = x * self.scale
            return y.view(-1).unsqueeze(0).expand(4, -1).transpose(0, 1).relu_()[:1]

    memory = inference_memory(Views(), (1000,))
    # x * scale, and what relu_ cannot write through an expanded view: nothing else.
    assert memory.ledger["activations"] == 4000


def test_saved_tensors_name_their_module_and_count_once() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    saved = training_memory(model, (5, 8)).saved
    # ReLU saves its output, and the second linear layer the same tensor. (The loss saves the rest.)
    hidden = [tensor for tensor in saved if tensor.shape == (5, 16)]
    assert [(tensor.module, tensor.bytes) for tensor in hidden] == [("1", 5 * 16 * 4)]


def test_checkpointing_keeps_only_the_inputs_of_blocks() -> None:
    def block() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

    blocks = nn.Sequential(*(block() for _ in range(8)))
    whole = training_memory(blocks, (512, 64))
    parts = training_memory(blocks, (512, 64), checkpoint=[str(number) for number in range(8)])
    # Of each block only its input is kept: 64 numbers a row instead of 64 + 256 + 256.
    inside = (64 + 256 + 256) * 512 * 4
    assert whole.saved_bytes - parts.saved_bytes > 6 * (inside - 64 * 512 * 4)
    assert parts.peak < whole.peak


def test_a_prediction_leaves_the_model_alone() -> None:
    model = convolutions().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    training_memory(model, (2, 3, 64, 64), checkpoint=["0"], dtype="bf16")
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model(torch.randn(2, 3, 64, 64)).dtype is torch.float32


def test_sixteen_bits_halve_what_grows_with_the_batch() -> None:
    model = nn.Sequential(nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 256))
    full = training_memory(model, (64, 256), device="cuda")
    half = training_memory(model, (64, 256), device="cuda", dtype="bf16")
    cast = training_memory(model, (64, 256), device="cuda", autocast="bf16")
    assert half.ledger["Adam m"] == full.ledger["Adam m"] / 2
    assert cast.ledger["Adam m"] == full.ledger["Adam m"]
    linear_inputs = {t.dtype for t in cast.saved if t.shape == (64, 256) and t.module == "2"}
    assert linear_inputs == {"bf16"}


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: training_memory(convolutions(), (0, 3, 64, 64)), "sizes must be whole numbers"),
        (lambda: training_memory(convolutions(), torch.empty(0, 3, 64, 64)), "batch starts at 1"),
        (lambda: training_memory(convolutions(), (1, 4, 64, 64)), "Sequential fails on input"),
        (lambda: training_memory(nn.ReLU(), (1, 4)), "no parameter to train"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), device="tpu"), "'cpu' or 'cuda'"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), optimizer="adm"), "unknown optimizer"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), zero_grad="no"), "unknown zero_grad"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), dtype="int4"), "no model runs in int4"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), checkpoint=["x"]), "no submodule 'x'"),
        (lambda: training_memory(nn.Linear(2, 2), (1, 2), checkpoint=True), "does not choose"),
    ],
)
def test_wrong_input_gets_one_clear_line(call: Callable[[], Any], line: str) -> None:
    with pytest.raises(ValueError, match=line) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("predict", [training_memory, inference_memory])
def test_what_is_no_module_is_refused_in_a_line(predict):
    def function(x):
        return x

    with pytest.raises(ValueError, match="a module or of a model's name, not of function"):
        predict(function, (2, 4))
    with pytest.raises(ValueError, match="not of NoneType"):
        predict(None, (2, 4))


def test_tensors_that_modules_keep_as_attributes_are_there_from_the_start() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)
            self.tables = [torch.ones(50, 8), torch.ones(3)]

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layer(x) + self.tables[0]
            return out

    model, x = Positions(), torch.randn(50, 8)
    predicted, real = training_memory(model, x), measured_training(model, x)
    assert predicted.peak == real.peak
    assert predicted.timeline.bytes["buffers"][0] == (50 * 8 + 3) * 4
