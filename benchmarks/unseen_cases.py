"""Models that no test names, by group: each gives a module and what it is called with."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from unseen_applied import APPLIED
from unseen_features import FEATURES
from unseen_libraries import LIBRARIES
from unseen_newer import NEWER
from unseen_transformers import TRANSFORMERS, Kind, of_transformers
from unseen_written import WRITTEN

R, whole = torch.randn, torch.randint


class Case(NamedTuple):
    """A model, its inputs, and those by name; a loss where its output says none.

    `missed`: MAC that FlopCounterMode does not know, by hand. `floating`: the same model in
    floating point, of which a quantized one has the MAC; what is quantized is not trained.
    """

    model: nn.Module
    inputs: tuple[Any, ...] = ()
    named: dict[str, Any] = {}  # noqa: RUF012
    loss: Callable[[Any], Tensor] | None = None
    missed: int = 0
    floating: nn.Module | None = None


TIMM = [
    "nest_tiny",
    "deit3_small_patch16_224",
    "ghostnetv2_100",
    "inception_next_atto",
    "efficientvit_b0",
    "pvt_v2_b0",
    "caformer_s18",
    "efficientformerv2_s0",
    "starnet_s1",
    "mambaout_femto",
]

#: Pictures and videos; of detectors the size of one picture, of flow that of each of two.
TORCHVISION: dict[str, tuple[int, ...]] = {
    "regnet_x_400mf": (2, 3, 96, 96),
    "shufflenet_v2_x0_5": (2, 3, 96, 96),
    "squeezenet1_1": (2, 3, 96, 96),
    "mobilenet_v3_small": (2, 3, 96, 96),
    "mnasnet0_5": (2, 3, 96, 96),
    "swin_v2_t": (1, 3, 128, 128),
    "maxvit_t": (1, 3, 224, 224),
    "video.r3d_18": (1, 3, 4, 56, 56),
    "video.mc3_18": (1, 3, 4, 56, 56),
    "segmentation.lraspp_mobilenet_v3_large": (2, 3, 96, 96),
    "segmentation.fcn_resnet50": (1, 3, 64, 64),
    "optical_flow.raft_small": (1, 3, 128, 128),
    "detection.fasterrcnn_mobilenet_v3_large_320_fpn": (3, 96, 96),
    "detection.ssdlite320_mobilenet_v3_large": (3, 96, 96),
    "detection.retinanet_resnet50_fpn_v2": (3, 96, 96),
    "detection.maskrcnn_resnet50_fpn_v2": (3, 96, 96),
}


def _of_timm(name: str) -> Case:
    import timm

    model = timm.create_model(name)
    return Case(model, (R(1, *model.pretrained_cfg["input_size"]),))


def _of_torchvision(name: str) -> Case:
    where, _, factory = f"torchvision.models.{name}".rpartition(".")
    options: dict[str, Any] = {"weights": None}
    if name.startswith(("segmentation", "detection")):
        options |= {"weights_backbone": None}
    if name.startswith("detection") and "ssd" not in name:
        options |= {"min_size": 96, "max_size": 96}
    model, size = getattr(import_module(where), factory)(**options), TORCHVISION[name]
    if name.startswith("optical_flow"):
        return Case(model, (R(size), R(size)), {"num_flow_updates": 3})
    if not name.startswith("detection"):
        return Case(model, (R(size),))
    found = {"boxes": torch.tensor([[8.0, 8.0, 60.0, 70.0]]), "labels": torch.tensor([1])}
    found |= {"masks": torch.ones(1, 96, 96, dtype=torch.uint8)} if "mask" in name else {}
    inputs = [torch.rand(size), torch.rand(size)], [found, found]
    return Case(model, inputs, loss=lambda losses: sum(losses.values()))


def _diffusers() -> Any:
    return import_module("diffusers")


_STAGES = {"block_out_channels": (32, 64), "norm_num_groups": 8}
_CODER: dict[str, Any] = {
    **_STAGES,
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
}
_STREAMS = {"attention_head_dim": 16, "joint_attention_dim": 32, "pooled_projection_dim": 32}
_TEXT = {"encoder_hidden_states": (1, 6, 32), "pooled_projections": (1, 32)}


def _named(sizes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: R(size) for name, size in sizes.items()}


DIFFUSERS: dict[str, Callable[[], Case]] = {
    "UNet2DConditionModel": lambda: Case(
        _diffusers().UNet2DConditionModel(
            sample_size=16,
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            **_STAGES,
        ),
        (R(2, 4, 16, 16), torch.tensor([3, 7]), R(2, 7, 32)),
    ),
    "AutoencoderKL": lambda: Case(_diffusers().AutoencoderKL(**_CODER), (R(1, 3, 32, 32),)),
    # A product of each of 256 places with each of 32 codes of 4 numbers, for the distances.
    "VQModel": lambda: Case(
        _diffusers().VQModel(num_vq_embeddings=32, latent_channels=4, **_CODER),
        (R(1, 3, 32, 32),),
        missed=256 * 32 * (4 + 2),
    ),
    "DiTTransformer2DModel": lambda: Case(
        _diffusers().DiTTransformer2DModel(
            num_attention_heads=4,
            attention_head_dim=16,
            num_layers=2,
            sample_size=8,
            num_embeds_ada_norm=10,
        ),
        (R(2, 4, 8, 8),),
        {"timestep": torch.tensor([3, 7]), "class_labels": torch.tensor([1, 2])},
    ),
    "FluxTransformer2DModel": lambda: Case(
        _diffusers().FluxTransformer2DModel(
            in_channels=8,
            num_layers=1,
            num_single_layers=1,
            num_attention_heads=2,
            axes_dims_rope=(4, 4, 8),
            **_STREAMS,
        ),
        (),
        {
            **_named({"hidden_states": (1, 16, 8), **_TEXT, "img_ids": (16, 3), "txt_ids": (6, 3)}),
            "timestep": torch.tensor([0.5]),
        },
    ),
    "SD3Transformer2DModel": lambda: Case(
        _diffusers().SD3Transformer2DModel(
            sample_size=8,
            in_channels=4,
            num_layers=2,
            num_attention_heads=4,
            caption_projection_dim=64,
            out_channels=4,
            pos_embed_max_size=8,
            **_STREAMS,
        ),
        (),
        {**_named({"hidden_states": (1, 4, 8, 8), **_TEXT}), "timestep": torch.tensor([5])},
    ),
    "CogVideoXTransformer3DModel": lambda: Case(
        _diffusers().CogVideoXTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=4,
            out_channels=4,
            time_embed_dim=16,
            text_embed_dim=16,
            num_layers=1,
            sample_width=8,
            sample_height=8,
            sample_frames=9,
            max_text_seq_length=6,
        ),
        (),
        {
            **_named({"hidden_states": (1, 3, 4, 8, 8), "encoder_hidden_states": (1, 6, 16)}),
            "timestep": torch.tensor([5]),
        },
    ),
}


def _graph(kind: str, *sizes: Any, missed: int = 0, **options: Any) -> Callable[[], Case]:
    """40 nodes of 16 numbers, 120 edges; of kinds where a class says so."""

    def make() -> Case:
        layers = import_module("torch_geometric.nn")
        model = getattr(layers, kind)(*sizes, **options)
        edges = [whole(0, 40, (2, 120))] + [whole(0, 3, (120,))] * (kind == "RGCNConv")
        return Case(model, (R(40, 16), *edges), missed=missed)

    return make


GRAPHS = {
    "GCN": _graph("GCN", 16, 32, 2, 8),
    "GAT": _graph("GAT", 16, 32, 2, 8, heads=4),
    "GraphSAGE": _graph("GraphSAGE", 16, 32, 2, 8),
    "GIN": _graph("GIN", 16, 32, 2, 8),
    "PNA": _graph(
        *("PNA", 16, 32, 2, 8),
        aggregators=["mean", "max", "std"],
        scalers=["identity", "amplification"],
        deg=torch.tensor([0, 5, 10, 20]),
    ),
    "EdgeCNN": _graph("EdgeCNN", 16, 32, 2, 8),
    # A dot product of four numbers chooses its kernel.
    "RGCNConv": _graph("RGCNConv", 16, 8, 3, missed=4),
    "TransformerConv": _graph("TransformerConv", 16, 8, heads=4),
}


def _small() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)).eval()


def _dynamic() -> Case:
    model = _small()
    quantized = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    return Case(quantized, (R(8, 64),), floating=model)


def _static() -> Case:
    from torch.ao.quantization import convert, get_default_qconfig, prepare
    from torchvision.models.quantization import resnet18

    model = resnet18(weights=None, quantize=False).eval()
    floating = resnet18(weights=None, quantize=False).eval()
    model.fuse_model()
    model.qconfig = get_default_qconfig(torch.backends.quantized.engine)
    prepare(model, inplace=True)
    model(R(1, 3, 64, 64))
    return Case(convert(model), (R(1, 3, 64, 64),), floating=floating)


def _aware() -> Case:
    """Trained with rounding in its path."""
    from torch.ao.quantization import get_default_qat_qconfig, prepare_qat

    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10)).train()
    model.qconfig = get_default_qat_qconfig("x86")
    return Case(prepare_qat(model), (R(2, 3, 8, 8),))


def _of_torchao(kind: str) -> Callable[[], Case]:
    def make() -> Case:
        quantization, floating = import_module("torchao.quantization"), _small()
        quantized = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)).eval()
        quantization.quantize_(quantized, getattr(quantization, kind)())
        return Case(quantized, (R(8, 64),), floating=floating)

    return make


QUANTIZED: dict[str, Callable[[], Case]] = {
    "dynamic int8": _dynamic,
    "static int8 ResNet-18": _static,
    "int8-aware training": _aware,
    "torchao int8 weights": _of_torchao("Int8WeightOnlyConfig"),
    "torchao int8 weights and numbers": _of_torchao("Int8DynamicActivationInt8WeightConfig"),
}


def _made(kinds: dict[str, Kind]) -> dict[str, Callable[[], Case]]:
    return {
        name: lambda kind=kind: Case(*of_transformers(kind))  # type: ignore[misc]
        for name, kind in kinds.items()
    }


GROUPS: dict[str, dict[str, Callable[[], Case]]] = {
    "timm": {name: lambda name=name: _of_timm(name) for name in TIMM},
    "torchvision": {name: lambda name=name: _of_torchvision(name) for name in TORCHVISION},
    "transformers": _made(TRANSFORMERS),
    "transformers, newer": _made(NEWER),
    "diffusers": DIFFUSERS,
    "graphs (torch_geometric)": GRAPHS,
    "hand-written": {name: lambda make=make: Case(*make()) for name, make in WRITTEN.items()},
    "sound, tables, play, science": {
        name: lambda make=make: Case(*make()) for name, make in APPLIED.items()
    },
    "other libraries": {name: lambda make=make: Case(*make()) for name, make in LIBRARIES.items()},
    "features": {name: lambda make=make: Case(*make()) for name, make in FEATURES.items()},
    "quantized": QUANTIZED,
}


def made(group: str, name: str) -> Case:
    """A case, the same each time."""
    torch.manual_seed(0)
    return GROUPS[group][name]()
