# %% [markdown]
# # Project: the sheet of one model
#
# A model comes as a table of layers, and nobody has run it yet. How large is it, how much does it compute, what does it take to use it, to train it?
#
# **Can you write its sheet before it runs?**

# %% [markdown]
# Your name gives you a model of your own. You write seven formulas (17 points), which fill its sheet. Then it runs, and you explain where your sheet was off by most (3 points, read by a person).
#
# A formula is tried with tiny models, with known ones and, when graded, with others like yours. Within 1 % in all of them it earns everything, within 5 % half, within 20 % a quarter.

# %% [markdown]
# **To hand in:** run everything once more from the top (*Runtime → Restart and run all*), then download the `.ipynb` and upload it where your course collects it.

# %%
import math

import matplotlib.pyplot as plt
import torch

from helpers.check import check, progress
from helpers.model_table import INPUT, layers, own_model
from helpers.plots.style import COLORS, figure
from helpers.predict import guessed, outcome, predict, show
from helpers.text_table import html_table, text_table
from helpers.tried import numbers, tried

MY_NAME = ""  # write your own

# %%
MODEL = own_model(MY_NAME or "nobody")
my_rows = layers(MODEL)
print("for", MY_NAME or "nobody: write your name above")
print(MODEL)
print(len(my_rows), "rows")

# %% [markdown]
# *resnet 2-2-2-2 x 64, 224 px -> 1000*: four stages of two blocks each, 64 channels in the first; images of 224 × 224; 1,000 classes. *vit 12 x 192, 3 heads, …*: 12 blocks, 192 wide. *gpt 6 x 256, 4 heads, 128 of 500*: texts of 128 tokens, out of 500 words.
#
# Here is how your model begins, and how it ends. (A linear layer is a convolution with a kernel of 1.)


# %% tags=["skip-grading"]
def change(before, after):
    return f"{before} → {after}" if before != after else f"{after}"


def show_rows(rows, shown):
    head = ("row", "kind", "reads", "channels", "places", "")
    table = [head]
    for number in shown:
        row = rows[number]
        reads = ", ".join(map(str, row.reads))
        channels = change(row.channels_in, row.channels_out)
        places = change(row.places_in, row.places_out)
        more = [f"kernel {row.kernel}"] * (row.kernel > 1) + ["bias"] * row.bias
        more += [f"shares {row.shares}"] * (row.shares >= 0)
        table.append((str(number), row.kind, reads, channels, places, ", ".join(more)))
    show({"text/plain": text_table(table), "text/html": html_table(table, left=2)})


last = len(my_rows)
show_rows(my_rows, [*range(12), *range(last - 3, last)])

# %% [markdown]
# A row's `kind` is *conv, linear, batch norm, layer norm, relu, gelu, attention, causal attention, add, max pool, mean, embedding* or *positions*. What else it has:

# %% [markdown]
# | of a row | |
# |---|---|
# | `reads` | whose outputs go in; −1: the image or text |
# | `channels_in`, `channels_out` | numbers at each place |
# | `places_in`, `places_out` | pixels, or tokens |
# | `kernel` | its side, else 1 |
# | `bias` | True, False |
# | `heads` | of attention |
# | `shares` | the row whose weights it uses, or −1 |
# | `notes` | for backward, see below |

# %% [markdown]
# Any other model can be asked for. `layers("gpt 1 x 4, 2 heads, 3 of 5")` has 14 rows: few enough to work out by hand what your formula should give.

# %% tags=["skip-grading"]
made = [row.channels_out * row.places_out for row in my_rows]
most = max(range(len(made)), key=lambda number: made[number])
_, axes = figure(size=(5.2, 2.6))
axes.bar(range(len(made)), [number / 1000 for number in made], color=COLORS[0])
axes.set(xlabel="row", ylabel="thousand numbers")
axes.set_title(f"Row {most}, {my_rows[most].kind}, makes most: {made[most]:,} numbers")
plt.show()

# %% [markdown]
# ## Guess first
#
# Before any formula, by feel: how many million parameters has it? How many times as much memory as a forward pass takes a step of training with Adam, both with 8 images or texts? And how many milliseconds does one image or text take on one core here? Write numbers in place of the dots.

