# %% [markdown]
# # Homework: all of it on one sheet
#
# Seven tasks, 22 points and two bonuses of 2. Units 01 to 06 show how each number is made; one bonus draws on 07 and 08.

# %% [markdown]
# **How to answer**
#
# 1. Write where `# YOUR CODE HERE` or `YOUR ANSWER HERE` stands; delete the line `raise NotImplementedError()`.
# 2. The cells with `check(…)` hold basic tests. More of them, with other numbers, run when your work is graded.
# 3. Add cells wherever you like. Keep the cells with `check(…)` as they are.
# 4. An explanation can earn points for a number that went wrong: say how you counted.

# %% [markdown]
# **To hand in:** run everything once more from the top (*Runtime → Restart and run all*), then download the `.ipynb` and upload it where your course collects it.
#
# **Prices.** One multiply-accumulate (MAC) is two FLOP. Addition and multiplication cost 1, a division 4, a square root 4, an exponential 40, a comparison 0. These are a convention of this course, not measurements: on a GPU some of them have units of their own.

# %%
import hashlib

import matplotlib.pyplot as plt
import torch

from helpers.check import check, progress
from helpers.conventions import PRICE

dict(PRICE)

# %% [markdown]
# ## Task 1: bytes (1 point)
#
# A disk is sold as 500 GB and shows up as 466 GiB. Nothing is missing. What happened?
#
# Here is a number of bytes of your own, made from your name.


