"""Layers and habits of today's models: predicted peaks are the real allocator's."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from helpers.meter.measured import measured_inference, measured_training
from helpers.meter.memory.device import asking, recurrent
from helpers.meter.memory.predict import inference_memory, training_memory

CLOSE = 1e-3
R = torch.randn


class Attention(nn.Module):
    """Four heads of queries over fewer of keys and values, with rotated keys added."""

    def __init__(self, shared: int, mask: bool = False) -> None:
        super().__init__()
        self.shared, self.mask = shared, mask
        self.q, self.kv = nn.Linear(64, 64), nn.Linear(64, 2 * 16 * shared)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q(x).view(batch, length, 4, 16).transpose(1, 2)
        k, v = self.kv(x).view(batch, length, 2, self.shared, 16).permute(2, 0, 3, 1, 4)
        mask = torch.ones(length, length, dtype=torch.bool).tril() if self.mask else None
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=not self.mask, enable_gqa=True
        )


class First(nn.Module):
    """The first result of a module that returns several."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        out: Tensor = self.module(*inputs)[0]
        return out


class Autocast(nn.Module):
    """Casts in its own forward pass, twice: a cache of weights ends in between."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16):
                x = self.layers(x)
            x = x.float()
        return x


class Slices(nn.Module):
    """One result that is used many times: its gradients add up."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        total: Tensor = sum(y[:, i].square() for i in range(32))  # type: ignore[assignment]
        return total + (y.t() if y.dim() == 2 else y.transpose(0, 1)).sum()


class Checkpointed(nn.Module):
    """Six blocks under a checkpoint, with the random state that each keeps."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(32, 64), nn.Dropout(0.1), nn.Linear(64, 32)) for _ in range(6)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x


def _module(forward: Callable[..., Tensor], **parts: nn.Module) -> nn.Module:
    """A module of these parts, which runs so."""
    module = type("Module", (nn.Module,), {"forward": forward})()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def _largest_of_neighbours(self: Any, x: Tensor) -> Tensor:
    y: Tensor = self.layer(x)
    to = (torch.arange(len(y)) % 5)[:, None].expand_as(y)
    return torch.zeros_like(y[:5]).scatter_reduce(0, to, y, "amax")


def _own_gradient(self: Any, x: Tensor) -> Tensor:
    """The norm of each example's gradient, as `torch.func` makes it."""

    def loss(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(self.layer, weights, (one[None],))
        return out.square().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))
    found = each(dict(self.layer.named_parameters()), x)
    return sum(g.square().sum() for g in found.values())  # type: ignore[no-any-return]


def _masked_scores(self: Any, x: Tensor) -> Tensor:
    mask = torch.ones(4, x.shape[1], x.shape[1], dtype=torch.bool, device=x.device)
    q, k, v = self.layer(x).view(*x.shape[:2], 3, 4, 16).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


#: What kernels on a CPU make beside their results, where numbers are of several formats.
CONVERTED: dict[str, tuple[Callable[..., Tensor], tuple[nn.Module, ...], tuple[int, ...]]] = {
    "a mask as a factor": (lambda self, x: self.layer(x) * (x > 0), (nn.Linear(64, 64),), (96, 64)),
    "16 bits added to 32": (
        lambda self, x: self.layer(x) + x.bfloat16(),
        (nn.Linear(64, 64),),
        (96, 64),
    ),
    "the largest of neighbours": (_largest_of_neighbours, (nn.Linear(16, 64),), (100, 16)),
    "a spectrum": (
        lambda self, x: torch.fft.rfft(self.layer(x)).abs(),
        (nn.Linear(32, 64),),
        (64, 32),
    ),
    "distances": (lambda self, x: torch.cdist(self.layer(x), x), (nn.Linear(32, 32),), (60, 32)),
    "scores and a mask of three dimensions": (_masked_scores, (nn.Linear(64, 192),), (2, 48, 64)),
    "gradients of its own": (_own_gradient, (nn.Linear(32, 48),), (16, 32)),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_operands_of_another_format_are_held_once_more(name: str) -> None:
    forward, (layer,), shape = CONVERTED[name]
    model, x = _module(forward, layer=layer), R(*shape)
    predicted, real = inference_memory(model, x), measured_inference(model, x)
    if name != "gradients of its own":
        assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)
    predicted = training_memory(model, x, optimizer="sgd")
    real = measured_training(model, x, optimizer="sgd")
    assert not predicted.ran
    assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)


