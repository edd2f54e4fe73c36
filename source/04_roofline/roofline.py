# %% [markdown]
# # Roofline: what bounds a layer
#
# An A100 is sold with 312 TFLOP/s. A linear layer with one sample in it gets 2 of them, at best, and nothing is broken. (A language model that writes for one reader is in this very case: one token at a time.)
#
# **Where do the other 310 go, and which layers get them?**

# %%

import matplotlib.pyplot as plt
import torch

from helpers.check import check, progress
from helpers.conventions import format_count
from helpers.hardware import DEVICES
from helpers.predict import guessed, outcome, predict

device = "cuda" if torch.cuda.is_available() else "cpu"

# %% [markdown]
# Take Linear(4096 → 4096) without bias, batch 1, in bf16. It multiplies and adds 4096² times and moves 4096² weights of 2 bytes, and a little more. How long does each take, alone?

# %%
a100 = DEVICES["A100"]
flops = 2 * 4096**2
moved = 2 * (4096**2 + 4096 + 4096)  # weights, input, output
computing, moving = flops / a100.peak["bf16"], moved / a100.bandwidth
print(f"{flops:,} FLOP at {a100.peak['bf16'] / 1e12:.0f} TFLOP/s: {computing * 1e6:5.2f} µs")
print(f"{moved:,} B at {a100.bandwidth / 1e9:,.0f} GB/s:      {moving * 1e6:5.2f} µs")

# %% [markdown]
# Moving and computing overlap: while some numbers are being multiplied, the next ones arrive. So the layer cannot be done before the slower of the two is done. That is the **bound**.
#
# ✎ The time that a layer takes at least, and what bounds it.


# %% answer="layer_time"
def layer_time(flops, bytes_moved, peak_tflops, bandwidth_gb):
    """{"microseconds": …, "bound": "memory" or
    "compute"}."""
    ### BEGIN SOLUTION
    compute = flops / (peak_tflops * 1e12)
    memory = bytes_moved / (bandwidth_gb * 1e9)
    bound = "compute" if compute >= memory else "memory"
    return {"microseconds": 1e6 * max(compute, memory), "bound": bound}
    ### END SOLUTION


# %% check="layer_time"
check("layer_time", layer_time)

# %% [markdown]
# ## The roof
#
# Turn it round: how many FLOP/s can a layer reach? That depends on one number of the layer, its **arithmetic intensity**: FLOP for each byte moved.

# %% tags=["skip-grading"]
from helpers.plots.roofs import Roof, roofs

a100_roof = Roof("A100, bf16", a100.peak["bf16"], a100.bandwidth)
roofs(
    [a100_roof],
    "Left of the ridge memory is the bound, right of it the peak",
    guide=("our layer: 1 FLOP/B", flops / moved),
)
plt.show()

# %% [markdown]
# Both axes are logarithmic. The left part **slopes**: twice the work for each byte, twice the rate. (A level line there, as some drawings have it, would say that intensity does not matter.) The corner is the **ridge**.
#
# ✎ The rate that the roof allows, in TFLOP/s. `intensity` is in FLOP/B.


# %% answer="attainable_tflops"
def attainable_tflops(intensity, peak_tflops, bandwidth_gb):
    """TFLOP/s that a layer of this intensity
    reaches at most."""
    ### BEGIN SOLUTION
    return min(peak_tflops, intensity * bandwidth_gb / 1000)
    ### END SOLUTION


# %% check="attainable_tflops"
check("attainable_tflops", attainable_tflops)

# %% [markdown]
# ## A ridge belongs to a number format
#
# A device has a peak for each format, and one bandwidth. So how many ridges has it? Here are devices as their makers describe them.


# %% tags=["skip-grading"]
for spec in DEVICES.values():
    print(f"{spec.name}, {spec.bandwidth / 1e9:,.0f} GB/s")
    for dtype, peak in spec.peak.items():
        if dtype == "fp16" and "bf16" in spec.peak:
            continue  # the same as bf16
        print(f"  {dtype} {peak / 1e12:7,.1f} TFLOP/s, ridge {spec.ridge(dtype):4.0f} FLOP/B")

