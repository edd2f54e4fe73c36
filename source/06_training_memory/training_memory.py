# %% [markdown]
# # Training memory: what a step holds, and when
#
# `convnextv2_large` has 198 million weights: 0.74 GiB in fp32. One training step with Adam, on *one* image, peaks at 3.17 GiB.
#
# **What are the other 2.4 GiB, and when are they there?**

# %%
import time

import matplotlib.pyplot as plt
import timm
import torch

from helpers.check import check, progress
from helpers.conventions import format_bytes
from helpers.predict import guessed, outcome, predict
from helpers.tried import numbers, tried

torch.set_num_threads(1)  # one core: other programs disturb it less

# %% [markdown]
# The course's meter runs a step on the *meta device*: shapes, no data. It follows every tensor, and the scratch space of every kernel. This is what it predicts for a CPU, operation by operation:

# %% tags=["skip-grading"]
from helpers.meter import training_memory
from helpers.plots.training import step_timeline

large = training_memory("convnextv2_large", (1, 3, 224, 224))
step_timeline(large, "198 M weights make four bands, one image the rest")
plt.show()

# %% [markdown]
# Weights, m and v keep their size. Saved activations grow in the forward pass and go in the backward pass, while gradients come. The arrow names the moment of the peak.
#
# We explain the bands, then the moment, then what to do when it does not fit. And we test the prediction.

# %% [markdown]
# ## What Adam keeps
#
# A layer of a million weights, one real step. What lies in memory afterwards?

# %%
layer = torch.nn.Linear(1000, 1000, bias=False)
adam = torch.optim.Adam(layer.parameters())
layer(torch.randn(1, 1000)).sum().backward()
adam.step()

print(f"weight      {layer.weight.nbytes:>9,} B")
print(f"gradient    {layer.weight.grad.nbytes:>9,} B")
for name, tensor in adam.state[layer.weight].items():
    print(f"{name:11} {tensor.nbytes:>9,} B")

# %% [markdown]
# `exp_avg` is **m**, a running average of the gradient; `exp_avg_sq` is **v**, one of its square. (`step` is one number for the whole tensor: leave it out.) SGD with momentum keeps one velocity for each weight. Plain SGD keeps nothing.
#
# ✎ The ledger of each, in fp32. *states*: what the optimizer remembers from step to step.


# %% answer="optimizer_ledger"
def optimizer_ledger(parameters, optimizer):
    """{"weights": …, "gradients": …, "states": …} in bytes; "sgd", "momentum" or "adam"."""
    ### BEGIN SOLUTION
    numbers = {"sgd": 0, "momentum": 1, "adam": 2}[optimizer]
    one = 4 * parameters
    return {"weights": one, "gradients": one, "states": numbers * one}
    ### END SOLUTION


# %% check="optimizer_ledger"
check("optimizer_ledger", optimizer_ledger)

# %% [markdown]
# With Adam that is **16 bytes a parameter**, before the first activation: 2.95 GiB for convnextv2_large.
#
# ## Fewer bits
#
# Why not keep everything in 16 bits? A training step changes a weight by little:

# %%
weight = torch.tensor(1.0, dtype=torch.bfloat16)
print("bf16", (weight + 0.001).item())
print("fp32", round((weight.float() + 0.001).item(), 6))

# %% [markdown]
# The update is lost. So **mixed precision** runs the passes on 16-bit weights and gets 16-bit gradients, but it updates an fp32 copy, the *master weights*, with m and v in fp32.
#
# How much less than plain fp32 does that take for each parameter?
#
# ✎ Count all that is kept with Adam. *bf16*: everything in 16 bits.


# %% answer="precision_bytes"
def precision_bytes(parameters, precision):
    """Bytes of weights, gradients, states (and master weights): "fp32", "bf16" or "mixed"."""
    ### BEGIN SOLUTION
    # weights + gradients + m + v; mixed has master weights, too
    each = {"fp32": 4 + 4 + 4 + 4, "bf16": 2 + 2 + 2 + 2, "mixed": 2 + 2 + 4 + 4 + 4}
    return each[precision] * parameters
    ### END SOLUTION


# %% check="precision_bytes"
check("precision_bytes", precision_bytes)

# %% [markdown]
# Nothing less: 16 bytes again. Mixed precision saves time and activations, not states. (PyTorch's `autocast` goes another way: weights stay fp32, and 16-bit copies are made as they are needed.)
#
# **8-bit Adam** keeps m and v in one byte each. Every block of 256 numbers of m has an fp32 scale, so has every block of v; the last block may be shorter. Weights and gradients stay fp32.
#
# ✎ Count it.