@pytest.mark.parametrize("name", ["matrix_exp", "linalg.eigh", "linalg.qr", "linalg.svd"])
def test_a_decomposition_says_how_much_more_it_may_take(name: str) -> None:
    decompose = operator.attrgetter(name)(torch)

    def forward(self: Any, x: Tensor) -> Tensor:
        y = self.layer(x)
        found = decompose(y @ y.mT)
        return found if isinstance(found, Tensor) else found[1]

    model, x = _module(forward, layer=nn.Linear(16, 64)), R(64, 16) / 99
    predicted, real = inference_memory(model, x), measured_inference(model, x)
    assert real.peak <= predicted.peak + predicted.uncertain


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "four heads over two": (lambda: Attention(2), (4, 64, 64)),
    "four heads over one, masked": (lambda: Attention(1, mask=True), (2, 48, 64)),
    "LSTM": (lambda: First(nn.LSTM(48, 64)), (12, 4, 48)),
    "LSTM, wide": (lambda: First(nn.LSTM(64, 64)), (32, 8, 64)),
    "LSTM, two layers, both ways": (
        lambda: First(nn.LSTM(33, 65, 2, bidirectional=True, batch_first=True)),
        (4, 7, 33),
    ),
    "LSTM, rows of 256": (lambda: First(nn.LSTM(64, 256, batch_first=True)), (4, 8, 64)),
    "LSTM without biases": (lambda: First(nn.LSTM(64, 48, bias=False)), (12, 4, 64)),
    "LSTM with projections": (lambda: First(nn.LSTM(48, 64, proj_size=16)), (6, 4, 48)),
    "GRU": (lambda: First(nn.GRU(48, 64, 2, bidirectional=True)), (6, 4, 48)),
    "GRU, one layer": (lambda: First(nn.GRU(48, 64)), (6, 4, 48)),
    "GRU without biases": (lambda: First(nn.GRU(64, 32, bias=False, batch_first=True)), (4, 6, 64)),
    "dilated, mostly padding": (
        lambda: nn.Conv2d(96, 64, 3, padding=6, dilation=6, bias=False),
        (2, 96, 6, 6),
    ),
    "dilated, one image": (
        lambda: nn.Conv2d(64, 64, 3, padding=18, dilation=18, bias=False),
        (1, 64, 33, 33),
    ),
    "dilated a little": (lambda: nn.Conv2d(64, 64, 3, padding=2, dilation=2), (2, 64, 12, 12)),
    "few outputs, one image": (lambda: nn.Conv2d(16, 3, 3, padding=1), (1, 16, 64, 64)),
    "few outputs": (lambda: nn.Conv2d(16, 4, 3), (4, 16, 30, 30)),
    "transposed": (lambda: nn.ConvTranspose2d(64, 32, 4), (2, 64, 8, 8)),
    "transposed, strided": (lambda: nn.ConvTranspose2d(64, 32, 4, 2, 1), (2, 64, 8, 8)),
    "transposed in groups": (lambda: nn.ConvTranspose2d(32, 32, 3, 2, groups=2), (2, 32, 16, 16)),
    "transposed, one small image": (lambda: nn.ConvTranspose2d(8, 8, 3), (1, 8, 16, 16)),
    "one long text": (lambda: nn.Conv1d(32, 40, 7, padding=3), (1, 32, 256)),
    "one volume": (lambda: nn.Conv3d(32, 16, 3, padding=1), (1, 32, 8, 8, 8)),
    "volumes": (lambda: nn.Conv3d(24, 16, 3, padding=1), (2, 24, 6, 6, 6)),
    "strided, shared out": (lambda: nn.Conv2d(24, 40, 7, 2, 3), (16, 24, 28, 28)),
    "autocast inside": (Autocast, (512, 64)),
    "used many times": (Slices, (4, 64, 64)),
    "checkpoints": (lambda: Checkpointed(False), (256, 32)),
    "reentrant checkpoints": (lambda: Checkpointed(True), (256, 32)),
}


