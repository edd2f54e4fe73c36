"""Small models of transformers, made from configurations without a download. No test names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

R, whole = torch.randn, torch.randint
Inputs = Callable[[], dict[str, Any]]


def _ids(*size: int) -> Tensor:
    return whole(3, 60, size)


def _text() -> dict[str, Any]:
    return {"input_ids": _ids(2, 24)}


def _decoded() -> dict[str, Any]:
    return {"input_ids": _ids(2, 24), "use_cache": False}


def _translated() -> dict[str, Any]:
    return {**_decoded(), "decoder_input_ids": _ids(2, 10)}


def _pictures(*size: int) -> Inputs:
    return lambda: {"pixel_values": R(size)}


def _captions() -> dict[str, Any]:
    return {"input_ids": _ids(2, 16), "pixel_values": R(2, 3, 32, 32)}


def _sound(*size: int) -> Inputs:
    return lambda: {"input_values": R(size)}


def _series() -> dict[str, Any]:
    past, future = (2, 18), (2, 8)
    return {
        "past_values": R(past),
        "past_time_features": R(*past, 1),
        "past_observed_mask": torch.ones(past),
        "future_values": R(future),
        "future_time_features": R(*future, 1),
    }


class Kind(NamedTuple):
    """A class, what its configuration is told, its inputs; `missed` as in `unseen_cases.Case`."""

    name: str
    options: dict[str, Any]
    inputs: Inputs = _decoded
    missed: int = 0
    configuration: str = ""


def _experts(each: int, layers: int, width: int) -> int:
    """MAC of 48 tokens that `each` see so many experts of three products with 64 numbers."""
    return 48 * each * layers * 3 * 64 * width


_ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_NARROW = {"vocab_size": 200, "hidden_size": 64, "num_hidden_layers": 2, **_ENDS}
_SMALL = {**_NARROW, "num_attention_heads": 4}
_WIDE = {**_SMALL, "intermediate_size": 128}
_GROUPED = {**_WIDE, "num_key_value_heads": 2}
_HEADS = {**_GROUPED, "head_dim": 16}
_EYES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
_READER_AND_WRITER = {
    "vocab_size": 200,
    "d_model": 64,
    **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
    **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
    **{f"{side}_ffn_dim": 128 for side in ("encoder", "decoder")},
}
_LATENT = {
    **_WIDE,
    "q_lora_rank": 32,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "topk_group": 1,
    "moe_intermediate_size": 48,
    "first_k_dense_replace": 1,
}
_EARS = {
    **_WIDE,
    "conv_dim": (32, 32, 32),
    "conv_stride": (5, 2, 2),
    "conv_kernel": (10, 3, 3),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "mask_time_prob": 0.0,
    # A layer that is left out at times takes no memory then.
    "layerdrop": 0.0,
}
_FORECAST = {
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
    "prediction_length": 8,
    "context_length": 16,
    "lags_sequence": [1, 2],
    "num_time_features": 1,
    "d_model": 32,
    "decoder_layers": 1,
}
_STATES = {"chunk_size": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}

TRANSFORMERS: dict[str, Kind] = {
    # decoders
    "Llama": Kind("LlamaForCausalLM", _GROUPED),
    "Qwen2": Kind("Qwen2ForCausalLM", _GROUPED),
    "Qwen3": Kind("Qwen3ForCausalLM", _HEADS),
    "Gemma2": Kind("Gemma2ForCausalLM", _HEADS),
    "Gemma3": Kind(
        "Gemma3ForCausalLM",
        {
            **_HEADS,
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        configuration="Gemma3TextConfig",
    ),
    "Phi": Kind("PhiForCausalLM", _WIDE),
    "Phi3": Kind("Phi3ForCausalLM", _GROUPED),
    "Falcon": Kind("FalconForCausalLM", _SMALL),
    "GPTNeoX": Kind("GPTNeoXForCausalLM", _WIDE),
    "OPT": Kind("OPTForCausalLM", {**_SMALL, "ffn_dim": 128, "word_embed_proj_dim": 64}),
    "Bloom": Kind("BloomForCausalLM", _SMALL),
    "Mistral": Kind("MistralForCausalLM", _GROUPED),
    "Olmo2": Kind("Olmo2ForCausalLM", _GROUPED),
    "Cohere2": Kind("Cohere2ForCausalLM", {**_GROUPED, "sliding_window": 8}),
    "DiffLlama": Kind("DiffLlamaForCausalLM", _GROUPED),
    # with experts
    "Mixtral": Kind(
        "MixtralForCausalLM", {**_GROUPED, "num_local_experts": 4}, missed=_experts(2, 2, 128)
    ),
    "Qwen3Moe": Kind(
        "Qwen3MoeForCausalLM",
        {**_HEADS, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48},
        missed=_experts(2, 2, 48),
    ),
    "DeepseekV3": Kind(
        "DeepseekV3ForCausalLM",
        {**_LATENT, "num_key_value_heads": 4, "n_group": 2},
        missed=_experts(2, 1, 48),
    ),
    "GptOss": Kind(
        "GptOssForCausalLM",
        {**_HEADS, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8},
        missed=_experts(2, 2, 128),
    ),
    "Llama4": Kind(
        "Llama4ForCausalLM",
        {
            **_HEADS,
            "intermediate_size_mlp": 128,
            "num_local_experts": 4,
            "num_experts_per_tok": 1,
            "attention_chunk_size": 8,
        },
        configuration="Llama4TextConfig",
    ),
    # with states
    "Mamba": Kind("MambaForCausalLM", _NARROW),
    "Mamba2": Kind(
        "Mamba2ForCausalLM",
        {**_NARROW, **_STATES, "num_heads": 8, "head_dim": 16, "state_size": 16, "n_groups": 1},
    ),
    "FalconMamba": Kind("FalconMambaForCausalLM", _NARROW),
    "RecurrentGemma": Kind(
        "RecurrentGemmaForCausalLM",
        {
            **_HEADS,
            "lru_width": 64,
            "attention_window_size": 16,
            "block_types": ["recurrent", "attention"],
        },
    ),
    "Qwen3Next": Kind(
        "Qwen3NextForCausalLM",
        {
            **_HEADS,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 32,
            "shared_expert_intermediate_size": 32,
            "layer_types": ["linear_attention", "full_attention"],
        },
        missed=_experts(2, 2, 32),
    ),
    "Rwkv": Kind("RwkvForCausalLM", {**_NARROW, "context_length": 32}),
    "xLSTM": Kind("xLSTMForCausalLM", {**_NARROW, "num_heads": 4, "chunk_size": 8}),
    # encoders
    "Electra": Kind("ElectraModel", {**_WIDE, "embedding_size": 64}, _text),
    "Albert": Kind("AlbertModel", {**_WIDE, "embedding_size": 32}, _text),
    "Roberta": Kind("RobertaModel", _WIDE, _text),
    "DebertaV2": Kind("DebertaV2Model", _WIDE, _text),
    "ModernBert": Kind(
        "ModernBertForMaskedLM",
        {**_WIDE, "global_attn_every_n_layers": 2, "local_attention": 8},
        _text,
    ),
    "Longformer": Kind("LongformerModel", {**_WIDE, "attention_window": 8}, _text),
    "FNet": Kind("FNetModel", _WIDE, _text),
    "Nystromformer": Kind(
        "NystromformerModel", {**_WIDE, "num_landmarks": 8, "segment_means_seq_len": 24}, _text
    ),
    # both
    "T5": Kind(
        "T5ForConditionalGeneration",
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
    "Bart": Kind("BartForConditionalGeneration", _READER_AND_WRITER, _translated),
    "Whisper": Kind(
        "WhisperForConditionalGeneration",
        {**_READER_AND_WRITER, **_ENDS, "num_mel_bins": 20, "max_source_positions": 50},
        lambda: {
            "input_features": R(2, 20, 100),
            "decoder_input_ids": _ids(2, 12),
            "use_cache": False,
        },
    ),
    # pictures
    "CLIP": Kind("CLIPModel", {"text_config": _WIDE, "vision_config": _EYES}, _captions),
    "Siglip": Kind("SiglipModel", {"text_config": _WIDE, "vision_config": _EYES}, _captions),
    "ViTMAE": Kind(
        "ViTMAEForPreTraining",
        {
            **_EYES,
            "decoder_hidden_size": 32,
            "decoder_num_hidden_layers": 1,
            "decoder_num_attention_heads": 4,
            "decoder_intermediate_size": 64,
        },
        _pictures(2, 3, 32, 32),
    ),
    "Dinov2": Kind("Dinov2Model", _EYES, _pictures(2, 3, 32, 32)),
    "Segformer": Kind(
        "SegformerForSemanticSegmentation",
        {
            "hidden_sizes": [16, 32, 64, 64],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 4, 4],
            "decoder_hidden_size": 32,
        },
        _pictures(2, 3, 64, 64),
    ),
    "Swinv2": Kind(
        "Swinv2Model",
        {
            "embed_dim": 32,
            "depths": [1, 1],
            "num_heads": [2, 4],
            "image_size": 64,
            "window_size": 4,
        },
        _pictures(2, 3, 64, 64),
    ),
    "VideoMAE": Kind("VideoMAEModel", {**_EYES, "num_frames": 4}, _pictures(2, 4, 3, 32, 32)),
    # sound and series
    "Wav2Vec2": Kind("Wav2Vec2ForCTC", _EARS, _sound(2, 2000)),
    "Conformer": Kind("Wav2Vec2ConformerModel", _EARS, _sound(2, 2000)),
    "Encodec": Kind(
        "EncodecModel",
        {
            "num_filters": 8,
            "hidden_size": 32,
            "codebook_size": 64,
            "codebook_dim": 32,
            "upsampling_ratios": [4, 2],
        },
        _sound(1, 1, 800),
    ),
    "PatchTST": Kind(
        "PatchTSTForPrediction",
        {
            "num_input_channels": 3,
            "context_length": 64,
            "patch_length": 8,
            "patch_stride": 8,
            "prediction_length": 16,
            "d_model": 32,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "ffn_dim": 64,
        },
        lambda: {"past_values": R(2, 64, 3)},
    ),
    "Informer": Kind("InformerModel", {**_FORECAST, "encoder_layers": 2}, _series),
    "Autoformer": Kind("AutoformerModel", {**_FORECAST, "encoder_layers": 2}, _series),
}


def of_transformers(kind: Kind) -> tuple[nn.Module, tuple[()], dict[str, Any], None, int]:
    """The fields of a `Case`."""
    import transformers

    transformers.logging.set_verbosity_error()
    model = getattr(transformers, kind.name)
    configuration = getattr(transformers, kind.configuration, None) or model.config_class
    return model(configuration(**kind.options)), (), kind.inputs(), None, kind.missed