# %% answer="adam_8bit_step"
def adam_8bit_step(parameters):
    """Bytes of weights, gradients, m, v and scales; weights and gradients in fp32."""
    ### BEGIN SOLUTION
    blocks = (parameters + 255) // 256
    return (4 + 4 + 1 + 1) * parameters + 2 * 4 * blocks
    ### END SOLUTION


# %% check="adam_8bit_step"
check("adam_8bit_step", adam_8bit_step)

# %% tags=["skip-grading"]
from helpers.plots.bars import bars

from helpers.reference import training_state_bytes

recipes = {
    "SGD": ("sgd", "fp32"),
    "Adam, all in bf16": ("adam", "bf16"),
    "8-bit Adam": ("adam8bit", "fp32"),
    "SGD with momentum": ("momentum", "fp32"),
    "Adam": ("adam", "fp32"),
    "Adam, mixed precision": ("adam", "mixed"),
}
n = 2**20
bars(
    {name: training_state_bytes(n, *recipe).total / n for name, recipe in recipes.items()},
    "B a parameter",
    "The optimizer decides, not the mixed precision",
    text="{:.4g}".format,
)
plt.show()

# %% [markdown]
# ## A peak is a maximum, not a sum
#
# Memory is taken and given back. What has been given back is no longer there when the next tensor comes.
#
# ✎ A list of changes in bytes, positive where memory is taken, negative where it is given back. Nothing is held at first. How much is held at most, and after which change (counted from 0) is that first so?


# %% answer="peak_of_changes"
def peak_of_changes(changes):
    """{"peak": bytes held at most, "at": index of the change that first reaches it}."""
    ### BEGIN SOLUTION
    held, levels = 0, []
    for change in changes:
        held += change
        levels.append(held)
    return {"peak": max(levels), "at": levels.index(max(levels))}
    ### END SOLUTION


# %% check="peak_of_changes"
check("peak_of_changes", peak_of_changes)

# %% [markdown]
# Now a training step: not the first one, so m and v are there. Gradients are given back before it begins.
#
# The update takes one parameter tensor after the other, in place. With **foreach**, the default on a GPU, it takes all of them at once: faster, but for a moment it holds √v of every parameter, one number more for each. (`fused=True` does it all in one kernel and needs no such √v.)

# %% [markdown]
# ✎ What is held at three moments? Activations go as backward uses them. fp32; leave images and scratch space out.


# %% answer="step_moments"
def step_moments(parameters, saved_bytes):
    """{"end of forward": …, "end of backward": …, "foreach update": …} in bytes, with Adam."""
    ### BEGIN SOLUTION
    one = 4 * parameters
    return {
        "end of forward": 3 * one + saved_bytes,  # weights, m, v
        "end of backward": 4 * one,  # gradients have come, activations have gone
        "foreach update": 5 * one,
    }
    ### END SOLUTION


# %% check="step_moments"
check("step_moments", step_moments)

# %% [markdown]
# **Find the bug.** Mixed precision again. Many trainers add gradients up in fp32, where small parts are not lost, and keep those instead of the 16-bit ones. Somebody has counted what is held in the update; the kernels read gradients as they are.


# %%
def their_count(parameters, gradients, update):
    """Bytes held in an update: gradients in "bf16" or "fp32", all weights "fused" or "foreach"."""
    each = {"bf16 weights": 2, "master weights": 4, "m": 4, "v": 4}
    each["gradients"] = {"bf16": 2, "fp32": 4}[gradients]
    if update == "foreach":
        each["√v"] = each["bf16 weights"]  # one number for each
    return parameters * sum(each.values())


print("B a parameter, with gradients in  bf16  fp32")
for way in "fused", "foreach":
    print(f"{way:32}{their_count(1, 'bf16', way):6}{their_count(1, 'fp32', way):6}")

# %% [markdown]
# ✎ Some of these four numbers are wrong, all for one reason. Count right.


# %% answer="mixed_update"
def mixed_update(parameters, gradients, update):
    """Bytes held in an update; the arguments are those of `their_count`."""
    ### BEGIN SOLUTION
    each = {"bf16 weights": 2, "master weights": 4, "m": 4, "v": 4}
    each["gradients"] = {"bf16": 2, "fp32": 4}[gradients]
    if update == "foreach":
        each["√v"] = each["v"]  # the root of an fp32 tensor is one, too
    return parameters * sum(each.values())
    ### END SOLUTION


