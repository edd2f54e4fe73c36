"""Models of diffusers, torchaudio and torch_geometric, small; no test names them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

R = torch.randn
Made = tuple[nn.Module, tuple[Any, ...], dict[str, Any]]
_FEW = {"num_attention_heads": 4, "attention_head_dim": 16}


def _diffuser(
    name: str, options: dict[str, Any], *inputs: tuple[int, ...], **named: Any
) -> Callable[[], Made]:
    """Sizes are of random numbers."""

    def made() -> Made:
        model = getattr(import_module("diffusers"), name)(**options)
        keywords = {k: R(v) if isinstance(v, tuple) else v for k, v in named.items()}
        return model, tuple(map(R, inputs)), keywords

    return made


def _sound(name: str, inputs: Callable[[], tuple[Any, ...]], **options: Any) -> Callable[[], Made]:
    return lambda: (getattr(import_module("torchaudio.models"), name)(**options), inputs(), {})


def _edges(*more: tuple[int, ...]) -> tuple[Tensor, ...]:
    return R(40, 16), torch.randint(0, 40, (2, 120)), *map(R, more)


def _graph(
    name: str, *sizes: Any, inputs: Callable[[], tuple[Tensor, ...]] = _edges, **options: Any
) -> Callable[[], Made]:
    where = "torch_geometric.nn"
    return lambda: (getattr(import_module(where), name)(*sizes, **options), inputs(), {})


_AT = torch.tensor([5])
LIBRARIES: dict[str, Callable[[], Made]] = {
    "PixArt": _diffuser(
        "PixArtTransformer2DModel",
        {
            **_FEW,
            "num_layers": 2,
            "cross_attention_dim": 64,
            "caption_channels": 32,
            "sample_size": 8,
        },
        *(
            (1, 4, 8, 8),
            (1, 6, 32),
        ),
        timestep=_AT,
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
    ),
    "Sana": _diffuser(
        "SanaTransformer2DModel",
        {
            **_FEW,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 2,
            "num_cross_attention_heads": 4,
            "cross_attention_head_dim": 16,
            "cross_attention_dim": 64,
            "caption_channels": 32,
            "sample_size": 8,
        },
        *((1, 4, 8, 8), (1, 6, 32)),
        timestep=_AT,
    ),
    "LTX video": _diffuser(
        "LTXVideoTransformer3DModel",
        {
            **_FEW,
            "in_channels": 8,
            "out_channels": 8,
            "cross_attention_dim": 64,
            "num_layers": 2,
            "caption_channels": 32,
        },
        *((1, 32, 8), (1, 6, 32)),
        timestep=_AT,
        encoder_attention_mask=torch.ones(1, 6, dtype=torch.int64),
        num_frames=2,
        height=4,
        width=4,
    ),
    "Wan": _diffuser(
        "WanTransformer3DModel",
        {
            **_FEW,
            "in_channels": 4,
            "out_channels": 4,
            "text_dim": 32,
            "freq_dim": 32,
            "ffn_dim": 128,
            "num_layers": 2,
            "rope_max_seq_len": 32,
        },
        (1, 4, 2, 8, 8),
        timestep=_AT,
        encoder_hidden_states=(1, 6, 32),
    ),
    "AuraFlow": _diffuser(
        "AuraFlowTransformer2DModel",
        {
            **_FEW,
            "sample_size": 8,
            "num_mmdit_layers": 1,
            "num_single_dit_layers": 1,
            "joint_attention_dim": 32,
            "caption_projection_dim": 64,
            "pos_embed_max_size": 64,
        },
        *((1, 4, 8, 8), (1, 6, 32)),
        timestep=torch.tensor([0.5]),
    ),
    "Lumina2": _diffuser(
        "Lumina2Transformer2DModel",
        {
            "sample_size": 8,
            "in_channels": 4,
            "hidden_size": 48,
            "num_layers": 2,
            "num_refiner_layers": 1,
            "num_attention_heads": 3,
            "num_kv_heads": 1,
            "multiple_of": 16,
            "axes_dim_rope": (4, 6, 6),
            "axes_lens": (32, 16, 16),
            "cap_feat_dim": 32,
        },
        (1, 4, 8, 8),
        timestep=torch.tensor([0.5]),
        encoder_hidden_states=(1, 6, 32),
        encoder_attention_mask=torch.ones(1, 6, dtype=torch.bool),
    ),
    "QwenImage": _diffuser(
        "QwenImageTransformer2DModel",
        {
            **_FEW,
            "in_channels": 16,
            "out_channels": 4,
            "num_layers": 2,
            "joint_attention_dim": 32,
            "axes_dims_rope": (4, 6, 6),
        },
        *((1, 16, 16), (1, 6, 32)),
        encoder_hidden_states_mask=torch.ones(1, 6, dtype=torch.int64),
        timestep=torch.tensor([0.5]),
        img_shapes=[[(1, 4, 4)]],
    ),
    "AutoencoderTiny": _diffuser(
        "AutoencoderTiny",
        {
            "encoder_block_out_channels": (16, 16, 16),
            "decoder_block_out_channels": (16, 16, 16),
            "num_encoder_blocks": (1, 2, 2),
            "num_decoder_blocks": (2, 2, 1),
        },
        (1, 3, 32, 32),
    ),
    "AutoencoderDC": _diffuser(
        "AutoencoderDC",
        {
            "latent_channels": 4,
            "attention_head_dim": 8,
            "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "encoder_block_out_channels": (16, 32),
            "decoder_block_out_channels": (16, 32),
            "encoder_layers_per_block": (1, 1),
            "decoder_layers_per_block": (1, 1),
            "encoder_qkv_multiscales": ((), (5,)),
            "decoder_qkv_multiscales": ((), (5,)),
        },
        (1, 3, 32, 32),
    ),
    "Prior": _diffuser(
        "PriorTransformer",
        {**_FEW, "num_layers": 2, "embedding_dim": 32, "num_embeddings": 6},
        (2, 32),
        timestep=torch.tensor([5, 7]),
        proj_embedding=(2, 32),
        encoder_hidden_states=(2, 6, 32),
    ),
    "speech Conformer": _sound(
        "Conformer",
        lambda: (R(2, 40, 32), torch.tensor([40, 31])),
        input_dim=32,
        num_heads=4,
        ffn_dim=64,
        num_layers=2,
        depthwise_conv_kernel_size=15,
    ),
    "Conv-TasNet": _sound(
        "ConvTasNet",
        lambda: (R(2, 1, 1600),),
        enc_num_feats=32,
        msk_num_feats=16,
        msk_num_hidden_feats=32,
        msk_num_layers=3,
        msk_num_stacks=2,
    ),
    "Wav2Letter": _sound(
        "Wav2Letter", lambda: (R(1, 1, 4000),), num_classes=20, input_type="waveform"
    ),
    "DeepSpeech": _sound("DeepSpeech", lambda: (R(2, 1, 30, 16),), n_feature=16, n_hidden=64),
    "WaveRNN": _sound(
        "WaveRNN",
        lambda: (R(1, 1, (10 - 4) * 8), R(1, 1, 16, 10)),
        upsample_scales=[2, 2, 2],
        n_classes=32,
        hop_length=8,
        n_rnn=32,
        n_fc=32,
        n_freq=16,
        n_hidden=16,
        n_output=16,
    ),
    "GATv2": _graph("GATv2Conv", 16, 8, heads=4),
    "ChebConv": _graph("ChebConv", 16, 8, K=3),
    "ARMA": _graph("ARMAConv", 16, 8, num_stacks=2, num_layers=2),
    "general": _graph("GeneralConv", 16, 8),
    "GatedGraph": _graph("GatedGraphConv", 16, num_layers=2),
    "NNConv": lambda: (
        import_module("torch_geometric.nn").NNConv(16, 8, nn.Linear(5, 128)),
        _edges((120, 5)),
        {},
    ),
    "GPS": lambda: (
        import_module("torch_geometric.nn").GPSConv(
            16, import_module("torch_geometric.nn").GCNConv(16, 16), heads=4
        ),
        _edges(),
        {},
    ),
}
