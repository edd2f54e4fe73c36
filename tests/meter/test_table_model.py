"""The PyTorch model of a table: it is the known one, and it holds what is counted by hand."""

import pytest
import timm
import torch
import torchvision

from helpers.meter import count, inference_memory, training_memory
from helpers.meter.table_model import TableModel, cross_entropy
from helpers.model_table import layers
from helpers.reference import model_sheet

RESNET = "resnet 2-2-2-2 x 64, 224 px -> 1000"
VIT = "vit 3 x 64, 2 heads, 64 px -> 10"
MODELS = [
    "resnet 1-2-1-1 x 32, 128 px -> 10",
    "vit 4 x 64, 2 heads, 96 px -> 200",
    "gpt 3 x 64, 2 heads, 48 of 300",
]
each_model = pytest.mark.parametrize("model", MODELS)


def weights(module):
    """Its parameters and running averages, in the order in which they are listed."""
    return [t for t in module.state_dict().values() if t.dim()]


def copied(table, known):
    """The model of a table, with the weights of a known one put in by their places."""
    model = TableModel(layers(table)).eval()
    with torch.no_grad():
        for mine, theirs in zip(weights(model), weights(known), strict=True):
            mine.copy_(theirs.reshape(mine.shape))
    return model


def test_resnet_18_is_torchvisions():
    known = torchvision.models.resnet18().eval()
    assert model_sheet.parameters(layers(RESNET)).total == sum(
        parameter.numel() for parameter in known.parameters()
    )
    with torch.device("meta"):
        assert model_sheet.macs(layers(RESNET), 2).total == count(known, (2, 3, 224, 224)).macs
    small = "resnet 1-1-1-1 x 64, 64 px -> 1000"
    known = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1]).eval()
    # torchvision names a shortcut after what it goes around, as the rows do.
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(copied(small, known)(images), known(images))


def test_the_vision_transformer_is_timms():
    known = timm.models.VisionTransformer(
        img_size=64, depth=3, embed_dim=64, num_heads=2, num_classes=10,
        class_token=False, global_pool="avg", fc_norm=False,
    ).eval()  # fmt: skip
    # timm lists the positions before the patches.
    model = TableModel(layers(VIT)).eval()
    theirs = {name: t for name, t in known.state_dict().items() if name != "pos_embed"}
    mine = [t for name, t in model.state_dict().items() if name != "layers.1.weight"]
    with torch.no_grad():
        model.layers[1].weight.copy_(known.pos_embed[0])
        for one, other in zip(mine, theirs.values(), strict=True):
            one.copy_(other)
        images = torch.randn(2, 3, 64, 64)
        # LayerNorm adds 1e-6 there and 1e-5 here.
        torch.testing.assert_close(model(images), known(images), rtol=1e-3, atol=1e-3)


def test_gpt_2_small_has_124_million_parameters():
    # Radford et al. 2019, table 2, as corrected since: 124,439,808 with 1,024 positions.
    rows = layers("gpt 12 x 768, 12 heads, 1024 of 50257")
    assert model_sheet.parameters(rows).total == 124_439_808


@each_model
def test_counts_are_pytorchs(model):
    rows = layers(model)
    network = TableModel(rows)
    assert model_sheet.parameters(rows).total == sum(p.numel() for p in network.parameters())
    assert model_sheet.macs(rows, 3).total == count(network, network.example_input(3)).macs
    stored = {t.data_ptr(): t for t in network.state_dict().values() if t.dim()}
    assert model_sheet.weight_bytes(rows, 32).total == sum(t.nbytes for t in stored.values())


@each_model
def test_peaks_are_the_meters(model):
    # Kernels' workspace comes on top: convolutions have some.
    rows, near = layers(model), 0.05 if model.startswith("resnet") else 0.01
    network = TableModel(rows)
    images = network.example_input(16)
    forward = inference_memory(network, images).peak
    assert model_sheet.inference_peak(rows, 16) == pytest.approx(forward, rel=near)
    step = training_memory(network, images, fused=True, loss=cross_entropy).peak
    assert model_sheet.adam_peak(rows, 16) == pytest.approx(step, rel=near)
