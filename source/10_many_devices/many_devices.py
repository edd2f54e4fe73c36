# %% [markdown]
# # Many devices: what is shared, what is sent
#
# Eight cards of 80 GB hold 640 GB. A model of 70 billion parameters, trained with Adam in mixed precision, wants 16 bytes for each: 1.12 TB. Before the first activation.
#
# **Such models are trained on such cards. Who holds what?**

# %%
import random
from fractions import Fraction
from math import ceil

import matplotlib.pyplot as plt
import torch

from helpers.check import check, progress
from helpers.conventions import format_bytes
from helpers.plots import devices as pictures
from helpers.plots.bars import stacked
from helpers.predict import guessed, outcome, predict
from helpers.tried import numbers, tried

# %% tags=["skip-grading"]
GB = 10**9
model = {"weights": 2 * 70, "gradients": 2 * 70, "master weights, m, v": 12 * 70}
stacked(
    {"8 cards": {"memory": 640}, "70 B with Adam": model},
    "GB",
    "Eight cards are not enough, however it is shared",
    text="{:,.0f}".format,
)
plt.show()

# %% [markdown]
# Even cut into equal shares it takes 14 cards. And whoever holds only a share has to *ask* for the rest, in every step, over links that are slower than memory.
#
# So there are two ledgers, for each way to cut: what a device **holds**, and what it **sends**.

# %% [markdown]
# ## Everyone holds everything
#
# **Data parallel**: every device has the whole model and takes its own part of the batch. After backward all add up their gradients, so all make the same update. Simple, and every byte is held n times.
#
# Who needs Adam's m and v of a parameter? Only whoever updates it. That is **ZeRO**: each device looks after a share.

# %% [markdown]
# | | shared among the devices |
# |---|---|
# | stage 0 | nothing: plain data parallel (PyTorch's DDP) |
# | ZeRO-1 | states: master weights, m, v |
# | ZeRO-2 | gradients, too |
# | ZeRO-3 | weights, too (FSDP) |
#
# Bytes a parameter, as (weights, gradients, states): `"fp32"` 4, 4, 8; `"mixed 16"` 2, 2, 12; `"mixed 18"` 2, 4, 12, with gradients in fp32.

# %% [markdown]
# ✎ What does each device hold? `devices` divides `parameters`.


# %% answer="zero_ledger"
def zero_ledger(parameters, devices, stage, recipe):
    """{"weights": …, "gradients": …, "states": …}: bytes on one device."""
    ### BEGIN SOLUTION
    widths = {"fp32": (4, 4, 8), "mixed 16": (2, 2, 12), "mixed 18": (2, 4, 12)}[recipe]
    share = parameters // devices
    return {
        "weights": widths[0] * (share if stage >= 3 else parameters),
        "gradients": widths[1] * (share if stage >= 2 else parameters),
        "states": widths[2] * (share if stage >= 1 else parameters),
    }
    ### END SOLUTION


# %% check="zero_ledger"
check("zero_ledger", zero_ledger)

# %% [markdown]
# Your function, for 70 B and Adam in mixed precision. The dashed line is what a card has: 80 GB.

# %% tags=["skip-grading"]
PARTS = "weights", "gradients", "states"


def held(parameters, count, stage, recipe):
    """Your ledger, made sure to be numbers."""
    return numbers(zero_ledger(parameters, count, stage, recipe), *PARTS)


wanted = [(stage, count) for stage in (1, 2, 3) for count in (8, 64, 512)]
rows, problem = tried(
    lambda: {f"ZeRO-{s}, {n} cards": held(70 * GB, n, s, "mixed 16") for s, n in wanted}
)
if problem:
    print("nothing to draw:", problem)
else:
    in_gb = {name: {part: b / GB for part, b in row.items()} for name, row in rows.items()}
    title = "Only stage 3 brings 70 B under 80 GB"
    axes = stacked(in_gb, "GB on each card", title, text="  {:,.0f}".format)
    axes.axvline(80, color="black", linestyle="--")
    plt.show()

# %% [markdown]
# Stages 1 and 2 have a floor: what is not shared is there on every card, on a thousand of them as on one.
#
# ✎ The fewest devices whose memory holds weights, gradients and states in `"mixed 16"`; None if no number is enough. Activations come on top.