# %% tags=["skip-grading"]
from IPython.display import Markdown

Markdown("\n".join(f"- {spec.name}: {spec.source}" for spec in DEVICES.values()))

# %% [markdown]
# All peaks here are **dense**. Sheets often print a rate "with sparsity", for matrices in which half of the numbers are zero: twice as high, and not for you.
#
# The A100's 312 is bf16. In fp32 it has 19.5, and with TF32, which multiplies fp32 numbers with a shorter fraction, 156.

# %% tags=["skip-grading"]
formats = "bf16", "tf32", "fp32"
roofs(
    [
        Roof(f"H100, {dtype}", DEVICES["H100"].peak[dtype], DEVICES["H100"].bandwidth)
        for dtype in formats
    ],
    "One device, three ridges: the slope is the same, the ceiling is not",
)
plt.show()

# %% [markdown]
# ✎ The ridges of a device, in FLOP/B. The peaks are dense already.


# %% answer="ridge_points"
def ridge_points(bf16_tflops, tf32_tflops, fp32_tflops, bandwidth_gb):
    """{"bf16": …, "tf32": …, "fp32": …}: the
    ridge in each format."""
    ### BEGIN SOLUTION
    peaks = {"bf16": bf16_tflops, "tf32": tf32_tflops, "fp32": fp32_tflops}
    return {dtype: 1000 * peak / bandwidth_gb for dtype, peak in peaks.items()}
    ### END SOLUTION


# %% check="ridge_points"
check("ridge_points", ridge_points)

# %% [markdown]
# ## Which device for what?
#
# | | good at | limited by |
# |---|---|---|
# | CPU | anything, at once; large memory | few FLOP/s, narrow memory |
# | GPU | large dense products | bandwidth; memory size |
# | TPU | very large products in bf16 | shapes that do not fill its matrix unit |
# | microcontroller | milliwatts | kilobytes of memory |

# %% [markdown]
# Slide through devices, formats, layers and batches. Which layer reaches the peak, and from which batch on?

# %% tags=["skip-grading"]
from helpers.widgets import roofline

roofline()

# %% [markdown]
# ## Is the newer device faster?
#
# The H100 has 3.2 times the bf16 peak of the A100, but 1.6 times its bandwidth. How much faster does *your* layer get?
#
# ✎ The speedup of a layer that sits on its roof before and after. A device is a pair (TFLOP/s, GB/s).


# %% answer="upgrade_speedup"
def upgrade_speedup(intensity, old, new):
    """Rate on the new device ÷ rate on the old
    one."""

    ### BEGIN SOLUTION
    def rate(peak_tflops, bandwidth_gb):
        return min(peak_tflops, intensity * bandwidth_gb / 1000)

    return rate(*new) / rate(*old)
    ### END SOLUTION


# %% check="upgrade_speedup"
check("upgrade_speedup", upgrade_speedup)

# %% [markdown]
# ## A small block under the roof
#
# **PReLU, then Linear without bias**, in fp32: two kernels, one after the other. PReLU has one slope. We count the most it can do: one multiplication for each number, as if all were negative.
#
# ✎ FLOP, and the bytes that both kernels read and write. Which tensors are there? Name them all before you count.


# %% answer="pair_costs"
def pair_costs(batch, in_features, out_features):
    """{"FLOP": …, "bytes": …} of PReLU →
    Linear(in → out), fp32."""
    ### BEGIN SOLUTION
    flop = batch * in_features + 2 * batch * in_features * out_features
    prelu = batch * in_features + 1 + batch * in_features  # input, slope, output
    weights = in_features * out_features
    linear = batch * in_features + weights + batch * out_features
    return {"FLOP": flop, "bytes": 4 * (prelu + linear)}
    ### END SOLUTION


# %% check="pair_costs"
check("pair_costs", pair_costs)

# %% [markdown]
# ✎ And so: its intensity, and what bounds it on a given device? At the ridge or above it, compute is the bound.