# %% predict="project_guesses"
predict("million parameters", 7)
predict("Adam ÷ forward", 6)
predict("milliseconds", 40)

# %% [markdown]
# ## Parameters
#
# Convolutions, linear layers, norms, an embedding (a row of numbers for each word) and positions (numbers for each place, added) have something to learn. The rest does not.
#
# ✎ *2 points.* First for one row: you will want it again. Then for a model, by its text.


# %% answer="sheet_parameters"
def learned(row):
    """Parameters of a row's own."""
    ### BEGIN SOLUTION
    if row.kind in ("conv", "linear", "embedding") and row.shares < 0:
        weights = row.channels_in * row.channels_out * row.kernel**2
        return weights + row.bias * row.channels_out
    if row.kind in ("batch norm", "layer norm"):
        return 2 * row.channels_out
    return row.channels_out * row.places_out if row.kind == "positions" else 0
    ### END SOLUTION


def sheet_parameters(model):
    """Parameters of the model; `layers(model)` are its rows."""
    ### BEGIN SOLUTION
    return sum(learned(row) for row in layers(model))
    ### END SOLUTION


# %% check="sheet_parameters"
check("sheet_parameters", sheet_parameters)

# %% [markdown]
# ## Multiply-accumulates
#
# Convolutions, linear layers and attention; the rest counts nothing. In attention each query meets keys: a score for each pair, and a value weighed by it, in every head. Its row reads queries, keys and values side by side; `channels_out` is the width of all heads together. A *causal* query sees its own key and those before it.
#
# ✎ *3 points.* For a batch of images or texts.


# %% answer="sheet_macs"
def sheet_macs(model, batch):
    """MAC of a forward pass."""
    ### BEGIN SOLUTION
    total = 0
    for row in layers(model):
        tokens = row.places_out
        if row.kind in ("conv", "linear"):
            total += row.channels_in * row.channels_out * row.kernel**2 * row.places_out
        elif row.kind == "attention":
            total += 2 * tokens * tokens * row.channels_out
        elif row.kind == "causal attention":
            total += tokens * (tokens + 1) * row.channels_out
    return batch * total
    ### END SOLUTION


# %% check="sheet_macs"
check("sheet_macs", sheet_macs)

# %% [markdown]
# ## Bytes of its file
#
# What is stored: all parameters and, of each batch norm, the running averages of mean and variance, which it uses later in place of a batch's own.
#
# ✎ *1 point.* Every number takes `bits` bits.


# %% answer="sheet_bytes"
def sheet_bytes(model, bits):
    """Bytes of what the model stores."""
    ### BEGIN SOLUTION
    norms = (row for row in layers(model) if row.kind == "batch norm")
    averages = sum(2 * row.channels_out for row in norms)
    return (sheet_parameters(model) + averages) * bits / 8
    ### END SOLUTION


# %% check="sheet_bytes"
check("sheet_bytes", sheet_bytes)

# %% [markdown]
# ## The peak of a forward pass
#
# From here on all is fp32. Rows run one after another. A tensor is let go when the last row that reads it is done, also if that is much later: what goes around a branch waits. The image or text (−1) stays to the end. Weights are there once.
#
# The size of a tensor, for you to use (a text's token ids are taken for nothing):


# %%
def tensor_numbers(model, tensor):
    """Numbers in a row's output, or in the input (-1), for one image or text."""
    rows = layers(model)
    if tensor == INPUT:
        return 0 if rows[0].kind == "embedding" else rows[0].channels_in * rows[0].places_in
    return rows[tensor].channels_out * rows[tensor].places_out


# %% [markdown]
# ✎ *3 points.* Parameters and tensors at the highest moment, in bytes. No workspace of kernels, no running averages.


# %% answer="sheet_forward"
def sheet_forward(model, batch):
    """Bytes at the highest moment of a forward pass without gradients."""
    ### BEGIN SOLUTION
    rows = layers(model)
    last = {tensor: number for number, row in enumerate(rows) for tensor in row.reads}
    last[INPUT] = last[len(rows) - 1] = len(rows)
    highest = 0
    for now in range(len(rows)):
        live = [tensor for tensor in range(INPUT, now + 1) if last[tensor] >= now]
        highest = max(highest, sum(tensor_numbers(model, tensor) for tensor in live))
    return 4 * sheet_parameters(model) + 4 * batch * highest
    ### END SOLUTION


