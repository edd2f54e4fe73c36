"""Whole models: sixty architectures of timm, one or more of every family of operations."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.meter import count
from helpers.meter.models import build

# Convolutions plain, grouped, depthwise, dilated, dynamic, blurred and of other shapes; norms
# (batch, group, layer, evonorm, filter response, RMS); squeeze-excite and its relatives; attention
# full, windowed, axial, cross-covariance, linear, talking heads, class and relative position;
# MLP mixers, Fourier and gating; and combinations.
SAMPLE = """
resnet18 resnet26d resnext50_32x4d resnet50_gn seresnet50 ecaresnet26t skresnet18 resnest14d
resnetblur18 res2net50_26w_4s wide_resnet50_2 resnetv2_50x1_bit vgg11_bn densenet121 dla34 dpn68
inception_v3 xception41 hrnet_w18_small selecsls42b cspresnet50 darknet53 repvgg_a0 mobileone_s0
efficientnet_b0 tf_efficientnet_b0 tf_efficientnetv2_s efficientnet_cc_b0_4e mixnet_s
mnasnet_100 mobilenetv2_100 mobilenetv3_large_100 mobilenetv4_hybrid_medium ghostnet_100
lcnet_050 fbnetc_100 rexnet_100 regnety_002 nfnet_f0 nf_regnet_b0 convnext_atto convnextv2_atto
convmixer_768_32 edgenext_xx_small fastvit_t8 poolformer_s12 vit_tiny_patch16_224
deit_tiny_distilled_patch16_224 cait_xxs24_224 xcit_nano_12_p16_224 beit_base_patch16_224
eva02_tiny_patch14_224 swin_tiny_patch4_window7_224 swinv2_tiny_window8_256 maxvit_tiny_rw_224
coatnet_0_rw_224 levit_128s mobilevit_xxs mobilevitv2_050 mixer_s32_224 gmlp_ti16_224
sequencer2d_s volo_d1_224 twins_svt_small pit_ti_224 tnt_s_patch16_224 convit_tiny
crossvit_tiny_240 visformer_tiny davit_tiny focalnet_tiny_srf hiera_tiny_224 tiny_vit_5m_224
halonet26t botnet26t_256 lambda_resnet26t vgg11
""".split()  # noqa: SIM905


#: Side of the images, where it is not the model's own: LSTM step by step take long on large ones.
SIDES = {"sequencer2d_s": 56}


def products_by_pytorch(model, x):
    counter = FlopCounterMode(display=False)
    with counter:
        model(x)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", SAMPLE)
def test_every_operation_has_a_price_and_products_are_those_of_pytorch(name):
    model = build(name).eval()
    _, height, width = model.pretrained_cfg["input_size"]
    x = torch.empty(1, 3, SIDES.get(name, height), SIDES.get(name, width), device="meta")
    counted = count(model, x)
    assert not counted.unknown
    assert 2 * counted.macs == products_by_pytorch(model, x)
    assert counted.bytes_moved <= counted.bytes_unfused
    assert counted.parameters == sum(parameter.numel() for parameter in model.parameters())


BACKWARDS = """
resnet18 resnext50_32x4d efficientnet_b0 vit_tiny_patch16_224 convnextv2_atto regnety_002
swin_tiny_patch4_window7_224 mobilevit_xxs sequencer2d_s mixer_s32_224
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", BACKWARDS)
def test_backwards_have_prices_and_cost_about_twice_a_forward(name):
    side = SIDES.get(name, 256 if name == "mobilevit_xxs" else 224)
    counted = count(name, (2, 3, side, side), backward=True)
    assert not counted.unknown
    forward = sum(entry.macs for entry in counted.entries if not entry.backward)
    # Twice, less the gradient of the image that nothing asks for.
    assert 2.7 * forward < counted.macs <= 3 * forward


@pytest.mark.parametrize(
    ("name", "parameters", "gmac"),
    [
        ("resnet50", 25_557_032, 4.09),
        ("mobilenetv2_100", 3_504_872, 0.301),
        ("efficientnet_b0", 5_288_548, 0.386),
        ("vit_base_patch16_224", 86_567_656, 17.56),
        ("deit_small_patch16_224", 22_050_664, 4.60),
        ("convnextv2_large", 197_956_840, 34.36),
    ],
)
def test_the_models_of_the_course(name, parameters, gmac):
    counted = count(name)
    assert counted.parameters == parameters
    assert counted.macs / 1e9 == pytest.approx(gmac, abs=0.005)


@pytest.mark.parametrize(
    ("name", "gmacs"),
    [
        ("resnet18", 1.82),
        ("mobilenetv2_100", 0.31),
        ("efficientnet_b0", 0.40),
        ("vit_small_patch16_224", 4.61),
        ("convnext_nano", 2.46),
        ("regnety_016", 1.63),
        ("levit_128s", 0.31),
        ("mixer_b32_224", 3.24),
    ],
)
def test_what_timm_publishes(name, gmacs):
    # results/benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv of the timm repository
    assert round(count(name, convention="timm").macs / 1e9, 2) == gmacs


class LargeDecoder(nn.Module):
    """A decoder of 70 billion parameters: 80 layers, width 8192, 64 heads."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(128_256, 8192)
        self.blocks = nn.ModuleList(DecoderBlock() for _ in range(80))
        self.norm = nn.RMSNorm(8192)
        self.head = nn.Linear(8192, 128_256, bias=False)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class DecoderBlock(nn.Module):
    """Grouped-query attention and SwiGLU, each after an RMS norm."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(8192), nn.RMSNorm(8192)
        self.q, self.k = nn.Linear(8192, 8192, bias=False), nn.Linear(8192, 1024, bias=False)
        self.v, self.o = nn.Linear(8192, 1024, bias=False), nn.Linear(8192, 8192, bias=False)
        self.gate, self.up = (nn.Linear(8192, 28_672, bias=False) for _ in range(2))
        self.down = nn.Linear(28_672, 8192, bias=False)

    def forward(self, x):
        batch, tokens, _ = x.shape
        y = self.norm1(x)
        q = self.q(y).view(batch, tokens, 64, 128).transpose(1, 2)
        k, v = (f(y).view(batch, tokens, 8, 128).transpose(1, 2) for f in (self.k, self.v))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).reshape(batch, tokens, 8192))
        y = self.norm2(x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))


def test_a_decoder_of_70_billion_parameters_is_the_formula_and_costs_no_memory():
    from helpers.reference.transformer import DecoderModel

    with torch.device("meta"):
        model = LargeDecoder()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted = count(model, torch.zeros(1, 512, dtype=torch.long))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kB
    sizes = {"batch": 1, "tokens": 512, "vocabulary": 128_256, "width": 8192, "heads": 64}
    sizes |= {"layers": 80, "hidden": 28_672, "kv_heads": 8}
    assert counted.parameters == DecoderModel(**sizes).parameters().total
    assert counted.macs == DecoderModel(**sizes).macs().total
    assert counted.flops == DecoderModel(**sizes).flops().total


def test_counting_a_large_model_adds_no_memory_to_what_its_libraries_take():
    script = (
        "import resource, timm, torch\n"
        "from helpers.meter import count\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count('convnextv2_large')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(ran.stdout) < 100 * 1024  # kB; its weights alone are 792 MB