# %% answer="pair_bound"
def pair_bound(batch, in_features, out_features, peak_tflops, bandwidth_gb):
    """{"intensity": FLOP/B, "bound": "memory" or
    "compute"}."""
    ### BEGIN SOLUTION
    costs = pair_costs(batch, in_features, out_features)
    intensity = costs["FLOP"] / costs["bytes"]
    ridge = 1000 * peak_tflops / bandwidth_gb
    return {"intensity": intensity, "bound": "compute" if intensity >= ridge else "memory"}
    ### END SOLUTION


# %% check="pair_bound"
check("pair_bound", pair_bound)

# %% [markdown]
# One sample uses each byte for less than half a FLOP, because it has to fetch all 8,192 bytes of weights for itself. A batch shares them. How far does that help?
#
# ✎ **Plot** it (2 points), here for 64 → 32 features: the intensity of PReLU → Linear for **every** batch from 1 to 64, and the limit for an endless batch as a level line (`axhline`). Name the axes: *batch* and *FLOP/B*.


# %% answer="plot_pair"
def plot_pair(in_features, out_features):
    """A figure: intensity at each batch from 1 to
    64, and its limit as a level line."""

    ### BEGIN SOLUTION
    def intensity(batch):
        costs = pair_costs(batch, in_features, out_features)
        return costs["FLOP"] / costs["bytes"]

    batches = range(1, 65)
    # What one more sample adds, FLOP and bytes.
    flop = in_features + 2 * in_features * out_features
    moved = 4 * (3 * in_features + out_features)
    limit = flop / moved
    figure, axes = plt.subplots()
    axes.plot(batches, [intensity(batch) for batch in batches])
    axes.axhline(limit, linestyle="--", color="gray")
    axes.set(
        xlabel="batch",
        ylabel="arithmetic intensity, FLOP/B",
        title=f"PReLU → Linear({in_features} → {out_features}): up to {limit:.1f} FLOP/B",
    )
    return figure
    ### END SOLUTION


# %% check="plot_pair"
check("plot_pair", plot_pair)

# %% [markdown]
# The limit is 4.6 FLOP/B. Is there any device in our table on which a larger batch makes this block compute bound?

# %% tags=["skip-grading"]
print("fp32 ridges, FLOP/B (the block's limit: 4.6)")
for spec in DEVICES.values():
    print(f"  {spec.name:22}{spec.ridge('fp32'):6.1f}")

# %% [markdown]
# None: every ridge lies above it. A layer that is larger has a higher limit.

# %% tags=["skip-grading"]
from helpers.plots.intensity import intensity_by_batch
from helpers.reference import linear_bytes, linear_flops


def intensity(batch, sizes):
    rows, columns = sizes
    flops = linear_flops(batch, rows, columns, bias=False)
    return flops.total / linear_bytes(batch, rows, columns, bias=False).total


batches, endless = [2**power for power in range(13)], 2**40
layers = {"Linear(768 → 3072)": (768, 3072), "Linear(64 → 32)": (64, 32)}
intensity_by_batch(
    batches,
    {name: [intensity(batch, sizes) for batch in batches] for name, sizes in layers.items()},
    {name: intensity(endless, sizes) for name, sizes in layers.items()},
    "Only the larger layer climbs over the ridge",
    ridges={"the T4, fp32": DEVICES["T4"].ridge("fp32")},
)
plt.show()

# %% [markdown]
# In this model, a larger batch beyond the ridge does not raise the rate any more; it only makes everyone wait longer. The best batch is the first one that reaches the ridge. (A real device may still gain: a larger product fills it better. Below, you measure how far a layer stays under its roof.)
#
# ✎ Find it for **Linear without bias** on a given device. `width` is the bytes of one number. `None` where there is none.


# %% answer="ridge_batch"
def ridge_batch(in_features, out_features, width, peak_tflops, bandwidth_gb):
    """Smallest batch at which Linear(in → out) is
    compute bound, or None."""
    ### BEGIN SOLUTION
    ridge = 1000 * peak_tflops / bandwidth_gb
    weights, vectors = in_features * out_features, in_features + out_features
    if 2 * weights <= ridge * width * vectors:  # even an endless batch stays below
        return None
    batch = 1
    while 2 * batch * weights < ridge * width * (weights + batch * vectors):
        batch += 1
    return batch
    ### END SOLUTION


