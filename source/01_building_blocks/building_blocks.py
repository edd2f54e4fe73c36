# %% [markdown]
# # Building blocks: what a network is made of
#
# AlexNet, the network with which image recognition went deep in 2012, has 61 million parameters. Where in the network do they sit, and what passes between them?
#
# You will count them, layer by layer. Write where `# YOUR CODE HERE` stands, delete the line `raise NotImplementedError()`, and run the `check` below it. When your work is graded, more cases are drawn than you see.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from helpers.check import check, progress
from helpers.plots import layers
from helpers.predict import guessed, outcome, predict

# %% [markdown]
# ## One neuron
#
# A neuron has a *synapse* for each input: a weight that the input is multiplied by. It adds everything up, adds a bias, and passes the sum through a function f:
#
# $$y = f\Big(\sum_i w_i x_i + b\Big)$$
#
# Weights and biases are **parameters**: learned, stored, the same for every input. What goes in and comes out are **features**, also called activations: new for every input.

# %%
x, w, b = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.0]), -1.0
terms = w * x
print("products", terms.tolist(), "  sum with bias", (terms.sum() + b).item())
print("a negative sum under ReLU, max(0, ·):", F.relu(torch.tensor(-1.5)).item())

# %% [markdown]
# Write a neuron whose f is ReLU, max(0, ·). One line of plain Python is enough.


# %% answer="neuron_output"
def neuron_output(inputs, weights, bias):
    """Output of a ReLU neuron; inputs and weights
    are lists of one length."""
    ### BEGIN SOLUTION
    return max(0.0, sum(w * x for w, x in zip(weights, inputs)) + bias)
    ### END SOLUTION


# %% check="neuron_output"
check("neuron_output", neuron_output)

# %% [markdown]
# ## What a layer of neurons does
#
# The sum is zero along a line, so one neuron divides the plane in two. Which line has all the squares of the picture on one side and all the circles on the other? None: their corners lie crosswise.
#
# Two ReLU neurons fold the plane. What the next neuron sees, *one* line can divide.

# %% tags=["skip-grading"]
corners = torch.tensor([[0.0, 0], [1, 1], [0, 1], [1, 0]]).repeat_interleave(25, 0)
points = corners + 0.08 * torch.randn(100, 2)
squares = torch.arange(100) >= 50

hidden = nn.Linear(2, 2)
hidden.weight.data = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
hidden.bias.data = torch.tensor([0.0, -1.0])
features = F.relu(hidden(points)).detach()

layers.reshaped_plane(
    points.numpy(),
    features.numpy(),
    squares.numpy(),
    neurons=[(1, 1, 0), (1, 1, -1)],
    classifier=(1, -2, -0.5),
)
plt.show()

# %% [markdown]
# Dashed: where each hidden neuron begins to fire. Both heaps of squares have landed in one place, and a line cuts them off.
#
# **A network is a row of stages, each a set of linear classifiers that reshapes the space for the next.** Without a function between them, the stages collapse into one:

# %%
x, first, second = torch.randn(5, 8), torch.randn(16, 8), torch.randn(4, 16)
two_layers = x @ first.T @ second.T
one_layer = x @ (second @ first).T
print("two linear layers minus one:", f"{(two_layers - one_layer).abs().max().item():.1e}")
with_relu = F.relu(x @ first.T) @ second.T
print("with ReLU in between:       ", f"{(with_relu - one_layer).abs().max().item():.1e}")

# %% [markdown]
# ## A linear layer, and its shapes
#
# A layer is many neurons on the same inputs. A **batch** is many samples at once: one row each. Which of these shapes know about the batch?

# %%
layer = nn.Linear(in_features=6, out_features=2)
batch = torch.randn(5, 6)
print("input ", tuple(batch.shape), "  output", tuple(layer(batch).shape))
print("weight", tuple(layer.weight.shape), "  bias  ", tuple(layer.bias.shape))


# %% answer="linear_shapes"
def linear_shapes(batch, in_features, out_features):
    """{"weight": [rows, columns], "output":
    [rows, columns], "parameters": how many in
    all}."""
    ### BEGIN SOLUTION
    return {
        "weight": [out_features, in_features],
        "output": [batch, out_features],
        "parameters": in_features * out_features + out_features,
    }
    ### END SOLUTION


# %% check="linear_shapes"
check("linear_shapes", linear_shapes)

# %% [markdown]
# ## Wide or deep?
#
# Six stacks of linear layers, width → width, each followed by ReLU. All have the same number of weights, and all do the same number of multiplications.

