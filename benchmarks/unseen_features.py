"""Ways of training that PyTorch, peft and others offer, on small modules; no test names them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

R = torch.randn
aten = torch.ops.aten
Made = tuple[nn.Module, tuple[Any, ...]]


class Layers(nn.Module):
    """Blocks of attention and a wide part, run one after another by `how`."""

    def __init__(self, how: Callable[..., Tensor] = lambda block, x: block(x)) -> None:
        super().__init__()
        self.how = how
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(64, 4, 160, 0.0, F.silu, batch_first=True, norm_first=True)
            for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = self.how(block, x)
        return x


def _keep_products(context: Any, func: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    kept = func in (aten.mm.default, aten.addmm.default)
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE


def _selectively(block: nn.Module, x: Tensor) -> Tensor:
    contexts = partial(create_selective_checkpoint_contexts, _keep_products)
    out: Tensor = checkpoint(block, x, use_reentrant=False, context_fn=contexts)
    return out


def _on_disk(block: nn.Module, x: Tensor) -> Tensor:
    """What is saved is packed to 16 bits."""
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: t.bfloat16() if t.dtype is torch.float32 else t,
        lambda t: t.float() if t.dtype is torch.bfloat16 else t,
    ):
        out: Tensor = block(x)
    return out


class Ensemble(nn.Module):
    """Four models as one, by `torch.func`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(R(4, 16, 32)), nn.Parameter(R(4, 32, 8))

    def forward(self, x: Tensor) -> Tensor:
        def one(first: Tensor, second: Tensor) -> Tensor:
            return torch.tanh(x @ first) @ second

        return torch.func.vmap(one)(self.first, self.second)


class Energy(nn.Module):
    """Forces as the gradient of an energy (after interatomic potentials)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.out = nn.Linear(64, 1)

    def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            places = places.detach().requires_grad_()
            apart = (places[:, None] - places[None]).square().sum(-1, keepdim=True)
            energy = self.out(self.layers(apart)).sum()
            (force,) = torch.autograd.grad(energy, places, create_graph=True)
        return energy, force


class Jacobian(nn.Module):
    """A loss of a network's derivative in a direction (forward mode)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        out: tuple[Tensor, ...] = torch.func.jvp(self.net, (x,), (torch.ones_like(x),))
        return out


class LowRank(nn.Module):
    """A weight that is a product of two, as a parametrization."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Parameter(R(64, 4)), nn.Parameter(R(4, 64))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.left @ self.right


def _parametrized() -> Made:
    layer = nn.Linear(64, 64)
    parametrize.register_parametrization(layer, "weight", LowRank())
    normed = parametrizations.weight_norm(nn.Conv1d(64, 32, 3))
    return nn.Sequential(layer, nn.GELU(), nn.Unflatten(0, (2, 16)), Turn(), normed), (R(32, 64),)


class Turn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class Momentum(nn.Module):
    """A student and a teacher that is a moving average of it (after BYOL)."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = nn.Linear(48, 48), nn.Linear(48, 48)
        self.teacher.requires_grad_(False)
        self.guess = nn.Linear(48, 48)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            pairs = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new.detach(), 0.01)
            target = F.normalize(self.teacher(y), dim=-1)
        return 2 - 2 * (F.normalize(self.guess(self.student(x)), dim=-1) * target).sum(-1)


class MixedPrecision(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Layers()

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            out: Tensor = self.inner(x)
        return out.float()


class Chunked(nn.Module):
    """A loss over a large vocabulary, in chunks that are checkpointed (after Liger, torchtune)."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(64, 64), nn.Linear(64, 2000, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        def part(y: Tensor, wanted: Tensor) -> Tensor:
            return F.cross_entropy(self.head(y).float(), wanted, reduction="sum")

        parts = zip(self.body(x).chunk(4), labels.chunk(4), strict=True)
        losses = [checkpoint(part, y, wanted, use_reentrant=False) for y, wanted in parts]
        return torch.stack(losses).sum() / len(labels)


def _adapted(kind: str, **options: Any) -> Callable[[], Made]:
    """peft's adapters on the linear layers of a small Llama-like model."""

    def made() -> Made:
        peft = import_module("peft")
        inner = nn.Sequential(nn.Linear(64, 160), nn.SiLU(), nn.Linear(160, 64))
        config = getattr(peft, kind)(target_modules=["0", "2"], **options)
        return peft.get_peft_model(inner, config), (R(40, 64),)

    return made


FEATURES: dict[str, Callable[[], Made]] = {
    "selective checkpoints": lambda: (Layers(_selectively), (R(2, 48, 64),)),
    "saved in 16 bits": lambda: (Layers(_on_disk), (R(2, 48, 64),)),
    "autocast inside": lambda: (MixedPrecision(), (R(2, 48, 64),)),
    "ensemble by vmap": lambda: (Ensemble(), (R(20, 16),)),
    "forces": lambda: (Energy(), (R(12, 3),)),
    "forward-mode derivative": lambda: (Jacobian(), (R(30, 3),)),
    "parametrized weights": _parametrized,
    "moving average of weights": lambda: (Momentum(), (R(24, 48), R(24, 48))),
    "loss in chunks": lambda: (Chunked(), (R(64, 64), torch.randint(0, 2000, (64,)))),
    "DoRA": _adapted("LoraConfig", r=4, use_dora=True),
    "IA3": _adapted("IA3Config", feedforward_modules=["2"]),
    "VeRA": _adapted("VeraConfig", r=8),
    "LoHa": _adapted("LoHaConfig", r=4),
    "OFT": _adapted("OFTConfig", r=0, oft_block_size=8),
    "FourierFT": _adapted("FourierFTConfig", n_frequency=50),
    "BOFT": _adapted("BOFTConfig", boft_block_size=8),
    "rsLoRA and dropout": _adapted("LoraConfig", r=4, use_rslora=True, lora_dropout=0.1),
}