# %% check="mixed_update"
check("mixed_update", mixed_update)

# %% [markdown]
# ## A small model, on this machine
#
# `deit_tiny`, a small transformer, and 4 images. What does autograd save of them?

# %% tags=["skip-grading"]
model = timm.create_model("deit_tiny_patch16_224")
images = torch.randn(4, 3, 224, 224)
parameters = sum(p.numel() for p in model.parameters())
predicted = training_memory(model, images)
print(f"{parameters:,} parameters")
print(f"{predicted.saved_bytes:,} B saved, {format_bytes(predicted.saved_bytes)}")

# %% [markdown]
# **Predict.** How many MiB does a step with Adam peak at? (A number in place of the dots; it earns nothing, and before it you see no result.) The last line below is no estimate: PyTorch's profiler reports every byte that its CPU allocator hands out in a real step.

# %% predict="peak"
predict("peak_mib", 100)

# %% tags=["skip-grading"]
from helpers.meter.measured import measured_training

measured = measured_training(model, images)
sum_of_parts = 16 * parameters + predicted.saved_bytes
estimates = {"sum of parts": sum_of_parts}
MOMENTS = "end of forward", "end of backward", "foreach update"
moments, problem = tried(lambda: numbers(step_moments(parameters, predicted.saved_bytes), *MOMENTS))
if problem:
    print("no moments of yours:", problem)
else:
    estimates |= {name: moments[name] for name in MOMENTS[:2]}
estimates["meter"] = predicted.peak
if guessed("peak_mib"):
    for name, estimate in estimates.items():
        print(f"{name:15} {format_bytes(estimate):>10}, ratio {estimate / measured.peak:.3f}")
    print(f"{'measured':15} {format_bytes(measured.peak):>10}")
    outcome("peak_mib", measured.peak / 2**20)

# %% tags=["skip-grading"]
if guessed("peak_mib"):
    step_timeline(predicted, "The peak comes when backward begins", sum_of_parts)
    plt.show()

# %% [markdown]
# The meter should be within 1 % of what was measured. If so, we may trust its picture, and ask it what is held at the peak. (The operation is a sum: it makes the gradient of the last layer's bias.)

# %% tags=["skip-grading"]
predicted.ledger.summary()

# %% [markdown]
# ✎ **Explain (1 point).** What did you guess? Why is the sum of parts too high? Why is the larger of your moments too low? Use the ledger and the picture. A person reads it.

# %% [markdown] read="explain_peak" points=1
# I guessed 100 MiB and forgot m and v. The sum adds all gradients to all activations, but they are
# never there together: at the peak, as backward begins, only 1.3 of 21.8 MiB of gradients exist. So it
# is 9 % too high. The end of forward is 3 % too low: it leaves out the images (2.3 MiB), the first
# gradients (1.3 MiB) and the temporary tensors that backward passes from layer to layer (2.9 MiB).

# %% [markdown]
# And foreach? With one image little is saved, so the peak may come in the update, with its √v. Your third moment, beside a real step:

# %% tags=["skip-grading"]
one_by_one = measured_training(model, images[:1]).peak
at_once = measured_training(model, images[:1], foreach=True).peak
fused = measured_training(
    model, images[:1], optimizer=lambda weights: torch.optim.Adam(weights, fused=True)
).peak
print(f"one tensor after the other {format_bytes(one_by_one)}")
print(f"foreach {format_bytes(at_once)}, fused {format_bytes(fused)}")
moments, problem = tried(lambda: numbers(step_moments(parameters, 0), *MOMENTS))
if problem:
    print("nothing to compare:", problem)
else:
    by_hand = moments["foreach update"]
    print(f"by hand {format_bytes(by_hand)}, ratio {by_hand / at_once:.3f}")

# %% [markdown]
# ## Between the two ends
#
# Here gradients came late. Do they always? Take two networks of the same layers. In one, light layers on many tokens come first, and heavy layers on one vector after. In the other it is the reverse. As many weights, and nearly as many activations.


# %% tags=["skip-grading"]
class Mean(torch.nn.Module):
    def forward(self, x):
        return x.mean(1)


class Repeat(torch.nn.Module):
    def forward(self, x):
        return x[:, None].repeat(1, 256, 1)


def layers(width, count):
    pairs = [(torch.nn.Linear(width, width, bias=False), torch.nn.ReLU()) for _ in range(count)]
    return [each for pair in pairs for each in pair]