# %% check="sheet_forward"
check("sheet_forward", sheet_forward)

# %% [markdown]
# ## The peak of a step with Adam
#
# Now training: forward, cross entropy, backward, a fused Adam (which holds nothing more while it updates). Weights, m and v lie there all the time. Which tensors are *kept* for backward depends on the kind:


# %%
def keeps(model, number):
    """The tensors that a row keeps for backward: its input, its output, or both."""
    row = layers(model)[number]
    if row.kind in ("attention", "causal attention"):
        return [row.reads[0], number]
    if row.kind == "relu":
        return [number]
    if row.kind in ("add", "mean", "positions", "embedding"):
        return []
    return [row.reads[0]]


# %% [markdown]
# A tensor that several rows keep is there once. Besides, a row writes down `notes` numbers (a layer norm its averages, attention one for each query, pooling where the largest was). All of it, the images and the output are there when the forward pass ends.

# %% [markdown]
# **At the loss**: cross entropy keeps logarithms, as large as the output, which itself goes. A gradient of the logarithms comes, and one of the output: the first moment. Of these three the output's gradient stays.

# %% [markdown]
# **Backward**, from the last row to the first. Each
#
# 1. leaves gradients of its weights;
# 2. makes a gradient of each tensor that it reads (not of −1), or adds to the one that is there. *add* and *positions* make none: they hand on the one that they got, for all whom they read;
# 3. *(look at this moment)*
# 4. lets go of its output's gradient, if not handed on, its notes, and tensors that no earlier row keeps.

# %% [markdown]
# For example, in numbers, `"gpt 1 x 4, 2 heads, 3 of 5"` with one text. Weights, m and v are 852 all the time.
#
# |moment|kept, notes|gradients of weights|of tensors|all|
# |---|---|---|---|---|
# |loss|255|0|30|1137|
# |13 linear|240|0|27|1119|
# |12 layer norm|228|8|24|1112|
# |11 add|210|8|12|1082|
# |10 linear|210|76|60|1198|
# |9 gelu|162|76|108|1198|
# |8 linear|114|156|72|1194|

# %% [markdown]
# After that it stays below: the peak is 4 · 1198 bytes.
#
# ✎ *4 points.* Start with what is there when the forward pass ends: that alone is within 20 %. Then the loss, then backward, row by row. Some 20 lines.


# %% answer="sheet_adam"
def sheet_adam(model, batch):
    """Bytes at the highest moment of a step with Adam."""
    ### BEGIN SOLUTION
    rows = layers(model)
    size = [4 * batch * tensor_numbers(model, tensor) for tensor in range(len(rows))]
    first = {}  # of each kept tensor: the first row that keeps it
    for number in range(len(rows)):
        for tensor in keeps(model, number):
            first.setdefault(tensor, number)
    end = len(rows) - 1
    held = 12 * sheet_parameters(model) + 4 * batch * tensor_numbers(model, INPUT)
    held += sum(size[tensor] for tensor in first if tensor != INPUT)
    held += sum(4 * batch * row.notes for row in rows) + size[end]
    peak = held + 2 * size[end]
    held -= size[end]
    gradient_of = {end: end}  # of each tensor that has a gradient: whose memory it is
    for number in reversed(range(len(rows))):
        row = rows[number]
        held += 4 * learned(row)
        for tensor in row.reads:
            if row.kind in ("add", "positions"):
                gradient_of[tensor] = gradient_of[number]
            elif tensor != INPUT:
                gradient_of.setdefault(tensor, tensor)
        gradients = sum(size[tensor] for tensor in set(gradient_of.values()))
        peak = max(peak, held + gradients)
        del gradient_of[number]
        held -= 4 * batch * row.notes
        held -= sum(size[t] for t in keeps(model, number) if t != INPUT and first[t] == number)
    return peak
    ### END SOLUTION


# %% check="sheet_adam"
check("sheet_adam", sheet_adam)

# %% [markdown]
# ## Seconds
#
# On a roofline a row takes as long as its arithmetic (2 FLOP a MAC) or its traffic, whichever is longer. It reads its weights and what goes in, and writes what comes out, in fp32; an embedding reads only the rows of the words that it looks up. Rows do not overlap.
#
# ✎ *2 points.* For one image or text. `peak` in FLOP/s, `bandwidth` in B/s.


