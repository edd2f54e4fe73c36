"""Small models that ranks train: each function gives a model, its inputs and its units."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from helpers.meter.memory.ranks.sharding import blocks_of

Case = tuple[nn.Module, tuple[Any, ...], list[str]]
R = torch.randn


def case(model: nn.Module, *inputs: Tensor) -> Case:
    return model, inputs, blocks_of(model)


def mlp() -> Case:
    sizes = (512, 1024, 1024, 1024, 256)
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.GELU())]
    return case(nn.Sequential(*layers), R(32, 512))


def uneven() -> Case:
    """Sizes that no number of ranks divides."""
    return case(
        nn.Sequential(
            nn.Linear(511, 777), nn.ReLU(), nn.Linear(777, 901), nn.ReLU(), nn.Linear(901, 101)
        ),
        R(16, 511),
    )


class Block(nn.Module):
    """A transformer's block: heads of queries over fewer of keys and values, a gate, RMS norms."""

    def __init__(self, width: int, heads: int, shared: int, causal: bool = True) -> None:
        super().__init__()
        self.heads, self.shared, self.causal = heads, shared, causal
        side = width // heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.q, self.kv = nn.Linear(width, width, bias=False), nn.Linear(width, 2 * shared * side)
        self.out = nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, 3 * width), nn.Linear(width, 3 * width)
        self.down = nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        y = self.norm1(x)
        q = self.q(y).view(batch, length, self.heads, -1).transpose(1, 2)
        k, v = self.kv(y).view(batch, length, 2, self.shared, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, enable_gqa=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """A language model."""

    def __init__(self, shared: int, tied: bool = False, checkpointed: bool = False) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        self.table = nn.Embedding(1000, 256)
        self.blocks = nn.ModuleList(Block(256, 8, shared) for _ in range(4))
        self.norm, self.head = nn.RMSNorm(256), nn.Linear(256, 1000, bias=False)
        if tied:
            self.head.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return self.head(self.norm(x))


def ids(batch: int = 2, length: int = 64) -> Tensor:
    return torch.randint(0, 1000, (batch, length))


def decoder() -> Case:
    return case(Decoder(8), ids())


def grouped_heads() -> Case:
    return case(Decoder(2), ids(4, 32))


def tied_weights() -> Case:
    return case(Decoder(8, tied=True), ids())


def encoder() -> Case:
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, dropout=0.0)
    return case(nn.TransformerEncoder(layer, 3, enable_nested_tensor=False), R(4, 48, 256))


class Recurrent(nn.Module):
    """A recurrent language model."""

    def __init__(self, kind: Any, hidden: int) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(1000, 128), kind(128, hidden, 2, batch_first=True)
        self.head = nn.Linear(hidden, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.table(x))[0])


def lstm() -> Case:
    return case(Recurrent(nn.LSTM, 256), ids(8, 32))


def gru() -> Case:
    return case(Recurrent(nn.GRU, 256), ids(8, 32))


class Residual(nn.Module):
    """Two convolutions with batch norms beside a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)),
            *(nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def residual() -> Case:
    stem = nn.Conv2d(3, 128, 3, 2, 1)
    return case(nn.Sequential(stem, *(Residual(128) for _ in range(4))), R(4, 3, 32, 32))


def depthwise() -> Case:
    def block(width: int) -> nn.Module:
        wide = 4 * width
        return nn.Sequential(
            *(nn.Conv2d(width, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()),
            *(nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide)),
            nn.Conv2d(wide, width, 1),
        )

    return case(
        nn.Sequential(nn.Conv2d(3, 96, 4, 4), *(block(96) for _ in range(4))), R(4, 3, 64, 64)
    )


def convnext() -> Case:
    import timm

    return case(timm.create_model("convnext_atto", num_classes=100), R(2, 3, 64, 64))


def vit() -> Case:
    import timm

    return case(timm.create_model("vit_tiny_patch16_224"), R(2, 3, 224, 224))


class UNet(nn.Module):
    """Down, up, and a skip over each."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, 2, 1) for a, b in ((16, 64), (64, 128), (128, 256))
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((256, 128), (128, 64), (64, 16))
        )

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for layer in self.down:
            skips.append(x)
            x = F.silu(layer(x))
        for layer in self.up:
            x = F.silu(layer(x)) + skips.pop()
        return x


