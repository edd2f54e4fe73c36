"""Models of sound, tables, play and science, written by hand; no test names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

R = torch.randn


class SpeechRecognizer(nn.Module):
    """A spectrogram, convolutions, a GRU in both directions, and CTC's loss."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(1, 16, 3, (2, 1), 1)
        self.over_time = nn.GRU(33 * 16, 32, bidirectional=True, batch_first=True)
        self.letters = nn.Linear(64, 12)
        self.register_buffer("window", torch.hann_window(128))

    def forward(self, sound: Tensor, text: Tensor) -> Tensor:
        waves = torch.stft(sound, 128, 64, window=self.window, return_complex=True)
        x = F.relu(self.near((waves.abs() + 1e-6).log().unsqueeze(1)))
        x = self.over_time(x.flatten(1, 2).transpose(1, 2))[0]
        chances = self.letters(x).log_softmax(-1).transpose(0, 1)
        lengths = torch.full((len(sound),), len(chances))
        return F.ctc_loss(chances, text, lengths, torch.full_like(lengths, text.shape[1]))


class Separator(nn.Module):
    """Sound is cut into windows, masked for each voice and joined again (after Conv-TasNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Conv1d(1, 64, 16, 8), nn.ConvTranspose1d(64, 1, 16, 8)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(nn.Conv1d(64, 96, 1), nn.PReLU(), nn.GroupNorm(1, 96)),
                nn.Conv1d(96, 96, 3, padding=2**n, dilation=2**n, groups=96),
                *(nn.PReLU(), nn.GroupNorm(1, 96), nn.Conv1d(96, 64, 1)),
            )
            for n in range(3)
        )
        self.masks = nn.Conv1d(64, 128, 1)

    def forward(self, sound: Tensor) -> Tensor:
        x = y = self.enter(sound)
        for block in self.blocks:
            y = y + block(y)
        masks = self.masks(y).sigmoid().unflatten(1, (2, 64))
        return self.leave((x.unsqueeze(1) * masks).flatten(0, 1)).unflatten(0, (-1, 2))


class TableTransformer(nn.Module):
    """Each column of a table is a token (after FT-Transformer)."""

    def __init__(self, numbers: int = 8, classes: tuple[int, ...] = (5, 11, 3)) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(R(numbers, 32)), nn.Parameter(R(numbers, 32))
        self.tables = nn.ModuleList(nn.Embedding(each, 32) for each in classes)
        self.first = nn.Parameter(R(1, 1, 32))
        layer = nn.TransformerEncoderLayer(
            32, 4, 64, 0.1, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(32, 2)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        tokens = [x.unsqueeze(-1) * self.weight + self.bias]
        tokens += [t(ids[:, n]).unsqueeze(1) for n, t in enumerate(self.tables)]
        tokens.insert(0, self.first.expand(len(x), -1, -1))
        return self.out(self.layers(torch.cat(tokens, 1))[:, 0])


class CrossNetwork(nn.Module):
    """Clicks: products of features beside a deep network (after DCN)."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(1000, 16, mode="mean")
        self.crosses = nn.ModuleList(nn.Linear(24, 24) for _ in range(2))
        self.deep = nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2))
        self.out = nn.Linear(88, 1)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        first = y = torch.cat([x, self.bag(ids)], 1)
        for cross in self.crosses:
            y = first * cross(y) + y
        return self.out(torch.cat([y, self.deep(first)], 1))


class ActorCritic(nn.Module):
    """PPO's loss on a batch of frames of a game."""

    def __init__(self) -> None:
        super().__init__()
        self.eyes = nn.Sequential(
            *(nn.Conv2d(4, 16, 8, 4), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(2592, 64), nn.ReLU()),
        )
        self.actor, self.critic = nn.Linear(64, 6), nn.Linear(64, 1)

    def forward(self, frames: Tensor, action: Tensor, before: Tensor, gain: Tensor) -> Tensor:
        seen = self.eyes(frames)
        policy = torch.distributions.Categorical(logits=self.actor(seen), validate_args=False)
        ratio = (policy.log_prob(action) - before).exp()
        surrogate = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
        worth = F.mse_loss(self.critic(seen).squeeze(-1), gain)
        return 0.5 * worth - surrogate - 0.01 * policy.entropy().mean()


