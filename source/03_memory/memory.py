# %% [markdown]
# # Memory: bytes, layout and traffic
#
# Two products do exactly the same number of FLOP. One of them takes many times as long.
#
# **What takes the time, if it is not the arithmetic?**

# %%
import hashlib
from statistics import median

import matplotlib.pyplot as plt
import torch

from helpers.check import check, progress
from helpers.conventions import BYTE_UNITS, dtype_bytes, format_bytes
from helpers.predict import guessed, outcome, predict

torch.set_num_threads(1)  # one core: other programs disturb it less
device = "cuda" if torch.cuda.is_available() else "cpu"

# %% [markdown]
# A matrix times a vector, and a matrix times a matrix. The sizes are chosen so that both take the same number of multiply-accumulates: 4096² = 256³. (On a GPU both are larger: 32768² = 1024³.)

# %% tags=["skip-grading"]
# 2¹² and 2⁸; on a GPU 2¹⁵ and 2¹⁰
wide, side = (32768, 1024) if device == "cuda" else (4096, 256)
matrix, vector = torch.randn(wide, wide, device=device), torch.randn(wide, device=device)
small = torch.randn(side, side, device=device)
print(f"{2 * wide**2:,} FLOP and {2 * side**3:,} FLOP")

# %% tags=["skip-grading"]
from helpers.plots.bars import bars
from helpers.timing import best_of

# Seconds of the fastest run, in turns: whatever else the machine does can only add to them.
turns = [
    (best_of(torch.mv, matrix, vector, patience=0.1), best_of(torch.mm, small, small, patience=0.1))
    for _ in range(3)
]
by_vector, by_matrix = map(min, zip(*turns))
times = by_vector / by_matrix
bars(
    {
        f"{wide:,}² matrix × vector": by_vector * 1e3,
        f"{side:,}² matrix × matrix": by_matrix * 1e3,
    },
    "ms",
    f"The same FLOP, {times:.2g} times the time" if times > 1.5 else "A busy machine: run it again",
)
plt.show()

# %% [markdown]
# The first product fetches 4096² numbers and uses each of them once. The second fetches 2 · 256² and uses each 256 times.
#
# So we shall count what is moved. For that we need a unit, a layout, and a sum.

# %% [markdown]
# ## How large is a gigabyte?
#
# A bit is 0 or 1; eight bits are a byte. *Kilo* is 1000 and *kibi* is 1024. Does the difference matter?

# %%
for decimal, binary in ("kB", "KiB"), ("MB", "MiB"), ("GB", "GiB"), ("TB", "TiB"):
    more = BYTE_UNITS[binary] / BYTE_UNITS[decimal] - 1
    print(f"1 {binary} is {more:.1%} more than 1 {decimal}")

# %% [markdown]
# Disks, links and bandwidths are sold in decimal units. `nvidia-smi` and most memory reports count in binary ones. At a gigabyte, taking one for the other is an error of 7 %.
#
# Here is a number of bytes that is only yours.


# %%
def own_number(name):
    """A number of bytes: the first ten hex digits of the name's SHA-256."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:10], 16)


NAME = "Grace Hopper"  # write yours: it stays in your copy
print(f"{NAME}: {own_number(NAME):,} B")

# %% [markdown]
# ✎ Write the number of a name in four units.


# %% answer="own_units"
def own_units(name):
    """{"kB": …, "KiB": …, "MB": …, "MiB": …} of
    this name's number; do not round."""
    number = own_number(name)
    ### BEGIN SOLUTION
    return {
        "kB": number / 1000,
        "KiB": number / 1024,
        "MB": number / 1000**2,
        "MiB": number / 1024**2,
    }
    ### END SOLUTION


# %% check="own_units"
check("own_units", own_units)

# %% [markdown]
# ## How many bytes is a number?
#
# That depends on its format. The exponent decides how large a number can get, the fraction how finely it is told from its neighbour. An integer format has neither: all its bits are one whole number, negative ones in two's complement.

# %% tags=["skip-grading"]
from helpers.plots.tensors import number_formats