wide, narrow = torch.nn.Linear(64, 512, bias=False), torch.nn.Linear(512, 64, bias=False)
heavy_last = torch.nn.Sequential(*layers(64, 16), Mean(), wide, *layers(512, 16))
heavy_first = torch.nn.Sequential(*layers(512, 16), narrow, Repeat(), *layers(64, 16))

# %% [markdown]
# **Predict.** The peak of *heavy last* ÷ the peak of *heavy first*: below 1, 1, or above?

# %% predict="order"
predict("last_to_first", 0.8)

# %% tags=["skip-grading"]
if guessed("last_to_first"):
    peaks = []
    for name, network, x in (
        ("heavy last", heavy_last, torch.randn(16, 256, 64)),
        ("heavy first", heavy_first, torch.randn(16, 512)),
    ):
        step, real = training_memory(network, x), measured_training(network, x)
        print(f"{name}: {format_bytes(step.peak)} predicted,")
        print(f"  {format_bytes(real.peak)} measured, ratio {step.peak / real.peak:.3f}")
        step_timeline(step, f"{name.capitalize()}: {format_bytes(step.peak)} at the peak")
        peaks.append(real.peak)
    plt.show()
    outcome("last_to_first", peaks[0] / peaks[1])

# %% [markdown]
# Backward begins with the last layer. If the heavy layers are last, their gradients come while all activations of the light ones still wait. Most convolutional networks are like that.

# %% [markdown]
# ✎ **2 points.** Bytes of each layer's weights, and of what it saved, first layer first. When backward starts, weights, m, v and all that was saved are held. Then, from the last layer to the first: its gradients are written (as large as its weights), *then* what it saved is freed. How much is held at most?


# %% answer="chain_peak"
def chain_peak(weights, saved):
    """Bytes held at most in the backward pass of a chain, Adam's states included."""
    ### BEGIN SOLUTION
    held = peak = 3 * sum(weights) + sum(saved)
    for gradient, activation in zip(reversed(weights), reversed(saved)):
        held += gradient
        peak = max(peak, held)
        held -= activation
    return peak
    ### END SOLUTION


# %% check="chain_peak"
check("chain_peak", chain_peak)

# %% [markdown]
# Your function on real networks. The meter says what each module saves; your walk says the peak.


# %% tags=["skip-grading"]
def by_module(model, memory):
    """Bytes of the weights of each module, and of what it saved, in the order of the model."""
    kept = {}
    for tensor in memory.saved:
        kept[tensor.module] = kept.get(tensor.module, 0) + tensor.bytes
    modules = [name for name, _ in model.named_modules()]
    own = [sum(p.nbytes for p in m.parameters(recurse=False)) for m in model.modules()]
    return own, [kept.get(name, 0) for name in modules]


with torch.device("meta"):
    network, vgg = timm.create_model("convnextv2_large"), timm.create_model("vgg11")
for name, each, step in (
    ("deit_tiny, 4 images", model, predicted),
    ("convnextv2_large, 1 image", network, large),
    ("vgg11, 1 image", vgg, training_memory(vgg, (1, 3, 224, 224))),
):
    weights, saved = by_module(each, step)
    by_sum = (4 * sum(weights) + sum(saved)) / step.peak
    at = step.timeline.phases[step.timeline.peak_at]
    print(f"{name}:\n  {format_bytes(step.peak)}, in {at}")
    walk, problem = tried(lambda *chain: numbers(chain_peak(*chain)), weights, saved)
    yours = problem or f"{walk / step.peak:.3f}"
    print(f"  of it: sum {by_sum:.3f}, your walk {yours}")

# %% [markdown]
# Within 3 % for the first two. VGG-11 peaks in the update: three quarters of its weights are *one* matrix, and Adam makes temporary tensors as large as the parameter that it updates. No rule of thumb sees that. A timeline does.

# %% [markdown]
# ## The large model, run
#
# Now convnextv2_large for real. Where there is a GPU, this cell takes two steps on it. Where there is none, it shows what was recorded on a CPU.

# %% tags=["gpu", "skip-grading"]
recorded = {1: 3243.1 * 2**20, 8: 6593.3 * 2**20}  # bytes; benchmarks/results/memory.md


def compare(what, predicted_bytes, real_bytes):
    print(f"  {what}: {format_bytes(predicted_bytes)} predicted,")
    print(f"    {format_bytes(real_bytes)} measured, ratio {predicted_bytes / real_bytes:.3f}")