class Dueling(nn.Module):
    """Q-learning with noisy layers: a value, and what each action adds."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mean = nn.Linear(12, 64), nn.Linear(64, 5)
        self.spread = nn.Parameter(torch.full((5, 64), 0.1))

    def forward(self, state: Tensor) -> Tensor:
        x = F.silu(self.body(state))
        noise = self.spread * torch.randn_like(self.spread)
        value, added = F.linear(x, self.mean.weight + noise, self.mean.bias).split((1, 4), -1)
        return value + added - added.mean(-1, keepdim=True)


class Radiance(nn.Module):
    """Colours along rays, added up from the eye (after NeRF)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(39, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.density, self.colour = nn.Linear(64, 1), nn.Linear(64 + 3, 3)

    def forward(self, start: Tensor, way: Tensor) -> Tensor:
        depth = torch.linspace(2, 6, 16, device=start.device)
        places = start[:, None] + way[:, None] * depth[:, None]
        angles = places[..., None] * 2.0 ** torch.arange(6, device=start.device)
        waves = torch.cat([angles.sin().flatten(-2), angles.cos().flatten(-2)], -1)
        x = self.body(torch.cat([places, waves], -1))
        opaque = 1 - torch.exp(-F.relu(self.density(x)).squeeze(-1) * 0.25)
        left = torch.cumprod(1 - opaque + 1e-10, -1).roll(1, -1)
        seen = torch.cat([x, way[:, None].expand(-1, 16, -1)], -1)
        return ((opaque * left)[..., None] * self.colour(seen).sigmoid()).sum(1)


class Flow(nn.Module):
    """A differential equation by four Runge-Kutta steps of the fourth order."""

    def __init__(self) -> None:
        super().__init__()
        self.field = nn.Sequential(nn.Linear(16, 48), nn.Tanh(), nn.Linear(48, 16))

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(4):
            a = self.field(x)
            b = self.field(x + 0.125 * a)
            c = self.field(x + 0.125 * b)
            d = self.field(x + 0.25 * c)
            x = x + 0.25 / 6 * (a + 2 * b + 2 * c + d)
        return x


class Tagger(nn.Module):
    """An LSTM in both directions, then the forward algorithm over labels (a linear chain CRF)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 32, padding_idx=0)
        self.read, self.score = nn.LSTM(32, 32, bidirectional=True), nn.Linear(64, 7)
        self.after = nn.Parameter(R(7, 7))

    def forward(self, ids: Tensor) -> Tensor:
        scores = self.score(self.read(self.words(ids))[0])
        total = scores[0]
        for each in scores[1:]:
            total = torch.logsumexp(total.unsqueeze(2) + self.after, 1) + each
        return torch.logsumexp(total, 1)


class Splines(nn.Module):
    """A curve for each pair of input and output, on a grid (after KAN)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("grid", torch.linspace(-2, 2, 8))
        self.curves, self.base = nn.Parameter(R(16, 12 * 8) * 0.1), nn.Linear(12, 16)

    def forward(self, x: Tensor) -> Tensor:
        bumps = torch.exp(-(((x.unsqueeze(-1) - self.grid) * 1.75) ** 2))
        return self.base(F.silu(x)) + F.linear(bumps.flatten(1), self.curves)


class LongConvolution(nn.Module):
    """A filter as long as the text, made by a small network, used by Fourier (after Hyena)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.short = nn.Conv1d(3 * width, 3 * width, 3, padding=2, groups=3 * width)
        self.filter = nn.Sequential(nn.Linear(1, 16), nn.GELU(), nn.Linear(16, width))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        mixed = self.short(self.enter(x).transpose(1, 2))[..., :n]
        gate, value, other = mixed.chunk(3, 1)
        at = torch.linspace(0, 1, n, device=x.device)
        kernel = (self.filter(at[:, None]) * torch.exp(-3 * at)[:, None]).t()
        y = torch.fft.rfft(value * other, 2 * n) * torch.fft.rfft(kernel, 2 * n)
        return self.leave((gate * torch.fft.irfft(y, 2 * n)[..., :n]).transpose(1, 2))


class Contrast(nn.Module):
    """Two views of each picture; each is to find its own among all (InfoNCE)."""

    def __init__(self) -> None:
        super().__init__()
        self.eyes = nn.Sequential(
            *(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)),
            *(nn.Conv2d(24, 48, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 32)),
        )
        self.heat = nn.Parameter(torch.tensor(2.0))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        a, b = (F.normalize(self.eyes(view), dim=-1) for view in (one, other))
        close = a @ b.t() * self.heat.exp()
        own = torch.arange(len(close), device=close.device)
        return (F.cross_entropy(close, own) + F.cross_entropy(close.t(), own)) / 2


class Forecast(nn.Module):
    """A trend by a moving average, and the rest, each by a product over time (after DLinear)."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.trend, self.rest = nn.AvgPool1d(9, 1), nn.Linear(64, 16), nn.Linear(64, 16)

    def forward(self, x: Tensor) -> Tensor:
        slow = self.mean(F.pad(x, (4, 4), mode="replicate"))
        return self.trend(slow) + self.rest(x - slow)


class Mixture(nn.Module):
    """Says a distribution: the likelihood of a mixture of normal ones is its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.heads = nn.Linear(6, 48), nn.Linear(48, 15)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weight, mean, width = self.heads(torch.tanh(self.body(x))).chunk(3, -1)
        each = torch.distributions.Normal(mean, F.softplus(width) + 1e-3, validate_args=False)
        return -torch.logsumexp(weight.log_softmax(-1) + each.log_prob(y), -1).mean()


class Distillation(nn.Module):
    """A frozen teacher, a student, and the divergence between them."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = nn.Sequential(nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 10))
        self.teacher.requires_grad_(False)
        self.student = nn.Sequential(nn.Linear(32, 24), nn.GELU(), nn.Linear(24, 10))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = (self.teacher(x) / 2).softmax(-1)
        return F.kl_div((self.student(x) / 2).log_softmax(-1), wanted, reduction="batchmean") * 4


APPLIED: dict[str, Callable[[], tuple[nn.Module, tuple[Any, ...]]]] = {
    "speech recognizer": lambda: (SpeechRecognizer(), (R(2, 4096), torch.randint(1, 12, (2, 9)))),
    "voices apart": lambda: (Separator(), (R(2, 1, 1600),)),
    "table transformer": lambda: (TableTransformer(), (R(16, 8), torch.randint(0, 3, (16, 3)))),
    "clicks": lambda: (CrossNetwork(), (R(32, 8), torch.randint(0, 1000, (32, 5)))),
    "actor and critic": lambda: (
        ActorCritic(),
        (R(8, 4, 84, 84), torch.randint(0, 6, (8,)), R(8), R(8)),
    ),
    "dueling Q": lambda: (Dueling(), (R(32, 12),)),
    "radiance field": lambda: (Radiance(), (R(24, 3), R(24, 3))),
    "differential equation": lambda: (Flow(), (R(32, 16),)),
    "tagger": lambda: (Tagger(), (torch.randint(1, 100, (12, 4)),)),
    "splines": lambda: (Splines(), (R(32, 12),)),
    "long convolution": lambda: (LongConvolution(), (R(2, 60, 32),)),
    "contrast": lambda: (Contrast(), (R(8, 3, 32, 32), R(8, 3, 32, 32))),
    "forecast": lambda: (Forecast(), (R(8, 7, 64),)),
    "mixture density": lambda: (Mixture(), (R(32, 6), R(32, 1))),
    "distillation": lambda: (Distillation(), (R(32, 32),)),
}