# %% answer="fewest_devices"
def fewest_devices(parameters, memory, stage):
    """Fewest devices of `memory` bytes, or None; whole numbers all."""
    ### BEGIN SOLUTION
    whole = {0: 16, 1: 4, 2: 2, 3: 0}[stage] * parameters
    room = memory - whole
    shared = 16 * parameters - whole
    if shared == 0:
        return 1 if room >= 0 else None
    return -(-shared // room) if room > 0 else None
    ### END SOLUTION


# %% check="fewest_devices"
check("fewest_devices", fewest_devices)

# %% [markdown]
# ## Real ranks, on this machine
#
# Is it true? No cards here, but processes will do: two and four **ranks**, each a process of its own, which train together over *gloo*, PyTorch's library for CPUs. The model: 8 layers, 512 → 512, in fp32, 8 MiB of weights. DDP, ZeRO-1, and FSDP2 (which is ZeRO-3).

# %% [markdown]
# **Predict.** With DDP a rank peaks at 35 MiB: weights, gradients, m, v, and a little. What is the peak of one of *four* FSDP ranks, in MiB? Write a number in place of the three dots.

# %% predict="peak"
predict("peak of an FSDP rank", 10)

# %% [markdown]
# The ranks take some seconds; where none can run, recorded ones are shown, and it is said.

# %% tags=["skip-grading"]
from helpers.meter.ranks import LAYERS, RECORDED, ROWS, WIDTH, Job, RanksError, run_ranks

jobs = [Job(kind, ranks) for ranks in (2, 4) for kind in ("ddp", "zero1", "fsdp")]
jobs += [Job("lora", 2), Job("reduce-scatter", 4), Job("plain", 2, tensor=2)]
try:
    ran = dict(zip(jobs, run_ranks(jobs)))
    print("measured now, on this machine")
except RanksError as error:
    ran = RECORDED
    print(f"recorded before, on two cores of a Xeon: {error}")
parameters = LAYERS * WIDTH * WIDTH
if guessed("peak of an FSDP rank"):
    outcome("peak of an FSDP rank", max(each.peak for each in ran[Job("fsdp", 4)]) / 2**20)

# %% [markdown]
# What the first rank holds after a step, in MiB, your ledger ÷ that, and the highest peak of all ranks:

# %% tags=["skip-grading"]
STAGES = {"ddp": 0, "zero1": 1, "fsdp": 3}
if guessed("peak of an FSDP rank"):
    print("          weights grads states ratio  peak")
    for job in jobs[:6]:
        rank = ran[job][0]
        parts = [rank.weights, rank.gradients, rank.states]
        mine, problem = tried(held, parameters, job.ranks, STAGES[job.kind], "fp32")
        ratio = problem or f"{sum(mine.values()) / sum(parts):.3f}"
        w, g, s, peak = (b / 2**20 for b in (*parts, max(each.peak for each in ran[job])))
        print(f"{job.kind:5} × {job.ranks} {w:7.2f} {g:5.2f} {s:6.2f} {ratio:>5} {peak:5.1f}")

# %% [markdown]
# What is held *between* steps is the ledger, to the byte. The peak is another matter. FSDP's weights are shares, but a layer multiplies with whole ones: they are gathered for a moment, a layer or two at a time. Their gradients are whole for a moment, too, before each rank keeps its share.

# %% [markdown]
# ✎ **A detective's question.** A rank trains in fp32. After a step it holds so many bytes: weights, gradients and states, and up to 6 % more. Which stage is it?


# %% answer="stage_of"
def stage_of(parameters, devices, measured):
    """0, 1, 2 or 3: the stage whose ledger is nearest to what was measured."""

    ### BEGIN SOLUTION
    def error(stage):
        count = sum(zero_ledger(parameters, devices, stage, "fp32").values())
        return abs(count - measured)

    return min(range(4), key=error)
    ### END SOLUTION


# %% check="stage_of"
check("stage_of", stage_of)

# %% [markdown]
# ## What is sent
#
# Three ways to exchange a tensor, called **collectives**:
#
# | | before | after |
# |---|---|---|
# | reduce-scatter | each has all its own numbers | each has *one share* of the sums |
# | all-gather | each has one share | each has all |
# | all-reduce | each has all its own numbers | each has all sums |
#
# The third is the first two, one after the other.

# %% [markdown]
# How? Say the devices stand in a **ring**, and each sends to the next only. Here is a program that every rank runs. `got = yield numbers` sends a list on, and waits for what the one before sends.

# %%
from helpers.ring import run_ring


def whole_lists(rank, ranks, mine):
    total = passing = mine
    for _ in range(ranks - 1):
        passing = yield passing
        total = [a + b for a, b in zip(total, passing)]
    return total


run = run_ring(whole_lists, [[1, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400], [0, 0, 0, 0]])
print("rank 0 ends with", run.results[0])
print("each link carried", run.carried, "numbers in", run.steps, "steps")

# %% [markdown]
# Right, and wasteful: each link carried three whole lists. With 64 ranks it would be 63.
#
# The way out: cut each list into as many **chunks** as there are ranks, and let chunks go round. A number in the picture says how many ranks' numbers are summed up in a chunk. A row is a rank, a thick edge is what has just come.

# %% tags=["skip-grading"]
pictures.ring_steps(4)
plt.show()

# %% [markdown]
# Read it row by row: in the first step rank r passes on chunk r, and adds what comes to its own chunk r − 1. After three steps chunk r + 1 is finished on rank r. Then finished chunks go round, and are put in place of what was there.
#
# Chunk numbers wrap around: after the last comes 0. `%` does that: `-1 % 4` is 3.

# %% [markdown]
# ✎ **Build it (3 points).** Write the program; `ranks` divides `len(mine)`. The simulator counts what each link carried: (ranks − 1) chunks each time round, no more. Some ten lines.


# %% answer="ring_all_reduce"
def ring_program(rank, ranks, mine):
    """One rank's work: `got = yield numbers` as often as needed, then return the sums."""
    ### BEGIN SOLUTION
    size = len(mine) // ranks

    def chunk(index):
        start = index % ranks * size
        return slice(start, start + size)

    for step in range(ranks - 1):
        got = yield mine[chunk(rank - step)]
        here = chunk(rank - step - 1)
        mine[here] = [a + b for a, b in zip(mine[here], got)]
    for step in range(ranks - 1):
        got = yield mine[chunk(rank - step + 1)]
        mine[chunk(rank - step)] = got
    return mine
    ### END SOLUTION


def ring_all_reduce(ranks, length, seed):
    """Runs your program on a ring; leave this as it is."""
    draw = random.Random(seed)
    data = [[draw.randrange(1, 100) for _ in range(length)] for _ in range(ranks)]
    run = run_ring(ring_program, data)
    sums = [number for result in run.results for number in result]
    return {"sums": sums, "busiest link": max(run.carried), "steps": run.steps}


# %% check="ring_all_reduce"
check("ring_all_reduce", ring_all_reduce)

# %% [markdown]
# ✎ So the ledger. `amount` is the bytes of the whole tensor, and `devices` divides it. How many bytes does *one* device send?


# %% answer="sent_bytes"
def sent_bytes(collective, amount, devices):
    """Bytes; "all-reduce", "reduce-scatter" or "all-gather"."""
    ### BEGIN SOLUTION
    rounds = 2 if collective == "all-reduce" else 1
    return rounds * (devices - 1) * amount // devices
    ### END SOLUTION


# %% check="sent_bytes"
check("sent_bytes", sent_bytes)

# %% [markdown]
# **An all-reduce sends about twice the tensor, on 8 devices or on 8,000.** That is why rings are used.
#
# What grows with the devices is the number of steps, and each waits for a message to arrive: the **latency**, some microseconds.

# %% [markdown]
# ✎ Seconds of an all-reduce, in two parts: what the steps wait, and what the bytes take. `bandwidth` of a link in B/s, one way; `latency` in seconds a step.


# %% answer="all_reduce_seconds"
def all_reduce_seconds(amount, devices, bandwidth, latency):
    """{"latency": …, "bandwidth": …} in seconds."""
    ### BEGIN SOLUTION
    steps = 2 * (devices - 1)
    return {"latency": steps * latency, "bandwidth": steps * amount / devices / bandwidth}
    ### END SOLUTION


# %% check="all_reduce_seconds"
check("all_reduce_seconds", all_reduce_seconds)

# %% tags=["skip-grading"]
LINKS = {"NVLink 4": (450e9, 5e-6), "InfiniBand NDR": (50e9, 1e-5)}
sizes = [2.0**power for power in range(10, 37)]


def seconds_of(amount, count, link):
    parts = numbers(all_reduce_seconds(amount, count, *LINKS[link]), "latency", "bandwidth")
    return sum(parts.values())


curves, problem = tried(
    lambda: {
        f"{count} devices, {link}": {size: seconds_of(size, count, link) for size in sizes}
        for count, link in ((8, "NVLink 4"), (8, "InfiniBand NDR"), (512, "InfiniBand NDR"))
    }
)
if problem:
    print("nothing to draw:", problem)
else:
    marks = {"a norm": 16_384.0, "7 B in bf16": 14e9}
    pictures.seconds_by_size(curves, marks, "Small tensors wait, large ones flow")
    plt.show()

# %% [markdown]
# (NVLink 4 has 18 links of 25 GB/s, InfiniBand NDR 400 Gbit/s; the latencies are typical values.) Left of the bend, where a norm's gradient lies, a tensor of 1 kB takes as long as one of 100 kB. So frameworks put many small gradients into **buckets** of some 25 MB.
#
# A reduce-scatter or an all-gather goes round once: half of both parts.

# %% [markdown]
# Now a whole training step. Gradients of several passes may add up before an update.
#
# | | sends |
# |---|---|
# | stage 0 | all-reduce of gradients, once |
# | ZeRO-1 | reduce-scatter of gradients, once; all-gather of updated weights |
# | ZeRO-2 | reduce-scatter *each pass* (only shares are kept); all-gather of weights, once |
# | ZeRO-3 | each pass: all-gather of weights before forward, again before backward, reduce-scatter |

# %% [markdown]
# ✎ Bytes that a device sends in one step of so many `passes`. Weights and gradients have 2 bytes each.


# %% answer="step_traffic"
def step_traffic(parameters, devices, stage, passes):
    """Bytes sent by one device before the next update is done."""
    ### BEGIN SOLUTION
    once = 2 * parameters * (devices - 1) / devices
    rounds = {0: 2, 1: 2, 2: passes + 1, 3: 3 * passes}[stage]
    return rounds * once
    ### END SOLUTION


# %% check="step_traffic"
check("step_traffic", step_traffic)

# %% [markdown]
# With one pass a step, ZeRO-1 and -2 send no more than plain data parallelism: what they save is free. ZeRO-3 sends half as much again.
#
# **Predict.** Our four FSDP ranks, fp32, one pass, 8 MiB of weights: how many MiB does each send? The system counts it, at every TCP connection.

# %% predict="sent"
predict("MiB that an FSDP rank sends", 16)

# %% tags=["skip-grading"]
if guessed("MiB that an FSDP rank sends"):
    print("              yours   measured   ratio   (MiB)")
    for job in [Job("ddp", 2), Job("ddp", 4), Job("zero1", 4), Job("fsdp", 2), Job("fsdp", 4)]:
        sent = ran[job][0].sent
        # fp32 is twice as wide as what you counted.
        mine, problem = tried(
            lambda job=job: 2 * numbers(step_traffic(parameters, job.ranks, STAGES[job.kind], 1))
        )
        told = "not counted here" if sent is None else f"{sent / 2**20:8.2f}"
        print(f"{job.kind:5} {job.ranks} ranks", end=" ")
        if problem or sent is None:
            print(problem, told)
        else:
            print(f"{mine / 2**20:6.2f} {told} {mine / sent:9.3f}")
    if ran[Job("fsdp", 4)][0].sent is not None:
        outcome("MiB that an FSDP rank sends", ran[Job("fsdp", 4)][0].sent / 2**20)

# %% [markdown]
# DDP is right to three digits. ZeRO-1 and FSDP send more than they should: ratios of 0.67 and 0.75. A clue: one reduce-scatter, alone, of 4 MB on four ranks.

# %% tags=["skip-grading"]
sent = ran[Job("reduce-scatter", 4)][0].sent
mine, problem = tried(lambda: numbers(sent_bytes("reduce-scatter", 4_000_000, 4)))
print(f"measured       {sent:,} B" if sent else "measured: not counted here")
print(problem or f"by your ledger {mine:,.0f} B")

# %% [markdown]
# ✎ **Explain (1 point).** What did you guess for the peak and for the bytes, and what came out? Where do the bytes come from that FSDP and ZeRO-1 send beyond your ledger: what does gloo do when it is asked for a reduce-scatter? (On GPUs, NCCL does a real one.) A person reads it.

# %% [markdown] read="explain_ranks" points=1
# I guessed 9 MiB, a quarter of DDP's; it was 14: shares are a quarter, but whole layers and whole
# gradients of the layer in hand come on top. I expected 3 · 3/4 · 8 = 18 MiB sent; it was 24. The lone
# reduce-scatter sent 6 MB, 2 · 3/4 · 4: an all-reduce, of which each keeps a share. So FSDP sends 4
# rounds for 3, and ZeRO-1 an all-reduce and weights, 3 rounds for 2.

# %% [markdown]
# ## When does it pay?
#
# Sending costs nothing while something is computed anyway. Gradients of the last layer are ready first: their all-reduce runs while backward goes on with the others.

# %% [markdown]
# For each parameter and token, forward takes 2 FLOP and backward 4. For each parameter, whatever the tokens, a gradient is sent twice round. So enough **tokens on each device** hide it. How many? It will not depend on the model's size.

# %% [markdown]
# ✎ **2 points.** Fewest tokens a device and pass. `rate`: FLOP/s that a device really reaches. Weights have 2 bytes, gradients `gradient` bytes (2, 4, or 1 where they are compressed). Leave latency out, round up.
#
# - "data parallel": the all-reduce hides behind backward.
# - "ZeRO-3": the gather before forward hides behind forward; gather and reduce-scatter hide behind backward. Both must.


# %% answer="hiding_tokens"
def hiding_tokens(rate, bandwidth, devices, gradient):
    """{"data parallel": tokens, "ZeRO-3": tokens}; rate and bandwidth are whole numbers."""
    ### BEGIN SOLUTION
    share = Fraction(devices - 1, devices) / bandwidth  # seconds of one round, for each byte
    plain = 2 * gradient * share / Fraction(4, rate)
    forward = 2 * share / Fraction(2, rate)
    backward = (2 + gradient) * share / Fraction(4, rate)
    return {"data parallel": ceil(plain), "ZeRO-3": ceil(max(forward, backward))}
    ### END SOLUTION


# %% check="hiding_tokens"
check("hiding_tokens", hiding_tokens)

# %% tags=["skip-grading"]
REACHED = 500 * 10**12  # about half of an H100's dense bf16 peak
for link, (bandwidth, _) in LINKS.items():
    args = REACHED, int(bandwidth), 8, 2
    mine, problem = tried(lambda a=args: numbers(hiding_tokens(*a), "data parallel", "ZeRO-3"))
    told = problem or ", ".join(f"{way} {tokens:,}" for way, tokens in mine.items())
    print(f"{link}, tokens:\n  {told}")

# %% [markdown]
# With equal widths both are the same number: ZeRO-3 sends half as much again, but has forward to hide it behind as well. Over NVLink one sequence of 2,048 tokens is plenty. Over InfiniBand it takes five.

# %% [markdown]
# **Weak scaling** gives each device the same batch: more devices, a larger batch in all. **Strong scaling** shares one batch among more and more. Your `all_reduce_seconds`, a model of 7 B, InfiniBand:

# %% tags=["skip-grading"]
COUNTS = [2**power for power in range(1, 10)]


def share_computing(tokens, count):
    """Of a step: forward, then backward or the all-reduce, whichever is longer."""
    forward = 2 * 7e9 * tokens / REACHED
    sending = seconds_of(14e9, count, "InfiniBand NDR")
    return 3 * forward / (forward + max(2 * forward, sending))


curves, problem = tried(
    lambda: {
        "weak: 8,192 tokens each": {n: share_computing(8192, n) for n in COUNTS},
        "weak: 16,384 tokens each": {n: share_computing(16_384, n) for n in COUNTS},
        "strong: 524,288 tokens in all": {n: share_computing(524_288 / n, n) for n in COUNTS},
    }
)
if problem:
    print("nothing to draw:", problem)
else:
    pictures.scaling(curves, "Strong scaling ends when tokens run out")
    plt.show()

# %% [markdown]
# Strong scaling holds up to 32 devices: 16,384 tokens each. Beyond, each doubling brings less. That is why large runs use large batches, and why people look for other ways to cut.

# %% [markdown]
# ## Cut a layer: tensor parallel
#
# If tokens cannot be shared any further, a layer can. An MLP has two matrices. Cut the first by columns, the second by rows:

# %% tags=["skip-grading"]
pictures.cut_mlp(2)
plt.show()

# %%
x, up, down = torch.randn(6, 8), torch.randn(8, 32), torch.randn(32, 8)
whole = torch.relu(x @ up) @ down
shares = [torch.relu(x @ a) @ b for a, b in zip(up.chunk(2, 1), down.chunk(2, 0))]
print("largest difference:", (whole - sum(shares)).abs().max().item())

# %% [markdown]
# A rank makes the hidden features of its own columns, needs no others for the activation function, and multiplies with its own rows. Only the outputs are summed: one all-reduce of tokens × width numbers. Backward, the gradient of the input is summed: another one. (Attention does the same with heads: four all-reduces a block.)

# %% [markdown]
# ✎ **2 points.** The MLP on each rank, in bf16, no biases; `ranks` divides `hidden`. Kept for backward are the input (whole) and the hidden features before and after the activation function.


# %% answer="tensor_mlp"
def tensor_mlp(tokens, width, hidden, ranks):
    """{"weights": …, "kept": …, "sent": …}: bytes of one rank; sent in forward and backward."""
    ### BEGIN SOLUTION
    own = hidden // ranks
    return {
        "weights": 2 * 2 * width * own,
        "kept": 2 * tokens * (width + 2 * own),
        "sent": 2 * 2 * 2 * tokens * width * (ranks - 1) / ranks,
    }
    ### END SOLUTION


# %% check="tensor_mlp"
check("tensor_mlp", tensor_mlp)

# %% [markdown]
# Does a real rank do that? PyTorch cut the chain of 8 layers into four such MLPs, between two processes. Beside it the meter of unit 06, which finds by itself what can be cut:

# %% tags=["skip-grading"]
from helpers.meter import Plan, training_memory
from helpers.meter.ranks import layers_of

real = ran[Job("plain", 2, tensor=2)][0]
step = training_memory(layers_of("ddp"), (ROWS, WIDTH), plan=Plan(tensor=2))
print(f"peak: {format_bytes(real.peak)}, predicted ÷ real {step.peak / real.peak:.4f}")
if real.sent:
    sent = step.sent.total
    print(f"sent: {format_bytes(real.sent)}, predicted ÷ real {sent / real.sent:.3f}")
print(step.timeline.operations.count("all-reduce"), "all-reduces")

# %% [markdown]
# Four MLPs, forward and backward: why not eight? The input of the first is data, and nobody wants its gradient.
#
# PyTorch sums once for *each* layer that is cut by columns. Where queries, keys and values are three layers with one input, it sums three gradients, where their sum would do: count the collectives of your own plan, too.

# %% [markdown]
# Nothing hides these all-reduces: the next product waits for the sum. A block of width 8,192 on 8 ranks, 4,096 tokens, forward and backward:

# %% tags=["skip-grading"]
block = 12 * 8192**2
computing = 6 * block * 4096 / 8 / REACHED
for link in LINKS:
    waiting, problem = tried(lambda link=link: 4 * seconds_of(2 * 4096 * 8192, 8, link))
    told = problem or f"{1000 * waiting:.2f} ms"
    print(f"{link}: computes {1000 * computing:.2f} ms, waits {told}")

# %% [markdown]
# So tensor ranks live where links are fastest, in one machine.
#
# ## Cut between layers: pipeline
#
# Or the first device takes the first layers, the next device the next. Only the activations at the border are sent: little. But who is last waits for who is first. So the batch is cut into **micro-batches**, which follow each other (light: forward, dark: backward):

# %% tags=["skip-grading"]
pictures.pipeline(4, 6, one_by_one=False)
plt.show()

# %% [markdown]
# The white is the **bubble**. Each of p stages works in 2·m slots of 2·(m + p − 1): in each direction a stage waits p − 1 slots.
#
# ✎ The share of the step that a stage waits, and how many micro-batches bring it down to exactly a tenth.


# %% answer="pipeline_bubble"
def pipeline_bubble(stages, micro_batches):
    """{"idle share": between 0 and 1, "for a tenth": micro-batches for an idle share of 0.1}."""
    ### BEGIN SOLUTION
    waiting = stages - 1
    return {"idle share": waiting / (micro_batches + waiting), "for a tenth": 9 * waiting}
    ### END SOLUTION


# %% check="pipeline_bubble"
check("pipeline_bubble", pipeline_bubble)

# %% [markdown]
# Many micro-batches, then? With all passes forward first, each stage keeps the activations of *all* of them. **1F1B** goes back as soon as it can: one forward, one backward. As long a step, the same bubble:

# %% tags=["skip-grading"]
pictures.pipeline(4, 6, one_by_one=True)
plt.show()

# %% [markdown]
# Count in the picture: how many micro-batches has a stage taken forward, and not yet backward, at most?
#
# ✎ For a stage (the first is 0), with either schedule. Mind that there may be few micro-batches.


# %% answer="kept_micro_batches"
def kept_micro_batches(stages, micro_batches, stage):
    """{"all forward first": …, "1F1B": …}: micro-batches whose activations are held at most."""
    ### BEGIN SOLUTION
    return {"all forward first": micro_batches, "1F1B": min(micro_batches, stages - stage)}
    ### END SOLUTION


# %% check="kept_micro_batches"
check("kept_micro_batches", kept_micro_batches)

# %% [markdown]
# ## Learn less: LoRA
#
# A trained model is to learn something new. **LoRA** freezes it, and beside some of its matrices, width × width, puts a product of two thin ones, width × rank and rank × width. Only these learn.
#
# ✎ Frozen weights in 16 bits; the thin ones in `"mixed 16"`.


# %% answer="lora_bytes"
def lora_bytes(parameters, matrices, width, rank):
    """{"weights": …, "gradients": …, "states": …} in bytes; frozen and thin ones together."""
    ### BEGIN SOLUTION
    thin = 2 * matrices * width * rank
    return {"weights": 2 * (parameters + thin), "gradients": 2 * thin, "states": 12 * thin}
    ### END SOLUTION


# %% check="lora_bytes"
check("lora_bytes", lora_bytes)

# %% [markdown]
# Of a 7 B model 14 GB are left of 112. And activations? Is what is saved in a pass smaller, too? The meter of unit 06, on a chain as our ranks have it, with 4,096 rows; and what the two ranks held and sent.

# %% tags=["skip-grading"]
for kind in "ddp", "lora":
    saved = training_memory(layers_of(kind), (4096, WIDTH)).saved_bytes
    rank = ran[Job(kind, 2)][0]
    learns = rank.gradients + rank.states
    sent = "not counted" if rank.sent is None else format_bytes(rank.sent)
    print(f"{kind}: gradients, m, v {format_bytes(learns)}")
    print(f"  sent {sent}, activations {format_bytes(saved)}")

# %% [markdown]
# Gradients, states and traffic all but vanish. Activations do not: a thin matrix needs the same input for its gradient as the frozen one did, and adds a little of its own.
#
# **Offloading** is another lever: states lie in the machine's own memory, and cross PCIe in every update. Count before you use it:

# %% tags=["skip-grading"]
states, pcie = 12 * 70e9 / 8, 32e9
print(f"70 B on 8 cards: {states / 1e9:.0f} GB of states each,")
print(f"  {states / pcie:.1f} s each way over PCIe 4")

# %% [markdown]
# ## Fit it
#
# Now all of it at once. Your name gives you a GPT, a machine, and the number of sequences in an update. (Another name, another task: use your own.)

# %%
from helpers.training_plan import held_bytes, mismatch, own_task, read_plan, step_seconds

MY_NAME = ""  # write your own

# %%
task = own_task(MY_NAME or "nobody yet")
gpt, machine = task.gpt, task.machine
print("for", MY_NAME or "nobody yet: write your name above")
print(f"GPT      {gpt.parameters / 1e9:.1f} B parameters: {gpt.layers} layers,")
print(f"         width {gpt.width}, {gpt.heads} heads, {gpt.tokens} tokens")
print(f"machine  {machine}")
print(f"         {format_bytes(machine.memory)} each, {format_bytes(machine.room)} for tensors")
print(f"update   {task.sequences} sequences")

# %% [markdown]
# A plan:
#
# | | |
# |---|---|
# | batch | sequences in a pass of each group |
# | accumulation | passes before the update |
# | checkpointing | True, False |
# | precision | "fp32", "mixed" |
# | optimizer | "adam", "adam8bit" |
# | zero | 0, 1, 2, 3 |
# | tensor | devices in a group: they share each layer |
#
# batch × accumulation × (devices ÷ tensor) = sequences of the update.

# %% [markdown]
# A model says what a plan holds and how long a step takes: products at half of the dense peak, sending hidden where it can be, no latency. Its bytes agree with unit 06's meter within 8 % for a small GPT; its seconds are measured nowhere.
#
# Here is a plan that fits none of the machines. What makes it so large?


# %%
def show_plan(plan):
    """Prints what a plan holds on its name's machine, and its seconds."""
    own, given = own_task(plan["name"]), read_plan(plan)
    if mismatch(own, given):
        print("not this task:", mismatch(own, given))
        return
    held, seconds, room = held_bytes(own, given), step_seconds(own, given), own.machine.room
    rows = [(term.name, f"{term.amount / 2**30:8.2f} GiB") for term in held.terms]
    rows += [("held", f"{held.total / 2**30:8.2f} GiB"), ("room", f"{room / 2**30:8.2f} GiB")]
    rows += [(term.name, f"{term.amount:8.2f} s") for term in seconds.terms]
    rows.append(("a step", f"{seconds.total:8.2f} s"))
    for name, amount in rows:
        print(f"{name:28}{amount}")
    print("It fits" if held.total <= room else "It does NOT fit")


# %% tags=["skip-grading"]
def draw_plan(plan):
    """Shows a plan, and draws what it holds, where it is one for its name's task."""
    show_plan(plan)
    own, given = own_task(plan["name"]), read_plan(plan)
    if mismatch(own, given):
        return
    held, room = held_bytes(own, given), own.machine.room
    gib = {term.name: term.amount / 2**30 for term in held.terms if term.amount}
    title = f"It {'fits' if held.total <= room else 'does not fit'}: dashed is the room"
    axes = stacked({"memory": gib}, "GiB on each device", title)
    axes.axvline(room / 2**30, color="black", linestyle="--")
    axes.set_xlim(0, 1.12 * max(held.total, room) / 2**30)
    plt.show()


draw_plan(
    {
        "name": MY_NAME or "nobody yet",
        "batch": 1,
        "accumulation": task.sequences // machine.devices,
        "checkpointing": False,
        "precision": "fp32",
        "optimizer": "adam",
        "zero": 0,
        "tensor": 1,
    }
)

# %% [markdown]
# ✎ **Fit it (5 points).** Hand in a plan that fits: two points. No slower than 3 times the fastest that a search of all plans finds: one more; 1.5 times, 1.1 times: one more each. Try by hand, or write a search of your own, in the cell below: `show_plan` above makes the calls that it needs. The cell after the check draws your plan.


# %% answer="fit_it"
def fit_it():
    """Your name and your plan: a dict with the keys of the plan above."""
    ### BEGIN SOLUTION
    return {
        "name": "Ada Lovelace",
        "batch": 1,
        "accumulation": 16,
        "checkpointing": False,
        "precision": "mixed",
        "optimizer": "adam8bit",
        "zero": 3,
        "tensor": 1,
    }
    ### END SOLUTION


# %% check="fit_it"
check("fit_it", fit_it)

# %% tags=["skip-grading"]
plan, problem = tried(fit_it)
if problem:
    print("no plan:", problem)
else:
    _, problem = tried(draw_plan, plan)
    if problem:
        print("not shown:", problem)

# %% [markdown]
# ✎ **Explain (1 point).** What made your plan fit, in GiB: which lever took how much? What did that lever cost in seconds, and why? Name one thing that real machines do and this model leaves out, and say which plans it would hurt. A person reads it.

# %% [markdown] read="explain_plan" points=1
# 5.7 B parameters on 8 RTX 4090: states took 84 GiB at stage 0. ZeRO-3 cut them to 10.6, eight-bit m
# and v to 6.6; a sequence keeps 7.9 more. ZeRO-3 costs 0.8 of 14.9 s: its gathers hide behind 2,260
# tokens, a pass has 2,048. A batch of 2 hides them, but fits only with checkpointing: a third more
# products. Latency is left out: each block is gathered 32 times a step, which hurts ZeRO-3.

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("10_many_devices")

# %% [markdown]
# **Takeaways**
#
# - ZeRO shares states, then gradients, then weights; only stage 3 has no floor.
# - A ring's all-reduce sends twice the tensor, to 8 devices or to 8,000.
# - ZeRO-3 sends half as much again, in each pass.
# - Tokens on a device hide what is sent: about rate ÷ bandwidth of them.
# - Tensor ranks wait at each sum, pipelines in a bubble.
# - Freezing saves gradients and states, not activations.

# %% [markdown]
# **Next:** the homework, and the project: one model, all of its numbers on one page.

# %% [markdown]
# **References**
#
# - S. Rajbhandari et al.: *ZeRO*, SC 2020.
# - P. Patarasuk, X. Yuan: *Bandwidth optimal all-reduce algorithms*, JPDC 2009.
# - M. Shoeybi et al.: *Megatron-LM*, 2019. Columns, then rows.
# - Y. Huang et al.: *GPipe*, NeurIPS 2019. The bubble.
# - D. Narayanan et al.: *Megatron-LM on GPU clusters*, SC 2021. 1F1B.
# - V. Korthikanti et al.: *Reducing activation recomputation*, MLSys 2023.
# - E. Hu et al.: *LoRA*, ICLR 2022.
# - Y. Zhao et al.: *PyTorch FSDP*, VLDB 2023.