def unet() -> Case:
    return case(UNet(), R(2, 16, 64, 64))


class Experts(nn.Module):
    """Four experts, each of which sees all tokens, weighted by a router."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(256, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.Linear(512, 256)) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        weights = self.router(x).softmax(-1)
        return sum(
            w.unsqueeze(-1) * e(x) for w, e in zip(weights.unbind(-1), self.experts, strict=True)
        )


def experts() -> Case:
    return case(nn.Sequential(*(Experts() for _ in range(2))), R(2, 32, 256))


class Mixer(nn.Module):
    """Mixes tokens, then channels."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(256), nn.LayerNorm(256)
        self.tokens = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
        self.channels = nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


def mixer() -> Case:
    return case(nn.Sequential(*(Mixer() for _ in range(4))), R(4, 64, 256))


class Recommender(nn.Module):
    """Tables of embeddings under a wide network."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(4000, 64) for _ in range(4))
        self.top = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 1))

    def forward(self, ids: Tensor) -> Tensor:
        return self.top(
            torch.cat([t(i) for t, i in zip(self.tables, ids.unbind(1), strict=True)], 1)
        )


def recommender() -> Case:
    return case(Recommender(), torch.randint(0, 4000, (64, 4)))


def waves() -> Case:
    layers = [nn.Conv1d(1, 128, 16, 8), *(nn.Conv1d(128, 128, 9, padding=4) for _ in range(5))]
    both = [part for layer in layers for part in (layer, nn.GroupNorm(8, 128), nn.SiLU())]
    return case(nn.Sequential(*both), R(4, 1, 4000))


def checkpointed() -> Case:
    return case(Decoder(8, checkpointed=True), ids(4, 64))


class Repeated(nn.Module):
    """One block three times (after Albert)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.block, self.last = nn.Linear(64, 160), Block(160, 5, 1), nn.Linear(160, 9)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for _ in range(3):
            x = self.block(x)
        return self.last(x)


def repeated() -> Case:
    return Repeated(), (R(2, 20, 64),), ["block"]


class ExpertMatrices(nn.Module):
    """Three experts as one weight, which two ranks cannot divide."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.router = nn.Linear(width, 3, bias=False)
        self.up = nn.Parameter(0.05 * R(3, width, 2 * width))
        self.down = nn.Parameter(0.05 * R(3, 2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.einsum("btw,ewh->ebth", x, self.up).relu()
        weights = self.router(x).softmax(-1)
        return x + torch.einsum("ebth,ehw,bte->btw", hidden, self.down, weights)


def expert_matrices() -> Case:
    blocks = (ExpertMatrices() for _ in range(3))
    return case(nn.Sequential(nn.Linear(64, 128), *blocks), R(2, 24, 64))


class Translator(nn.Module):
    """A reader, and a writer that looks at what was read."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (96, 4, 200, 0.0)
        self.read = nn.ModuleList(
            nn.TransformerEncoderLayer(*sizes, batch_first=True) for _ in range(2)
        )
        self.write = nn.ModuleList(
            nn.TransformerDecoderLayer(*sizes, batch_first=True) for _ in range(2)
        )
        self.out = nn.Linear(96, 77)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        for layer in self.read:
            source = layer(source)
        for layer in self.write:
            target = layer(target, source)
        return self.out(target)


def translator() -> Case:
    return case(Translator(), R(2, 19, 96), R(2, 11, 96))


class Routed(nn.Module):
    """Two of four experts for each token, found by a mask: it needs numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(128, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(128, 256), nn.GELU(), nn.Linear(256, 128)) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = self.router(x).softmax(-1).topk(2, -1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == number)
            out = out.index_add(0, rows, expert(x[rows]) * weights[rows, place, None])
        return x + out


def routed() -> Case:
    return case(nn.Sequential(nn.Linear(64, 128), Routed(), Routed()), R(96, 64))


CASES = (
    *("mlp", "uneven", "decoder", "grouped_heads", "tied_weights", "encoder", "lstm", "gru", "vit"),
    *("residual", "depthwise", "convnext", "unet", "experts", "mixer", "recommender", "waves"),
    *("checkpointed", "repeated", "expert_matrices", "translator"),
    "routed",
)
