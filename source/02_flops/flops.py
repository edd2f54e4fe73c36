# %% [markdown]
# # FLOP: counting compute
#
# ResNet-50 needs 4.09 GFLOPS, says torchvision's table. 8.18 billion FLOP, says PyTorch's own counter. Neither made a mistake in counting. What did each of them count?
#
# At the end you let three programs count the same models, and find out why they disagree. As before: write where `# YOUR CODE HERE` stands, delete the line `raise NotImplementedError()`, run the `check`.

# %%

import matplotlib.pyplot as plt
import torch
from torch import nn

from helpers.check import check, progress
from helpers.conventions import PRICE, format_count
from helpers.plots import models
from helpers.plots.style import figure
from helpers.predict import guessed, outcome, predict

# %% [markdown]
# ## Words
#
# | | |
# |---|---|
# | FLOP | one floating-point operation |
# | FLOPs | many of them: an amount |
# | FLOP/s, often FLOPS | operations per second: a rate |
# | MAC | multiply-accumulate, a += x · y: **two** FLOP |
# | OP, OPS | any operation, on integers too; its rate |
#
# One letter's case divides an amount from a rate, and many papers write FLOPs for MAC. This course writes FLOP, MAC and FLOP/s.

# %% [markdown]
# ## Not every operation costs the same
#
# A division takes more steps in hardware than an addition, an exponential more still. This course uses round prices. They are a convention, so that all of us get one count: no chip was measured for them.

# %%
dict(PRICE)

# %% [markdown]
# So a cost is a list of named terms, count × price: a **ledger**. Here is the sigmoid 1 / (1 + e⁻ˣ) of a thousand numbers. Which term dominates?

# %% tags=["skip-grading"]
from helpers.plots import ledger_bar
from helpers.reference import sigmoid_flops

ledger_bar(sigmoid_flops(1000))
plt.show()
sigmoid_flops(1000)

# %% [markdown]
# ## A matrix times a vector
#
# Count it while it runs. Which formula in m and n gives the result?


# %%
def matrix_vector(W, x):
    macs = 0
    y = [0.0] * len(W)
    for i in range(len(W)):
        for j in range(len(x)):
            y[i] += W[i][j] * x[j]  # one multiply-accumulate
            macs += 1
    return y, macs


for m, n in [(2, 3), (4, 5), (100, 64)]:
    macs = matrix_vector(torch.ones(m, n).tolist(), [1.0] * n)[1]
    print(f"{m} × {n}: {macs} MAC = {2 * macs} FLOP")

# %% [markdown]
# m · n MAC. A matrix of k columns instead of the vector does it k times: **m · n · k**. From that and a clock comes a rate:

# %% tags=["skip-grading"]
from helpers.timing import best_of

torch.set_num_threads(1)  # one core: other programs disturb it less
n = 1024
A, B = torch.randn(n, n), torch.randn(n, n)
t = best_of(torch.matmul, A, B)  # seconds of the fastest of five runs: the others were disturbed
print(format_count(n**3, "MAC"), "=", format_count(2 * n**3, "FLOP"))
print(f"in {1000 * t:.1f} ms: {format_count(2 * n**3 / t, 'FLOP/s')}")

# %% [markdown]
# ## The linear layer
#
# y = W x + b for every token of every sample: a sentence is many tokens, an image classifier's last layer sees one. Count MAC, and FLOP with the bias: one addition for each output, or none where the sum starts at the bias; both are accepted.


# %% answer="linear_cost"
def linear_cost(batch, tokens, in_features, out_features):
    """{"MAC": …, "FLOP": …} of a linear layer
    with bias on (batch, tokens, in_features)."""
    ### BEGIN SOLUTION
    mac = batch * tokens * in_features * out_features
    return {"MAC": mac, "FLOP": 2 * mac + batch * tokens * out_features}
    ### END SOLUTION


# %% check="linear_cost"
check("linear_cost", linear_cost)

# %% [markdown]
# The course has a meter that counts any PyTorch model from what PyTorch executes, with no formula of layers in it. Two ways to one number. (The meter is for looking: it is not there when your answers are graded.)

# %% tags=["skip-grading"]
from helpers.meter import count