number_formats(
    {
        "fp32": (1, 8, 23),
        "bf16": (1, 8, 7),
        "fp16": (1, 5, 10),
        "fp8 e4m3": (1, 4, 3),
        "int8": (1, 0, 7),
        "int4": (1, 0, 3),
    }
)
plt.show()

# %% tags=["skip-grading"]
for dtype in torch.float32, torch.bfloat16, torch.float16:
    largest, step = torch.finfo(dtype).max, torch.finfo(dtype).eps
    name = str(dtype).removeprefix("torch.")
    print(f"{name:9}{dtype.itemsize} B, up to {largest:.2g}, after 1: 1 + {step:.2g}")

# %% [markdown]
# bf16 and fp16 take the same two bytes and spend them differently: bf16 keeps the range of fp32, fp16 more of its precision.
#
# ✎ A model's weights take parameters × width. An integer format with 4 bits packs two numbers into a byte.


# %% answer="weight_memory"
def weight_memory(parameters, dtype):
    """Bytes of the weights; dtype is "fp32",
    "fp16", "bf16", "fp8", "int8" or "int4"."""
    ### BEGIN SOLUTION
    bits = {"fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "int4": 4}
    return parameters * bits[dtype] / 8
    ### END SOLUTION


# %% check="weight_memory"
check("weight_memory", weight_memory)

# %% [markdown]
# Does the estimate hold for a real model? The one that `timm` builds also has *buffers*: the running averages of its BatchNorms.

# %% tags=["skip-grading"]
import timm

with torch.device("meta"):
    network = timm.create_model("resnet50")
parameters = sum(p.numel() for p in network.parameters())
for dtype in "fp32", "bf16":
    network.to({"fp32": torch.float32, "bf16": torch.bfloat16}[dtype])
    estimate = parameters * dtype_bytes(dtype)
    measured = sum(t.nbytes for t in network.state_dict().values())
    print(f"ResNet-50 in {dtype}: estimated {format_bytes(estimate)}")
    print(f"  its state dict {format_bytes(measured)}, ratio {estimate / measured:.3f}")

# %% [markdown]
# ## Where does an element lie?
#
# Memory has no rows. A tensor is a view of a flat **storage**: an *offset* to start at, and a *stride* for each axis that says how many elements one step skips.

# %%
x = torch.arange(12).view(3, 4)
print(x)
print("strides", x.stride(), "offset", x.storage_offset())

# %% tags=["skip-grading"]
from helpers.plots.tensors import strides

strides((3, 4), x.stride(), size=12)
plt.show()

# %% [markdown]
# The last index moves fastest: this is **row-major** order, and what PyTorch makes unless told otherwise.
#
# ✎ Strides by hand.


# %% answer="row_major_strides"
def row_major_strides(shape):
    """Strides, in elements, of a fresh row-major
    tensor, as a list."""
    ### BEGIN SOLUTION
    result, step = [], 1
    for size in reversed(shape):
        result.insert(0, step)
        step *= size
    return result
    ### END SOLUTION


# %% check="row_major_strides"
check("row_major_strides", row_major_strides)

# %% [markdown]
# Transposing moves no element. It swaps the strides: rows of `x.T` are columns of `x`, and the same storage now reads as **column-major**.

# %% tags=["skip-grading"]
print("same storage:", x.T.data_ptr() == x.data_ptr())
strides((4, 3), x.T.stride(), size=12, name="x.T")
plt.show()

# %% [markdown]
# A slice moves nothing either. It starts later and leaves gaps.

# %% tags=["skip-grading"]
part = x[1:, 1:]
strides((2, 3), part.stride(), size=12, offset=part.storage_offset(), name="x[1:, 1:]")
plt.show()

# %% [markdown]
# ✎ From an index to a position in storage. Try your rule on the three pictures.


# %% answer="storage_position"
def storage_position(index, strides, offset):
    """Position in storage of the element at this
    index."""
    ### BEGIN SOLUTION
    return offset + sum(i * stride for i, stride in zip(index, strides))
    ### END SOLUTION


# %% check="storage_position"
check("storage_position", storage_position)

# %% [markdown]
# ## When does `view` work?
#
# `permute` only reorders strides, so it always works. `view` lays a new shape over the same storage, and sometimes refuses; `reshape` then copies. Which of these can `view(-1)` make flat? Shape and strides stand beside them. (`expand` pretends to repeat; the next section says how.)

# %% tags=["skip-grading"]
candidates = {
    "x": x,
    "x.T": x.T,
    "x[:, ::2]": x[:, ::2],
    "x[:, :2]": x[:, :2],
    "x.expand(2, 3, 4)": x.expand(2, 3, 4),
}
for text, tensor in candidates.items():
    try:
        flat = f"stride {tensor.view(-1).stride()[0]}"
    except RuntimeError:
        flat = "refused"
    print(f"{text:18}{tuple(tensor.shape)!s:10}{tensor.stride()!s:10} {flat}")

# %% [markdown]
# A flat tensor has a single stride. So `view(-1)` needs all elements evenly spaced, in the order of their indices. `x[:, ::2]` is: 0, 2, 4, 6, 8, 10. `x[:, :2]` is not: 0, 1, 4, 5, 8, 9.
#
# ✎ Compare neighbouring axes: the outer stride against what the inner axis spans.


# %% answer="can_flatten"
def can_flatten(shape, strides):
    """True if view(-1) works on a tensor like
    this, else False; every size is 2 or more."""
    ### BEGIN SOLUTION
    for axis in range(len(shape) - 1):
        if strides[axis] != shape[axis + 1] * strides[axis + 1]:
            return False
    return True
    ### END SOLUTION


# %% check="can_flatten"
check("can_flatten", can_flatten)

# %% [markdown]
# ## Broadcasting: a stride of zero
#
# A row added to a matrix is used for each of its rows, but nobody copies it. How does one row pretend to be three?

# %%
row = torch.tensor([10, 20, 30, 40])
stretched = row.expand(3, 4)
print(stretched)
print("strides", stretched.stride())
print("storage", stretched.untyped_storage().nbytes(), "B: 4 numbers of int64, 8 B each")

# %% tags=["skip-grading"]
from helpers.plots.tensors import broadcast

broadcast((3, 4), (4,))
broadcast((3, 1), (1, 4))
plt.show()

# %% [markdown]
# Shapes are laid one above the other **from the right**. Missing sizes on the left count as 1. A size of 1 stretches (dashed). Two unequal sizes of which neither is 1 are an error.
#
# ✎ What shape comes out? Return the word `"error"` where there is none.


# %% answer="broadcast_shape"
def broadcast_shape(a, b):
    """Shape of a + b for tensors of the shapes a
    and b, as a list, or "error"."""
    ### BEGIN SOLUTION
    axes = max(len(a), len(b))
    a = (1,) * (axes - len(a)) + tuple(a)
    b = (1,) * (axes - len(b)) + tuple(b)
    if any(m != n and m != 1 and n != 1 for m, n in zip(a, b)):
        return "error"
    return [max(m, n) for m, n in zip(a, b)]
    ### END SOLUTION


# %% check="broadcast_shape"
check("broadcast_shape", broadcast_shape)

# %% [markdown]
# ## Does the layout cost time?
#
# "Contiguous tensors are faster", one reads. Which, and how much? **Predict:** for a 4096 × 4096 matrix, how many times as long does each operation take on `x.T` as on `x`? 1 is no difference. Write a number in place of the dots; it earns nothing, and before it you see no result.

# %% predict="layout"
predict("turned_sum", 2)  # x.T.sum() against x.sum()
predict("turned_row_sums", 2)  # x.T.sum(1) against x.sum(1)
predict("turned_addition", 2)  # x + y.T against x + y

# %% tags=["skip-grading"]
big, other = torch.randn(4096, 4096, device=device), torch.randn(4096, 4096, device=device)
out = torch.empty_like(big)
cases = {
    "turned_sum": (lambda: big.sum(), lambda: big.T.sum()),
    "turned_row_sums": (lambda: big.sum(1), lambda: big.T.sum(1)),
    "turned_addition": (
        lambda: torch.add(big, other, out=out),
        lambda: torch.add(big, other.T, out=out),
    ),
}


def in_turns(one, other, turns):
    """Median times of two runs in turn: what else the machine does disturbs both alike."""
    times = [(best_of(one, runs=1), best_of(other, runs=1)) for _ in range(turns)]
    return map(median, zip(*times))


factors = {}
for name, (straight, turned) in cases.items():
    if guessed(name):
        straight_s, turned_s = in_turns(straight, turned, 11)
        factors[name] = turned_s / straight_s
        print(f"{straight_s * 1e3:.1f} ms, turned {turned_s * 1e3:.1f} ms")
        outcome(name, factors[name])

# %% tags=["skip-grading"]
if "turned_addition" in factors:
    bars(
        factors,
        "time on the turned layout ÷ time on the straight one",
        f"Two layouts in one addition: {factors['turned_addition']:.0f} times the time",
        text="{:.1f} ×".format,
    )
    plt.show()

# %% [markdown]
# So the saying is true of some operations only. A full sum may take the elements in any order, so it takes storage order. A mixed addition has no good order: one of its tensors is always read across the rows.
#
# Why is that slow? Memory never hands over a single number. It hands over a whole **cache line**, 64 bytes on x86 processors.

# %% tags=["skip-grading"]
from helpers.plots.tensors import cache_lines

cache_lines([1, 4, 16, 32])
plt.show()

# %% [markdown]
# ✎ An array of fp32 starts at the beginning of a cache line. We read `count` of its elements, `stride` apart. How many lines of 16 elements are loaded?


# %% answer="lines_touched"
def lines_touched(count, stride):
    """Cache lines of 16 elements that hold the
    elements 0, stride, 2·stride, …"""
    ### BEGIN SOLUTION
    return len({i * stride // 16 for i in range(count)})
    ### END SOLUTION


# %% check="lines_touched"
check("lines_touched", lines_touched)

# %% [markdown]
# ✎ **Explain (1 point).** What did you guess for the three cases, what was measured, and why does the mixed addition suffer while the full sum does not? A person reads it.

# %% [markdown] read="explain_layout" points=1
# I guessed 2 everywhere. The full sum took the same time on both: addition has no
# preferred order, so PyTorch walks the storage as it lies. The row sum of x.T was hardly slower:
# it uses whole lines, but keeps many sums at once. The mixed addition is the slow one: one tensor is walked in storage order, the other read 4096 elements apart, and each
# line of 64 bytes is loaded for the 4 that are used.

# %% [markdown]
# ## Traffic: what a layer moves
#
# A layer reads its weights and its input and writes its output. That is its **traffic** between memory and processor, if each is moved once. What is most of it?

# %% tags=["skip-grading"]
from helpers.plots import ledger_bar
from helpers.reference import linear_bytes

ledger_bar(linear_bytes(1, 768, 3072))
ledger_bar(linear_bytes(1024, 768, 3072))
plt.show()

# %% [markdown]
# At batch 1 it is nearly all weights. At batch 1024 the output is the largest part, and the weights are still more than a third.
#
# ✎ Count it for a linear layer **with bias**. `width` is the bytes of one element.


# %% answer="linear_traffic"
def linear_traffic(batch, in_features, out_features, width):
    """Bytes that Linear(in → out) with bias reads
    and writes."""
    ### BEGIN SOLUTION
    weights = in_features * out_features + out_features
    return width * (weights + batch * in_features + batch * out_features)
    ### END SOLUTION


# %% check="linear_traffic"
check("linear_traffic", linear_traffic)

# %% [markdown]
# ✎ The same for a convolution in fp32: stride 1, no padding, no bias. `size` is the side of a square input image. Neighbouring places of the kernel share pixels; each element still counts once.


# %% answer="conv_traffic"
def conv_traffic(batch, in_channels, out_channels, size, kernel):
    """Bytes that a convolution reads and writes,
    fp32."""
    ### BEGIN SOLUTION
    weights = out_channels * in_channels * kernel**2
    read = batch * in_channels * size**2
    written = batch * out_channels * (size - kernel + 1) ** 2
    return 4 * (weights + read + written)
    ### END SOLUTION


# %% check="conv_traffic"
check("conv_traffic", conv_traffic)

# %% [markdown]
# ## Between two layers
#
# A residual connection computes `relu(a + b)`. PyTorch runs it as two kernels, and the second one starts when the first is done. Where is `a + b` in the meantime? In memory.
#
# ✎ Count what the kernels read and write. Where more branches come together, `relu(a + b + c)`, each addition of two tensors is a kernel of its own.


# %% answer="residual_traffic"
def residual_traffic(elements, inputs):
    """Bytes that relu(a + b + …) moves: so many
    inputs, of this many fp32 elements each."""
    ### BEGIN SOLUTION
    # an addition reads two tensors and writes one
    additions = (inputs - 1) * 3 * elements
    # the ReLU reads the sum, writes the output
    relu = 2 * elements
    return 4 * (additions + relu)
    ### END SOLUTION


# %% check="residual_traffic"
check("residual_traffic", residual_traffic)

# %% [markdown]
# Bytes divided by bandwidth predict a time. Does this machine agree? A large copy shows its bandwidth; your function and that bandwidth predict the time of `relu(a + b)`.

# %% tags=["skip-grading"]
elements = 2**27 if device == "cuda" else 2**23
a, b, total, result = (torch.ones(elements, device=device) for _ in range(4))


def residual():
    torch.add(a, b, out=total)
    torch.clamp_min(total, 0, out=result)  # ReLU


copying, measured = in_turns(lambda: result.copy_(a), residual, 25)
bandwidth = 2 * elements * 4 / copying  # read once, written once
print(f"this machine copies {bandwidth / 1e9:.1f} GB/s")
try:
    predicted = residual_traffic(elements, 2) / bandwidth
    print(f"predicted {predicted * 1e3:.2f} ms, measured {measured * 1e3:.2f} ms,", end=" ")
    print(f"ratio {predicted / measured:.2f}")
except NotImplementedError:
    print("no prediction yet: answer residual_traffic first")

# %% [markdown]
# Not one FLOP went into this prediction. For elementwise operations, time is traffic.
#
# ✎ Now the MLP of a transformer: Linear(features → hidden), ReLU, Linear(hidden → features), no biases, fp32. How much moves **between** the three layers, and how much in all?


# %% answer="mlp_traffic"
def mlp_traffic(batch, features, hidden):
    """{"between": …, "total": …}: bytes moved
    between the layers, and all bytes moved."""
    ### BEGIN SOLUTION
    # two tensors of batch × hidden: each is written by one layer and read by the next
    between = 4 * 2 * 2 * batch * hidden
    weights = 4 * 2 * features * hidden
    ends = 4 * 2 * batch * features
    return {"between": between, "total": weights + ends + between}
    ### END SOLUTION


# %% check="mlp_traffic"
check("mlp_traffic", mlp_traffic)

# %% [markdown]
# ✎ **Halve the traffic, keep the shape.** The network around the MLP decides what goes in and comes out. Only `hidden` is yours: how wide may it be at most, so that the MLP moves no more than *half* of what it moves now? `None` where no width, from 1 on, will do.


# %% answer="half_traffic"
def half_traffic(batch, features, hidden):
    """The widest hidden layer with which the MLP
    moves at most half of its bytes, or None."""
    ### BEGIN SOLUTION
    # batch · 2 · features stays; everything else grows with the width
    stays = 2 * batch * features
    each = 4 * batch + 2 * features
    width = (each * hidden - stays) // (2 * each)
    return width if width >= 1 else None
    ### END SOLUTION


# %% check="half_traffic"
check("half_traffic", half_traffic)

# %% [markdown]
# Half the width is not half the traffic: what goes in and out stays. Your `mlp_traffic`, drawn for 768 features; where does each curve cross the level line?

# %% tags=["skip-grading"]
from helpers.plots.style import figure
from helpers.tried import numbers, tried


def share_of_traffic(batch, width):
    """What Linear(768 → width → 768) moves, as a share of what it moves with a width of 768."""
    less, now = (numbers(mlp_traffic(batch, 768, w), "between", "total") for w in (width, 768))
    return less["total"] / now["total"]


def by_width(batches):
    return {batch: [share_of_traffic(batch, width) for width in widths] for batch in batches}


widths = range(0, 769, 64)
curves, problem = tried(by_width, (1, 256, 8192))
if problem:
    print("nothing to draw:", problem)
else:
    _, axes = figure(size=(5.2, 3.0))
    for (batch, shares), style in zip(curves.items(), ("o-", "s--", "^:")):
        axes.plot(widths, shares, style, markersize=4, label=f"batch {batch:,}")
    axes.axhline(0.5, color="gray", linewidth=1)
    axes.set(xlabel="hidden width, now 768", ylabel="share of the bytes", ylim=(0, 1))
    axes.set_xticks([0, 192, 384, 576, 768])
    left = curves[8192][widths.index(384)]
    axes.set_title(f"Half the width, batch 8,192: {left:.0%} of the bytes")
    axes.legend()
    plt.show()

# %% [markdown]
# ## Arithmetic intensity
#
# FLOP divided by bytes moved: how much work each byte is used for. With a larger batch the weights are shared by more samples. Does intensity grow for ever?

# %% tags=["skip-grading"]
from helpers.plots.intensity import intensity_by_batch

from helpers.reference import linear_flops

batches, endless = [2**power for power in range(15)], 2**40


def intensity(batch, sizes):
    rows, columns = sizes
    flops = linear_flops(batch, rows, columns, bias=False)
    return flops.total / linear_bytes(batch, rows, columns, bias=False).total


layers = {"Linear(768 → 3072)": (768, 3072), "Linear(64 → 32)": (64, 32)}
intensity_by_batch(
    batches,
    {name: [intensity(b, sizes) for b in batches] for name, sizes in layers.items()},
    {name: intensity(endless, sizes) for name, sizes in layers.items()},
    "Intensity saturates: what goes in and out grows with the batch",
)
plt.show()

# %% [markdown]
# ✎ Intensity of a linear layer in fp32, **no bias**, and the limit that it approaches as the batch grows.


# %% answer="linear_intensity"
def linear_intensity(batch, in_features, out_features):
    """{"intensity": FLOP/B, "limit": FLOP/B for a
    batch without end}."""
    ### BEGIN SOLUTION
    weights, vectors = in_features * out_features, in_features + out_features
    return {
        "intensity": 2 * batch * weights / (4 * (weights + batch * vectors)),
        "limit": 2 * weights / (4 * vectors),
    }
    ### END SOLUTION


# %% check="linear_intensity"
check("linear_intensity", linear_intensity)

# %% [markdown]
# ## Latency and throughput
#
# **Latency** is how long one answer takes; **throughput**, how many come out each second. A larger batch shares the weights, so throughput rises. What does it do to latency?

# %% tags=["skip-grading"]
layer = torch.nn.Linear(4096, 4096, bias=False, device=device)
with torch.no_grad():
    for batch in 1, 8, 64, 512:
        images = torch.randn(batch, 4096, device=device)
        latency = best_of(layer, images, patience=0.3)
        print(f"batch {batch:3}: {latency * 1e3:7.2f} ms, {batch / latency:9,.0f} samples/s")

# %% [markdown]
# Two scenarios. A doorbell camera asks for one answer, soon: latency. An archive of photos is indexed overnight: throughput.
#
# Can you compute one from the other? Three devices in a row are a *pipeline*: while the second works on one batch, the first already takes the next.
#
# ✎ `stage_ms` holds what each stage takes for a whole batch. Handing a batch on takes no time.


# %% answer="pipeline_rates"
def pipeline_rates(stage_ms, batch):
    """{"latency_ms": …, "images_per_s": …} of
    stages that each need stage_ms[i] a batch."""
    ### BEGIN SOLUTION
    return {"latency_ms": sum(stage_ms), "images_per_s": 1000 * batch / max(stage_ms)}
    ### END SOLUTION


# %% check="pipeline_rates"
check("pipeline_rates", pipeline_rates)

# %% [markdown]
# One device of 30 ms, three of 10 ms in a row: the same latency, three times the throughput. One number does not give the other.

# %% [markdown]
# ## Energy: why moving is what costs
#
# Energy for one 32-bit operation in a 45 nm chip: arithmetic and SRAM by Horowitz (2014), DRAM by Han et al. (2016). Newer chips need less for all of them; look at the ratios.

# %% tags=["skip-grading"]
picojoule = {
    "integer add": 0.1,
    "fp add": 0.9,
    "integer multiply": 3.1,
    "fp multiply": 3.7,
    "read from SRAM (8 kB)": 5,
    "read from DRAM": 640,
}
ratio = picojoule["read from DRAM"] / picojoule["fp multiply"]
bars(
    picojoule,
    "pJ for one 32-bit number",
    f"A read from DRAM costs {ratio:.0f} multiplications",
    text="{:g}".format,
)
plt.show()

# %% [markdown]
# So where does a layer's energy go? For Linear(768 → 3072) without bias, a MAC takes 3.7 + 0.9 pJ, and each number that is read or written 640.

# %% tags=["skip-grading"]
print("energy of moving ÷ energy of computing")
for batch in 1, 64, 4096:
    macs = linear_flops(batch, 768, 3072, bias=False).total / 2
    moved = linear_bytes(batch, 768, 3072, bias=False).total / 4  # numbers
    ratio = 640 * moved / ((3.7 + 0.9) * macs)
    print(f"  batch {batch:5,}: {ratio:5.1f}")

# %% [markdown]
# A batch shares each weight; what goes in and out is everyone's own. Here, too, intensity saturates.

# %% [markdown]
# ## One page on one model
#
# DeiT-S, a vision transformer: 22 million parameters, 12 blocks of width 384, 197 tokens an image, fp32. **Predict**, with what you know by now: how many MB are its weights? How many times its weights does a forward pass move, with one image? (Each operation a kernel of its own.) And how many times higher is its intensity with 64 images?

# %% predict="one_model"
predict("weights_mb", 88)
predict("moved_to_weights", 1.5)
predict("intensity_64_to_1", 64)

# %% tags=["skip-grading"]
from helpers.meter import count

with torch.device("meta"):
    deit = timm.create_model("deit_small_patch16_224").eval()
weights = sum(p.nbytes for p in deit.parameters())
one, many = (count(deit, (batch, 3, 224, 224)) for batch in (1, 64))
if guessed("weights_mb") and guessed("moved_to_weights") and guessed("intensity_64_to_1"):
    reached = []
    for batch, counted in (1, one), (64, many):
        reached.append(counted.flops / counted.bytes_unfused)
        moved = format_bytes(counted.bytes_unfused)
        print(f"{batch:2} images: {moved} moved, {reached[-1]:.1f} FLOP/B")
    outcome("weights_mb", weights / 1e6)
    outcome("moved_to_weights", one.bytes_unfused / weights)
    outcome("intensity_64_to_1", reached[1] / reached[0])

# %% [markdown]
# Even with one image, most of what moves is not weights but features, written by one operation and read by the next: an image is 197 tokens, which share the weights already. So a larger batch gains little. Fused operations would.

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("03_memory")

# %% [markdown]
# **Takeaways**
#
# - k is 1000, Ki is 1024; at a giga that is 7 %.
# - A tensor is offset and strides over a flat storage. Transposing and slicing move nothing.
# - Layout costs time where two orders meet.
# - Traffic is weights + input + output, and what lies between two layers moves twice.
# - Intensity grows with the batch and saturates.
# - Latency and throughput are two numbers.

# %% [markdown]
# **Next:** 04, the roofline: at which intensity does arithmetic become the bound?

# %% [markdown]
# **References**
#
# - M. Horowitz: *Computing's energy problem*, ISSCC 2014. Energies of arithmetic; a chip of 45 nm.
# - S. Han et al.: *EIE: Efficient inference engine on compressed deep neural network*, ISCA 2016. The 640 pJ of DRAM.
# - V. Sze, Y.-H. Chen, T.-J. Yang, J. Emer: *Efficient processing of deep neural networks: a tutorial and survey*, Proceedings of the IEEE 105, 2017.
# - E. Z. Yang: *PyTorch internals*, 2019. Strides and storage.