# %%
STACKS = [(1, 2048), (4, 1024), (16, 512), (64, 256), (256, 128), (1024, 64)]  # depth, width
for depth, width in STACKS:
    print(f"{depth:5} layers of {width:4}: {depth * width**2:,} weights")

# %% tags=["skip-grading"]
from helpers.timing import best_of

torch.set_num_threads(1)  # one core: other programs disturb it less
device = "cuda" if torch.cuda.is_available() else "cpu"


def stack(depth, width):
    linear = [nn.Linear(width, width, bias=False) for _ in range(depth)]
    for layer in linear:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # keeps the size of features
    return nn.Sequential(*(m for layer in linear for m in (layer, nn.ReLU()))).to(device)


# %% [markdown]
# **Predict:** one sample goes through each. How many times as long as the widest does the deepest take? Write a number in place of the three dots: 1, 3, 10, 30, 100? Before you guess, the next cell shows nothing. A guess earns no points, right or wrong.

# %% predict="deep_to_wide"
predict("deep_to_wide", 3)

# %% tags=["skip-grading"]
if guessed("deep_to_wide"):
    times = []  # ms: the fastest of five runs, as the others were disturbed
    print(f"{'':20}{'ms':>7}{'µs each':>9}{'times':>6}")
    for depth, width in STACKS:
        with torch.no_grad():
            x = torch.randn(1, width, device=device)
            times.append(1e3 * best_of(stack(depth, width), x))
        print(f"{depth:5} layers of {width:4}{times[-1]:7.2f}", end="")
        print(f"{1000 * times[-1] / depth:9.1f}{times[-1] / times[0]:6.1f}")
    outcome("deep_to_wide", times[-1] / times[0])

# %% [markdown]
# **Explain (1 point).** What did you predict, and what was measured? The arithmetic is the same: what does the deepest stack pay for? Look at the time of one layer. A person reads it.

# %% [markdown] read="explain_depth" points=1
# I guessed 3; on a busy CPU core 1024 layers took forty times as long as the one. The
# multiplications are the same, but every layer is a call of its own: Python, PyTorch's dispatch,
# starting the operation. Down to width 256 a layer's time shrinks with its work; then it stays above
# ten microseconds, however little is to do. Small matrices leave most parallel units without work,
# and no layer can begin before the one above it is done.

# %% [markdown]
# So hardware likes few large operations. What does *accuracy* like? Two spirals, about 1,200 parameters each time: two layers of 32, or 17 of 8. The deep stack comes plain or with *residuals* (output = input + layer), from PyTorch's own first weights or from weights that keep the size of the signal (*Kaiming*, as above).


# %% tags=["skip-grading"]
class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        return x + F.relu(self.linear(x))


def spirals(samples=400):
    angle = torch.rand(samples) * 2.5 * torch.pi + 0.6
    label = torch.arange(samples) % 2
    turned = angle + torch.pi * label
    arms = angle[:, None] * torch.stack([turned.cos(), turned.sin()], 1)
    return arms / 8 + 0.02 * torch.randn(samples, 2), label


# %% tags=["skip-grading"]
def accuracy(depth, width, residual=False, kaiming=False, steps=150):
    """Percent of new points that a trained network gets right."""
    inner = [
        Residual(width) if residual else nn.Sequential(nn.Linear(width, width), nn.ReLU())
        for _ in range(depth - 1)
    ]
    network = nn.Sequential(nn.Linear(2, width), nn.ReLU(), *inner, nn.Linear(width, 2))
    for layer in network.modules() if kaiming else ():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    points, labels = spirals()
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(points), labels).backward()
        optimizer.step()
    points, labels = spirals()
    return 100 * (network(points).argmax(1) == labels).float().mean().item()


# %% [markdown]
# An experiment of two by two. Guessing at random gets 50 %. **Predict** the mean accuracy, in percent, of 17 *plain* layers: from the default start, and from Kaiming's.

# %% predict="spirals"
predict("plain_default", 80)
predict("plain_kaiming", 80)

# %% tags=["skip-grading"]
from helpers.plots.style import ACCENT, figure