counted = count(nn.Linear(64, 32), (4, 10, 64))
print("meter  ", counted.macs, "MAC", counted.flops, "FLOP")
print("by hand", 4 * 10 * 64 * 32, "MAC", 2 * 4 * 10 * 64 * 32 + 4 * 10 * 32, "FLOP")

# %% [markdown]
# ## Convolution
#
# A convolution is the same dot product at every *output* pixel. How long is that dot product, and how many are there?


# %% answer="convolution_macs"
def convolution_macs(batch, in_channels, out_channels, size, kernel, stride, padding):
    """MAC of a kernel × kernel convolution over
    size × size images."""
    ### BEGIN SOLUTION
    side = (size + 2 * padding - kernel) // stride + 1
    return batch * out_channels * side**2 * in_channels * kernel**2
    ### END SOLUTION


# %% check="convolution_macs"
check("convolution_macs", convolution_macs)

# %% [markdown]
# With groups, an output channel sees only its group's input channels. 16 channels, 11 × 11 pixels become 9 × 9: what is left of the count with 4 groups, and with 16, one channel each (depthwise)?


# %% answer="grouped_cost"
def grouped_cost(in_channels, out_channels, size, kernel, groups):
    """{"MAC": …, "FLOP": …}: one image, stride 1,
    no padding, no bias."""
    ### BEGIN SOLUTION
    side = size - kernel + 1
    mac = out_channels * side**2 * (in_channels // groups) * kernel**2
    return {"MAC": mac, "FLOP": 2 * mac}
    ### END SOLUTION


# %% check="grouped_cost"
check("grouped_cost", grouped_cost)

# %% [markdown]
# **Predict.** 64 channels, 56 × 56 pixels, 3×3: depthwise does 64 times fewer MAC than standard. How many times *faster* is it on your machine? (A number in place of the dots; right or wrong, it earns nothing.)

# %% predict="depthwise"
predict("depthwise_speedup", 30)

# %% tags=["skip-grading"]
device = "cuda" if torch.cuda.is_available() else "cpu"
x = torch.randn(1, 64, 56, 56, device=device)
times = {}
if guessed("depthwise_speedup"):
    for groups in (1, 64):
        layer = nn.Conv2d(64, 64, 3, padding=1, groups=groups, bias=False).to(device)
        macs = count(layer, x).macs
        with torch.no_grad():
            times[groups] = best_of(layer, x, runs=20)
        rate = format_count(2 * macs / times[groups], "FLOP/s")
        print(f"{groups:2} groups: {format_count(macs, 'MAC')},")
        print(f"   {1000 * times[groups]:.3f} ms, {rate}")
    outcome("depthwise_speedup", times[1] / times[64])

# %% [markdown]
# **Explain (1 point).** What did you predict, and what was measured? Where did the rest of the speed-up go? A person reads it.

# %% [markdown] read="explain_depthwise" points=1
# I guessed 30; measured were 15 on one core of a busy CPU. The arithmetic shrinks 64 times, but the same
# input is read and the same output written, and the call itself takes as long as before. So
# far fewer operations are done for each byte that moves and for each second: the rate fell from
# 103 to 24 GFLOP/s. MAC predict time only where arithmetic is what the hardware waits for.

# %% [markdown]
# ## Find the bug in this count
#
# Decoders and image generators enlarge images with a **transposed convolution**: each *input* pixel, times the whole kernel, is added into the output, one stride further than its neighbour. Several counters that people use count it like this:


# %%
def their_macs(in_channels, out_channels, size, kernel, stride):
    """MAC of a transposed convolution without padding, as for any convolution."""
    side = (size - 1) * stride + kernel  # of the output: that is right
    return out_channels * side**2 * in_channels * kernel**2


image = torch.ones(1, 1, 2, 2)
print("2 × 2 pixels, a 2 × 2 kernel of ones, stride 2:")
print(nn.functional.conv_transpose2d(image, torch.ones(1, 1, 2, 2), stride=2)[0, 0])
print("their MAC:", their_macs(1, 1, 2, 2, 2))

# %% [markdown]
# How many products is each of these ones the sum of?
#
# ✎ Count right, for one image, no padding and no bias.


# %% answer="transposed_macs"
def transposed_macs(in_channels, out_channels, size, kernel, stride):
    """MAC of a transposed convolution of a
    size × size image."""
    ### BEGIN SOLUTION
    return size**2 * in_channels * out_channels * kernel**2
    ### END SOLUTION


# %% check="transposed_macs"
check("transposed_macs", transposed_macs)

# %% [markdown]
# Their count is about stride² times too high. And **pooling**: the maximum only compares, 0 FLOP at our prices. An average adds and divides: a sum of n numbers takes n − 1 additions (n, if it starts from zero; both are accepted).

# %% [markdown]
# ## Batch norm in training (2 points)
#
# $$\mu = \tfrac1n \sum x \qquad \sigma^2 = \tfrac1n \sum (x - \mu)^2 \qquad y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \cdot \gamma + \beta$$
#
# There is one μ and one σ² for each *channel*, over all its n = batch · height · width numbers. Each sum as before, from its first number or from zero.

# %% [markdown]
# Count two parts. *statistics*: all that μ and σ² take, by this formula or by another way to the same σ² (E[x²] − μ², Welford's). *normalize*: everything in y, ε and the root included; each number is divided, as the formula has it. Whether you keep x − μ or subtract again, both are right.


# %% answer="batch_norm_cost"
def batch_norm_cost(batch, channels, height, width):
    """{"statistics": FLOP, "normalize": FLOP} of
    a training step's forward pass."""
    ### BEGIN SOLUTION
    numbers = batch * channels * height * width
    sums = 2 * (numbers - channels)
    statistics = sums + 2 * 4 * channels + 2 * numbers  # two divisions; subtract μ, square
    normalize = channels * (1 + 4) + numbers * (1 + 4 + 1 + 1)  # ε, root; −μ, ÷, γ, β
    return {"statistics": statistics, "normalize": normalize}
    ### END SOLUTION


# %% check="batch_norm_cost"
check("batch_norm_cost", batch_norm_cost)

# %% [markdown]
# Layer norm does the same sums over other groups: each token has its own μ. In use, batch norm remembers μ and σ², and the statistics fall away:

# %% tags=["skip-grading"]
for title, layer, shape in [
    ("batch norm, training", nn.BatchNorm2d(64).train(), (8, 64, 14, 14)),
    ("batch norm, in use", nn.BatchNorm2d(64).eval(), (8, 64, 14, 14)),
    ("layer norm", nn.LayerNorm(64), (8, 196, 64)),
]:
    flops = count(layer, shape).flops
    print(f"{title:21}{flops / (8 * 64 * 196):6.2f} FLOP a number")

# %% [markdown]
# ## Activations
#
# PReLU gives x where x > 0 and a · x where x ≤ 0. A comparison is free. So what does it cost? Nobody can say before seeing the data.


# %% answer="prelu_products"
def prelu_products(x):
    """FLOP of PReLU on x, a list of rows of
    numbers."""
    ### BEGIN SOLUTION
    return sum(value <= 0 for row in x for value in row)
    ### END SOLUTION


# %% check="prelu_products"
check("prelu_products", prelu_products)

# %% [markdown]
# Softmax turns n numbers into shares: each eˣ is divided by the sum of all eˣ in its row. (Libraries subtract the largest x first; leave that out.)


# %% answer="softmax_cost"
def softmax_cost(rows, n):
    """FLOP of softmax over each of `rows` rows of
    n numbers."""
    ### BEGIN SOLUTION
    return rows * (40 * n + (n - 1) + 4 * n)
    ### END SOLUTION


# %% check="softmax_cost"
check("softmax_cost", softmax_cost)

# %% [markdown]
# Smooth activations pay for their exponential, at every number:

# %% tags=["skip-grading"]
x = torch.randn(1000)
for function in (nn.ReLU(), nn.PReLU(), nn.Hardswish(), nn.Sigmoid(), nn.SiLU(), nn.GELU()):
    flops = count(function, x).flops
    print(f"{type(function).__name__:10} {flops / 1000:4.0f} FLOP a number")

# %% [markdown]
# (The meter sees shapes, not data: for PReLU it says what x ≤ 0 everywhere would cost.) 44 FLOP where ReLU takes none: that sounds like a lot. Beside a linear layer, where every number costs 2 · width FLOP, it is little.

# %% [markdown]
# ## Attention
#
# s tokens of width d. Four projections, each s · d²: queries, keys, values, output. Then every token's query meets every token's key (*scores*), and the weighted values are summed. Each of the h heads has width d / h.

# %% [markdown]
# Count FLOP of the matrix products (two for each MAC; no biases, no softmax). *causal*: scores and values when a token sees only itself and the tokens before it. Exactly, or as the round half: both are accepted.


# %% answer="attention_cost"
def attention_cost(tokens, width, heads):
    """{"projections": FLOP, "scores and values":
    FLOP, "causal": FLOP} of one sample."""
    ### BEGIN SOLUTION
    return {
        "projections": 2 * 4 * tokens * width**2,
        "scores and values": 2 * 2 * tokens**2 * width,  # h heads of width d / h
        "causal": 2 * 2 * width * tokens * (tokens + 1) // 2,
    }
    ### END SOLUTION


# %% check="attention_cost"
check("attention_cost", attention_cost)

# %% [markdown]
# One part grows with s, the other with s². How large is the projections' share of both (not causal), and at how many tokens are the parts even?


# %% answer="attention_share"
def attention_share(tokens, width):
    """{"share of projections": 0 to 1, not
    rounded, "even at": tokens}."""
    ### BEGIN SOLUTION
    projections, rest = 8 * tokens * width**2, 4 * tokens**2 * width
    return {"share of projections": projections / (projections + rest), "even at": 2 * width}
    ### END SOLUTION


# %% check="attention_share"
check("attention_share", attention_share)

# %% tags=["skip-grading"]
width, tokens = 768, [2**i for i in range(5, 15)]
fig, ax = figure(size=(6.2, 3.2))
ax.plot(tokens, [8 * s * width**2 for s in tokens], "o-", label="projections, 8·s·d²")
ax.plot(tokens, [4 * s**2 * width for s in tokens], "s--", label="scores and values, 4·s²·d")
ax.axvline(2 * width, color="gray", linestyle=":")
ax.set(xscale="log", yscale="log", xlabel="tokens s", ylabel="FLOP")
ax.set_title(f"Width {width}: s² overtakes d² at {2 * width} tokens")
ax.legend()
plt.show()

# %% [markdown]
# At 512 tokens and width 768, the most that BERT-base takes in, three quarters are projections. "Attention is quadratic" is true, and for short texts beside the point.

# %% [markdown]
# ## AlexNet (2 points)
#
# In unit 01 you counted its weights. A weight of a convolution is used at every output pixel: 55 × 55 for conv1, 27 × 27 for conv2, 13 × 13 for conv3 to conv5. Recall: kernels 11, 5, 3, 3, 3; channels 96, 256, 384, 384, 256; two groups in conv2, conv4, conv5; fc6 sees 256 · 6 · 6, then 4096, 4096, classes. All channels and neurons `width` times, but for image and classes.


# %% answer="alexnet_layer_macs"
def alexnet_layer_macs(image_channels, classes, width):
    """{"conv1": MAC, …, "conv5": MAC, "fc6": MAC,
    "fc7": MAC, "fc8": MAC} of one image."""
    ### BEGIN SOLUTION
    outputs = [96, 256, 384, 384, 256, 4096]
    c1, c2, c3, c4, c5, full = [width * n for n in outputs]
    return {
        "conv1": c1 * image_channels * 11**2 * 55**2,
        "conv2": c2 * (c1 // 2) * 5**2 * 27**2,
        "conv3": c3 * c2 * 3**2 * 13**2,
        "conv4": c4 * (c3 // 2) * 3**2 * 13**2,
        "conv5": c5 * (c4 // 2) * 3**2 * 13**2,
        "fc6": c5 * 6 * 6 * full,
        "fc7": full * full,
        "fc8": full * classes,
    }
    ### END SOLUTION


# %% check="alexnet_layer_macs"
check("alexnet_layer_macs", alexnet_layer_macs)

# %% [markdown]
# 724 million in all. Do the layers that hold the weights do the work?

# %% tags=["skip-grading"]
from helpers.reference import alexnet_macs, alexnet_parameters

weights, work = alexnet_parameters(), alexnet_macs()
names = [f"conv{i}" for i in range(1, 6)] + ["fc6", "fc7", "fc8"]
models.held_and_done({name: (weights[name], work[name]) for name in names})
plt.show()

# %% [markdown]
# It is the other way round. The convolutions hold 4 % of the weights and do 92 % of the work: they use each weight again and again.

# %% [markdown]
# ## Whole models
#
# Six known models and AlexNet, each at a stated input, counted here and now. (BERT and DistilBERT are built from PyTorch's encoder; DistilBERT has neither pooler nor token types.)


# %% tags=["skip-grading"]
class Bert(nn.Module):
    def __init__(self, blocks, kinds, pooler):
        super().__init__()
        sizes = [30522, 512, *([2] if kinds else [])]  # words, places, token types
        self.tables = nn.ModuleList(nn.Embedding(size, 768) for size in sizes)
        self.norm = nn.LayerNorm(768)
        block = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)
        self.pooler = nn.Linear(768, 768) if pooler else None

    def forward(self, *indices):
        x = self.norm(sum(table(i) for table, i in zip(self.tables, indices)))
        x = self.blocks(x)
        return x if self.pooler is None else self.pooler(x[:, 0])


# %% tags=["skip-grading"]
with torch.device("meta"):  # shapes without data: nothing is stored, nothing is computed
    indices = [torch.zeros(1, 128, dtype=torch.long)] * 3
    bert, distilbert = Bert(12, True, True).eval(), Bert(6, False, False).eval()

counts = {
    "ResNet-50, 224²": count("resnet50"),
    "EfficientNet-B0, 224²": count("efficientnet_b0"),
    "ViT-B/16, 224²": count("vit_base_patch16_224"),
    "DeiT-S, 224²": count("deit_small_patch16_224"),
    "BERT-base, 128 tokens": count(bert, *indices),
    "DistilBERT, 128 tokens": count(distilbert, *indices[:2]),
}
sizes = {name: (counted.parameters, counted.macs) for name, counted in counts.items()}
sizes["AlexNet, 227²"] = (weights.total, work.total)

# %% tags=["skip-grading"]
print(f"{'':22}{'M par.':>7}{'GMAC':>7}{'FLOP÷':>6}")
for name, (held, done) in sizes.items():
    print(f"{name:22}{held / 1e6:7.2f}{done / 1e9:7.3f}{2 * done / held:6.0f}")
models.parameters_against_macs(sizes)
plt.show()

# %% [markdown]
# FLOP per parameter (last column) says how often a weight is *used* in the mean, at 2 FLOP a time: once per pixel, once per token. BERT's 204 is below 2 · 128, as its embeddings are looked up and never multiplied. It is reuse, not efficiency: BERT's grows with the text, and no model got better by that.

# %% [markdown]
# ## What is in print
#
# torchvision publishes a column "GFLOPS" for its models; it is stored with their weights. BERT-base at 128 tokens has 21.785 billion "FLOPs" in the FastBERT paper (Liu et al. 2020, table 2).

# %% tags=["skip-grading"]
from torchvision.models import EfficientNet_B0_Weights, ResNet50_Weights, ViT_B_16_Weights

for published in (
    ResNet50_Weights.IMAGENET1K_V1,
    EfficientNet_B0_Weights.IMAGENET1K_V1,
    ViT_B_16_Weights.IMAGENET1K_V1,
    ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1,
):
    side = published.transforms().crop_size[0]
    print(f"{type(published).__name__:24}{side:4}² {published.meta['_ops']:7.2f}")

# %% [markdown]
# Given a published number in 10⁹ and your own count in GMAC, what was counted? (The 21.785 of BERT comes beside 11.17 GMAC; the 55.48 of ViT-B/16 beside 17.56 GMAC, but at 224².)


# %% answer="published_unit"
def published_unit(published, gmac):
    """The word "MAC" or "FLOP", whichever fits
    within 10 %; None where neither does."""
    ### BEGIN SOLUTION
    if abs(published / gmac - 1) <= 0.1:
        return "MAC"
    return "FLOP" if abs(published / (2 * gmac) - 1) <= 0.1 else None
    ### END SOLUTION


# %% check="published_unit"
check("published_unit", published_unit)

# %% [markdown]
# So both numbers of the opening are right: one counts MAC, one FLOP. And BERT's 21.785 beside ResNet's 4.09 compares FLOP with MAC. With norms and activations there is a third number:

# %% tags=["skip-grading"]
import timm
from torch.utils.flop_counter import FlopCounterMode

with torch.device("meta"), FlopCounterMode(display=False) as counter:
    timm.create_model("resnet50").eval()(torch.empty(1, 3, 224, 224))
resnet = counts["ResNet-50, 224²"]
print(f"torchvision, in print  {ResNet50_Weights.IMAGENET1K_V1.meta['_ops']:5.2f}")
print(f"PyTorch's counter      {counter.get_total_flops() / 1e9:5.2f}")
print(f"our meter, GMAC        {resnet.macs / 1e9:5.2f}")
print(f"all operations, GFLOP  {resnet.flops / 1e9:5.2f}, at our prices")

# %% [markdown]
# BERT's 21.785 is 2.5 % below twice our 11.17. What is missing? The same table has 10.872 for DistilBERT, six blocks, on English texts. Count only its linear layers, 12 · d² weights in a block:

# %%
linear = 6 * 128 * 12 * 768**2  # blocks, tokens, weights
products = 6 * 2 * 128**2 * 768  # scores and values, s² · d each
print("in print                   10.872")
print(f"linear layers, GFLOP      {2 * linear / 1e9:7.3f}")
print(f"and scores and values     {2 * (linear + products) / 1e9:7.3f}")
print("BERT, twelve blocks: in print 21.785")
print(f"linear layers, GFLOP      {2 * 2 * linear / 1e9:7.3f}")
classifier = 128 * (768 * 128 + 4 * 128**2)  # tokens, weights
print(f"and 768 → 128, 4 × 128²   {2 * (2 * linear + classifier) / 1e9:7.3f}")

# %% [markdown]
# DistilBERT's, to the last digit: attention's products are left out. The authors counted with `thop`, which adds up layers; a product of two activations belongs to none. BERT's has 0.042 more than its linear layers: as much as a small attention of width 128 behind it takes, such as FastBERT's classifiers are. That is our guess; the paper does not say.

# %% [markdown]
# ## Audit: three counters, one truth
#
# `flopco-pytorch`, PyTorch's own `FlopCounterMode`, and the course's meter. The same models, the same input:

# %% tags=["skip-grading"]
from importlib.metadata import version

from flopco import FlopCo

MODELS = ["resnet18", "resnext50_32x4d", "efficientnet_b0", "vit_base_patch16_224"]


def torch_macs(model, x, backward=False):
    with FlopCounterMode(display=False) as counter:
        y = model(x)
        if backward:
            y.sum().backward()
    return counter.get_total_flops() / 2


# %% tags=["skip-grading"]
print(", ".join(f"{name} {version(name)}" for name in ("flopco-pytorch", "torch", "timm")))
print(f"{'forward, GMAC':22}{'flopco':>8}{'torch':>8}{'ours':>8}")
for name in MODELS:
    with torch.device("meta"):
        model, x = timm.create_model(name).eval(), torch.empty(1, 3, 224, 224)
    by_flopco = FlopCo(model, device="meta").total_macs
    counted = [by_flopco, torch_macs(model, x), count(model, x).macs]
    print(f"{name:22}" + "".join(f"{macs / 1e9:8.3f}" for macs in counted))

# %% [markdown]
# And how many forward passes does a *training step* cost? The backward pass makes two products for each one of the forward pass, so 3 in all is expected, a little less where the first layer needs no gradient of its input.

# %% tags=["skip-grading"]
print(f"{'training ÷ forward':22}{'torch':>8}{'ours':>8}")
for name in MODELS:
    with torch.device("meta"):
        model, x = timm.create_model(name).train(), torch.empty(2, 3, 224, 224)
    by_torch = torch_macs(model, x, backward=True) / torch_macs(model, x)
    by_meter = count(model, x, backward=True).macs / count(model, x).macs
    print(f"{name:22}{by_torch:8.2f}{by_meter:8.2f}")

# %% [markdown]
# Some numbers in these tables cannot be right: four of them with torch 2.15. Which?

# %% [markdown]
# Start with flopco. It has a count for every layer; so has the meter:

# %% tags=["skip-grading"]
with torch.device("meta"):
    vit = timm.create_model("vit_base_patch16_224").eval()
theirs = FlopCo(vit, device="meta").macs
ours = {row.name: row.macs for row in count(vit).by_module()}
print(f"{'MMAC':19}{'flopco':>8}{'ours':>9}  ratio")
for name in list(theirs)[:5]:
    reported = theirs[name][0]
    print(f"{name:19}{reported / 1e6:8.2f}{ours[name] / 1e6:9.2f}{ours[name] / reported:7.0f}")

# %% [markdown]
# 197 is no accident: what does ViT-B/16 have 197 of? Now make experiments of your own. Change batch, tokens, channels, groups, and watch the number:


# %% tags=["skip-grading"]
def flopco_of(layer, shape):
    """MAC that flopco-pytorch reports for a layer on an input of that shape."""
    return FlopCo(nn.Sequential(layer), img_size=shape).total_macs


print("Linear ", flopco_of(nn.Linear(64, 64), (1, 196, 64)))
print("Conv2d ", flopco_of(nn.Conv2d(64, 64, kernel_size=1, groups=4), (4, 64, 14, 14)))

# %% [markdown]
# **Say what flopco computes (2 points).** Not what is right: what *it* returns, for a linear layer channels → channels on (batch, tokens, channels), and for a 1×1 convolution channels → channels with groups on an image of `tokens` pixels. Write a formula in the arguments: your answer is graded where flopco is not at hand.


# %% answer="flopco_macs"
def flopco_macs(batch, tokens, channels, groups):
    """{"linear": …, "convolution": …} as
    flopco-pytorch 0.1.4 reports them."""
    ### BEGIN SOLUTION
    seen = channels if groups == 1 else 1  # it takes every grouped convolution as depthwise
    return {"linear": channels * channels, "convolution": tokens * channels * seen}
    ### END SOLUTION


# %% check="flopco_macs"
check("flopco_macs", flopco_macs)

# %% [markdown]
# Now PyTorch's counter, backward. One convolution, with more and more groups. Which of the two gradients goes wrong, and by how much?

# %% tags=["skip-grading"]
print("        forward  + gradients of")
print("groups           weights  and input")
for groups in (1, 4, 16, 64):
    with torch.device("meta"):
        layer = nn.Conv2d(64, 64, 3, padding=1, groups=groups, bias=False)
        x = torch.empty(1, 64, 28, 28)
    forward = torch_macs(layer, x)
    one = torch_macs(layer, x, backward=True) / forward
    both = torch_macs(layer, x.requires_grad_(), backward=True) / forward
    print(f"{groups:6} {forward / 1e6:6.2f} M {one:6.0f} × {both:8.0f} ×")

# %% [markdown]
# Right would be 2 and 3, whatever the groups. (What you see is the version of torch printed above; another may count otherwise.)
#
# **Explain one disagreement (1 point):** which tool, which model or layer, what does it do, and how did you find out? A person reads it.

# %% [markdown] read="explain_counter" points=1
# flopco gives ViT-B/16 0.20 GMAC; 17.56 are right. Its linear layers are too small by 197, the number
# of tokens: it multiplies in_features by out_features and never looks at the input's shape. It leaves
# out attention's products, too.
#
# PyTorch's counter gives efficientnet_b0 a training step of 41.7 forward passes; 3 are right. With
# 64 groups the weights' gradient alone is counted as 64 forward passes: groups are not divided
# out there. Its forward pass is right.

# %%
progress("02_flops")

# %% [markdown]
# **Takeaways**
#
# - One MAC is two FLOP. A count needs its convention and its input size.
# - MAC of a layer with weights: length of a dot product times number of outputs.
# - Batch-norm statistics are per channel. PReLU's cost depends on the data.
# - Heads drop out of attention's count; s² overtakes at s = 2d.
# - FLOP per parameter is reuse. Fewer MAC are not proportionally faster.
# - Tools err. Check one layer by hand.

# %% [markdown]
# **References**
#
# - Krizhevsky, Sutskever, Hinton: *ImageNet Classification with Deep Convolutional Neural Networks*, 2012
# - Ioffe, Szegedy: *Batch Normalization*, 2015. He et al.: *Delving Deep into Rectifiers* (PReLU), 2015
# - Vaswani et al.: *Attention Is All You Need*, 2017
# - Tan, Le: *EfficientNet*, 2019. Dosovitskiy et al.: *An Image is Worth 16x16 Words*, 2021
# - Liu et al.: *FastBERT*, 2020; its code, `autoliuweijie/FastBERT`, issues 6 and 14 (how it counts)
# - PyTorch: `torch.utils.flop_counter`. `flopco-pytorch`, version 0.1.4

# %% [markdown]
# **Next:** 03, memory: what all these numbers weigh, and what it takes to move them.