@pytest.mark.needs("AVX512")
@pytest.mark.parametrize("name", MODELS)
def test_a_step_peaks_as_the_allocator_saw_it(name: str) -> None:
    make, shape = MODELS[name]
    model, x = make(), R(*shape, requires_grad=name == "reentrant checkpoints")
    predicted = training_memory(model, x, optimizer="sgd")
    real = measured_training(model, x, optimizer="sgd")
    assert not predicted.ran
    assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)


@pytest.mark.needs("AVX512")
@pytest.mark.parametrize(
    "name", ["four heads over two", "LSTM, wide", "GRU, one layer", "transposed"]
)
def test_inference_peaks_as_the_allocator_saw_it(name: str) -> None:
    make, shape = MODELS[name]
    model, x = make(), R(*shape)
    real = measured_inference(model, x)
    assert inference_memory(model, x).peak == pytest.approx(real.peak, rel=CLOSE)


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [((256, 128, 2), (16, 8, 256)), ((16, 16), (5, 3, 16)), ((64, 200), (7, 1, 64))],
)
def test_inference_of_an_lstm_says_what_is_not_known(
    sizes: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    model, x = First(nn.LSTM(*sizes, bidirectional=True)), R(*shape)
    real, predicted = measured_inference(model, x).peak, inference_memory(model, x)
    assert predicted.peak < 1.1 * real
    assert real <= 1.005 * predicted.peak or real <= predicted.peak + predicted.uncertain


@pytest.mark.parametrize(
    ("name", "training", "inference"),
    [("LSTM", 957_376, 411_736), ("LSTM, wide", 3_397_568, 1_009_912)],
)
def test_an_lstm_takes_more_before_onednn_3_10(
    name: str, training: int, inference: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Measured on PyTorch 2.9, which has oneDNN 3.7.
    monkeypatch.setattr(recurrent, "onednn_version", lambda: (3, 7))
    monkeypatch.setattr(asking, "LARGEST", 0)
    model, x = MODELS[name][0](), R(*MODELS[name][1])
    assert training_memory(model, x, optimizer="sgd").peak == training
    predicted = inference_memory(model, x)
    assert predicted.peak <= inference <= predicted.peak + predicted.uncertain


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Conv2d(8, 8, 1), (8, 8, 33, 33)),
        (lambda: nn.Conv2d(16, 4, 5, 2, 1, groups=4), (3, 16, 16, 16)),
        (lambda: nn.Conv2d(48, 1, 3, 2, dilation=2, bias=False), (3, 48, 33, 33)),
        (lambda: nn.ConvTranspose2d(24, 24, 5, 2, 2, bias=False), (2, 24, 7, 7)),
    ],
)
def test_a_rare_convolution_says_how_much_more_it_may_take(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    model, x = make(), R(*shape)
    for predicted, real in (
        (training_memory(model, x, optimizer="sgd"), measured_training(model, x, optimizer="sgd")),
        (inference_memory(model, x), measured_inference(model, x)),
    ):
        assert real.peak <= 1.005 * predicted.peak + predicted.uncertain


def test_a_usual_model_is_predicted_without_a_doubt() -> None:
    layers = [nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()]
    assert not training_memory(nn.Sequential(*layers), (8, 64, 56, 56)).uncertain


@pytest.mark.needs("AVX512")
def test_a_batch_norm_that_nobody_asks_for_a_gradient_makes_none() -> None:
    layout = torch.channels_last
    model = nn.Sequential(nn.BatchNorm2d(16), nn.Conv2d(16, 32, 4, 4), nn.ReLU())
    x = R(8, 16, 32, 32).to(memory_format=layout)
    real = measured_training(model, x, optimizer="sgd")
    assert training_memory(model, x, optimizer="sgd").peak == pytest.approx(real.peak, rel=CLOSE)


def test_weights_that_lie_channels_last_are_not_copied() -> None:
    layout = torch.channels_last
    model = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3))
    model, x = model.to(memory_format=layout), R(2, 64, 8, 8).to(memory_format=layout)
    real = measured_training(model, x, optimizer="sgd")
    assert training_memory(model, x, optimizer="sgd").peak == pytest.approx(real.peak, rel=CLOSE)