if guessed("plain_default") and guessed("plain_kaiming"):
    kinds = {
        "2 layers of 32": (2, 32),
        "plain, default": (17, 8),
        "plain, Kaiming": (17, 8, False, True),
        "residual, default": (17, 8, True),
        "residual, Kaiming": (17, 8, True, True),
    }
    runs = {name: [accuracy(*how) for _ in range(4)] for name, how in kinds.items()}
    _, axes = figure(size=(5.6, 2.8))
    for row, scores in enumerate(runs.values()):
        axes.plot(scores, [row] * 4, "o", color=ACCENT, alpha=0.6)
    axes.set_yticks(range(len(runs)), list(runs))
    axes.invert_yaxis()
    axes.axvline(50, color="gray", linestyle=":")
    axes.set(xlabel="% right, four trainings each; dotted: by chance", xlim=(40, 102))
    axes.set_title("17 layers: the start decides")
    plt.show()
    for name in "plain, default", "plain, Kaiming":
        outcome(name.replace(", ", "_").lower(), sum(runs[name]) / 4)

# %% [markdown]
# Depth is not what fails: the start is. From PyTorch's default weights the signal shrinks from layer to layer, and 17 plain layers hardly learn in 150 steps. Weights that keep its size (Kaiming, He et al. 2015) explain most of the difference; so do residuals, through which the signal passes by (He et al. 2016). Both at once add nothing here, and two wide layers do best; networks of a hundred layers want both.

# %% [markdown]
# ## Convolution
#
# A convolution is a neuron that looks at a few neighbours, used again at every place. The *same* weights everywhere: that is why it needs so few. In one dimension it takes one line:

# %%
row, kernel = torch.tensor([1.0, 2, 4, 8, 16]), torch.tensor([1.0, -1.0])
mine = [(row[i : i + 2] * kernel).sum().item() for i in range(len(row) - 1)]
theirs = F.conv1d(row[None, None], kernel[None, None]).flatten().tolist()
print("by hand", mine)
print("PyTorch", theirs)

# %% [markdown]
# Images have channels, height and width; a batch of them has the shape (batch, channels, height, width). Every output channel has a kernel for every input channel, and sums over them:

# %%
for layer, shape in [
    (nn.Conv1d(2, 5, kernel_size=3), (7, 2, 20)),
    (nn.Conv2d(3, 8, kernel_size=3), (7, 3, 20, 30)),
]:
    out = layer(torch.randn(shape))
    print(type(layer).__name__, "input", shape, "output", tuple(out.shape))
    print("       weight", tuple(layer.weight.shape))

# %% [markdown]
# How many places are there for a kernel? Count the bars:

# %% tags=["skip-grading"]
layers.windows([(4, 2, 1, 0), (7, 3, 1, 1), (7, 3, 2, 1)])
plt.show()

# %% [markdown]
# **Padding** adds pixels around the *input*; **stride** is the step from place to place. With h pixels in, kernel k, stride s and padding p on each side:
#
# $$h_{out} = \left\lfloor \frac{h + 2p - k}{s} \right\rfloor + 1$$
#
# A last step that would lead over the edge is not taken: the result is rounded down.


# %% answer="output_size"
def output_size(size, kernel, stride, padding):
    """Places of a kernel along one side of the
    image."""
    ### BEGIN SOLUTION
    return (size + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


# %% check="output_size"
check("output_size", output_size)

# %% [markdown]
# Now backwards. A 3×3 kernel at stride 1 turns 11 pixels into 9, another one turns 11 into 11: how much padding has each? And which padding lets a kernel of 4 keep 32 pixels?


# %% answer="padding_needed"
def padding_needed(size_in, size_out, kernel):
    """Padding on each side, at stride 1; None
    where no whole number ≥ 0 does it."""
    ### BEGIN SOLUTION
    both_sides = size_out - size_in + kernel - 1
    return both_sides // 2 if both_sides >= 0 and both_sides % 2 == 0 else None
    ### END SOLUTION


# %% check="padding_needed"
check("padding_needed", padding_needed)

# %% [markdown]
# What is in the padding? Zeros are the habit: a flat frame around the image. Reflection and replication continue the image, and a constant can be any number:

# %%
row = torch.tensor([[[1.0, 2, 3, 4]]])
for mode, value in [("constant", 0), ("reflect", 0), ("replicate", 0), ("constant", 9)]:
    padded = F.pad(row, (2, 2), mode=mode, value=value).flatten()
    print(f"{mode:9} {padded.int().tolist()}")

# %% [markdown]
# ## Follow the shapes
#
# Pooling shrinks without weights: of each window it takes the largest number, or the average.

# %%
row = torch.tensor([[1.0, 5, 2, 2]])
print("maximum", F.max_pool1d(row, 2).tolist(), "  average", F.avg_pool1d(row, 2).tolist())

# %% [markdown]
# Here is a small network for images of one channel:


# %%
def small_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),  # conv1
        nn.ReLU(),
        nn.MaxPool2d(2),  # pool: kernel 2, stride 2
        nn.Conv2d(16, 32, kernel_size=3, stride=2),  # conv2: no padding
        nn.ReLU(),
        nn.Flatten(),
    )


