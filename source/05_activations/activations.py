# %% [markdown]
# # Activations: what has to be kept
#
# MobileNetV2 was made for phones: it has less than a third of ResNet-18's parameters. Yet the numbers between its layers take more memory, and on a small chip it is they that decide whether a network runs at all.
#
# **What has to be kept beside the parameters, and for how long?**

# %%
import os
from itertools import pairwise

import matplotlib.pyplot as plt
import timm
import torch
from torch import nn

from helpers.check import check, progress
from helpers.conventions import format_bytes
from helpers.plots.style import figure
from helpers.predict import guessed, outcome, predict
from helpers.tried import numbers, tried

# PyTorch's profiler is not to talk about itself.
os.environ["KINETO_LOG_LEVEL"] = "99"

# %% [markdown]
# Between two layers lies a tensor: the **activations**. A layer cannot run without its input, and has to put its output somewhere. So while it runs, both are there.
#
# The next cell notes both for every convolution and linear layer. It runs on the **meta device**: shapes without data, so nothing is allocated or computed.


# %% tags=["skip-grading"]
def in_and_out_of(name, side=224):
    """Numbers in and out of each convolution and linear layer, and the number of parameters."""
    with torch.device("meta"):
        model, image = timm.create_model(name).eval(), torch.empty(1, 3, side, side)
    layers = {}
    for path, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):

            def note(module, inputs, output, path=path):
                layers[path] = (inputs[0].numel(), output.numel())

            module.register_forward_hook(note)
    with torch.no_grad():
        model(image)
    return layers, sum(p.numel() for p in model.parameters())


networks = {}
print(f"{'':11}{'parameters':>12}{'most at once':>14}")
for name, title in ("resnet18", "ResNet-18"), ("mobilenetv2_100", "MobileNetV2"):
    networks[title], parameters = in_and_out_of(name)
    peak = max(map(sum, networks[title].values()))
    print(f"{title:11}{parameters:12,}{peak:14,}")

# %% tags=["skip-grading"]
from helpers.plots.activation_maps import in_and_out

in_and_out(networks, "activations", "Fewer parameters, higher peak: MobileNetV2 starts wide")
plt.show()

# %% [markdown]
# Both networks are small behind their first layers. But MobileNetV2 widens 16 channels to 96 while the image still has 112 × 112 pixels.
#
# How we count here: input + output of one convolution or linear layer. Normalization and ReLU are taken as part of it, and what a skip connection holds back is left out. Below, we look at all three.

# %% [markdown]
# ## AlexNet: in all, and at once

# %% [markdown]
# | | shape | | shape |
# |---|---|---|---|
# | image | c, 224, 224 | conv4 | 384, 13, 13 |
# | conv1 | 96, 55, 55 | conv5 | 256, 13, 13 |
# | pool1 | 96, 27, 27 | pool5 | 256, 6, 6 |
# | conv2 | 256, 27, 27 | fc6, fc7 | 4096 |
# | pool2 | 256, 13, 13 | fc8 | classes |
# | conv3 | 384, 13, 13 | | |

# %% [markdown]
# ReLU works in place. AlexNet's two groups change its weights, not its activations. (Unit 02 had 227 × 227 images; 224, padded by 2, gives the same 55.)
#
# ✎ *total*: all numbers in this table. *peak*: input + output of the layer where they are most. Which layer that is can depend on the arguments.


# %% answer="alexnet_activations"
def alexnet_activations(image_channels, classes):
    """{"total": …, "peak": …}: activations of
    AlexNet, as numbers, for one image."""
    ### BEGIN SOLUTION
    sizes = [image_channels * 224**2, 96 * 55**2, 96 * 27**2, 256 * 27**2, 256 * 13**2]
    sizes += [384 * 13**2, 384 * 13**2, 256 * 13**2, 256 * 6**2, 4096, 4096, classes]
    return {"total": sum(sizes), "peak": max(a + b for a, b in pairwise(sizes))}
    ### END SOLUTION


# %% check="alexnet_activations"
check("alexnet_activations", alexnet_activations)


# %% [markdown]
# The same network, built and run on the meta device. Where is the peak?

# %% tags=["skip-grading"]
with torch.device("meta"):
    x = torch.empty(1, 3, 224, 224)
    layers = {
        "conv1": nn.Conv2d(3, 96, 11, stride=4, padding=2),
        "pool1": nn.MaxPool2d(3, 2),
        "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2),
        "pool2": nn.MaxPool2d(3, 2),
        "conv3": nn.Conv2d(256, 384, 3, padding=1),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2),
        "pool5": nn.Sequential(nn.MaxPool2d(3, 2), nn.Flatten()),
        "fc6": nn.Linear(9216, 4096),
        "fc7": nn.Linear(4096, 4096),
        "fc8": nn.Linear(4096, 1000),
    }
