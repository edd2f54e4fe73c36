"""Small models that tensor-parallel ranks train: what `ranks_cases` gives, and how they are cut.

A model of transformers is cut by transformers' own code and plan; another by PyTorch's
`parallelize_module`, after its counts of heads were made those of one rank, as PyTorch's tutorial
says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.meter.memory.ranks.sharding import blocks_of

R = torch.randn
Case = tuple[nn.Module, tuple[Any, ...], list[str], Callable[[nn.Module, Any], None]]


def _by_torch(plan: Mapping[str, str], heads: tuple[str, ...], model: nn.Module, mesh: Any) -> None:
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    styles = {
        "colwise": ColwiseParallel,
        "rowwise": RowwiseParallel,
        "colwise_gather_output": partial(ColwiseParallel, output_layouts=Replicate()),
        "rowwise_split_input": partial(RowwiseParallel, input_layouts=Replicate()),
    }
    parallelize_module(model, mesh, {name: styles[style]() for name, style in plan.items()})
    for module in model.modules():
        for name in heads:
            if isinstance(getattr(module, name, None), int):
                setattr(module, name, getattr(module, name) // mesh.size())


def _by_transformers(model: Any, mesh: Any) -> None:
    from transformers.distributed.configuration_utils import DistributedConfig
    from transformers.distributed.tensor_parallel import apply_tensor_parallelism

    inner = model.model
    head = inner.get_output_embeddings()
    is_tied = head.weight is inner.get_input_embeddings().weight
    if is_tied:  # it is cut before its weights are tied
        head.weight = nn.Parameter(head.weight.detach().clone())
    plan, _, _ = inner._resolve_parallel_plans(DistributedConfig(tp_size=mesh.size()))
    apply_tensor_parallelism(inner, mesh, plan)
    if is_tied:
        inner.tie_weights(recompute_mapping=False)


def case(model: nn.Module, plan: Mapping[str, str], *inputs: Tensor, heads: tuple = ()) -> Case:
    whole = {
        name: style
        for name, _ in model.named_modules()
        if (style := plan.get(re.sub(r"(?<![^.])\d+(?![^.])", "*", name), plan.get(name)))
    }
    model.plan = plan
    return model, inputs, blocks_of(model), partial(_by_torch, whole, heads)


def mlp() -> Case:
    sizes = (512, 1024, 1024, 1024, 256)
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.GELU())]
    plan = {"0": "colwise", "2": "rowwise", "4": "colwise", "6": "rowwise"}
    return case(nn.Sequential(*layers), plan, R(32, 512))


class Block(nn.Module):
    """A transformer's block, its keys and values in one layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.side = heads, width // heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, self.side)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, self.heads * self.side))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


def blocks() -> Case:
    plan = {"*.qkv": "colwise", "*.out": "rowwise", "*.up": "colwise", "*.down": "rowwise"}
    model = nn.Sequential(*(Block(256, 8) for _ in range(4)))
    return case(model, plan, R(4, 64, 256), heads=("heads",))


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(1001, 256)
        self.blocks = nn.ModuleList(Block(256, 8) for _ in range(3))
        self.norm, self.head = nn.RMSNorm(256), nn.Linear(256, 1001, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def decoder() -> Case:
    """Also its table and its head, of a size that ranks do not divide."""
    plan = {f"blocks.*.{name}": "colwise" for name in ("qkv", "up")}
    plan |= {f"blocks.*.{name}": "rowwise" for name in ("out", "down")}
    plan |= {"head": "colwise_gather_output", "table": "embedding_rowwise"}
    found = case(Decoder(), plan, torch.randint(0, 1001, (2, 64)), heads=("heads",))
    names = {**found[3].args[0], "table": "rowwise_split_input"}
    return *found[:3], partial(_by_torch, names, ("heads",))


def vit() -> Case:
    """timm's, whose attention names all heads."""
    import timm

    model = timm.create_model("vit_tiny_patch16_224", depth=4, img_size=112, num_heads=4)
    plan = {"blocks.*.attn.qkv": "colwise", "blocks.*.attn.proj": "rowwise"}
    plan |= {"blocks.*.mlp.fc1": "colwise", "blocks.*.mlp.fc2": "rowwise"}
    return case(model, plan, R(4, 3, 112, 112), heads=("num_heads", "attn_dim"))


class Logits(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.plan = {f"model.{name}": style for name, style in model.tp_plan.items()}

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(ids, use_cache=False).logits


SMALL = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 3}
SMALL |= {"num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 1002}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 128}


def _language(kind: str, **options: Any) -> Case:
    import transformers

    config = getattr(transformers, f"{kind}Config")(**{**SMALL, **options})
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    ids = torch.randint(0, 1002, (2, 64))
    return Logits(model), (ids,), blocks_of(Logits(model)), _by_transformers


def llama() -> Case:
    return _language("Llama")


def llama_tied() -> Case:
    return _language("Llama", tie_word_embeddings=True)


def mistral() -> Case:
    return _language("Mistral")


def qwen2() -> Case:
    return _language("Qwen2")


def qwen3() -> Case:
    return _language("Qwen3", head_dim=32)


def gemma2() -> Case:
    return _language("Gemma2", head_dim=32)


def phi3() -> Case:
    return _language("Phi3", pad_token_id=0)


def olmo2() -> Case:
    return _language("Olmo2")


def glm4() -> Case:
    return _language("Glm4", head_dim=32, pad_token_id=0)


def gpt_neox() -> Case:
    return _language("GPTNeoX")


def cohere() -> Case:
    return _language("Cohere", pad_token_id=0)


def starcoder2() -> Case:
    return _language("Starcoder2")


def mixtral() -> Case:
    return _language("Mixtral", num_local_experts=8, num_experts_per_tok=2)


def qwen3_moe() -> Case:
    return _language("Qwen3Moe", head_dim=32, **EXPERTS)


def deepseek_v3() -> Case:
    """Keys and values from one small vector, a part of which all heads share."""
    heads = {"qk_rope_head_dim": 16, "qk_nope_head_dim": 32, "v_head_dim": 32}
    ranks = {"q_lora_rank": 64, "kv_lora_rank": 32, "num_key_value_heads": 8}
    experts = {"n_routed_experts": 8, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2}
    sizes = {"moe_intermediate_size": 128, "first_k_dense_replace": 1, "pad_token_id": 0}
    return _language("DeepseekV3", **heads, **ranks, **experts, **sizes)


CASES = (
    *(
        "mlp",
        "blocks",
        "decoder",
        "vit",
        "llama",
        "llama_tied",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma2",
    ),
    *(
        "phi3",
        "olmo2",
        "glm4",
        "gpt_neox",
        "cohere",
        "starcoder2",
        "mixtral",
        "qwen3_moe",
        "deepseek_v3",
    ),
)