print(small_cnn())

# %% [markdown]
# Which shapes come out of `pool`, `conv2` and `flatten`? A linear layer that follows must know the last one. Each image of the batch is flattened by itself.


# %% answer="cnn_shapes"
def cnn_shapes(batch, size):
    """{"pool": [n, c, h, w], "conv2": [n, c, h,
    w], "flatten": [n, features]}."""
    ### BEGIN SOLUTION
    pooled = size // 2
    last = (pooled - 3) // 2 + 1
    return {
        "pool": [batch, 16, pooled, pooled],
        "conv2": [batch, 32, last, last],
        "flatten": [batch, 32 * last * last],
    }
    ### END SOLUTION


# %% check="cnn_shapes"
check("cnn_shapes", cnn_shapes)

# %% [markdown]
# ## How far does one output see?
#
# Two layers with kernel 3. Where must the stride stand for the top to see more?

# %% tags=["skip-grading"]
layers.receptive_fields([([3, 3], [1, 1]), ([3, 3], [2, 1]), ([3, 3], [1, 2])])
plt.show()

# %% [markdown]
# The **receptive field** starts at 1 input. Each layer adds (kernel − 1) steps; how long such a step is in input pixels, the strides *before* it decide.


# %% answer="receptive_field"
def receptive_field(kernels, strides):
    """Inputs, along one side, that one output of
    the stack sees; first layer first."""
    ### BEGIN SOLUTION
    field, step = 1, 1
    for kernel, stride in zip(kernels, strides):
        field += (kernel - 1) * step
        step *= stride
    return field
    ### END SOLUTION


# %% check="receptive_field"
check("receptive_field", receptive_field)

# %% [markdown]
# A gradient says the same: which inputs does one output depend on?

# %%
three = nn.Sequential(*(nn.Conv1d(1, 1, 3, stride=s, bias=False) for s in (2, 1, 1)))
x = torch.ones(1, 1, 40, requires_grad=True)
three(x)[0, 0, 0].backward()
print("inputs that matter to output 0:", int((x.grad != 0).sum()))

# %% [markdown]
# ## Groups: cut the connections
#
# A convolution has a kernel for each *line* in this drawing. Groups take lines away.

# %% tags=["skip-grading"]
layers.channel_groups(8, [1, 2, 8])
plt.show()

# %% [markdown]
# Each group takes its share of the inputs and makes its share of the outputs, so the number of groups must divide both:

# %%
for groups in (1, 2, 4):
    print(groups, "groups:", tuple(nn.Conv2d(8, 12, 3, groups=groups).weight.shape))
try:
    nn.Conv2d(8, 12, 3, groups=8)
except ValueError as error:
    print("8 groups:", error)