# %% check="ridge_batch"
check("ridge_batch", ridge_batch)

# %% [markdown]
# ## Fusing: what need not be moved
#
# Back to PReLU → Linear, in fp32. One **fused** kernel applies PReLU to each number just after it has read it. What never goes to memory now?
#
# ✎ The bytes that fusing saves, and the intensity that the fused block approaches as its batch grows.


# %% answer="fusion_saves"
def fusion_saves(batch, in_features, out_features):
    """{"saved": bytes, "limit": FLOP/B of the
    fused block for an endless batch}."""
    ### BEGIN SOLUTION
    saved = 4 * 2 * batch * in_features  # the tensor between: written and read
    flop_a_sample = in_features + 2 * in_features * out_features
    bytes_a_sample = 4 * (in_features + out_features)
    return {"saved": saved, "limit": flop_a_sample / bytes_a_sample}
    ### END SOLUTION


# %% check="fusion_saves"
check("fusion_saves", fusion_saves)

# %% [markdown]
# For 64 → 32 the limit rises from 4.6 to 10.8 FLOP/B: the same arithmetic, less than half the traffic.

# %% [markdown]
# ## This machine's own roof
#
# Data sheets promise. What does the machine under this notebook really do? A large matrix product shows its peak, a large copy its bandwidth.

# %% tags=["skip-grading"]
from helpers.hardware import measure

machine = measure(refresh=True, seconds=1)  # without refresh: what was measured last time
for what, rate, (slowest, fastest), unit in (
    ("matrix product", machine.flop_rate, machine.flop_spread, "FLOP/s"),
    ("copy", machine.bandwidth, machine.bandwidth_spread, "B/s"),
):
    print(f"{what}: {format_count(rate, unit)} in the median,")
    print(f"  {format_count(slowest, unit)} to {format_count(fastest, unit)}")

# %% [markdown]
# Now layers: linear at batch 1 and 256, a 3×3 convolution, a depthwise one in two layouts, a residual sum.
#
# **Predict:** how many of the six does *memory* bound on this machine? And linear at batch 256: how many times as long as the roof allows does it take? (Numbers in place of the dots; they earn nothing.)

# %% predict="bounds"
predict("bound_by_memory", 2)
predict("over_the_roof", 1)

# %% tags=["skip-grading"]
from helpers.meter import count

with torch.device(device):
    linear = torch.nn.Linear(4096, 4096, bias=False)
    conv = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False)
    depthwise = torch.nn.Conv2d(256, 256, 3, padding=1, groups=256, bias=False)
    images, wide_images = torch.randn(8, 64, 56, 56), torch.randn(4, 256, 56, 56)
    channels_last = wide_images.to(memory_format=torch.channels_last)
    runs = {
        "linear, batch 1": (linear, torch.randn(1, 4096)),
        "linear, batch 256": (linear, torch.randn(256, 4096)),
        "convolution 3×3": (conv, images),
        "depthwise 3×3": (depthwise, wide_images),
        "depthwise, channels last": (depthwise, channels_last),
        "residual sum": (torch.add, torch.randn(2**24), torch.randn(2**24)),
    }

# %% tags=["skip-grading"]
from helpers.timing import best_of

roof = Roof("this machine, fp32", machine.flop_spread[1], machine.bandwidth_spread[1])
places, longer, by_memory = {}, {}, 0
if guessed("bound_by_memory") and guessed("over_the_roof"):
    for name, (run, *inputs) in runs.items():
        cost = count(run, *inputs)
        with torch.no_grad():
            seconds = best_of(run, *inputs)  # what else the machine does can only add to it
        least = max(cost.flops / roof.peak, cost.bytes_moved / roof.bandwidth)
        bound = "compute" if least == cost.flops / roof.peak else "memory"
        by_memory += bound == "memory"
        places[name], longer[name] = (cost.intensity, cost.flops / seconds), seconds / least
        print(f"{name}: {bound}")
        print(f"  at least {1e3 * least:.1f} ms, measured {1e3 * seconds:.1f}", end=", ")
        print(f"ratio {least / seconds:.2f}")
    outcome("bound_by_memory", by_memory)
    outcome("over_the_roof", longer["linear, batch 256"])