if torch.cuda.is_available():
    print(f"now, on {torch.cuda.get_device_name()}, with foreach")
    on_gpu = timm.create_model("convnextv2_large").cuda()
    for batch in 1, 8:
        torch.cuda.empty_cache()
        x = torch.randn(batch, 3, 224, 224, device="cuda")
        step, real = training_memory(on_gpu, x, device="cuda"), measured_training(on_gpu, x)
        print(f"batch {batch}")
        compare("allocated", step.peak, real.peak)
        compare("reserved", step.reserved, real.reserved)
    free, total = torch.cuda.mem_get_info()
    outside = total - free - torch.cuda.memory_reserved()
    print(f"outside the allocator: {format_bytes(outside)} (the context; other programs)")
    del on_gpu, x
    torch.cuda.empty_cache()
else:
    print("no GPU here. Recorded 2026-11-20: 2 cores")
    print("of a Xeon, torch 2.15.0, CPU allocator;")
    print("the prediction is made now")
    for batch, real in recorded.items():
        step = training_memory(network, (batch, 3, 224, 224))
        print(f"batch {batch}")
        compare("allocated", step.peak, real)

# %% [markdown]
# On a GPU four things come between tensors and what `nvidia-smi` shows:
#
# | | |
# |---|---|
# | context | driver and kernels: hundreds of MiB, outside the allocator; the cell above prints yours |
# | workspaces | scratch space; cuDNN's is not in the prediction |
# | rounding | tensors take multiples of 512 B, cut from larger pieces that are reserved |
# | fragmentation | free memory in pieces that are too small |

# %% [markdown]
# ✎ **Rounding.** Numbers of elements of fp32 tensors. How many bytes does the allocator hand out for all of them?