alexnet = {}
for name, layer in layers.items():
    y = layer(x)
    alexnet[name], x = (x.numel(), y.numel()), y
in_and_out({"AlexNet": alexnet}, "activations", "The first layer decides what AlexNet needs")
plt.show()

# %% [markdown]
# Less than half of all activations are there at once. The three last layers, which hold 96 % of the weights (unit 01), hardly show.
#
# ✎ Now any small CNN: `layers` is a list of [output channels, kernel, stride], each with padding `kernel // 2`; the image is channels × size × size. Recall from unit 01: a side becomes ⌊(size + 2·padding − kernel) / stride⌋ + 1.


# %% answer="cnn_peak"
def cnn_peak(channels, size, layers):
    """Numbers that are there at once, input +
    output, in the layer where they are most."""
    ### BEGIN SOLUTION
    most, read = 0, channels * size**2
    for out_channels, kernel, stride in layers:
        size = (size + 2 * (kernel // 2) - kernel) // stride + 1
        written = out_channels * size**2
        most, read = max(most, read + written), written
    return most
    ### END SOLUTION


# %% check="cnn_peak"
check("cnn_peak", cnn_peak)

# %% [markdown]
# ## A chip with 256 kB
#
# A microcontroller keeps its weights in flash, from where they are only read. Activations have to be written: they need SRAM, and it has 256 kB of that. Take the smallest usual format, int8: one byte a number.

# %% tags=["skip-grading"]
in_and_out(
    {"AlexNet": alexnet} | networks,
    "bytes, int8",
    "None of the three fits: the hatched layers find no room",
    limit=("256 kB", 256_000),
)
plt.show()

# %% [markdown]
# AlexNet's third layer, conv2, needs 256,608 B: just over 256 kB, and under 256 KiB. Ask which of the two a data sheet means. Here, a kB is 1000 bytes.
#
# And a smaller network, for images of 96 × 96? Take the first example of `cnn_peak`: [[32, 3, 2], [32, 3, 1], [96, 1, 1], [24, 3, 2]]. Layers 1 and 2 fit, and so does layer 4. **What does the third layer do?**

# %% tags=["skip-grading"]
small = {"image": 3 * 96**2, "layer 1": 32 * 48**2, "layer 2": 32 * 48**2}
small |= {"layer 3": 96 * 48**2, "layer 4": 24 * 24**2}
sides = dict(zip(list(small)[1:], pairwise(small.values())))
in_and_out(
    {"small CNN": sides},
    "bytes, int8",
    "One layer of four finds no room",
    limit=("256 kB", 256_000),
)
plt.show()

# %% [markdown]
# Nothing: it does not run. A desktop computer would move something to a disk and get slow; here there is nothing to move to. The third layer's output has no place, so there is no fourth layer and no answer. **It does not run slowly: it does not fit.**

# %% [markdown]
# ✎ `sizes` are the numbers in the input and in each layer's output, `width` bytes each. Which is the first layer that does not fit?


# %% answer="overflowing_layer"
def overflowing_layer(sizes, width, kilobytes):
    """Number of the first layer, from 1, whose
    input + output exceed the memory; None if
    all fit."""
    ### BEGIN SOLUTION
    for layer in range(1, len(sizes)):
        if width * (sizes[layer - 1] + sizes[layer]) > 1000 * kilobytes:
            return layer
    return None
    ### END SOLUTION


# %% check="overflowing_layer"
check("overflowing_layer", overflowing_layer)

# %% [markdown]
# What helps is a smaller image. MobileNetV2's peak is 1,505,280 = 30 · 224²: **30 numbers a pixel** of the image, 24 into the layer and 6 out of it.

# %% tags=["skip-grading"]
print("MobileNetV2, int8, counted:")
for pixels in 224, 160, 96, 64:
    peak = max(map(sum, in_and_out_of("mobilenetv2_100", pixels)[0].values()))
    verdict = "fits" if peak <= 256_000 else "no room"
    print(f"{pixels:3}² {peak:9,} B, {peak / pixels**2:.0f} a pixel, {verdict}")

# %% [markdown]
# Or never make the widest tensor whole, as MCUNetV2 (2021) does. A block widens its channels by a 1×1 convolution, and narrows them again by a 3×3 one (stride 1, padded by 1). In and out are there whole. The wide tensor is made in **strips**: for some rows of the output, those rows and one more on each side, where the image goes on.

# %% tags=["skip-grading"]
from helpers.plots.activation_maps import strip

strip(side=12, height=4, number=2, title="For 4 rows of the output, 6 of the wide tensor")
plt.show()

# %% [markdown]
# ✎ **Find the plan**: the fewest strips of equal height (they divide `side`) with which the block fits, int8. And how many rows of the wide tensor are computed for it, all strips together? Some plan always fits. Before the next strip is made, the last one is gone.


# %% answer="strip_plan"
def strip_plan(narrow, wide, side, kilobytes):
    """{"strips": the fewest that fit, "rows": of
    the wide tensor, computed in all strips}."""
    ### BEGIN SOLUTION
    for strips in range(1, side + 1):
        rows = side // strips + min(2, strips - 1)  # at an edge of the image, none beyond it
        held = 2 * narrow * side**2 + wide * side * rows
        if side % strips == 0 and held <= 1000 * kilobytes:
            return {"strips": strips, "rows": side + 2 * (strips - 1)}
    ### END SOLUTION


# %% check="strip_plan"
check("strip_plan", strip_plan)

# %% [markdown]
# Your plan, run: 16 channels to 96 and back, 64 × 64, in 256 kB. Whole, the block would need 524,288 B.


# %% tags=["skip-grading"]
def in_strips(x, widen, reduce, strips):
    """The block's output, made strip by strip, and the rows of the wide tensor in each."""
    side, made, rows = x.shape[2], [], []
    height = side // strips
    for top in range(0, side, height):
        above, below = min(1, top), min(1, side - top - height)
        wide = widen(x[:, :, top - above : top + height + below])
        rows.append(wide.shape[2])
        made.append(reduce(nn.functional.pad(wide, (1, 1, 1 - above, 1 - below))))
    return torch.cat(made, dim=2), rows


block = nn.Conv2d(16, 96, 1), nn.Conv2d(96, 16, 3)
x = torch.randn(1, 16, 64, 64)
plan, problem = tried(lambda: numbers(strip_plan(16, 96, 64, 256), "strips", "rows"))
if problem or plan["strips"] not in range(1, 65):
    print("no plan to run:", problem or plan)
else:
    with torch.no_grad():
        whole, _ = in_strips(x, *block, 1)
        made, rows = in_strips(x, *block, int(plan["strips"]))
    print("the same output:", torch.allclose(whole, made, atol=1e-5))
    print(f"rows computed:   {sum(rows)}, by your plan {plan['rows']}")
    print(f"held at most:    {2 * x.numel() + 96 * 64 * max(rows):,} B, int8")

# %% [markdown]
# ## A skip connection waits
#
# A residual block adds its input to its output at the end. Until then, the input has to stay.
#
# ✎ `sizes` are the block's input and the outputs of its layers; the last is as large as the input. Find the peak as before, and the peak when the input waits until the end. (The sum is written over the last output.)


# %% answer="block_peak"
def block_peak(sizes):
    """{"convolutions": in + out at most, "with
    the skip": the waiting input counted, too}."""
    ### BEGIN SOLUTION
    pairs = [a + b for a, b in pairwise(sizes)]
    # The first layer reads the waiting tensor itself.
    waiting = [pairs[0]] + [sizes[0] + pair for pair in pairs[1:]]
    return {"convolutions": max(pairs), "with the skip": max(waiting)}
    ### END SOLUTION


# %% check="block_peak"
check("block_peak", block_peak)

# %% [markdown]
# Does that change who is higher? For ResNet-18 and MobileNetV2 it does not: their peaks are where nothing waits, in conv1 and in a block without a skip. ResNet-50 carries its skip at 256 channels:

# %% tags=["skip-grading"]
wide, narrow = 256 * 56**2, 64 * 56**2
without = max(map(sum, in_and_out_of("resnet50")[0].values()))
print(f"ResNet-50, in + out:        {without:10,}")
print(f"ResNet-50, skip counted:    {wide + narrow + wide:10,}")
print(f"MobileNetV2, either way:    {max(map(sum, networks['MobileNetV2'].values())):10,}")

# %% [markdown]
# So against ResNet-50, "MobileNetV2 has the higher peak" holds only where skips are left out. A peak needs its convention, as a FLOP does.

# %% [markdown]
# ## In place, or a new tensor
#
# After a convolution comes ReLU. `nn.ReLU(inplace=True)` writes over its input; plain `nn.ReLU()` writes a new tensor beside it.
#
# ✎ `sizes` are the network's input and the outputs of its convolutions, each followed by a ReLU. The peak for both kinds?


# %% answer="relu_peak"
def relu_peak(sizes):
    """{"in place": …, "new tensor": …}: numbers
    that are there at once, at most."""
    ### BEGIN SOLUTION
    convolutions = max(a + b for a, b in pairwise(sizes))
    relus = max(2 * size for size in sizes[1:])
    return {"in place": convolutions, "new tensor": max(convolutions, relus)}
    ### END SOLUTION


# %% check="relu_peak"
check("relu_peak", relu_peak)

# %% [markdown]
# Does PyTorch agree? Three convolutions, 4 images of 64 × 64, fp32. PyTorch's profiler records every block of memory that is taken or given back, so we see which ones are there at the peak. Weights and images were there before: they are not among them.


# %% tags=["skip-grading"]
from torch.profiler import ProfilerActivity, profile

from helpers.meter.profiled import allocations


def blocks_at_peak(model, images):
    """Bytes of each block that a forward pass has taken, at the moment when they are most."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        model(images)
    there, most = [], []
    for size in allocations(record):  # below zero: a block is given back
        if size > 0:
            there.append(size)
        elif -size in there:
            there.remove(-size)
        most = max(most, list(there), key=sum)
    return most


# %% tags=["skip-grading"]
channels = 16, 64, 16, 32
sizes = [4 * count * 64 * 64 for count in channels]
# This layout is the one that the CPU's convolutions work in: they need no copy.
layout = torch.channels_last
images = torch.randn(4, 16, 64, 64).to(memory_format=layout)
yours, problem = tried(lambda: numbers(relu_peak(sizes), "in place", "new tensor"))
for kind, in_place in ("in place", True), ("new tensor", False):
    parts = []
    for before, after in pairwise(channels):
        parts += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(in_place)]
    model = nn.Sequential(*parts).to(memory_format=layout)
    blocks = blocks_at_peak(model, images)
    print(f"{kind:10} measured  {sum(blocks):9,} B")
    print(f"{'':10} predicted", problem or f"{4 * yours[kind]:9,} B")
    others = [block for block in blocks if block // 4 not in sizes]
    if others:
        print(f"{'':10} beside it", " + ".join(f"{block:,}" for block in others), "B")
threads = torch.get_num_threads()
print(f"\nweights of convolution 2  {model[2].weight.nbytes:6,} B")
print(f"table 4096 + {threads} · 4120 {4096 + threads * 4120:11,} B")

# %% [markdown]
# Every byte has its name. What lies beside your prediction belongs to convolution 2, while it runs: a copy of its weights in the order that its kernel likes, and a table of addresses, 4120 B for each thread (on processors with oneDNN, PyTorch's library for x86). Both go before the ReLU comes.

# %% [markdown]
# ## Predict, then measure
#
# ResNet-18 (its ReLUs are in place), 8 images, fp32: our count says 953,344 numbers an image. What does PyTorch really hold on this machine, weights left out? **Predict:** measured ÷ counted. (A number in place of the dots; it earns nothing, and before it you see no result.)

# %% predict="peak"
predict("held_to_counted", 1)

# %% tags=["skip-grading"]
from helpers.meter.measured import measured_inference

model, images = timm.create_model("resnet18").eval(), torch.randn(8, 3, 224, 224)
weights = sum(p.nbytes for p in model.parameters())
counted = 8 * 953_344 * 4
measured = measured_inference(model, images).peak - weights
if guessed("held_to_counted"):
    print(f"counted  {counted:12,} B")
    print(f"measured {measured:12,} B")
    outcome("held_to_counted", measured / counted)

# %% [markdown]
# What is it that we did not count? The course's meter follows every tensor through the pass, without running it, and says what is there at the peak.

# %% tags=["skip-grading"]
from helpers.meter import inference_memory

foreseen = inference_memory(model, images)
if guessed("held_to_counted"):
    print(f"meter ÷ measured, without weights: {(foreseen.peak - weights) / measured:.4f}")
    print(foreseen.ledger)

# %% [markdown]
# ✎ **Explain (1 point).** What did you guess, and what was measured? At which operation is the peak, and which tensors are there at that moment? Work out their bytes. A person reads it.

# %% [markdown] read="explain_peak" points=1
# I guessed 1.0; measured was 1.84 times the count. The peak is not at a convolution but at the batch
# norm behind conv1. ReLU works in place, batch norm does not: it reads 8 · 64 · 112² numbers
# and writes as many, 2 · 25.7 MB. The 8 images, 4.8 MB, are still there: the caller holds them.
# Together 56.2 MB, as measured. A compiler that folds batch norm into the convolution gets
# to what we counted.

# %% [markdown]
# ## Inference frees, training keeps
#
# The backward pass goes through the layers once more, from the last to the first, and reads what the forward pass left there. Here is a network of six convolutions with batch norm and ReLU; each bar is a tensor, from the operation that makes it to the last that needs it.

# %% tags=["skip-grading"]
from helpers.meter import training_memory
from helpers.plots.activation_maps import lifetimes

blocks = [
    part
    for _ in range(6)
    for part in (nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
]
stack, batch = nn.Sequential(*blocks), (8, 16, 32, 32)
steps = {
    "inference": inference_memory(stack, batch),
    "training": training_memory(stack, batch, optimizer="sgd"),
}
lifetimes(steps, smallest=100_000)
plt.show()

# %% [markdown]
# Inference needs two tensors, however many layers there are. In training, what is kept grows with every layer, until the backward pass comes by and frees it.

# %% [markdown]
# ## Seen live
#
# PyTorch calls a hook for every tensor that autograd saves. The memory behind a tensor is its **storage**; several tensors can lie in one.


# %%
def show_saved(model, x):
    """Prints every tensor that autograd saves while the model runs."""
    weights = {p.untyped_storage().data_ptr(): name for name, p in model.named_parameters()}
    seen = {}

    def note(tensor):
        where = tensor.untyped_storage().data_ptr()  # the address at which it begins
        storage = seen.setdefault(where, len(seen) + 1)
        what = weights.get(where, "activation")
        print(f"{storage} {tensor.nbytes:6,} B {tuple(tensor.shape)} {what}")
        return tensor

    print("storage, bytes, shape, what")
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(x)


show_saved(
    nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 10)),
    torch.randn(4, 3, 16, 16),
)

# %% [markdown]
# Five tensors, four storages. The convolution keeps its input (and its weight). ReLU keeps its **output**: it shows where x was above zero. The linear layer keeps its input, and that is ReLU's output again, seen through `Flatten`: another shape, the same bytes.
#
# Why the input here and the output there?

# %% [markdown]
# A function keeps whatever its derivative needs. That of sin x is cos x: it needs x. That of exp x is exp x: the output has it already.
#
# ✎ Find out with a hook what the function `getattr(torch, name)` keeps. Give it `x = torch.rand(4, requires_grad=True)` and compare `data_ptr()` of what is saved with that of x and of the result.


# %% answer="saved_by"
def saved_by(name):
    """The word "input", "output" or "nothing":
    what autograd keeps of torch's function
    `name`."""
    ### BEGIN SOLUTION
    x, saved = torch.rand(4, requires_grad=True), []

    def note(tensor):
        saved.append(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y = getattr(torch, name)(x)
    if x.data_ptr() in saved:
        return "input"
    return "output" if y.data_ptr() in saved else "nothing"
    ### END SOLUTION


# %% check="saved_by"
check("saved_by", saved_by)

# %% [markdown]
# ## Count storages, not tensors
#
# Attention computes queries, keys and values in one product and cuts it in three. How much does it keep?


# %%
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(64, 192)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v


def saved_tensors(function, x):
    """What autograd saves while function(x) runs: a tensor for each time that it does."""
    saved = []

    def note(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        function(x)
    return saved


def storages_of(tensors):
    """{address: bytes} of the distinct storages behind some tensors."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return {storage.data_ptr(): storage.nbytes() for storage in storages}


saved = saved_tensors(Attention(), torch.randn(8, 32, 64))
storages = storages_of(saved)
whole = sum(tensor.untyped_storage().nbytes() for tensor in saved)
print(f"{len(saved)} tensors:            {sum(t.nbytes for t in saved):8,} B")
print(f"{len(saved)} times the storage:  {whole:8,} B")
print(f"{len(storages)} distinct storages: {sum(storages.values()):9,} B")

# %% [markdown]
# q, k and v are **views**: three windows on one storage, so only the third line is memory.
#
# Written out as above, attention also keeps softmax's output: a share for each *pair* of tokens. PyTorch's fused attention does not; backward computes the shares again. **Predict** for 2,048 tokens and 8 heads of width 64: how many times as much is kept, written out, as by the fused one?

# %% predict="attention"
predict("written_to_fused", 2)


# %%
def kept_by_attention(tokens, heads=8, width=64):
    """MiB that autograd keeps of attention: written out, and by PyTorch's fused function."""
    q, k, v = (torch.randn(1, heads, tokens, width, requires_grad=True) for _ in range(3))
    ways = (
        lambda q: torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v,
        lambda q: nn.functional.scaled_dot_product_attention(q, k, v),
    )
    kept = (storages_of(saved_tensors(way, q)).values() for way in ways)
    return [sum(sizes) / 2**20 for sizes in kept]


lengths = 256, 512, 1024, 2048
written, fused = zip(*map(kept_by_attention, lengths))
if guessed("written_to_fused"):
    _, axes = figure(size=(5.2, 3.0))
    axes.plot(lengths, written, "o-", label="written out: + 4 B · heads · tokens²")
    axes.plot(lengths, fused, "s--", label="fused: q, k, v and the output")
    axes.set(xlabel="tokens", ylabel="MiB kept", xticks=lengths)
    axes.set_title(f"2,048 tokens: {written[-1]:.0f} MiB against {fused[-1]:.0f}")
    axes.legend()
    plt.show()
    outcome("written_to_fused", written[-1] / fused[-1])

# %% [markdown]
# Twice the tokens, four times the shares. That is why long texts are trained with fused attention (FlashAttention, Dao et al. 2022): unit 08 builds it. And a view of little can hold much:

# %%
x = torch.randn(1000, 1000, requires_grad=True)
(column,) = saved_tensors(lambda x: x[:, 0].square(), x)
print(f"saved {column.nbytes:,} B, held {column.untyped_storage().nbytes():,} B")

# %% [markdown]
# ✎ A hook has noted, for every saved tensor, the number of its storage and the bytes of that. `weights` lists the storages of parameters; they are there anyway. How much do the activations hold?


# %% answer="kept_storages"
def kept_storages(saved, weights):
    """Bytes of all distinct storages in `saved`,
    [[storage, bytes], …], that are no weights."""
    ### BEGIN SOLUTION
    bytes_of = {storage: size for storage, size in saved if storage not in weights}
    return sum(bytes_of.values())
    ### END SOLUTION


# %% check="kept_storages"
check("kept_storages", kept_storages)

# %% [markdown]
# ## What layers keep
#
# | layer | keeps, beside its weights |
# |---|---|
# | linear, convolution | input |
# | batch norm, layer norm | input; means, deviations |
# | ReLU, sigmoid, softmax | output |
# | GELU, SiLU, ReLU6, hard swish | input |
# | max pool | input; where each maximum was, 8 bytes |
# | dropout | its mask |
# | cross entropy | logarithms of the shares |
# | sum | nothing |

# %% [markdown]
# By hand, and by a hook that counts storages. (Dropout's mask takes 4 bytes a number on a CPU, 1 on a GPU.)


# %% tags=["skip-grading"]
from helpers.reference import layer_saved_bytes


def kept(model, x):
    """Bytes of the distinct storages that autograd keeps; weights and buffers left out."""
    own = storages_of([*model.parameters(), *model.buffers()])
    storages = storages_of(saved_tensors(model, x))
    return sum(size for address, size in storages.items() if address not in own)


x = torch.randn(8, 16, 32, 32, requires_grad=True)
layers = {
    "convolution": (nn.Conv2d(16, 24, 3), (8, 24, 30, 30), 0),
    "batch_norm": (nn.BatchNorm2d(16), x.shape, 16),
    "layer_norm": (nn.LayerNorm(32), x.shape, 8 * 16 * 32),
    "relu": (nn.ReLU(), x.shape, 0),
    "relu6": (nn.ReLU6(), x.shape, 0),
    "gelu": (nn.GELU(), x.shape, 0),
    "dropout": (nn.Dropout(0.1), x.shape, 0),
    "max_pool": (nn.MaxPool2d(2), (8, 16, 16, 16), 0),
}
print(f"{'':12}{'by hand':>12}{'by hook':>12}  ratio")
for name, (layer, outputs, statistics) in layers.items():
    by_hand = layer_saved_bytes(name, x.shape, outputs, statistics).total
    by_hook = kept(layer, x)
    print(f"{name:12}{by_hand:12,}{by_hook:12,}  {by_hand / by_hook:.3f}")

# %% [markdown]
# In place, a result takes the storage of its input. That saves one, unless somebody has kept that input. PyTorch notices, at the backward pass:

# %%
x = torch.randn(4, requires_grad=True)
y = x.sin()
z = y.square()  # keeps y
y.relu_()  # writes over y
try:
    z.sum().backward()
except RuntimeError as error:
    print(str(error).split(":")[0])

# %% [markdown]
# ## ReLU or GELU?
#
# ReLU keeps its output, which the next layer would have kept as its input. The derivative of GELU cannot be read off its output (GELU falls, then rises: one output, two slopes), so GELU keeps its input.
#
# ✎ Linear(features → hidden), activation, Linear(hidden → features), fp32: the bytes of what is kept, the input x counted, weights not.


# %% answer="mlp_kept"
def mlp_kept(batch, features, hidden):
    """{"ReLU": bytes, "GELU": bytes} that the
    forward pass keeps for the backward pass."""
    ### BEGIN SOLUTION
    x, between = 4 * batch * features, 4 * batch * hidden
    return {"ReLU": x + between, "GELU": x + 2 * between}
    ### END SOLUTION


# %% check="mlp_kept"
check("mlp_kept", mlp_kept)

# %% [markdown]
# **Predict** for a CNN of four convolutions, each with an activation behind it. ReLU as a new tensor is 1. How many times as much is kept with ReLU in place, and with GELU?

# %% predict="kept"
predict("kept_in_place", 1)
predict("kept_with_gelu", 1)

# %% tags=["skip-grading"]
activations = {"ReLU": nn.ReLU(), "ReLU in place": nn.ReLU(inplace=True), "GELU": nn.GELU()}
measured = {}
for name, activation in activations.items():
    parts = []
    for channels in 3, 32, 32, 32:
        parts += [nn.Conv2d(channels, 32, 3, padding=1), activation]
    head = [nn.Flatten(), nn.Linear(32 * 32 * 32, 10)]
    measured[name] = kept(nn.Sequential(*parts, *head), torch.randn(8, 3, 32, 32))
for name, kind in ("kept_in_place", "ReLU in place"), ("kept_with_gelu", "GELU"):
    if guessed(name):
        print(f"ReLU {measured['ReLU']:,} B, {kind} {measured[kind]:,} B")
        outcome(name, measured[kind] / measured["ReLU"])

# %% [markdown]
# ✎ **Explain (1 point).** Compare with your guess. Why does ReLU in place keep as much as plain ReLU, although it makes a tensor less? What is it good for, then? And where does GELU's factor come from? A person reads it.

# %% [markdown] read="explain_kept" points=1
# I guessed 1.0 for both; measured: 1.00 in place, 1.98 with GELU. With plain ReLU, no derivative
# reads the convolution's output, so it is freed. Only ReLU's output is kept, and the next convolution
# keeps that same storage. In place, the only tensor is kept: just as much. What falls is the peak.
# GELU keeps its input, the next layer GELU's output: two storages instead of one. Not quite 2,
# because the image is kept once in both.

# %% [markdown]
# ## A large model without its memory
#
# `convnextv2_large` takes 0.8 GB. On the meta device it takes nothing, so we can look at it from all sides:

# %%
from functools import cache


@cache
def skeleton(name):
    """The timm model of that name on the meta device; built once."""
    with torch.device("meta"):
        return timm.create_model(name)


large = skeleton("convnextv2_large")
print([name for name, _ in large.named_children()])
print(large.stages[0].blocks[0].mlp)
first = next(large.parameters())
print(first.device, tuple(first.shape), f"{first.numel():,} parameters")

# %% [markdown]
# ✎ Count, with `skeleton(model)`: all parameters, their bytes at `bits` each, and the parameters of one of its four stages, `.stages[stage]`.


# %% answer="convnext_size"
def convnext_size(model, stage, bits):
    """{"parameters": …, "bytes": …, "in the
    stage": parameters} of a timm ConvNeXt V2."""
    ### BEGIN SOLUTION
    network = skeleton(model)
    parameters = sum(p.numel() for p in network.parameters())
    in_stage = sum(p.numel() for p in network.stages[stage].parameters())
    return {"parameters": parameters, "bytes": parameters * bits / 8, "in the stage": in_stage}
    ### END SOLUTION


# %% check="convnext_size"
check("convnext_size", convnext_size)

# %% [markdown]
# Two thirds of the parameters sit in stage 2, where images are small and channels many. And what do the stages keep of *one image*, in training?

# %% tags=["skip-grading"]
from helpers.plots.bars import bars

memory = training_memory(large, (1, 3, 224, 224), optimizer="sgd")
kept_in = [0.0] * 4
for tensor in memory.saved:
    if tensor.module.startswith("stages."):
        stage = int(tensor.module.split(".")[1])
        kept_in[stage] += tensor.bytes / 1e6
held_in = [sum(p.numel() for p in stage.parameters()) / 1e6 for stage in large.stages]
stages = [f"stage {number}" for number in range(4)]

_, (top, bottom) = figure(2, 1, size=(5.2, 4.6))
share = sum(held_in[:2]) / sum(held_in)
title = f"Stages 0 and 1 hold {share:.0%} of the parameters …"
bars(dict(zip(stages, held_in)), "million parameters", title, ax=top)
share = sum(kept_in[:2]) / sum(kept_in)
title = f"… and {share:.0%} of what is kept for one image"
bars(dict(zip(stages, kept_in)), "MB kept for one image", title, ax=bottom)
plt.show()

# %% [markdown]
# ## Profile a forward pass
#
# The profiler once more, over time. 8 images through `convnextv2_atto`, the smallest of the family, once without gradients and once as in training:

# %% tags=["skip-grading"]
from itertools import accumulate

from helpers.plots.activation_maps import held_over_time

atto = timm.create_model("convnextv2_atto")


def profiled(batch, training):
    """Bytes held beyond weights and images, after every allocation of a forward pass."""
    images = torch.randn(batch, 3, 224, 224)
    with (
        torch.set_grad_enabled(training),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record,
    ):
        _output = atto(images)  # held, and with it all that was saved
    return list(accumulate(allocations(record))), record


held, record = profiled(8, training=True)
freed, _ = profiled(8, training=False)
ratio = held[-1] / max(freed)
held_over_time(
    {"training": held, "inference": freed},
    f"Training ends with {ratio:.0f} times the peak of inference",
)
plt.show()

# %% [markdown]
# Which operations allocate it? (Convolutions get the memory for their output in `resize_`.) And does the prediction of the meter, made on the meta device, agree?

# %% tags=["skip-grading"]
by_operation = {row.key: row.self_cpu_memory_usage for row in record.key_averages()}
for name in sorted(by_operation, key=by_operation.get, reverse=True)[:5]:
    print(f"{name:16}{by_operation[name] / 1e6:8.1f} MB")
predicted = training_memory(atto, (8, 3, 224, 224), optimizer="sgd").saved_bytes
print(f"\nkept, measured  {held[-1]:12,} B")
print(f"kept, predicted {predicted:12,} B")
print(f"ratio {predicted / held[-1]:.4f}")

# %% [markdown]
# ## Activations from a peak
#
# Often a tool gives you one number: the peak. What else is in it?
#
# ✎ The peak was read at the end of a forward pass in training. In it: weights, the batch of 3 × side × side images, the activations, and, if `gradients`, those of the step before (one for each parameter). Everything takes `width` bytes a number. How many bytes of activations for **one image**?


# %% answer="activations_per_image"
def activations_per_image(peak, parameters, batch, side, width, gradients):
    """Bytes of activations that one image of the
    batch adds to a peak, the image itself not."""
    ### BEGIN SOLUTION
    weights = width * parameters * (2 if gradients else 1)
    images = width * batch * 3 * side**2
    return (peak - weights - images) / batch
    ### END SOLUTION


# %% check="activations_per_image"
check("activations_per_image", activations_per_image)

# %% [markdown]
# And if you do not know what else lies there? Measure twice.
#
# ✎ Two peaks, at two batch sizes: what does each image add (itself included), and what is there without any image?


# %% answer="two_peaks"
def two_peaks(batch_1, peak_1, batch_2, peak_2):
    """{"each image": bytes, "fixed": bytes} of a
    line through two measured peaks."""
    ### BEGIN SOLUTION
    each = (peak_2 - peak_1) / (batch_2 - batch_1)
    return {"each image": each, "fixed": peak_1 - batch_1 * each}
    ### END SOLUTION


# %% check="two_peaks"
check("two_peaks", two_peaks)

# %% [markdown]
# Measured: the profiler watches from before the model is made to the end of the forward pass. Is the fixed part what you expect?


# %% tags=["skip-grading"]
def held_at_the_end(batch):
    """Bytes of convnextv2_atto, a batch of images, and all that the forward pass keeps."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        model, images = timm.create_model("convnextv2_atto"), torch.randn(batch, 3, 224, 224)
        _output = model(images)
    return sum(allocations(record))


of_2, of_8 = held_at_the_end(2), held_at_the_end(8)
weights = sum(p.nbytes for p in atto.parameters())
line, problem = tried(lambda: numbers(two_peaks(2, of_2, 8, of_8), "each image", "fixed"))
print(f"2 images {of_2:12,} B")
print(f"8 images {of_8:12,} B")
print("fixed   ", problem or f"{line['fixed']:12,.0f} B")
print(f"weights  {weights:12,} B")
if line:
    print(f"ratio {line['fixed'] / weights:.4f}")

# %% [markdown]
# With a GPU, the same for `convnextv2_large`: 8 images, forward. Without one, the cell shows what the meter predicts for a GPU, and says so.

# %% tags=["gpu", "skip-grading"]
batch = 8, 3, 224, 224
foreseen = training_memory(skeleton("convnextv2_large"), batch, optimizer="sgd", device="cuda")
predicted = foreseen.timeline.peak_of("forward")
print(f"predicted for a GPU: {format_bytes(predicted)} at the peak")
if torch.cuda.is_available():
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    model = timm.create_model("convnextv2_large").cuda()
    output = model(torch.randn(batch, device="cuda"))
    measured = torch.cuda.max_memory_allocated() - before
    print(f"measured on {torch.cuda.get_device_name()}: {format_bytes(measured)},", end=" ")
    print(f"ratio {predicted / measured:.3f}")
    del model, output
else:
    print("no GPU here: nothing was measured")

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("05_activations")

# %% [markdown]
# **Takeaways**
#
# - Inference holds a layer's input and output; its peak is at one layer, however deep the network.
# - What is over the memory does not run at all.
# - Few parameters do not mean few activations. Say whether skips and normalization count.
# - Training keeps what derivatives read: inputs here, outputs there, sometimes nothing.
# - Memory is storages. Views add none; in place reuses one.
# - A peak sums weights, images, activations …; two peaks tell them apart.

# %% [markdown]
# **Next:** 06, training memory: gradients, Adam, and the moment at which all of it meets.

# %% [markdown]
# **References**
#
# - A. Krizhevsky, I. Sutskever, G. Hinton: *ImageNet Classification with Deep Convolutional Neural Networks*, 2012
# - K. He et al.: *Deep Residual Learning for Image Recognition*, 2016
# - M. Sandler et al.: *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, 2018
# - J. Lin et al.: *MCUNet: Tiny Deep Learning on IoT Devices*, 2020; *MCUNetV2*, 2021
# - S. Woo et al.: *ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders*, 2023
# - PyTorch: *Hooks for autograd saved tensors*; `torch.profiler`