# %% tags=["skip-grading"]
if places:
    roofs([roof], "Measured layers under this machine's roof", measured=places)
    plt.show()

# %% [markdown]
# A point above the roof? Its tensors may have stayed in the processor's cache, while the roof is that of main memory. Or the machine was busy when its roof was measured.

# %% [markdown]
# ✎ **Explain (1 point).** Which layers are not bound by what you thought? Take the layer farthest below its roof: name something that takes time there and is in neither term of the model. A person reads it.

# %% [markdown] read="explain_roof" points=1
# I had guessed two. But the linear layer at batch 1, at 0.5 FLOP/B, waits for memory, and so do
# the residual sum and the depthwise convolution. The latter is farthest below its roof: on a CPU the
# library first turns input and weights into a layout of its own, and the output back. The count
# does not hold that traffic. With channels last the images need no turning, and it took less than
# half of the time.

# %% [markdown]
# ## The third bound: to begin at all
#
# The roof says that a tiny layer takes no time. **Predict:** how many µs does Linear(16 → 16) take on one sample, 512 FLOP? The roof allows some hundredths of one.

# %% predict="overhead"
predict("tiny_layer_us", 0.1)

# %% tags=["skip-grading"]
from helpers.plots.style import figure

widths, took, allowed = [2**power for power in range(4, 13)], [], []
for width in widths:
    layer = torch.nn.Linear(width, width, bias=False, device=device)
    cost = count(layer, torch.randn(1, width, device=device))
    with torch.no_grad():
        took.append(1e6 * best_of(layer, torch.randn(1, width, device=device), runs=50))
    allowed.append(1e6 * max(cost.flops / roof.peak, cost.bytes_moved / roof.bandwidth))
if guessed("tiny_layer_us"):
    _, axes = figure(size=(5.4, 3.2))
    axes.loglog(widths, took, "o-", base=2, label="measured")
    axes.loglog(widths, allowed, "--", base=2, label="what the roof allows")
    axes.set(xlabel="width of Linear(width → width), batch 1", ylabel="µs")
    axes.set_yscale("log", base=10)
    axes.set_title("Small layers pay for being called")
    axes.legend()
    plt.show()
    outcome("tiny_layer_us", took[0])

# %% [markdown]
# To the left the line is flat: Python, PyTorch's dispatch and the start of the kernel take microseconds, whatever the layer. That is the **overhead** regime, the third beside memory and compute.
#
# On a GPU it can hide. Python only *orders* a kernel and goes on to the next; what is ordered waits in a queue and runs in turn. When does the GPU wait for Python?

# %% tags=["skip-grading"]
from helpers.plots.bars import stacked, timelines

ordered = [(0, 5), (5, 5), (10, 5), (15, 5), (20, 5)]  # µs: start, duration
running = [(5, 1), (10, 12), (22, 4), (26, 2), (28, 3)]
timelines({"Python": ordered, "GPU": running}, "µs", "A long kernel hides the orders behind it")
plt.show()

# %% [markdown]
# Kernel 1 runs 1 µs, then the GPU waits for order 2. Kernel 2 takes long: when it ends, 3 is ordered already.
#
# ✎ Ordering any kernel takes `order_us`. How long from the first line of Python to the end of the last kernel, and for how much of that does the GPU wait (before its first kernel, too)?


# %% answer="queued_time"
def queued_time(order_us, kernels_us):
    """{"microseconds": until all is done,
    "waiting": µs in which no kernel runs}."""
    ### BEGIN SOLUTION
    ordered = done = 0
    for duration in kernels_us:
        ordered += order_us
        done = max(ordered, done) + duration
    return {"microseconds": done, "waiting": done - sum(kernels_us)}
    ### END SOLUTION


# %% check="queued_time"
check("queued_time", queued_time)

# %% [markdown]
# Remedies: fewer and larger calls (a batch, a fused kernel), a compiler, or CUDA graphs: hundreds of kernels in *one* order.