# %% answer="sheet_seconds"
def sheet_seconds(model, peak, bandwidth):
    """Seconds of a forward pass at batch 1."""
    ### BEGIN SOLUTION
    rows, total = layers(model), 0
    for number, row in enumerate(rows):
        weights = learned(rows[row.shares]) if row.shares >= 0 else learned(row)
        if row.kind == "embedding":
            weights = row.channels_out * row.places_out
        moved = weights + sum(tensor_numbers(model, tensor) for tensor in (*row.reads, number))
        macs = 0
        if row.kind in ("conv", "linear"):
            macs = row.channels_in * row.channels_out * row.kernel**2 * row.places_out
        elif row.kind == "attention":
            macs = 2 * row.places_out**2 * row.channels_out
        elif row.kind == "causal attention":
            macs = row.places_out * (row.places_out + 1) * row.channels_out
        total += max(2 * macs / peak, 4 * moved / bandwidth)
    return total
    ### END SOLUTION


# %% check="sheet_seconds"
check("sheet_seconds", sheet_seconds)

# %% [markdown]
# ## The largest batch
#
# ✎ *2 points.* With how many images or texts does a step with Adam still fit into `memory` bytes? 0 where none does. Ask your own peak. (Twice as many until it is too much, then halves: 20 questions instead of thousands.)


# %% answer="sheet_batch"
def sheet_batch(model, memory):
    """The largest batch whose step fits; 0 if none does."""
    ### BEGIN SOLUTION
    fits, too_many = 0, 1
    while sheet_adam(model, too_many) <= memory:
        fits, too_many = too_many, 2 * too_many
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if sheet_adam(model, middle) <= memory:
            fits = middle
        else:
            too_many = middle
    return fits
    ### END SOLUTION


# %% check="sheet_batch"
check("sheet_batch", sheet_batch)

# %% [markdown]
# ## The sheet, predicted
#
# Your formulas, your model, 8 images or texts at a time. The device: one core of this machine, at the rates that unit 04 measures, and a T4's memory, 14.75 GiB.

# %% tags=["skip-grading"]
from helpers.hardware import measure

BATCH, MEMORY = 8, int(14.75 * 2**30)
torch.set_num_threads(1)  # other programs disturb one core less
machine = measure(refresh=True, seconds=0.5, on_cpu=True)
print(f"{machine.flop_rate / 1e9:,.0f} GFLOP/s, {machine.bandwidth / 1e9:.1f} GB/s")
rates = machine.flop_rate, machine.bandwidth
formulas = {
    "million parameters": lambda: sheet_parameters(MODEL) / 1e6,
    "million MAC": lambda: sheet_macs(MODEL, 1) / 1e6,
    "MB of its file": lambda: sheet_bytes(MODEL, 32) / 1e6,
    "MB, forward": lambda: sheet_forward(MODEL, BATCH) / 1e6,
    "MB, step with Adam": lambda: sheet_adam(MODEL, BATCH) / 1e6,
    "ms, batch 1": lambda: 1000 * sheet_seconds(MODEL, *rates),
    "largest batch": lambda: sheet_batch(MODEL, MEMORY),
}


