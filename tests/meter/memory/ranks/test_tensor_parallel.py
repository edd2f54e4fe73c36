"""Ranks that cut each layer: which are cut, what a rank has of them, and what it sends."""

from __future__ import annotations

from math import prod
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from helpers.meter.memory.command import memory_command
from helpers.meter.memory.predict import Memory, training_memory
from helpers.meter.memory.ranks.layer_styles import STYLES, own_plan, styles_of, wildcard
from helpers.meter.memory.ranks.local_sizes import local_view
from helpers.meter.memory.ranks.plan import Plan


def predicted(model: nn.Module, *inputs: Any, tensor: int = 2, **options: Any) -> Memory:
    plan = Plan(tensor=tensor, **options)
    return training_memory(model, *inputs, foreach=False, plan=plan)


def cut_of(model: nn.Module, *inputs: Any, **options: Any) -> dict[str, str]:
    cut = predicted(model, *inputs, **options).cut
    assert cut
    return dict(cut.plan)


class Pair(nn.Module):
    """Two linear layers with something between."""

    def __init__(self, between: nn.Module, width: int = 16) -> None:
        super().__init__()
        self.between = between
        self.first, self.second = nn.Linear(width, 64), nn.Linear(64, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.between(self.first(x)))


class Attention(nn.Module):
    """Attention over heads of eight, queries, keys and values from one layer; `how` they are named:
    in a view, in pieces, or by their width alone."""

    def __init__(self, how: str, heads: int = 4) -> None:
        super().__init__()
        self.how, self.heads, self.width = how, heads, 8 * heads
        self.qkv, self.out = (
            nn.Linear(self.width, 3 * self.width),
            nn.Linear(self.width, self.width),
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        if self.how == "view":
            qkv = self.qkv(x).reshape(batch, length, 3, self.heads, 8).permute(2, 0, 3, 1, 4)
            q, k, v = qkv.unbind(0)
        else:
            parts = self.qkv(x).split(self.width, dim=2)
            sizes = (
                (batch, length, -1, 8) if self.how == "width" else (batch, length, self.heads, -1)
            )
            q, k, v = (part.view(sizes).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(batch, length, self.width))


def test_a_pair_of_layers_is_cut_by_columns_and_by_rows() -> None:
    model = Pair(nn.GELU())
    assert cut_of(model, (5, 16)) == {"first": "colwise", "second": "rowwise"}
    half = predicted(model, (5, 16))
    # first 16·64 + 64, second 64·16 numbers in two parts; the bias of 16 is whole
    assert half.timeline.bytes["weights"][0] == 4 * ((16 * 64 + 64) // 2 + 64 * 16 // 2 + 16)
    # the sum of 5 × 16 results; their input has no gradient
    assert half.sent.total == 2 * 4 * 5 * 16 // 2
    assert "50.4 % of all" in str(half.cut)


def test_a_gradient_of_the_input_is_summed_as_well() -> None:
    chain = nn.Sequential(nn.Linear(16, 16), Pair(nn.ReLU()))
    assert predicted(chain, (5, 16), tensor=4).sent.total == 2 * (2 * 4 * 5 * 16 * 3 // 4)


@pytest.mark.parametrize(
    "between",
    [nn.LayerNorm(64), nn.RMSNorm(64), nn.Softmax(-1), nn.BatchNorm1d(64)],
    ids=lambda module: type(module).__name__,
)
def test_what_needs_all_features_at_once_leaves_both_layers_whole(between: nn.Module) -> None:
    with pytest.raises(ValueError, match="Pair has no pair of linear layers that 2 ranks can cut"):
        predicted(Pair(between), (5, 16))


@pytest.mark.parametrize("how", ["view", "width", "heads"])
def test_heads_are_shared_however_the_model_names_them(how: str) -> None:
    model, x = Attention(how), (2, 6, 32)
    assert cut_of(model, x) == {"qkv": "colwise", "out": "rowwise"}
    whole, half = training_memory(model, x, foreach=False), predicted(model, x)
    assert (2, 4, 6) in {tensor.shape for tensor in whole.saved}  # the log-sum-exp of four heads
    assert (2, 2, 6) in {tensor.shape for tensor in half.saved}
    assert half.saved_bytes < whole.saved_bytes


def test_a_number_of_ranks_that_does_not_divide_the_heads_leaves_them_whole() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.pair = Attention("view", heads=3), Pair(nn.GELU(), 24)

        def forward(self, x: Tensor) -> Tensor:
            return self.pair(self.attention(x))

    assert set(cut_of(Block(), (2, 6, 24))) == {"pair.first", "pair.second"}


def test_vision_transformers_of_timm_are_cut_in_every_block() -> None:
    import timm

    model = timm.create_model("vit_tiny_patch16_224", depth=2, img_size=32, num_heads=4)
    assert cut_of(model, (2, 3, 32, 32)) == {
        "blocks.*.attn.qkv": "colwise",
        "blocks.*.attn.proj": "rowwise",
        "blocks.*.mlp.fc1": "colwise",
        "blocks.*.mlp.fc2": "rowwise",
    }


def test_a_model_that_needs_values_runs_for_real_with_its_parts() -> None:
    class Looking(Pair):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.isfinite().all().item() else x

    memory = predicted(Looking(nn.GELU()), torch.randn(5, 16))
    assert "ran for real" in memory.ran
    assert memory.peak == predicted(Pair(nn.GELU()), (5, 16)).peak


class Language(nn.Module):
    """A table of words, a pair of layers, and a head; `tied`: the head is the table."""

    def __init__(self, words: int, tied: bool = False) -> None:
        super().__init__()
        self.table, self.pair = nn.Embedding(words, 16), Pair(nn.GELU())
        self.head = nn.Linear(16, words, bias=False)
        if tied:
            self.head.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.pair(self.table(ids)))


def test_a_plan_may_cut_the_table_and_the_head_where_nothing_divides() -> None:
    plan = {"table": "embedding_rowwise", "head": "colwise_gather_output"}
    ids = torch.zeros(2, 3, dtype=torch.int64)
    held = []
    for rank in range(4):
        memory = predicted(Language(101), ids, tensor=4, rank=rank, cut=plan)
        held.append(memory.timeline.bytes["weights"][0] - 4 * (16 * 64 + 64 + 64 * 16 + 16))
        assert {term.name for term in memory.sent.terms} == {"all-reduce", "all-gather"}
    assert held == [2 * 4 * 16 * rows for rows in (26, 26, 26, 23)]


def test_weights_that_are_tied_are_cut_where_both_layers_are_cut_alike() -> None:
    ids = torch.zeros(2, 3, dtype=torch.int64)
    both = {"table": "embedding_rowwise", "head": "colwise_gather_output"}
    whole = 4 * (16 * 64 + 64 + 64 * 16 + 16)
    for plan, rows in ((both, 50), ({"head": "colwise_gather_output"}, 100)):
        memory = predicted(Language(100, tied=True), ids, cut=plan)
        assert memory.timeline.bytes["weights"][0] == whole + 4 * 16 * rows


def test_a_model_may_bring_its_own_plan() -> None:
    model = nn.ModuleDict({"layers": nn.ModuleList(Pair(nn.ReLU()) for _ in range(11))})
    model.tp_plan = {"layers.*.first": "colwise", "layers.10.second": "rowwise"}
    styles = styles_of(own_plan(model), model)
    assert len(styles) == 12
    assert styles["layers.10.second"] is STYLES["rowwise"]
    assert wildcard("h.10.mlp2.fc1") == "h.*.mlp2.fc1"


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"first": "by columns"}, "no style 'by columns' is followed: use colwise"),
        ({"third": "colwise"}, "no layer of Pair has a name of the plan"),
        ({"first": "colwise"}, "cut among 2 ranks, Pair fails on input"),
    ],
)
def test_plans_that_cannot_be_followed_are_refused_in_a_line(
    plan: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        predicted(Pair(nn.GELU()), (5, 16), cut=plan)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("how", ["fused", "foreach"])
def test_weights_cut_and_whole_are_not_updated_at_once(how: str) -> None:
    with pytest.raises(ValueError, match="leave out fused and foreach"):
        training_memory(Pair(nn.GELU()), (5, 16), plan=Plan(tensor=2), **{how: True})


def test_the_model_stays_as_it_was() -> None:
    model, x = Language(100, tied=True), torch.zeros(2, 3, dtype=torch.int64)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    plans: list[dict[str, str] | None] = [None, {"table": "embedding_rowwise"}]
    for plan in plans:
        predicted(model, x, cut=plan)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert model.head.weight is model.table.weight
    model(x).sum().backward()
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks


@given(
    batch=st.integers(1, 4),
    length=st.integers(1, 5),
    heads=st.integers(1, 6),
    ranks=st.integers(2, 4),
    parts=st.integers(1, 3),
)
def test_a_view_of_a_part_has_the_whole_sizes_but_for_the_heads(
    batch: int, length: int, heads: int, ranks: int, parts: int
) -> None:
    side, heads = 8, heads * ranks
    shape = (batch, length, parts * heads * side // ranks)
    for sizes in ((batch, length, parts, heads, side), (batch, length, -1, heads, side)):
        local, cut = local_view(shape, sizes, ranks, cut=-1)
        assert prod(local) == prod(shape)
        assert local[cut] * ranks == (batch, length, parts, heads, side)[cut]
        assert cut in (-2, -3)
        if parts < heads:
            assert cut == -2
    merged, cut = local_view(
        (batch, length, heads // ranks, side), (batch, -1, heads * side), ranks
    )
    assert (merged, cut) == ([batch, length, heads * side // ranks], -1)


def test_sizes_of_a_view_that_ranks_cannot_share_are_refused() -> None:
    with pytest.raises(ValueError, match="3 ranks cannot share"):
        local_view((2, 32), (2, 8, 12), 3, cut=-1)
    with pytest.raises(ValueError, match="no view of a whole"):
        local_view((2, 32), (2, 5, 12), 3)


def test_the_command_says_how_the_weights_are_cut(capsys: Any) -> None:
    memory_command(f"{__name__}:pair", input=["5x16"], tensor=2, data=2, zero=1, rank=3)
    printed = " ".join(capsys.readouterr().out.split())
    assert "rank 3 of 4, ZeRO 1, 2 cut each layer" in printed
    assert "99.2 % of the weights are cut, by pairs of layers that were found" in printed


def pair() -> nn.Module:
    return Pair(nn.GELU())


class Styled(nn.Module):
    """A layer, a norm, and another layer, on 5 rows of 16; keys of which 4 features are turned."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(qk_rope_head_dim=4)
        self.before = nn.Linear(16, 16, bias=False)
        self.layer, self.norm = nn.Linear(16, 16, bias=False), nn.RMSNorm(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(self.before(x)))


@pytest.mark.parametrize(
    ("plan", "sent"),
    [
        # each of two ranks: an all-reduce of n bytes sends n, an all-gather of n in all n / 2
        ({"layer": "colwise_gather_output"}, {"all-reduce": 320, "all-gather": 160}),
        ({"layer": "rowwise_split_input"}, {"all-reduce": 320, "all-gather": 160}),
        ({"layer": "moe_tp_experts"}, {"all-reduce": 640}),
        ({"layer": "all_reduce"}, {"all-reduce": 320}),
        ({"layer": "mla_kv_a_proj"}, {"all-reduce": 80}),
        ({"norm": "replicated_with_grad_allreduce"}, {"all-reduce": 64}),
        ({"layer": "replicate"}, {}),
    ],
    ids=lambda value: next(iter(value.values()), "") if isinstance(value, dict) else "",
)
def test_each_style_sends_what_it_says(plan: dict[str, str], sent: dict[str, int]) -> None:
    memory = predicted(Styled(), (5, 16), cut=plan)
    assert {term.name: term.amount for term in memory.sent.terms} == sent