def stepping_in_hooks(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """An optimizer for each parameter, which steps as soon as its gradient is there."""
    for parameter in parameters:
        own = torch.optim.SGD([parameter], 1e-3)

        def step(_: Tensor, own: torch.optim.Optimizer = own) -> None:
            own.step()
            own.zero_grad()

        parameter.register_post_accumulate_grad_hook(step)
    return torch.optim.SGD(parameters, 1e-3)


def test_an_optimizer_in_hooks_frees_each_gradient_at_once() -> None:
    layers = nn.Sequential(*(nn.Linear(128, 128) for _ in range(6)))
    x = R(8, 128)
    predicted = training_memory(layers, x, optimizer=stepping_in_hooks)
    real = measured_training(layers, x, optimizer=stepping_in_hooks)
    assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)


@pytest.mark.parametrize("keep_output", [False, True])
def test_logits_that_are_kept_are_held_through_the_step(keep_output: bool) -> None:
    model, x = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 2000)), R(64, 32)
    options: dict[str, Any] = {"optimizer": "sgd", "keep_output": keep_output}
    options["loss"] = lambda out: F.cross_entropy(out, torch.zeros(64, dtype=torch.long))
    predicted, real = training_memory(model, x, **options), measured_training(model, x, **options)
    assert predicted.peak == pytest.approx(real.peak, rel=CLOSE)


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("name", ["Muon", "depthwise", "linear"])
def test_16_bit_products_are_asked_or_say_how_much_more_they_may_take(
    name: str, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not asks:
        monkeypatch.setattr(asking, "LARGEST", 0)
    models: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        "Muon": (nn.Linear(256, 256, bias=False), (2, 256)),
        "depthwise": (nn.Conv2d(64, 64, 7, groups=64).bfloat16(), (2, 64, 12, 12)),
        "linear": (nn.Linear(512, 64).bfloat16(), (64, 512)),
    }
    model, shape = models[name]
    optimizer: Any = torch.optim.Muon if name == "Muon" else "sgd"
    x = R(*shape).to(next(model.parameters()).dtype)
    predicted = training_memory(model, x, optimizer=optimizer)
    real = measured_training(model, x, optimizer=optimizer).peak
    assert bool(predicted.asked) == asks != bool(predicted.uncertain)
    if asks:
        assert predicted.peak == pytest.approx(real, rel=CLOSE)
    else:
        assert predicted.peak <= real <= predicted.peak + predicted.uncertain
    assert not training_memory(nn.Linear(4, 4), (2, 4)).uncertain


def test_fused_adam_takes_no_temporaries() -> None:
    model, x = nn.Linear(300, 300), R(2, 300)
    each, fused = (
        training_memory(model, x, optimizer="adamw", **how)
        for how in ({"foreach": True}, {"fused": True})
    )
    real = measured_training(model, x, optimizer=lambda p: torch.optim.AdamW(p, fused=True))
    assert fused.peak == pytest.approx(real.peak, rel=CLOSE)
    assert fused.peak < each.peak
    with pytest.raises(ValueError, match="adafactor has no update that is fused"):
        training_memory(model, x, optimizer="adafactor", fused=True)


@pytest.mark.parametrize(
    "options", [{"dtype": "bf16"}, {"dtype": "fp16"}, {"autocast": "bf16"}, {"autocast": "fp16"}]
)
@pytest.mark.parametrize("name", ["encoder", "grouped heads", "odd width", "LSTM", "transposed"])
def test_a_gpu_in_16_bits_is_predicted(name: str, options: dict[str, Any]) -> None:
    models: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        "encoder": (nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), (4, 32, 64)),
        "grouped heads": (Attention(2), (4, 64, 64)),
        "odd width": (First(nn.MultiheadAttention(36, 3, batch_first=True)), (2, 8, 36)),
        "LSTM": (First(nn.LSTM(16, 16)), (4, 2, 16)),
        "transposed": (nn.ConvTranspose2d(8, 8, 3), (2, 8, 16, 16)),
    }
    model, shape = models[name]
    inputs = [R(*shape)] * (3 if name == "odd width" else 1)
    memory = training_memory(model, *inputs, device="cuda", **options)
    assert memory.ledger.total == memory.peak
    assert not memory.ran


def test_flash_attention_of_a_gpu_keeps_its_random_state() -> None:
    saved = training_memory(Attention(2), (4, 64, 64), device="cuda", dtype="bf16").saved
    assert "uint64" in {tensor.dtype for tensor in saved}
    # the log of each row's sum of exponentials, in fp32
    assert (4, 4, 64) in {tensor.shape for tensor in saved if tensor.dtype == "fp32"}
