"""More small models of transformers, of 2024 to 2026 for the most part; no test names them."""

from __future__ import annotations

from typing import Any

import torch
from unseen_transformers import (
    _EARS,
    _ENDS,
    _EYES,
    _FORECAST,
    _GROUPED,
    _HEADS,
    _LATENT,
    _NARROW,
    _READER_AND_WRITER,
    _STATES,
    _WIDE,
    Kind,
    _experts,
    _ids,
    _pictures,
    _series,
    _sound,
    _text,
    _translated,
)

R = torch.randn
_HYBRID = {**_HEADS, **_STATES, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16}
_CHOSEN = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}


def _looked_at(tokens: int, size: int = 32) -> Any:
    """A text in which so many of the tokens stand for a picture."""

    def made() -> dict[str, Any]:
        ids = torch.cat([torch.full((1, tokens), 199), _ids(1, 12)], 1)
        return {"input_ids": ids, "pixel_values": R(1, 3, size, size), "use_cache": False}

    return made


NEWER: dict[str, Kind] = {
    # decoders
    "Olmo3": Kind(
        "Olmo3ForCausalLM",
        {
            **_GROUPED,
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "SmolLM3": Kind("SmolLM3ForCausalLM", {**_GROUPED, "no_rope_layer_interval": 2}),
    "Ernie4.5": Kind("Ernie4_5ForCausalLM", _HEADS),
    "HunYuan": Kind("HunYuanDenseV1ForCausalLM", _HEADS),
    "BitNet": Kind("BitNetForCausalLM", _GROUPED),
    "StableLM": Kind("StableLmForCausalLM", _GROUPED),
    "Persimmon": Kind("PersimmonForCausalLM", _WIDE),
    "Granite": Kind("GraniteForCausalLM", _GROUPED),
    "Exaone4": Kind("Exaone4ForCausalLM", {**_GROUPED, "sliding_window": 8}),
    "Arcee": Kind("ArceeForCausalLM", _HEADS),
    "Apertus": Kind("ApertusForCausalLM", _GROUPED),
    "SeedOss": Kind("SeedOssForCausalLM", _HEADS),
    "Helium": Kind("HeliumForCausalLM", _HEADS),
    "NanoChat": Kind("NanoChatForCausalLM", _GROUPED),
    "VaultGemma": Kind("VaultGemmaForCausalLM", {**_HEADS, "sliding_window": 8}),
    "Gemma4": Kind(
        "Gemma4ForCausalLM",
        {
            **_HEADS,
            "global_head_dim": 16,
            "sliding_window": 8,
            "vocab_size_per_layer_input": 200,
            "hidden_size_per_layer_input": 16,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        configuration="Gemma4TextConfig",
    ),
    "MPT": Kind("MptForCausalLM", {"vocab_size": 200, "d_model": 64, "n_heads": 4, "n_layers": 2}),
    "GPT-J": Kind(
        "GPTJForCausalLM",
        {"vocab_size": 200, "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8, **_ENDS},
    ),
    "GPTBigCode": Kind(
        "GPTBigCodeForCausalLM",
        {"vocab_size": 200, "n_embd": 64, "n_layer": 2, "n_head": 4, **_ENDS},
    ),
    # with experts
    "DeepseekV2": Kind("DeepseekV2ForCausalLM", _LATENT, missed=_experts(2, 1, 48)),
    "Glm4Moe": Kind(
        "Glm4MoeForCausalLM",
        {
            **_HEADS,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 48,
            "first_k_dense_replace": 1,
        },
        missed=_experts(2, 1, 48),
    ),
    "Olmoe": Kind(
        "OlmoeForCausalLM",
        {**_GROUPED, "num_experts": 4, "num_experts_per_tok": 2},
        missed=_experts(2, 2, 128),
    ),
    "Qwen2Moe": Kind(
        "Qwen2MoeForCausalLM",
        {**_GROUPED, **_CHOSEN, "shared_expert_intermediate_size": 32},
        missed=_experts(2, 2, 48),
    ),
    "Phimoe": Kind(
        "PhimoeForCausalLM",
        {**_GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2},
        missed=_experts(2, 2, 128),
    ),
    "MiniMax": Kind(
        "MiniMaxForCausalLM",
        {
            **_HEADS,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "block_size": 8,
            "layer_types": ["linear_attention", "full_attention"],
        },
        missed=_experts(2, 2, 128),
    ),
    # with states
    "FalconH1": Kind("FalconH1ForCausalLM", {**_HYBRID, "mamba_d_ssm": 128, "mamba_chunk_size": 8}),
    "Bamba": Kind("BambaForCausalLM", {**_HYBRID, "attn_layer_indices": [1]}),
    "GraniteMoeHybrid": Kind(
        "GraniteMoeHybridForCausalLM",
        {
            **_HYBRID,
            "shared_intermediate_size": 64,
            "num_local_experts": 0,
            "layer_types": ["mamba", "attention"],
        },
    ),
    "Jamba": Kind(
        "JambaForCausalLM",
        {
            **_GROUPED,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 4,
            "expert_layer_offset": 3,
            "num_experts": 2,
            "mamba_dt_rank": 8,
            "use_mamba_kernels": False,
        },
    ),
    "Zamba2": Kind(
        "Zamba2ForCausalLM",
        {
            **_WIDE,
            "layers_block_type": ["mamba", "hybrid"],
            "n_mamba_heads": 8,
            "mamba_headdim": 16,
            "mamba_d_state": 16,
            "mamba_ngroups": 1,
            "chunk_size": 8,
            "use_mem_rope": True,
        },
    ),
    "Lfm2": Kind("Lfm2ForCausalLM", {**_GROUPED, "layer_types": ["conv", "full_attention"]}),
    # encoders, and both
    "EuroBert": Kind("EuroBertModel", _GROUPED, _text),
    "Esm": Kind("EsmModel", {**_WIDE, "position_embedding_type": "rotary"}, _text),
    "ConvBert": Kind("ConvBertModel", {**_WIDE, "embedding_size": 64}, _text),
    "SqueezeBert": Kind("SqueezeBertModel", {**_WIDE, "embedding_size": 64}, _text),
    "MobileBert": Kind(
        "MobileBertModel",
        {**_WIDE, "embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32},
        _text,
    ),
    "RoFormer": Kind("RoFormerModel", {**_WIDE, "embedding_size": 64}, _text),
    "XLNet": Kind(
        "XLNetModel",
        {"vocab_size": 200, "d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128},
        _text,
    ),
    "Perceiver": Kind(
        "PerceiverModel",
        {
            "d_model": 32,
            "d_latents": 48,
            "num_latents": 8,
            "num_self_attends_per_block": 2,
            "num_self_attention_heads": 4,
            "num_cross_attention_heads": 4,
        },
        lambda: {"inputs": R(2, 20, 32)},
    ),
    "UMT5": Kind(
        "UMT5ForConditionalGeneration",
        {
            "vocab_size": 200,
            "d_model": 64,
            "d_kv": 16,
            "d_ff": 128,
            "num_layers": 2,
            "num_heads": 4,
        },
        _translated,
    ),
    "Pegasus": Kind("PegasusForConditionalGeneration", _READER_AND_WRITER, _translated),
    # pictures
    "DINOv3": Kind("DINOv3ViTModel", _EYES, _pictures(2, 3, 32, 32)),
    "DINOv3 ConvNeXt": Kind(
        "DINOv3ConvNextModel",
        {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1], "image_size": 64},
        _pictures(1, 3, 64, 64),
    ),
    "IJepa": Kind("IJepaModel", _EYES, _pictures(2, 3, 32, 32)),
    "BEiT": Kind("BeitModel", _EYES, _pictures(2, 3, 32, 32)),
    "Hiera": Kind(
        "HieraModel",
        {"embed_dim": 16, "depths": [1, 1, 1], "num_heads": [1, 2, 4], "image_size": [64, 64]}
        | {"query_stride": [2, 2], "masked_unit_size": [4, 4], "num_query_pool": 2},
        _pictures(1, 3, 64, 64),
    ),
    "PvtV2": Kind(
        "PvtV2Model",
        {
            "hidden_sizes": [16, 32, 64, 64],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 4, 4],
            "image_size": 64,
        },
        _pictures(1, 3, 64, 64),
    ),
    "FocalNet": Kind(
        "FocalNetModel",
        {"embed_dim": 16, "depths": [1, 1, 1, 1], "image_size": 64},
        _pictures(1, 3, 64, 64),
    ),
    "MobileViT": Kind(
        "MobileViTModel",
        {"hidden_sizes": [32, 48, 64], "neck_hidden_sizes": [8, 16, 24, 32, 48, 64, 96]}
        | {"image_size": 64, "num_attention_heads": 4},
        _pictures(2, 3, 64, 64),
    ),
    "Swin2SR": Kind(
        "Swin2SRForImageSuperResolution",
        {
            "embed_dim": 32,
            "depths": [1, 1],
            "num_heads": [2, 2],
            "window_size": 4,
            "image_size": 16,
        },
        _pictures(1, 3, 16, 16),
    ),
    "TimeSformer": Kind("TimesformerModel", {**_EYES, "num_frames": 4}, _pictures(1, 4, 3, 32, 32)),
    "ViViT": Kind(
        "VivitModel",
        {**_EYES, "num_frames": 4, "tubelet_size": [2, 8, 8]},
        _pictures(1, 4, 3, 32, 32),
    ),
    # pictures and text
    "LLaVA": Kind(
        "LlavaForConditionalGeneration",
        {
            "text_config": {"model_type": "llama", **_GROUPED},
            "vision_config": {"model_type": "clip_vision_model", **_EYES},
            "image_token_index": 199,
        },
        _looked_at(16),
    ),
    "PaliGemma": Kind(
        "PaliGemmaForConditionalGeneration",
        {
            "text_config": {"model_type": "gemma", **_HEADS},
            "vision_config": {"model_type": "siglip_vision_model", **_EYES},
            "image_token_index": 199,
            "projection_dim": 64,
            "hidden_size": 64,
        },
        _looked_at(16),
    ),
    "ViLT": Kind(
        "ViltModel",
        {**_WIDE, "image_size": 32, "patch_size": 8},
        lambda: {"input_ids": _ids(2, 12), "pixel_values": R(2, 3, 32, 32)},
    ),
    "OwlViT": Kind(
        "OwlViTModel",
        {"text_config": {**_WIDE, "max_position_embeddings": 16}, "vision_config": _EYES},
        lambda: {
            "input_ids": _ids(2, 12),
            "pixel_values": R(2, 3, 32, 32),
            "attention_mask": torch.ones(2, 12, dtype=torch.int64),
        },
    ),
    # sound and series
    "HuBERT": Kind("HubertModel", _EARS, _sound(2, 2000)),
    "AST": Kind(
        "ASTModel",
        {**_WIDE, "patch_size": 8, "num_mel_bins": 32, "max_length": 48}
        | {"frequency_stride": 8, "time_stride": 8},
        _sound(2, 48, 32),
    ),
    "Parakeet": Kind(
        "ParakeetForCTC",
        {
            "vocab_size": 60,
            "encoder_config": {**_WIDE, "num_mel_bins": 32, "subsampling_conv_channels": 16},
            "pad_token_id": 0,
        },
        lambda: {"input_features": R(2, 80, 32)},
    ),
    "Moonshine": Kind(
        "MoonshineForConditionalGeneration",
        {
            **_NARROW,
            "intermediate_size": 128,
            "encoder_num_hidden_layers": 2,
            "decoder_num_hidden_layers": 2,
            "encoder_num_attention_heads": 4,
            "decoder_num_attention_heads": 4,
        },
        lambda: {
            "input_values": R(1, 4000),
            "decoder_input_ids": _ids(1, 8),
            "use_cache": False,
        },
    ),
    "PatchTSMixer": Kind(
        "PatchTSMixerForPrediction",
        {
            "context_length": 32,
            "patch_length": 8,
            "patch_stride": 8,
            "num_input_channels": 3,
            "prediction_length": 8,
            "d_model": 16,
            "num_layers": 2,
        },
        lambda: {"past_values": R(2, 32, 3)},
    ),
    "TimeSeriesTransformer": Kind(
        "TimeSeriesTransformerModel", {**_FORECAST, "encoder_layers": 2}, _series
    ),
    "DecisionTransformer": Kind(
        "DecisionTransformerModel",
        {"state_dim": 7, "act_dim": 3, "hidden_size": 32, "n_layer": 2, "n_head": 2},
        lambda: {
            "states": R(2, 6, 7),
            "actions": R(2, 6, 3),
            "rewards": R(2, 6, 1),
            "returns_to_go": R(2, 6, 1),
            "timesteps": torch.arange(6).repeat(2, 1),
            "attention_mask": torch.ones(2, 6),
        },
    ),
}