# %% [markdown]
# ## A whole network
#
# MobileNetV2 does less than a twelfth of the FLOP of ResNet-50. Is it twelve times as fast? Bound every layer on a T4, and add up by kind.

# %% tags=["skip-grading"]
from collections import Counter

import timm

from helpers.roofline import points


def kind_of(name, modules):
    """Kind of a layer, by the module of that name or by its operation ("block: add")."""
    module = modules[name.split(":")[0]]
    if getattr(module, "groups", 1) > 1:
        return "depthwise"
    what = f"{type(module).__name__} {name}".lower()
    kinds = {"conv2d": "convolution", "norm": "normalization", "relu": "activation"}
    return next((kinds[word] for word in kinds if word in what), "sums, pools, classifier")


# %% tags=["skip-grading"]
times, memory_bound = {}, {}
for title, name in ("ResNet-50", "resnet50"), ("MobileNetV2", "mobilenetv2_100"):
    with torch.device("meta"):
        model, images = timm.create_model(name).eval(), torch.empty(8, 3, 224, 224)
    counted, modules = count(model, images), dict(model.named_modules())
    kinds, waiting = Counter(), 0
    for point in points(counted.layers(), "T4", "fp32"):
        kinds[kind_of(point.name, modules)] += 1e3 * point.time  # ms
        waiting += 1e3 * point.time if point.bound == "memory" else 0
    times[title] = dict(kinds)
    print(f"{title:11} {format_count(counted.flops, 'FLOP')}: at least {kinds.total():.1f} ms,")
    print(f"{'':11} {waiting / kinds.total():.0%} of them bound by memory")

# %% tags=["skip-grading"]
whole = [sum(kinds.values()) for kinds in times.values()]
stacked(
    times,
    "ms at least: batch 8, T4, fp32",
    f"A twelfth of the FLOP, {whole[1] / whole[0]:.0%} of the time",
)
plt.show()

# %% [markdown]
# Few FLOP are not little time: much of MobileNetV2 is depthwise convolution, normalization and activation, and memory bounds all of that. (PyTorch runs each of them as a kernel of its own; a compiler that fuses them saves most of that traffic.)
#
# ✎ Layers run one after the other, each with its own bound; overhead is hidden. `layers` is a list of [FLOP, bytes].


# %% answer="network_time"
def network_time(layers, peak_tflops, bandwidth_gb):
    """{"microseconds": …, "memory_share": part of
    the time, 0 to 1, that memory bounds}."""
    ### BEGIN SOLUTION
    total = waiting = 0
    for flops, moved in layers:
        compute, memory = flops / (peak_tflops * 1e12), moved / (bandwidth_gb * 1e9)
        total += max(compute, memory)
        waiting += memory if memory > compute else 0
    return {"microseconds": 1e6 * total, "memory_share": waiting / total}
    ### END SOLUTION


# %% check="network_time"
check("network_time", network_time)

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("04_roofline")

# %% [markdown]
# **Takeaways**
#
# - A layer takes at least max(FLOP ÷ peak, bytes ÷ bandwidth).
# - The ridge, peak ÷ bandwidth, belongs to a device *and* a number format.
# - A larger batch raises the intensity, until it saturates; a small layer saturates below the ridge.
# - Fusing saves traffic, not arithmetic.
# - Bound each layer, then add: few FLOP are not little time.
# - The third bound is overhead: small kernels wait for whoever orders them.

# %% [markdown]
# **Next:** 05, activations: what has to stay in memory, and for how long?

# %% [markdown]
# **References**
#
# - S. Williams, A. Waterman, D. Patterson: *Roofline: an insightful visual performance model for multicore architectures*, Communications of the ACM 52, 2009.
# - N. P. Jouppi et al.: *In-datacenter performance analysis of a tensor processing unit*, ISCA 2017. Rooflines of real networks.
# - J. Austin et al.: *How to scale your model*, 2025. The same arithmetic for large language models.
# - M. Sandler et al.: *MobileNetV2: inverted residuals and linear bottlenecks*, CVPR 2018.
