"""Modules written by hand that no test names: `WRITTEN` makes each, with its inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

R = torch.randn


class SelectiveScan(nn.Module):
    """A state that each token changes as it says itself (after Mamba)."""

    def __init__(self, width: int = 64, states: int = 8) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.near = nn.Conv1d(width, width, 4, groups=width, padding=3)
        self.chosen = nn.Linear(width, 2 * states + 1)
        self.decay = nn.Parameter(R(width, states))

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.enter(x).chunk(2, -1)
        x = F.silu(self.near(x.transpose(1, 2))[..., : x.shape[1]]).transpose(1, 2)
        b, c, step = self.chosen(x).split((8, 8, 1), -1)
        step = F.softplus(step)
        decay = torch.exp(step.unsqueeze(-1) * -self.decay.exp())
        added = (step * x).unsqueeze(-1) * b.unsqueeze(2)
        state, outs = torch.zeros_like(added[:, 0]), []
        for t in range(x.shape[1]):
            state = decay[:, t] * state + added[:, t]
            outs.append((state @ c[:, t].unsqueeze(-1)).squeeze(-1))
        return self.leave(torch.stack(outs, 1) * F.silu(gate))


class TopOfExperts(nn.Module):
    """Two of four experts for each token, found by a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(32, 4)
        self.experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = self.router(x).softmax(-1).topk(2, -1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == number)
            out = out.index_add(0, rows, expert(x[rows]) * weights[rows, place, None])
        return out


class DiffusionBlock(nn.Module):
    """A residual block that is told the time, and attention over all places."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.GroupNorm(8, width) for _ in range(3))
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.time, self.qkv = nn.Linear(32, width), nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.exp(-torch.arange(16, device=x.device))
        told = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        y = self.conv1(F.silu(self.norm1(x))) + told[:, :, None, None]
        x = x + self.conv2(F.silu(self.norm2(y)))
        q, k, v = self.qkv(self.norm3(x)).flatten(2).transpose(1, 2).chunk(3, -1)
        y = F.scaled_dot_product_attention(*(each.unsqueeze(1) for each in (q, k, v)))
        return x + self.out(y.squeeze(1).transpose(1, 2).reshape(x.shape))


class DetectionHead(nn.Module):
    """Classes and boxes at three scales, with shared convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, 32, 1) for c in (16, 32, 64))
        self.tower = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
        self.classes, self.boxes = nn.Conv2d(32, 9, 3, padding=1), nn.Conv2d(32, 4, 3, padding=1)

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        levels = [conv(x) for conv, x in zip(self.lateral, (a, b, c), strict=True)]
        for low, high in ((1, 2), (0, 1)):
            levels[low] = levels[low] + F.interpolate(levels[high], scale_factor=2.0)
        outs = []
        for level in levels:
            y = self.tower(level)
            outs.append(torch.cat([self.classes(y), self.boxes(y).exp()], 1).flatten(2))
        return torch.cat(outs, -1)


class GraphConvolution(nn.Module):
    """Each node sums what its neighbours send, over the root of both degrees."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Linear(32, 8)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        degree = torch.ones_like(x[:, 0]).index_add(0, edges[1], torch.ones_like(edges[1]).to(x))
        scale = degree.rsqrt()
        weight = (scale[edges[0]] * scale[edges[1]])[:, None]
        for layer in (self.first, self.second):
            y = layer(x)
            x = torch.relu(y.index_add(0, edges[1], y[edges[0]] * weight))
        return x


class GraphAttention(nn.Module):
    """Weights of edges by a softmax over each node's neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.score = nn.Linear(16, 16), nn.Linear(32, 1)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        y = self.layer(x)
        e = F.leaky_relu(self.score(torch.cat([y[edges[0]], y[edges[1]]], -1))).squeeze(-1).exp()
        total = torch.zeros_like(x[:, 0]).scatter_add(0, edges[1], e)
        return torch.zeros_like(y).index_add(
            0, edges[1], y[edges[0]] * (e / total[edges[1]])[:, None]
        )