def short(value):
    """A number of the sheet, as it is printed."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


predicted = {}
for line, formula in formulas.items():
    value, problem = tried(lambda formula=formula: numbers(formula()))
    if not problem:
        predicted[line] = value
    print(f"{line:18}", problem or short(value))

# %% [markdown]
# ## The sheet, measured
#
# Now it is built, of the same table, and runs. Parameters and bytes are counted in PyTorch's module, MAC by the course's meter; the peaks are what the allocator hands out while it runs; the time is the fastest of several runs. The largest batch is counted by the meter, which plays the step as a GPU would run it.

# %% tags=["skip-grading"]
from helpers.meter import count
from helpers.meter.table_model import TableModel, counted_largest_batch
from helpers.meter.table_model import measured_forward, measured_step
from helpers.timing import best_of

network = TableModel(my_rows)
one = network.example_input(1)
stored = {t.data_ptr(): t.nbytes for t in network.state_dict().values()}
measured = {
    "million parameters": sum(p.numel() for p in network.parameters()) / 1e6,
    "million MAC": count(network, one).macs / 1e6,
    "MB of its file": sum(stored.values()) / 1e6,
    "MB, forward": measured_forward(network, BATCH).peak / 1e6,
    "MB, step with Adam": measured_step(network, BATCH).peak / 1e6,
    "largest batch": counted_largest_batch(network, MEMORY),
}
with torch.no_grad():
    measured["ms, batch 1"] = 1000 * best_of(network.eval(), one, patience=0.5)

# %% tags=["skip-grading"]
outcomes = {
    "million parameters": measured["million parameters"],
    "Adam ÷ forward": measured["MB, step with Adam"] / measured["MB, forward"],
    "milliseconds": measured["ms, batch 1"],
}
for name, value in outcomes.items():
    if guessed(name):
        outcome(name, value)

# %% tags=["skip-grading"]
table = [(MODEL, "predicted", "measured", "ratio")]
ratios = {}
for line in formulas:
    value, seen = predicted.get(line, 0), measured[line]
    if value > 0:
        ratios[line] = value / seen
    ratio = f"{ratios[line]:.3f}" if line in ratios else "–"
    table.append((line, short(value) if line in predicted else "–", short(seen), ratio))
show({"text/plain": text_table(table), "text/html": html_table(table)})

# %% tags=["skip-grading"]
from helpers.plots.calibration import calibration

if ratios:
    worst = max(ratios, key=lambda line: abs(math.log(ratios[line])))
    title = f"Off by most: {worst}, ratio {ratios[worst]:.2g}"
    axes = calibration({line: [ratio] for line, ratio in ratios.items()}, title)
    axes.set_xlabel("too low   ←   predicted ÷ measured   →   too high")
    plt.show()

# %% [markdown]
# ## Explain
#
# Take three lines that were off by most: in the table above, in a formula before you mended it, or in your guesses. For each:
#
# - how far off, in which direction, and *what* was counted that is not there, or is there and not counted (half a point);
# - the number that shows it: of some rows, at another batch, with another number of threads (half a point).

# %% [markdown]
# A person reads your text, without your outputs: name your model, and write the numbers into it.
#
# **The largest error** (1 point).

# %% [markdown] read="explain_largest_error" points=1
# Time (resnet 2-2-2-2 x 56, 128 px): far too short. A roofline lets every row run at the rate of one large
# product or one large copy. 46 of the 68 rows move less than half a megabyte: they are called, and
# allocate, for longer than they work. Timed alone, row by row, the sum is nearer; with 8 images,
# which share the start, an image takes less, and the ratio comes nearer to 1.

# %% [markdown]
# **The second largest** (1 point): how far off, in which direction and why; then the number that shows it.

# %% [markdown] read="explain_second_error" points=1
# Largest batch: 2,451 predicted, 2,358 counted, 4 % too many. My peak fills all 14.75 GiB with tensors.
# A GPU's context lies there, too, half a gigabyte that no tensor shows: at 6 MB an image that is
# 80 or 90 images. Beside it, blocks are rounded up.

# %% [markdown]
# **The third** (1 point): how far off, in which direction and why; then the number that shows it.

# %% [markdown] read="explain_third_error" points=1
# Peak of forward: 50.9 MB predicted, 51.9 measured, 2 % too low. Tensors are counted to the byte; a
# convolution copies features into the library's own order and gives the copies back, 1.1 MB at 8 images.
# My first peak with Adam was 3 % too high: a sum of parts, though late rows have let go of
# theirs before the early rows' gradients come.

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("project")

# %% [markdown]
# **Takeaways**
#
# - A table of layers is enough for the whole sheet but the time.
# - Counts come out exact; peaks to some percent, if they are taken as the highest moment and not as a sum.
# - Time is a bound: small rows start slower than they run.
# - What a formula leaves out shows in the ratio, if one looks.

# %% [markdown]
# **References**
#
# - K. He et al.: *Deep residual learning for image recognition*, CVPR 2016.
# - A. Dosovitskiy et al.: *An image is worth 16 × 16 words*, ICLR 2021. Here with an average in the place of the class token.
# - A. Radford et al.: *Language models are unsupervised multitask learners*, 2019.