# %% answer="grouped_parameters"
def grouped_parameters(in_channels, out_channels, kernel, groups):
    """Weights of a kernel × kernel convolution
    without bias; None where groups do not fit."""
    ### BEGIN SOLUTION
    if in_channels % groups or out_channels % groups:
        return None
    return out_channels * (in_channels // groups) * kernel**2
    ### END SOLUTION


# %% check="grouped_parameters"
check("grouped_parameters", grouped_parameters)

# %% [markdown]
# A **depthwise** convolution takes it to the end: one kernel for each channel, and no channel sees another. A 1×1 convolution (**pointwise**) then mixes them. Both together are *depthwise separable* (MobileNet, 2017). Without biases, what do they save?


# %% answer="separable_parameters"
def separable_parameters(in_channels, out_channels, kernel):
    """{"standard": weights of one convolution,
    "separable": of depthwise, then pointwise}."""
    ### BEGIN SOLUTION
    return {
        "standard": in_channels * out_channels * kernel**2,
        "separable": in_channels * kernel**2 + in_channels * out_channels,
    }
    ### END SOLUTION


# %% check="separable_parameters"
check("separable_parameters", separable_parameters)

# %% [markdown]
# Play: 64 channels in and out. Which sliders leave the parameters alone? With 64 groups the MAC (multiply-accumulates, unit 02) fall to 1/64: how far does the traffic fall, the bytes read and written?

# %% tags=["skip-grading"]
from helpers.widgets import convolution

convolution()

# %% [markdown]
# Stride and padding leave the parameters alone. The traffic falls to a third only: fewer weights are read, but the features still come in and go out. Units 03 and 04 show what that does to speed.

# %% [markdown]
# ## Normalization: who shares a mean?
#
# Batch, layer, instance and group norm all subtract a mean and divide by a standard deviation. They differ in what they average over. Each cell below is one channel of one image, height × width pixels; cells with the same μ share a mean. (Layer norm is drawn for images; in a transformer it averages over the features of each token.)

# %% tags=["skip-grading"]
layers.normalization_axes(images=3, channels=4, groups=2)
plt.show()

# %% [markdown]
# Each mean is a number that must be computed and kept. How many are there, for a batch of any size?


# %% answer="norm_means"
def norm_means(batch, channels, height, width, groups):
    """{"batch": …, "layer": …, "instance": …,
    "group": …}: how many means each one takes."""
    ### BEGIN SOLUTION
    return {
        "batch": channels,
        "layer": batch,
        "instance": batch * channels,
        "group": batch * groups,
    }
    ### END SOLUTION


# %% check="norm_means"
check("norm_means", norm_means)

# %% [markdown]
# Batch norm is the odd one: its means mix images, so it behaves otherwise in training (this batch) than in use (averages remembered). At batch 1 only the pixels are left to average over.

# %% [markdown]
# ## Activations: the bend

# %%
ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "ReLU": F.relu,
    "ReLU6": F.relu6,
    "leaky ReLU": lambda x: F.leaky_relu(x, 0.1),
    "swish": F.silu,
    "hard swish": F.hardswish,
    "GELU": F.gelu,
}

# %% tags=["skip-grading"]
layers.activation_curves(ACTIVATIONS)
plt.show()

# %% [markdown]
# **Predict:** a million inputs around zero, half of them negative; their standard deviation is 2. How many percent of the outputs of *hard swish* are exactly zero? Zeros need not be stored or multiplied, if the hardware can use that.

# %% predict="zeros"
predict("hard_swish_zeros", 50)

# %%
x = 2 * torch.randn(1_000_000)
if guessed("hard_swish_zeros"):
    print(f"{'':12}{'zeros':>7}{'smallest':>10}{'largest':>9}")
    for name, function in ACTIVATIONS.items():
        y = function(x)
        zeros = (y == 0).float().mean().item()
        print(f"{name:12}{zeros:7.1%}{y.min().item():10.2f}{y.max().item():9.2f}")
    outcome("hard_swish_zeros", 100 * (F.hardswish(x) == 0).float().mean())

# %% [markdown]
# Two of these need a second look: GELU's zeros, and how they come about.

# %%
at = torch.tensor(-6.0)
print(f"GELU(−6) in fp64 {F.gelu(at.double()).item():.1e}, in fp32 {F.gelu(at).item():.1e}")
print(f"1 + erf(−6 / √2) in fp32: {(1 + torch.erf(at / 2**0.5)).item():.1e}")

# %% [markdown]
# Only ReLU, ReLU6 and hard swish (below −3) make zeros in earnest. GELU's few are tiny numbers that fp32 could hold; they are lost on the way, where it adds 1 and an error function near −1. Sigmoid and ReLU6 stay in a fixed range, whatever comes in. That helps **quantization**: 8 bits are 256 levels, spread evenly over the range of outputs, so a wide range means coarse steps.

# %% [markdown]
# Inputs lie between −largest and largest; leaky ReLU has slope 0.1 below zero. How far apart are two neighbouring levels, if the lowest is the smallest output that occurs for such inputs and the highest the largest that occurs?


# %% answer="quantization_step"
def quantization_step(activation, largest):
    """Distance of neighbouring 8-bit levels for
    "relu", "relu6" or "leaky_relu"."""
    ### BEGIN SOLUTION
    low = -0.1 * largest if activation == "leaky_relu" else 0.0
    high = min(largest, 6.0) if activation == "relu6" else largest
    return (high - low) / 255
    ### END SOLUTION


# %% check="quantization_step"
check("quantization_step", quantization_step)

# %% [markdown]
# ## The transformer block
#
# Attention lets tokens look at each other; the MLP (multi-layer perceptron: two linear layers) works on each token alone. Two norms, two residuals. Nothing changes shape on the way, so blocks can be stacked at will.

# %% tags=["skip-grading"]
layers.transformer_block(tokens=16, width=64)
plt.show()