# %%
def own_number(name):
    """A number of bytes: the first ten hex digits of the name's SHA-256."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:10], 16)


NAME = "Ada Lovelace"  # write yours: it stays in your copy
print(f"{NAME}: {own_number(NAME):,} B")

# %% [markdown]
# Write it in GB and in GiB. Your function gets the name, asks `own_number` for its bytes, and returns both. If you round, keep at least two digits behind the point.
#
# *1 point.*


# %% answer="own_bytes"
def own_bytes(name):
    """The number of this name, as {"GB": …, "GiB": …}."""
    ### BEGIN SOLUTION
    number = own_number(name)
    return {"GB": number / 1000**3, "GiB": number / 1024**3}
    ### END SOLUTION


# %% check="own_bytes"
check("own_bytes", own_bytes)

# %% [markdown]
# ## Task 2: convolution (3 points)
#
# A 3×3 kernel slides over 11 pixels and finds 9 places to stand. How many zeros were added on each side? *1 point.*

# %% tags=["skip-grading"]
figure, axes = plt.subplots(figsize=(6, 1.8))
for pixel in range(11):
    axes.add_patch(plt.Rectangle((pixel, 0), 0.9, 0.9, facecolor="#d0d7de"))
for number, left, height in ((1, 0, 1.1), (2, 1, 1.7), (9, 8, 1.1)):
    axes.plot([left, left + 2.9], [height, height], color="#0550ae", linewidth=3)
    axes.text(left + 1.45, height + 0.12, f"place {number}", ha="center", fontsize=8)
axes.set(xlim=(-0.3, 11.3), ylim=(-0.1, 2.3))
axes.set_title("A kernel of 3 stands in 9 places over 11 pixels")
axes.axis("off")
plt.show()


# %% answer="padding"
def padding(size_in, size_out, kernel):
    """Zeros added on each side, at stride 1, that turn size_in into size_out."""
    ### BEGIN SOLUTION
    # size_out = size_in + 2·padding − kernel + 1, solved for the padding
    return (size_out - size_in + kernel - 1) // 2
    ### END SOLUTION


# %% check="padding"
check("padding", padding)

# %% [markdown]
# Now count the convolution itself: stride 1, **no padding**, no bias, one square image. Return MAC and FLOP. *1 point.*


# %% answer="conv_cost"
def conv_cost(in_channels, out_channels, size, kernel):
    """{"MAC": …, "FLOP": …} over a size × size image."""
    ### BEGIN SOLUTION
    places = (size - kernel + 1) ** 2
    mac = out_channels * in_channels * kernel**2 * places
    return {"MAC": mac, "FLOP": 2 * mac}
    ### END SOLUTION


# %% check="conv_cost"
check("conv_cost", conv_cost)

# %% [markdown]
# A depthwise convolution gives every channel a kernel of its own. Count again: no padding, no bias. What is left? *1 point.*


# %% answer="depthwise_cost"
def depthwise_cost(channels, size, kernel):
    """{"MAC": …, "FLOP": …} over a size × size image."""
    ### BEGIN SOLUTION
    mac = channels * kernel**2 * (size - kernel + 1) ** 2
    return {"MAC": mac, "FLOP": 2 * mac}
    ### END SOLUTION


# %% check="depthwise_cost"
check("depthwise_cost", depthwise_cost)

# %% [markdown]
# *If a number of this task would not come out, say in a few words how you counted. A person reads it.*

# %% [markdown] read="explain_convolution" points=0
# The kernel stands in 11 − 3 + 1 = 9 places along each side, so nothing was added: padding 0.
# Each place of each of the 16 outputs costs 16 · 9 MAC: 16 · 16 · 9 · 81 = 186,624. Depthwise, an
# output sees one channel instead of 16, which leaves one sixteenth: 11,664.

# %% [markdown]
# ## Task 3: BatchNorm in training (2 points)
#
# Four images of 3 × 220 × 220 go through BatchNorm. How many means does it take: 3, or 145,200?
#
# Count everything it does in training: the *mean*; the *variance*; and to *normalize*: subtract the mean, divide every element by √(variance + ε), scale, shift. (Adding ε and the root belong to the third.) Leave out the running averages. *2 points.*


# %% answer="batch_norm_flops"
def batch_norm_flops(batch, channels, height, width):
    """{"mean": …, "variance": …, "normalize": …}: FLOP of BatchNorm in training, forward."""
    ### BEGIN SOLUTION
    n = batch * channels * height * width
    return {
        "mean": (n - channels) + 4 * channels,
        "variance": n + n + (n - channels) + 4 * channels,  # subtract, square, sum, divide
        "normalize": channels + 4 * channels + n + 4 * n + n + n,  # ε, root; scale and shift
    }
    ### END SOLUTION


# %% check="batch_norm_flops"
check("batch_norm_flops", batch_norm_flops)

# %% [markdown]
# *Which operations did you count, and how often? A person reads it.*

# %% [markdown] read="explain_batch_norm" points=0
# With N elements and C channels: the mean costs N − C additions and C divisions, the variance N
# subtractions, N squares, N − C additions and C divisions. ε and the square root come once a
# channel. Normalising subtracts and divides each element, scale and shift take one each:
# 11N + 11C in all. Whoever keeps x − μ from the variance subtracts once less: 10N + 11C.

# %% [markdown]
# ## Task 4: PReLU (1 point)
#
# PReLU returns x where x > 0 and a · x everywhere else. So what it costs depends on what comes in. *1 point.*


# %% answer="prelu_flops"
def prelu_flops(x):
    """FLOP of PReLU on x, a list of rows of numbers."""
    ### BEGIN SOLUTION
    return sum(value <= 0 for row in x for value in row)
    ### END SOLUTION


# %% check="prelu_flops"
check("prelu_flops", prelu_flops)

# %% [markdown]
# ## Task 5: softmax (2 points)
#
# For each row: the exponential of every element, their sum, and one division an element. (Leave out the subtraction of the maximum.) Which of the three costs most? *2 points.*


# %% answer="softmax_flops"
def softmax_flops(batch, n):
    """FLOP of softmax over rows of n elements, batch of them."""
    ### BEGIN SOLUTION
    return batch * (40 * n + (n - 1) + 4 * n)
    ### END SOLUTION


# %% check="softmax_flops"
check("softmax_flops", softmax_flops)

# %% [markdown]
# *How did you count the sum? A person reads it.*

# %% [markdown] read="explain_softmax" points=0
# n numbers take n − 1 additions; starting from zero they take n. The exponentials cost forty times
# as much as the sum, so they decide.

# %% [markdown]
# ## Task 6: arithmetic intensity (6 points and the bonus)
#
# A small block: **PReLU, then Linear(in → out) without bias**, in fp32; our own goes from 64 to 32 features. The tensor between the two goes through memory.
#
# Count PReLU at its most: every x ≤ 0, one slope for all channels. First the FLOP, for any batch and any sizes. *1 point.*


# %% answer="block_flops"
def block_flops(batch, in_features, out_features):
    """FLOP of PReLU → Linear(in → out)."""
    ### BEGIN SOLUTION
    prelu = batch * in_features
    return prelu + 2 * batch * in_features * out_features
    ### END SOLUTION


# %% check="block_flops"
check("block_flops", block_flops)

# %% [markdown]
# Now the bytes that go between memory and processor, both layers together. What is read, what is written? *1 point.*


# %% answer="block_bytes"
def block_bytes(batch, in_features, out_features):
    """Bytes that PReLU and Linear(in → out) read and write, fp32."""
    ### BEGIN SOLUTION
    read, written = batch * in_features, batch * out_features
    prelu = 2 * read + 1  # input, output, slope
    linear = read + in_features * out_features + written  # input, weights, output
    return 4 * (prelu + linear)
    ### END SOLUTION


# %% check="block_bytes"
check("block_bytes", block_bytes)

# %% [markdown]
# FLOP divided by bytes is the arithmetic intensity. A device has a ridge: peak divided by bandwidth. Below it, memory is the bound; at it or above, compute. Say it of any block, from its FLOP and its bytes. *1 point.*


# %% answer="block_bound"
def block_bound(flop, traffic, peak_tflops, bandwidth_gb):
    """{"intensity": FLOP/B, "ridge": FLOP/B, "bound": "memory" or "compute"}."""
    ### BEGIN SOLUTION
    intensity = flop / traffic
    ridge = peak_tflops * 1e12 / (bandwidth_gb * 1e9)
    return {
        "intensity": intensity,
        "ridge": ridge,
        "bound": "compute" if intensity >= ridge else "memory",
    }
    ### END SOLUTION


# %% check="block_bound"
check("block_bound", block_bound)

# %% [markdown]
# Does a larger batch help? A block does `flop` FLOP and moves `moved` bytes **for each sample**; `once` bytes, its weights, it reads **once for the whole batch**. Plot its intensity for every batch from 1 to `largest`. Name the axes, with units: *batch* and *FLOP/B*. Where is the curve heading? *2 points.*


# %% answer="plot_intensity"
def plot_intensity(flop, moved, once, largest):
    """A figure: intensity against the batch sizes 1 to `largest`."""
    ### BEGIN SOLUTION
    batches = list(range(1, largest + 1))
    figure, axes = plt.subplots()
    axes.plot(batches, [b * flop / (once + b * moved) for b in batches])
    axes.set(xlabel="batch size", ylabel="arithmetic intensity (FLOP/B)")
    return figure
    ### END SOLUTION


# %% check="plot_intensity"
check("plot_intensity", plot_intensity)

# %% [markdown]
# Our block again, beside the ridges of three devices in fp32. In an endless batch the weights no longer count; what is left is one sample's FLOP divided by its bytes.

# %% tags=["skip-grading"]
from helpers.hardware import DEVICES

flop, moved, once = 64 + 2 * 64 * 32, 4 * (3 * 64 + 32), 4 * (64 * 32 + 1)
batches = [2**power for power in range(13)]
figure, axes = plt.subplots(figsize=(5, 3.2))
axes.plot(batches, [b * flop / (once + b * moved) for b in batches], "o-", label="the block")
axes.axhline(flop / moved, color="gray", linestyle=":", label="its limit")
for device, style in ("T4", "--"), ("A100", "-."), ("M2Pro", "-"):
    ridge = DEVICES[device].ridge("fp32")
    axes.axhline(ridge, color="black", linestyle=style, label=f"ridge of {device}: {ridge:.0f}")
axes.set(xscale="log", xlabel="batch size", ylabel="intensity (FLOP/B)")
axes.set_title(f"Heading for {flop / moved:.2f} FLOP/B, below these ridges")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Is there a batch that makes a layer compute bound? For some there is.
#
# Take **one Linear layer without bias, fp32**, counted as above. Which is the smallest batch whose intensity reaches the ridge? `None` where no batch is enough. *1 point.*


# %% answer="best_batch"
def best_batch(in_features, out_features, ridge):
    """Smallest batch at which Linear(in → out) is compute bound, or None."""
    ### BEGIN SOLUTION
    weights, vectors = in_features * out_features, in_features + out_features
    if 2 * weights <= 4 * ridge * vectors:
        return None  # even an endless batch stays below the ridge
    batch = 1
    while 2 * batch * weights < ridge * 4 * (weights + batch * vectors):
        batch += 1
    return batch
    ### END SOLUTION


# %% check="best_batch"
check("best_batch", best_batch)

# %% [markdown]
# **Bonus (2 points).** One fused kernel does PReLU and Linear together. It computes what both did: `flop` FLOP. What goes to memory now?


# %% answer="fused"
def fused(batch, in_features, out_features, flop):
    """{"bytes": …, "intensity": FLOP/B} of both in one kernel."""
    ### BEGIN SOLUTION
    read, written = batch * in_features, batch * out_features
    moved = 4 * (read + 1 + in_features * out_features + written)
    return {"bytes": moved, "intensity": flop / moved}
    ### END SOLUTION


# %% check="fused"
check("fused", fused)

# %% [markdown]
# *What did you count as traffic in this task? A person reads it.*

# %% [markdown] read="explain_intensity" points=0
# At 64 → 32 and batch 1 the 8,192 bytes of weights are nine tenths of all traffic. They are read once for the
# whole batch, so a larger batch helps, until the 896 bytes of each sample outweigh them: 4,160
# FLOP / 896 B = 4.6 FLOP/B. Fused, the 512 bytes between the layers fall away and the limit
# rises to 10.8.

# %% [markdown]
# **Bonus on units 07 and 08 (2 points).** Attention softmax(q · kᵀ) · v, in fp32, for `heads` heads of `width`, one text of `tokens`; q, k, v need gradients.
#
# *written out*: product, softmax, product. *fused*: one tiled kernel that keeps no shares, but its inputs, its output and, for each row of shares, one number (the logarithm of its total). Backward computes the shares again: *again* are the FLOP of q · kᵀ alone.


# %% answer="recomputed_attention"
def recomputed_attention(heads, tokens, width):
    """{"written out": bytes kept, "fused": bytes kept, "again": FLOP}."""
    ### BEGIN SOLUTION
    row, pairs = heads * tokens * width, heads * tokens**2
    return {
        "written out": 4 * (3 * row + pairs),
        "fused": 4 * (4 * row + heads * tokens),
        "again": 2 * pairs * width,
    }
    ### END SOLUTION


# %% check="recomputed_attention"
check("recomputed_attention", recomputed_attention)

# %% [markdown]
# ## Task 7: memory of a large model (7 points)
#
# `convnextv2_large` has about 200 million parameters. Can you train it on a free 16 GB card? Start with the size of a model. *2 points.*
#
# Build models on the **meta device**: shapes without data, so that nothing is allocated.

# %%
import timm

with torch.device("meta"):
    example = timm.create_model("vgg11")
first = next(example.parameters())
print(first.device, tuple(first.shape), f"{first.numel():,} parameters")


# %% answer="model_size"
def model_size(model, bits):
    """{"parameters": …, "bytes": …} of the timm model of that name."""
    ### BEGIN SOLUTION
    with torch.device("meta"):
        network = timm.create_model(model)
    parameters = sum(p.numel() for p in network.parameters())
    return {"parameters": parameters, "bytes": parameters * bits / 8}
    ### END SOLUTION


# %% check="model_size"
check("model_size", model_size)

# %% [markdown]
# And the large one, in fp32, by your function:

# %% tags=["skip-grading"]
from helpers.tried import numbers, tried

large, problem = tried(lambda: numbers(model_size("convnextv2_large", 32), "parameters", "bytes"))
print(problem or f"{large['parameters']:,} parameters, {large['bytes'] / 2**20:.0f} MiB")

# %% [markdown]
# Next, what training keeps. PyTorch calls a hook for every tensor that autograd saves:

# %%
nn = torch.nn
layer = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def show(tensor):
    storage = tensor.untyped_storage()
    weights = [p.untyped_storage()._cdata for p in layer.parameters()]
    what = "a weight" if storage._cdata in weights else "an activation"
    print(tuple(tensor.shape), storage.nbytes(), "B:", what)
    return tensor


with torch.autograd.graph.saved_tensors_hooks(show, lambda tensor: tensor):
    layer(torch.randn(4, 8))

# %% [markdown]
# Profile a forward pass of a timm model in training, 224 × 224 images, on the meta device. How many bytes does autograd keep? **Leave the parameters out, count everything else that is saved (the images, too), each storage once.** On the meta device every `data_ptr()` is 0: tell storages apart as above. *1 point.*


# %% answer="saved_bytes"
def saved_bytes(model, batch):
    """Bytes of activations that a forward pass of the timm model keeps for backward."""
    ### BEGIN SOLUTION
    with torch.device("meta"):
        network = timm.create_model(model)
        images = torch.empty(batch, 3, 224, 224)
    weights = {p.untyped_storage()._cdata for p in network.parameters()}
    kept = {}

    def remember(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        _kept = network(images)  # alive, and with it all that was saved
    return sum(kept.values())
    ### END SOLUTION


# %% check="saved_bytes"
check("saved_bytes", saved_bytes)

# %% [markdown]
# The other way round: a profiler saw `peak` bytes in use at the end of a forward pass, fp32, images of 3 × 224 × 224. In it are the weights and the images. How many bytes is the rest? (Above, images counted, since autograd keeps them; here they are told apart.) *1 point.*


# %% answer="activations_from_peak"
def activations_from_peak(peak, parameters, batch):
    """Bytes in a measured peak that are neither weights nor images."""
    ### BEGIN SOLUTION
    return peak - 4 * parameters - batch * 3 * 224 * 224 * 4
    ### END SOLUTION


# %% check="activations_from_peak"
check("activations_from_peak", activations_from_peak)

# %% [markdown]
# A training step with Adam, all in fp32. Add up everything that it needs at some moment, the activations as given. *1 point.*


# %% answer="adam_bytes"
def adam_bytes(parameters, activation_bytes):
    """Bytes of a training step with Adam in fp32: the sum of its parts."""
    ### BEGIN SOLUTION
    return 4 * 4 * parameters + activation_bytes  # weights, gradients, m, v
    ### END SOLUTION


# %% check="adam_bytes"
check("adam_bytes", adam_bytes)

# %% [markdown]
# So what is the largest batch for a card? `memory`: the bytes that the card reports, such as `torch.cuda.mem_get_info()[1]`. (A T4 of "16 GB" reports 14.75 GiB.) `activation_bytes` are those of one image. *1 point.*


# %% answer="largest_batch"
def largest_batch(parameters, activation_bytes, memory):
    """Largest batch whose sum of parts fits into `memory` bytes; 0 if none."""
    ### BEGIN SOLUTION
    free = memory - 16 * parameters
    return max(0, free // activation_bytes)
    ### END SOLUTION


# %% check="largest_batch"
check("largest_batch", largest_batch)

# %% [markdown]
# Now run one. This cell takes a training step on your GPU, or of a small model where there is none, and prints what it predicts beside what it measures.

# %% tags=["skip-grading"]
from helpers.meter.measured import measured_training

on_gpu = torch.cuda.is_available()
name, batch = ("convnextv2_large", 8) if on_gpu else ("convnextv2_atto", 1)
device = "cuda" if on_gpu else "cpu"
network = timm.create_model(name).to(device)
images = torch.randn(batch, 3, 224, 224, device=device)
measured = measured_training(network, images, optimizer="adam", foreach=False).peak
print(f"{name}, batch {batch}, on {device}: measured {measured / 2**30:.3f} GiB")

# %% tags=["skip-grading"]
parameters = sum(p.numel() for p in network.parameters())


def prediction():
    return numbers(adam_bytes(parameters, numbers(saved_bytes(name, batch))))


predicted, problem = tried(prediction)
if problem:
    print("no prediction from saved_bytes and adam_bytes:", problem)
else:
    print(f"predicted {predicted / 2**30:.3f} GiB, ratio {predicted / measured:.3f}")

# %% [markdown]
# **Compare (1 point).** Is the sum of parts above or below what was measured? Name something that the sum counts but that is not there at the peak, and something that is there but not counted. A person reads it.

# %% [markdown] read="compare_measured" points=1
# The sum takes all parts as if they were there at the same moment. A peak is a maximum over time:
# when the gradients of the last layers appear, some saved activations are freed already, so the
# sum can be too high. Against that stand temporaries that no part names: gradients of
# activations on their way down, workspaces, copies that the optimizer makes. On a GPU the allocator
# rounds every block up, and the CUDA context comes on top.

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("homework")

# %% [markdown]
# Takeaways: a count needs its convention. Weights are traffic, too. Intensity saturates. A peak is a maximum over time, not a sum.