# %% answer="allocated_bytes"
def allocated_bytes(elements):
    """Bytes handed out for fp32 tensors of these sizes, each rounded up to 512 B."""
    ### BEGIN SOLUTION
    return sum((4 * count + 511) // 512 * 512 for count in elements)
    ### END SOLUTION


# %% check="allocated_bytes"
check("allocated_bytes", allocated_bytes)

# %% [markdown]
# That is little. What is *reserved* is more: PyTorch asks the driver for pieces of 2 MiB (for tensors up to 1 MiB), of 20 MiB (below 10 MiB) or of multiples of 2 MiB, cuts tensors from them, and keeps what is given back ([CUDACachingAllocator.cpp](https://github.com/pytorch/pytorch/blob/main/c10/cuda/CUDACachingAllocator.cpp)).

# %% [markdown]
# A tensor lies in one piece. So what is free need not be of use: it may be *fragmented*, in pieces that are each too small.
#
# ✎ **Pieces.** `free_blocks` are the free blocks that the request could be cut from, in bytes, multiples of 512. How many bytes does the allocator newly ask the driver for? 0 where a free block will do.


# %% answer="newly_reserved"
def newly_reserved(free_blocks, request):
    """Bytes of the new piece, for a tensor of `request` bytes; 0 if none is needed."""
    ### BEGIN SOLUTION
    mib = 2**20
    size = (request + 511) // 512 * 512
    if max(free_blocks, default=0) >= size:
        return 0
    if size <= mib:
        return 2 * mib
    if size < 10 * mib:
        return 20 * mib
    return (size + 2 * mib - 1) // (2 * mib) * 2 * mib
    ### END SOLUTION


# %% check="newly_reserved"
check("newly_reserved", newly_reserved)

# %% [markdown]
# Now play it. A tensor of 20 MiB comes and goes, then one of 24, of 28, … up to 40: texts that get longer, say. Never more than 40 MiB are in use. **Predict:** how many MiB are *reserved* at the end?

# %% predict="pieces"
predict("reserved_mib", 40)

# %% tags=["skip-grading"]
from helpers.meter.memory.device.allocator import CachingAllocator
from helpers.plots.style import figure

allocator = CachingAllocator()
in_use, reserved, lengths = [], [], range(20, 44, 4)
for mib in lengths:
    block = allocator.allocate(mib * 2**20)
    in_use.append(mib)
    reserved.append(allocator.reserved / 2**20)
    allocator.release(block)
if guessed("reserved_mib"):
    _, axes = figure(size=(5.2, 3.0))
    axes.step(lengths, reserved, "o-", where="mid", label="reserved, in pieces")
    axes.step(lengths, in_use, "s--", where="mid", label="in use; reserved, if a piece can grow")
    axes.set(xlabel="MiB of the tensor", ylabel="MiB", ylim=(0, None), xticks=lengths)
    axes.set_title(f"{reserved[-1]:.0f} MiB reserved, 40 in use")
    axes.legend(fontsize=9)
    plt.show()
    outcome("reserved_mib", reserved[-1])

# %% [markdown]
# Each new tensor is a little larger than every free piece, so each gets one of its own. Only when the driver has no more are free pieces given back; if that does not help, you see *out of memory*.
#
# With `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` a piece can grow: 40 MiB would do. Mixed sizes and long texts are where that pays.

# %% [markdown]
# ## The largest batch
#
# Which batch of convnextv2_large fits a T4 of "16 GB", a card of "24 GB", one of "80 GB"? A card's GB are 2³⁰ B, less what it keeps for itself: PyTorch reports 14.75 GiB, 23.64 (RTX 4090), and 79.15 (H100 and A100, nearly).
#
# Peaks as the meter predicts them on CUDA, by the rules of PyTorch's allocator. (We had no GPU: the cell above tests it on yours. The next takes some seconds.)

# %% tags=["skip-grading"]
steps = {b: training_memory(network, (b, 3, 224, 224), device="cuda") for b in (1, 2, 8, 16)}
for batch, step in steps.items():
    at = step.timeline.phases[step.timeline.peak_at]
    print(f"batch {batch:2}: {step.peak:>14,} B, in {at}")

# %% [markdown]
# From one image to two it hardly grows: there the foreach update is the peak, and the update does not know the batch. Beyond, activations decide, and each image adds the same.
#
# So two peaks on the straight part tell what an image adds and what is there without any: a line, as in unit 05.

# %% [markdown]
# ✎ The largest batch for a device, in whole images; 0 if none fits. `memory`: bytes that the device reports; `outside`: bytes of the context. All four are whole numbers.


# %% answer="batch_that_fits"
def batch_that_fits(fixed, per_image, memory, outside):
    """Largest batch with outside + fixed + batch · per_image within `memory` bytes."""
    ### BEGIN SOLUTION
    room = memory - outside - fixed
    return max(0, room // per_image)
    ### END SOLUTION


# %% check="batch_that_fits"
check("batch_that_fits", batch_that_fits)

# %% [markdown]
# Does the line tell the truth? `largest_batch` searches: it plays whole steps through a model of CUDA's allocator, pieces and all. For the T4 it does so now, some ten seconds or more; the other two were found before in the same way.

# %% tags=["skip-grading"]
from helpers.meter import largest_batch

CARDS = {"T4": 14.75, "RTX 4090": 23.64, "80 GB": 79.15}  # GiB that PyTorch reports
cards = {name: int(gib * 2**30) for name, gib in CARDS.items()}
t4 = largest_batch(network, (3, 224, 224), cards["T4"], largest=32)
per_image = (steps[16].peak - steps[8].peak) // 8
fixed = steps[8].peak - 8 * per_image
for (name, memory), found in zip(cards.items(), (t4.batch, 40, 149)):
    args = fixed, per_image, memory, t4.memory.context
    line, problem = tried(lambda args=args: numbers(batch_that_fits(*args)))
    yours = problem or f"{line}, ratio {line / found:.2f}"
    print(f"{name:9} search {found:3}, your line {yours}")

# %% tags=["skip-grading"]
from helpers.plots.training import peak_by_batch

peak_by_batch(
    {batch: step.peak for batch, step in {**steps, t4.batch: t4.memory}.items()},
    fixed,
    per_image,
    {"a T4, less the context": t4.capacity - t4.memory.context},
    f"Flat first, then {format_bytes(per_image)} an image",
)
plt.show()

# %% [markdown]
# The line is one to three images too hopeful: it counts bytes of tensors, and the search also sees pieces. Leave a margin.

# %% [markdown]
# ## Lever 1: accumulate gradients
#
# A batch of 32 does not fit? Run 4 parts of 8, add up their gradients, update once. In every part but the first, gradients are there from the start. So take their full size, and the activations of one part.
#
# ✎ **Find the plan**: the fewest equal parts (they divide `batch`) for which the sum of that fits. fp32, Adam; `memory` in bytes. `None` where one image is too many.


# %% answer="fewest_parts"
def fewest_parts(parameters, saved_per_image, batch, memory):
    """The fewest parts of a batch with which a step fits, or None."""
    ### BEGIN SOLUTION
    for parts in range(1, batch + 1):
        held = 16 * parameters + saved_per_image * (batch // parts)
        if batch % parts == 0 and held <= memory:
            return parts
    return None
    ### END SOLUTION


# %% check="fewest_parts"
check("fewest_parts", fewest_parts)

# %% [markdown]
# Your plan, run: deit_tiny, 4 images, and 150 MiB. Measured is a later part, with the gradients of those before.

# %% tags=["skip-grading"]
one, room = predicted.saved_bytes // 4, 150 * 2**20
parts, problem = tried(lambda: numbers(fewest_parts(parameters, one, 4, room)))
if problem or parts not in (1, 2, 4):
    print("no plan to run:", problem or f"{parts} parts of 4 images")
else:
    part = measured_training(model, images[: 4 // parts], zero_grad="zero").peak
    by_hand = 16 * parameters + one * (4 // parts)
    print(f"4 at once {format_bytes(measured.peak)}, in {parts} parts {format_bytes(part)}")
    print(f"by hand {format_bytes(by_hand)}, ratio {by_hand / part:.3f}")

# %% [markdown]
# Far less memory for the same FLOP. The price: smaller products, which use a GPU worse (unit 04), and batch norm sees only a part.
#
# ## Lever 2: lower precision
#
# `autocast` runs products in bf16. Weights, gradients, m, v stay fp32; what is saved shrinks. By half?

# %% tags=["skip-grading"]
half = training_memory(model, images, autocast="bf16")
half_measured = measured_training(model, images, autocast=torch.bfloat16)
print(f"saved: {half.saved_bytes / predicted.saved_bytes:.2f} of the bytes in fp32")
print(f"peak: {format_bytes(half.peak)} predicted,")
print(f"  {format_bytes(half_measured.peak)} measured, ratio {half.peak / half_measured.peak:.3f}")

# %% [markdown]
# Not by half: the sums between blocks stay fp32, layer norms save them, and now 16-bit copies of the weights are saved, too.
#
# ## Lever 3: forget, and compute again
#
# **Gradient checkpointing** keeps only the input of each block. Backward runs the block's forward pass again, just before it needs it.

# %% [markdown]
# **Predict.** All 12 blocks of deit_tiny checkpointed: what share of the peak is left, and how many times as long does forward + backward take?

# %% predict="checkpoints"
predict("peak_left", 0.1)
predict("time_taken", 2)

# %% tags=["skip-grading"]
frugal = timm.create_model("deit_tiny_patch16_224")
frugal.set_grad_checkpointing()
step, real = training_memory(frugal, images), measured_training(frugal, images)


def passes(network):
    start = time.process_time()  # of the processor, whatever else it does
    network(images).square().mean().backward()
    network.zero_grad()
    return time.process_time() - start


if guessed("peak_left") and guessed("time_taken"):
    plain_s, frugal_s = map(min, zip(*[(passes(model), passes(frugal)) for _ in range(3)]))
    print(f"saved {format_bytes(predicted.saved_bytes)}, now {format_bytes(step.saved_bytes)}")
    print(f"peak: {format_bytes(step.peak)} predicted,")
    print(f"  {format_bytes(real.peak)} measured, ratio {step.peak / real.peak:.3f}")
    print(f"time: {plain_s:.2f} s, now {frugal_s:.2f} s")
    outcome("peak_left", real.peak / measured.peak)
    outcome("time_taken", frugal_s / plain_s)

# %% tags=["skip-grading"]
summary = None
if guessed("peak_left"):
    step_timeline(step, "Checkpointed: one block at a time fills and empties")
    plt.show()
    summary = step.ledger.summary()
summary

# %% [markdown]
# Each tooth is one block, computed again; the meter counts it among the temporaries.
#
# Forward costs 1 and backward 2, so a step in which every forward pass is done twice costs 4/3 of the FLOP.

# %% [markdown]
# ✎ And the bytes? Cut equal layers into segments, as even as whole layers allow. Kept: the input of each segment, `boundary` bytes. In backward, one segment at a time is computed again, and all that its layers save is held: `inside` bytes a layer. Take the longest segment. (Its input is among what it saves: counted twice or once, both are right here.)


# %% answer="checkpointed_bytes"
def checkpointed_bytes(layers, boundary, inside, segments):
    """Bytes of activations held at most: kept inputs and one segment."""
    ### BEGIN SOLUTION
    longest = -(-layers // segments)  # rounded up
    return segments * boundary + longest * inside
    ### END SOLUTION


# %% check="checkpointed_bytes"
check("checkpointed_bytes", checkpointed_bytes)

# %% [markdown]
# Few segments are long, many keep many inputs. How many are best? Try it: 16 layers, Linear(256 → 256) and GELU on 1024 rows. An input takes 1 MiB, a layer saves 2 MiB. Measured here and now, beside the count by hand.


# %% tags=["skip-grading"]
from helpers.plots.training import segments_and_bytes

from helpers.reference import checkpointing_bytes


class Chain(torch.nn.Module):
    """16 layers, in segments that are computed again in the backward pass; 0: none."""

    def __init__(self, segments):
        super().__init__()
        chain = [torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.GELU()) for _ in range(16)]
        size = 16 // segments if segments else 16
        parts = [torch.nn.Sequential(*chain[i : i + size]) for i in range(0, 16, size)]
        self.parts, self.again = torch.nn.ModuleList(parts), segments > 0

    def forward(self, x):
        for part in self.parts:
            if self.again:
                x = torch.utils.checkpoint.checkpoint(part, x, use_reentrant=False)
            else:
                x = part(x)
        return x


# %% tags=["skip-grading"]
rows = torch.randn(1024, 256)
always = 12 * 16 * (256 * 256 + 256) + rows.nbytes  # weights, m, v; the input
counts = 1, 2, 4, 8, 16
real = {s: measured_training(Chain(s), rows).peak for s in (0, *counts)}
by_hand = {s: always + checkpointing_bytes(16, 2**20, 2**21, s).total for s in counts}
segments_and_bytes(
    {s: real[s] for s in counts},
    by_hand,
    real[0],
    "Neither few segments nor many: 4 to 8 hold least",
)
plt.show()
for s in counts:
    print(f"{s:2} segments: by hand ÷ measured {by_hand[s] / real[s]:.2f}")

# %% [markdown]
# Near 1, and partly by luck: with 8 segments the count by hand has the input of the segment in hand twice, and forgets a gradient of the same size on its way down.

# %% [markdown]
# ✎ Find the best number of segments. Of several that hold equally little, take the fewest. (You may call your `checkpointed_bytes`.)


# %% answer="best_segments"
def best_segments(layers, boundary, inside):
    """The number of segments, from 1 to layers, that holds least."""
    ### BEGIN SOLUTION
    return min(
        range(1, layers + 1),
        key=lambda segments: checkpointed_bytes(layers, boundary, inside, segments),
    )
    ### END SOLUTION


# %% check="best_segments"
check("best_segments", best_segments)

# %% [markdown]
# If inside and boundary are equal, the best number is about √layers: of 100 layers, 10 boundaries and a segment of 10 are held, 20 instead of 100. All for one more forward pass.

# %% [markdown]
# ✎ **Explain (1 point).** For deit_tiny with checkpoints: what did you guess for memory and time, what was measured? Why is the time far from double? (By FLOP, expect a third more. On a CPU it is often less: fresh memory costs time, too.) What is held at the new peak, and when is it? A person reads it.

# %% [markdown] read="explain_checkpointing" points=1
# I guessed a tenth of the memory and twice the time; measured were 0.55 of the peak and 1.2 times the
# time: the forward pass is done twice, and it is a third of a step; less memory is fetched. What
# autograd keeps fell from 112 to 8 MiB. But weights, m and v (65 MiB) stay, and the peak has moved to
# the end of backward: nearly all gradients (20 MiB), the images, one block computed again (12).

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("06_training_memory")

# %% [markdown]
# **Takeaways**
#
# - With Adam, 16 bytes a parameter are held (18 in mixed precision with fp32 gradients); 8 of them are Adam's own.
# - A peak is a maximum over time: gradients come while activations go.
# - With heavy layers last, the peak nears the sum of parts.
# - It is flat at first, then a straight line in the batch.
# - Checkpoints: of n layers' activations about 2√n are held, for 4/3 of the FLOP.

# %% [markdown]
# **Next:** 07, autodiff: what does `backward` need, and why?

# %% [markdown]
# **References**
#
# - D. P. Kingma, J. Ba: *Adam: a method for stochastic optimization*, ICLR 2015.
# - T. Chen, B. Xu, C. Zhang, C. Guestrin: *Training deep nets with sublinear memory cost*, 2016. Checkpoints and √n.
# - P. Micikevicius et al.: *Mixed precision training*, ICLR 2018. Master weights.
# - S. Rajbhandari et al.: *ZeRO: memory optimizations toward training trillion parameter models*, SC 2020. The 16 bytes, spread.
# - T. Dettmers et al.: *8-bit optimizers via block-wise quantization*, ICLR 2022.