# %%
block = nn.TransformerEncoderLayer(64, nhead=4, dim_feedforward=256, norm_first=True)
x = torch.randn(16, 1, 64)  # (tokens, batch, width)
print("in", tuple(x.shape), "out", tuple(block(x).shape))
for name, parameter in block.named_parameters():
    print(f"{name:28} {tuple(parameter.shape)}")

# %% [markdown]
# `in_proj` holds queries, keys and values in one matrix; the MLP goes from width to 4 · width and back; everything has biases. How many parameters has each part? One of the two arguments may not matter.


# %% answer="block_parameters"
def block_parameters(width, heads):
    """{"attention": …, "MLP": …, "norms": …},
    biases and shifts included."""
    ### BEGIN SOLUTION
    return {
        "attention": 4 * width**2 + 4 * width,
        "MLP": 2 * width * 4 * width + 4 * width + width,
        "norms": 2 * 2 * width,
    }
    ### END SOLUTION


# %% check="block_parameters"
check("block_parameters", block_parameters)

# %% [markdown]
# ## AlexNet, layer by layer (2 points)
#
# All you need, from the paper. conv2, conv4 and conv5 have **two groups**: the network was split over two GPUs.

# %% [markdown]
# | | out | kernel | then |
# |---|---|---|---|
# | conv1 | 96 | 11 | pool → 27 × 27 |
# | conv2 | 256 | 5 | pool → 13 × 13 |
# | conv3, conv4 | 384 | 3 | |
# | conv5 | 256 | 3 | pool → 6 × 6 |
# | fc6, fc7 | 4096 | | |
# | fc8 | classes | | |

# %% [markdown]
# Count the weights of each layer, and all biases together (one for each output channel or neuron). Images have 3 channels and there are 1000 classes, but let your function take any.
#
# And any `width`: with 2, each layer has twice the channels or neurons of the table; image and classes stay.


# %% answer="alexnet_weights"
def alexnet_weights(image_channels, classes, width):
    """{"conv1": …, "conv2": …, …, "fc8": …,
    "biases": …}."""
    ### BEGIN SOLUTION
    outputs = [96, 256, 384, 384, 256, 4096]
    c1, c2, c3, c4, c5, full = [width * n for n in outputs]
    return {
        "conv1": c1 * image_channels * 11**2,
        "conv2": c2 * (c1 // 2) * 5**2,
        "conv3": c3 * c2 * 3**2,
        "conv4": c4 * (c3 // 2) * 3**2,
        "conv5": c5 * (c4 // 2) * 3**2,
        "fc6": c5 * 6 * 6 * full,
        "fc7": full * full,
        "fc8": full * classes,
        "biases": c1 + c2 + c3 + c4 + c5 + full + full + classes,
    }
    ### END SOLUTION


# %% check="alexnet_weights"
check("alexnet_weights", alexnet_weights)

# %% [markdown]
# So where do the 61 million sit?

# %% tags=["skip-grading"]
from helpers.plots import ledger_bar
from helpers.reference import alexnet_parameters

ledger_bar(alexnet_parameters().summary())
plt.show()

# %% [markdown]
# One layer, fc6, holds 62 % of them, and the five convolutions together under 4 %. But which layers do the *work*? That is another picture, and the next unit.

# %%
progress("01_building_blocks")

# %% [markdown]
# **Takeaways**
#
# - Parameters stay, features pass. Parameters do not grow with the batch.
# - A stage reshapes the space for the next; without a bend, stages collapse into one.
# - Same arithmetic, other shape, other speed: many small operations are slow.
# - Padding goes on the input; a stride widens what *later* layers see.
# - Groups divide weights, and must divide both channel counts.
# - Norms differ in who shares a mean. The head count of attention costs no parameters.

# %% [markdown]
# **References**
#
# - Krizhevsky, Sutskever, Hinton: *ImageNet Classification with Deep Convolutional Neural Networks*, 2012
# - Goodfellow, Bengio, Courville: *Deep Learning*, 2016 (XOR: section 6.1)
# - Dumoulin, Visin: *A guide to convolution arithmetic*, 2016
# - He et al.: *Delving Deep into Rectifiers*, 2015; *Deep Residual Learning*, 2016
# - Howard et al.: *MobileNets*, 2017. Wu, He: *Group Normalization*, 2018
# - Vaswani et al.: *Attention Is All You Need*, 2017
# - Araujo, Norris, Sim: *Computing Receptive Fields of Convolutional Neural Networks*, 2019

# %% [markdown]
# **Next:** 02, what all this computes: MAC and FLOP.