class Spectral(nn.Module):
    """A Fourier neural operator's layer: some frequencies, each with a matrix of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(R(16, 16, 8, dtype=torch.cfloat))
        self.beside = nn.Conv1d(16, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        f = torch.fft.rfft(x)
        out = torch.zeros_like(f)
        out[..., :8] = torch.einsum("bif,iof->bof", f[..., :8], self.weight)
        return F.gelu(torch.fft.irfft(out, n=x.shape[-1]) + self.beside(x))


class Autoencoder(nn.Module):
    """A variational one: it draws from what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 32)
        )
        self.leave = nn.Sequential(
            nn.Linear(16, 3136), nn.Unflatten(1, (16, 14, 14)), nn.ConvTranspose2d(16, 1, 4, 2, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        mean, log = self.enter(x).chunk(2, -1)
        return self.leave(mean + torch.randn_like(mean) * (log / 2).exp())


class Points(nn.Module):
    """A cloud of points: each alone, then the largest of all."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Conv1d(3, 64, 1), nn.BatchNorm1d(64), nn.ReLU(), nn.Conv1d(64, 128, 1)
        )
        self.all = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.all(self.each(x).max(-1).values)


class Dilated(nn.Module):
    """Gated convolutions of growing dilation (after WaveNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(32, 64, 2, dilation=2**n) for n in range(5))
        self.outs = nn.ModuleList(nn.Conv1d(32, 32, 1) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        for layer, out in zip(self.layers, self.outs, strict=True):
            a, b = layer(F.pad(x, (layer.dilation[0], 0))).chunk(2, 1)
            x = x + out(a.tanh() * b.sigmoid())
        return x


class Flow(nn.Module):
    """A coupling layer and an invertible 1 x 1 product with its determinant."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.linalg.qr(R(16, 16))[0])
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        a, b = (x @ self.mix).chunk(2, -1)
        scale, shift = self.net(a).chunk(2, -1)
        y = torch.cat([a, b * scale.tanh().exp() + shift], -1)
        return y + torch.linalg.slogdet(self.mix)[1]


class Latents(nn.Module):
    """A few learned queries look at many inputs (after Perceiver)."""

    def __init__(self) -> None:
        super().__init__()
        self.latents = nn.Parameter(R(8, 64))
        self.cross = nn.MultiheadAttention(64, 4, batch_first=True)
        self.own = nn.TransformerEncoderLayer(64, 4, 128, 0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        latents = self.latents.expand(x.shape[0], -1, -1)
        return self.own(self.cross(latents, x, x, need_weights=False)[0])


class Equilibrium(nn.Module):
    """One layer again and again until it changes little."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(32, 32)
        nn.init.orthogonal_(self.layer.weight, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        z = torch.zeros_like(x)
        for _ in range(20):
            new = torch.tanh(self.layer(z) + x)
            if (new - z).norm() < 1e-3 * new.norm():
                return new
            z = new
        return z


def _edges(nodes: int, count: int) -> Tensor:
    return torch.randint(0, nodes, (2, count))


WRITTEN: dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]] = {
    "selective scan": lambda: (SelectiveScan(), (R(2, 16, 64),)),
    "experts by a mask": lambda: (TopOfExperts(), (R(24, 32),)),
    "diffusion block": lambda: (DiffusionBlock(), (R(2, 64, 16, 16), torch.rand(2))),
    "detection head": lambda: (
        DetectionHead(),
        (R(2, 16, 32, 32), R(2, 32, 16, 16), R(2, 64, 8, 8)),
    ),
    "graph convolution": lambda: (GraphConvolution(), (R(40, 16), _edges(40, 120))),
    "graph attention": lambda: (GraphAttention(), (R(40, 16), _edges(40, 120))),
    "Fourier operator": lambda: (Spectral(), (R(4, 16, 64),)),
    "variational autoencoder": lambda: (Autoencoder(), (R(4, 1, 28, 28),)),
    "point cloud": lambda: (Points(), (R(4, 3, 128),)),
    "dilated gates": lambda: (Dilated(), (R(4, 32, 100),)),
    "normalizing flow": lambda: (Flow(), (R(64, 16),)),
    "latent queries": lambda: (Latents(), (R(2, 100, 64),)),
    "equilibrium": lambda: (Equilibrium(), (R(8, 32),)),
}
