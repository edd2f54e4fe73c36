# %% [markdown]
# # Autodiff: where saved activations come from
#
# Training keeps activations until `backward` has been there: unit 05 counted them. **What does `backward` want with them?**
#
# You build it: a program that differentiates other programs, in pieces of a few lines. Each piece is held against PyTorch as you go.

# %%
import graphlib
import math
import operator
import random
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from torch import nn

from helpers.check import check, progress
from helpers.plots.graph import expression_graph
from helpers.predict import guessed, outcome, predict
from helpers.tried import numbers, tried

# %% [markdown]
# ## A number that remembers
#
# Python computes (x + y) · x and forgets how. Give a number a memory: which operation made it, and from which parents.


# %%
class Node:
    """A number that remembers how it was made."""

    def __init__(self, data, operation="", parents=()):
        self.data, self.operation, self.parents = data, operation, parents
        self.grad = 0.0  # dL/d(this number), later


x, y = Node(2.0), Node(3.0)
a = Node(x.data + y.data, "add", (x, y))
L = Node(a.data * x.data, "mul", (a, x))
print(L.data, "was made by", L.operation, "from", [parent.data for parent in L.parents])

# %% [markdown]
# L knows its parents, and they know theirs. So L alone is enough to draw all of it:

# %%
expression_graph(L, {"x": x, "y": y, "a": a, "L": L}, title="What L remembers: every box is a Node")
plt.show()

# %% [markdown]
# An arrow for each *use* of a value: x is used twice. That will matter.
#
# ## Let the signs remember
#
# Nobody wants to write products like that. For `x * y` Python calls `x.__mul__(y)`: there the remembering can be done, and `x * y` is written as ever.


# %%
class Scalar(Node):
    """A Node that + and * work on, with plain numbers on either side."""

    def make(self, data, operation, *parents):
        return type(self)(data, operation, parents)

    def lift(self, other):  # a plain number becomes a node without parents
        return other if isinstance(other, Node) else type(self)(other)

    def __add__(self, other):
        other = self.lift(other)
        return self.make(self.data + other.data, "add", self, other)

    def __mul__(self, other):
        other = self.lift(other)
        return self.make(self.data * other.data, "mul", self, other)

    __radd__, __rmul__ = __add__, __mul__  # 2 + x is x + 2

    def exp(self):
        return self.make(math.exp(self.data), "exp", self)

    def log(self):
        return self.make(math.log(self.data), "log", self)

    def tanh(self):
        return self.make(math.tanh(self.data), "tanh", self)


# %% [markdown]
# In `3 - x`, Python asks 3 first. A plain 3 knows nothing of nodes, so Python calls `x.__rsub__(3)`: *r* for right, x stands on the right.
#
# Small programs in x and y, ending in L, will be our test pieces. They run on floats, on PyTorch's tensors, and on your numbers:


# %%
def function(name, plain):
    """A function of floats, and of all that has a method of its name."""
    return lambda value: getattr(value, name)() if hasattr(value, name) else plain(value)


FUNCTIONS = {
    "exp": function("exp", math.exp),
    "log": function("log", math.log),
    "tanh": function("tanh", math.tanh),
    "relu": function("relu", lambda value: max(0.0, value)),
    "sigmoid": function("sigmoid", lambda value: 1 / (1 + math.exp(-value))),
}


def run(program, x, y):
    """L of a program in x and y, for any kind of number."""
    names = {**FUNCTIONS, "x": x, "y": y}
    exec(program, names)
    return names["L"]


program = "a = x + y; L = a * x"
for number in float, torch.tensor, Scalar:
    print(type(run(program, number(2.0), number(3.0))).__name__)

# %% [markdown]
# ✎ (2 points) Give `Number` what `Scalar` lacks: minus and division, both ways round, relu and sigmoid. One line each, like those above; the operations are called "sub", "div", "relu" and "sigmoid", and parents stand in the order of the operation: 3, then x, in `3 - x`. The function `computed` is there already, for the check.


# %% answer="computed"
class Number(Scalar):
    """A Scalar with all operations."""

    def __neg__(self):
        return self * -1

    def __sub__(self, other):  # self - other
        other = self.lift(other)
        ### BEGIN SOLUTION
        return self.make(self.data - other.data, "sub", self, other)
        ### END SOLUTION

    def __rsub__(self, other):  # other - self
        other = self.lift(other)
        ### BEGIN SOLUTION
        return other - self
        ### END SOLUTION

    def __truediv__(self, other):  # self / other
        other = self.lift(other)
        ### BEGIN SOLUTION
        return self.make(self.data / other.data, "div", self, other)
        ### END SOLUTION

    def __rtruediv__(self, other):  # other / self
        other = self.lift(other)
        ### BEGIN SOLUTION
        return other / self
        ### END SOLUTION

    def relu(self):
        ### BEGIN SOLUTION
        return self.make(max(0.0, self.data), "relu", self)
        ### END SOLUTION

    def sigmoid(self):
        ### BEGIN SOLUTION
        return self.make(1 / (1 + math.exp(-self.data)), "sigmoid", self)
        ### END SOLUTION


def computed(program, x, y):
    """L of a program with your numbers, which of x and y it remembers, and how it was made."""
    inputs = {"x": Number(x), "y": Number(y)}
    L = run(program, **inputs)
    names, met = {inputs["x"]: "x", inputs["y"]: "y"}, set()

    def made_by(node):  # such as sub(3, mul(x, y))
        met.add(node)
        if not node.parents:
            return names.get(node, f"{node.data:g}")
        return f"{node.operation}({', '.join(map(made_by, node.parents))})"

    told = made_by(L)
    remembered = [name for name in inputs if inputs[name] in met]
    return {"value": L.data, "remembered": remembered, "made by": told}


# %% check="computed"
check("computed", computed)

# %% [markdown]
# ## Slopes, by trying
#
# How fast does L change with x? Move x by a small h, both ways, and divide the change of L by the distance of the two points. No calculus, and right for any program.
#
# ✎ Do it for both inputs.


# %% answer="try_slopes"
def try_slopes(program, x, y, h):
    """(dL/dx, dL/dy) by moving each input by h both ways, the other one at rest."""
    ### BEGIN SOLUTION
    dx = run(program, x + h, y) - run(program, x - h, y)
    dy = run(program, x, y + h) - run(program, x, y - h)
    return dx / (2 * h), dy / (2 * h)
    ### END SOLUTION


# %% check="try_slopes"
check("try_slopes", try_slopes)

# %% [markdown]
# How small should h be? Take log x at x = 2, whose slope is 1/2, and fp64, which keeps 16 digits. **Predict:** which h from 10⁻¹ to 10⁻¹⁵, moved both ways, comes nearest? Write it as `1e-7` is written. (A guess earns nothing; before it you see no result.)

# %% predict="best_h"
predict("best_h", 1e-15)

# %% tags=["skip-grading"]
from helpers.plots.style import COLORS, figure

steps = [10.0**-power for power in range(1, 16)]
both = [(math.log(2 + h) - math.log(2 - h)) / (2 * h) for h in steps]
one = [(math.log(2 + h) - math.log(2)) / h for h in steps]
title = "A smaller h helps, until rounding takes over"
if guessed("best_h"):
    fig, axes = figure(size=(5.2, 3.2))
    for label, style, slopes in ("one way", "s--", one), ("both ways", "o-", both):
        errors = [abs(slope - 0.5) / 0.5 for slope in slopes]
        axes.loglog(steps, errors, style, label=label, color=COLORS[label == "one way"])
        best = steps[errors.index(min(errors))]
        print(f"{label}: error {min(errors):.0e} at h = {best:.0e}")
    axes.set(xlabel="h", ylabel="relative error", title=title)
    axes.legend()
    plt.show()
    outcome("best_h", best)

# %% [markdown]
# L(x + h) and L(x − h) agree in ever more digits, and their difference has ever fewer left. Both ways at h near 10⁻⁵ gives ten right digits: good for checking.
#
# For training it is hopeless: two runs *for each parameter*. ResNet-50 has 25.6 million.

# %% [markdown]
# ## One operation at a time
#
# Let z be made from x and y, and L somehow from z. The chain rule:
#
# $$\frac{dL}{dx} = \frac{dL}{dz} \cdot \frac{dz}{dx}$$
#
# The first factor comes from those who *use* z. Call it `grad`. The second, the **local derivative**, belongs to the operation alone. So every operation needs one small rule, its `backward`. Three are given:


# %%
def add_backward(x, y, grad):  # z = x + y
    return grad, grad


def sub_backward(x, y, grad):  # z = x - y
    return grad, -grad


def log_backward(x, grad):  # z = log x
    return (grad / x,)


# %% [markdown]
# ✎ z = x · y: if x moves by a little, by how much does z?


# %% answer="mul_backward"
def mul_backward(x, y, grad):
    """(dL/dx, dL/dy) for z = x · y, where grad is dL/dz."""
    ### BEGIN SOLUTION
    return grad * y, grad * x
    ### END SOLUTION


# %% check="mul_backward"
check("mul_backward", mul_backward)

# %% [markdown]
# Hold it against your own trying, and against PyTorch. Do it with every rule:


# %%
def pytorch_slopes(program, x, y):
    """[dL/dx, dL/dy] by PyTorch's autograd."""
    inputs = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (x, y)]
    run(program, *inputs).backward()
    return [0.0 if each.grad is None else each.grad.item() for each in inputs]


def compare(program, yours, x=0.7, y=2.0):
    """Prints the slopes of L by your function, by trying, and by PyTorch."""

    def shown(slopes):
        found, problem = tried(lambda: numbers(slopes(), "dL/dx", "dL/dy"))
        return problem or "  ".join(f"{slope:12.9f}" for slope in found.values())

    print(program)
    print("  yours    ", shown(lambda: yours(x, y)))
    print("  by trying", shown(lambda: try_slopes(program, x, y, 1e-5)))
    print("  PyTorch  ", shown(lambda: pytorch_slopes(program, x, y)))


compare("L = x * y", lambda x, y: mul_backward(x, y, 1.0))

# %% [markdown]
# ✎ z = x / y. What does z do when y grows?


# %% answer="div_backward"
def div_backward(x, y, grad):
    """(dL/dx, dL/dy) for z = x / y, where grad is dL/dz."""
    ### BEGIN SOLUTION
    return grad / y, -grad * x / y**2
    ### END SOLUTION


# %% check="div_backward"
check("div_backward", div_backward)

# %%
compare("L = x / y", lambda x, y: div_backward(x, y, 1.0))

# %% [markdown]
# ## Rules that look at the output
#
# The slope of eˣ is eˣ: the output itself. Who still has it need not compute it again, and need not know x.
#
# ✎ (2 points) Four functions whose slope can be told from the output alone. tanh′ = 1 − tanh²; for σ = 1 / (1 + e⁻ˣ), express the slope by σ. At its bend, ReLU has slope 0.


# %% answer="output_backward"
def output_backward(output, grad):
    """{"exp": …, "relu": …, "tanh": …, "sigmoid": …}: dL/dx, if output is that function of x."""
    ### BEGIN SOLUTION
    return {
        "exp": grad * output,
        "relu": grad if output > 0 else 0.0,
        "tanh": grad * (1 - output**2),
        "sigmoid": grad * output * (1 - output),
    }
    ### END SOLUTION


# %% check="output_backward"
check("output_backward", output_backward)

# %%
BY_OUTPUT = "exp", "relu", "tanh", "sigmoid"
for name in BY_OUTPUT:

    def yours(x, y, name=name):
        output = FUNCTIONS[name](x)
        return numbers(output_backward(output, 1.0), *BY_OUTPUT)[name], 0.0

    compare(f"L = {name}(x)", yours)

# %% [markdown]
# ## In which order?
#
# Look at the graph above. x may not be done before *both* of its users have had their say: a node hands on its gradient only when it is complete. So walk from L up, children before parents.
#
# Turned round, that is a **topological order**: every node after all of its parents.

# %% [markdown]
# ✎ (2 points) Put the nodes of any graph in such an order. `parents` tells for each name the list of its parents; its entries come in no order.
#
# One way: to place a node, first place its parents (unless they are placed already), then itself. A set knows at once whether a name is in it; a list is searched from the start, and later your graphs have thousands of nodes.


# %% answer="topological_order"
def topological_order(parents):
    """All names, each once and after its parents. `parents`: {name: [names]}."""
    ### BEGIN SOLUTION
    order, placed = [], set()

    def place(node):
        if node not in placed:
            placed.add(node)
            for parent in parents[node]:
                place(parent)
            order.append(node)

    for node in parents:
        place(node)
    return order
    ### END SOLUTION


# %% check="topological_order"
check("topological_order", topological_order)

# %% [markdown]
# ## Sweep back
#
# Now the chain rule for a whole graph. Nodes are numbered, parents first; the last one is L, and dL/dL = 1. Node i hands `grad · slope` to each parent.
#
# ✎ One value may be used several times, even twice by the same node. What does it do with what it is handed?


# %% answer="sweep_back"
def sweep_back(edges):
    """[dL/d(node 0), dL/d(node 1), …, 1].

    edges[i] lists [parent, slope] for every use that node i makes of a parent.
    """
    ### BEGIN SOLUTION
    grads = [0.0] * len(edges)
    grads[-1] = 1.0
    for node in reversed(range(len(edges))):
        for parent, slope in edges[node]:
            grads[parent] += grads[node] * slope
    return grads
    ### END SOLUTION


# %% check="sweep_back"
check("sweep_back", sweep_back)

# %% [markdown]
# ## Put it together
#
# Your rules in one table: from the values of the parents, the output and its grad to what each parent is handed.


# %%
def listed(slopes):  # also where you return them in a dict
    return list(slopes.values()) if isinstance(slopes, dict) else slopes


RULES: dict = {
    "add": lambda values, output, grad: add_backward(values[0], values[1], grad),
    "sub": lambda values, output, grad: sub_backward(values[0], values[1], grad),
    "mul": lambda values, output, grad: listed(mul_backward(values[0], values[1], grad)),
    "div": lambda values, output, grad: listed(div_backward(values[0], values[1], grad)),
    "log": lambda values, output, grad: log_backward(values[0], grad),
}
for name in BY_OUTPUT:
    RULES[name] = lambda values, output, grad, name=name: [output_backward(output, grad)[name]]

# %% [markdown]
# Where a rule is missing or wrong, PyTorch's own stands in (slowly), and Python's `graphlib` for your order; a line says so. So you can go on, whatever happened above. (Only `Number` has no stand-in: training will need its relu.) You need not read the next two cells.


# %% tags=["hide-input"]
def pytorch_rule(operation):
    """A rule made from PyTorch's autograd."""

    def rule(values, output, grad):
        inputs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
        slopes = torch.autograd.grad(operation(*inputs), inputs)
        return [grad * slope.item() for slope in slopes]

    return rule


def agrees(yours, theirs, operation, points):
    """Whether your rule gives what PyTorch's gives."""
    asked = [(values, operation(*values), 3.0) for values in points]
    try:
        pairs = [zip(yours(*each), theirs(*each), strict=True) for each in asked]
        return all(math.isclose(m, t, rel_tol=1e-9) for each in pairs for m, t in each)
    except Exception:
        return False


stand_ins = []
for name, operation, *points in (
    ("mul", operator.mul, (0.7, -2.0), (-0.4, 1.5)),
    ("div", operator.truediv, (0.7, -2.0), (-0.4, 1.5)),
    *((name, FUNCTIONS[name], (0.7,), (-0.4,)) for name in BY_OUTPUT),
):
    if not agrees(RULES[name], pytorch_rule(operation), operation, points):
        RULES[name] = pytorch_rule(operation)
        stand_ins.append(name)
        print(f"{name}: PyTorch's rule stands in for yours")


# %% tags=["hide-input"]
@cache
def say_once(line):
    print(line)


def in_order(result):
    """All nodes that result was made of, parents first: by your topological_order."""
    parents, waiting = {}, [result]
    while waiting:
        node = waiting.pop()
        if node not in parents:
            parents[node] = list(node.parents)
            waiting += node.parents
    try:
        order = list(topological_order({node: list(above) for node, above in parents.items()}))
        place = {node: i for i, node in enumerate(order)}
        after = (place[above] < place[node] for node in parents for above in parents[node])
        if len(order) == len(parents) and all(after):
            return order
    except Exception:
        pass
    say_once("topological_order: Python's graphlib stands in for yours")
    return list(graphlib.TopologicalSorter(parents).static_order())


_ = in_order(run("a = x + y; L = a * x", Number(2.0), Number(3.0)))  # says at once who does it

# %% [markdown]
# ✎ (2 points) Your sweep again, now on real nodes; `in_order(result)` gives them, parents first. `RULES[node.operation]` takes three things: a list of the parents' values, the node's own value, and its gradient. It returns what each of `node.parents` gets. Inputs have no operation, and no parents. Fill `.grad` of every node; it starts as 0.


# %% answer="gradients"
def backward(result):
    """Leaves dL/d(node) in the .grad of every node that result, which is L, was made of."""
    ### BEGIN SOLUTION
    result.grad = 1.0
    for node in reversed(in_order(result)):
        if not node.parents:
            continue
        values = [parent.data for parent in node.parents]
        handed_on = RULES[node.operation](values, node.data, node.grad)
        for parent, grad in zip(node.parents, handed_on):
            parent.grad += grad
    ### END SOLUTION


def gradients(program, x, y):
    """[dL/dx, dL/dy] of a program, by your backward."""
    inputs = Number(x), Number(y)
    backward(run(program, *inputs))
    return [each.grad for each in inputs]


# %% check="gradients"
check("gradients", gradients)

# %%
for program in (
    "a = x + y; L = a * x",
    "a = exp(-x) * y; b = a * a; L = tanh(b) + log(a)",
    "a = 1 / (1 + exp(-x)); L = (a - y) * (a - y)",
):
    compare(program, lambda x, y, program=program: gradients(program, x, y))

# %% [markdown]
# That is autodiff: nine small rules, an order, a sweep. Here is the sweep in the graph. On each arrow the local derivative; multiply by the gradient below, and add what comes from all arrows:

# %% tags=["skip-grading"]
x, y = Number(2.0), Number(3.0)
a = x + y
L = a * x
names = {"x": x, "y": y, "a": a, "L": L}


def swept():
    backward(L)
    return numbers([node.grad for node in names.values()], *names)


def local_slopes(node):
    return RULES[node.operation]([p.data for p in node.parents], node.data, 1.0)


title = "Two paths lead to x: 1 · 2 + 5 · 1 = 7"
_, problem = tried(swept)
if problem:
    print("no gradients to draw:", problem)
    title = "No gradients yet"
expression_graph(L, names, local_slopes, gradients=not problem, title=title)
plt.show()

# %% [markdown]
# PyTorch remembers the same way. Its nodes hang on every tensor that needs a gradient. `AccumulateGrad` is an input: there, gradients add up.


# %%
def show_nodes(node, depth=0):
    """Prints a node of PyTorch's graph and, further in, those that it came from."""
    print("    " * depth + node.name().split("::")[-1])
    for parent, _ in node.next_functions:
        show_nodes(parent, depth + 1)


u, v = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
L = (u + v) * u
show_nodes(L.grad_fn)

# %% [markdown]
# *A good place for a break: eight of fourteen questions are behind you. Save, and when you come back, run the cells above again.*

# %% [markdown]
# ## Why backwards?
#
# One can sweep *forwards*, too: carry with each value its slope with respect to **one** input. That input starts with slope 1, every other number with 0. Nothing needs to be kept.
#
# ✎ A product in forward mode: (value, slope) from two such pairs.


# %% answer="forward_product"
def forward_product(x, dx, y, dy):
    """(value, slope) of x · y, where dx and dy are the slopes of x and y."""
    ### BEGIN SOLUTION
    return x * y, dx * y + x * dy
    ### END SOLUTION


# %% check="forward_product"
check("forward_product", forward_product)

# %% [markdown]
# One forward sweep: the slopes of *all* outputs with respect to *one* input. One backward sweep: the slopes of *one* output with respect to *all* inputs. (Trying takes two runs for each input.)

# %% [markdown]
# So it matters where numbers are few. Take steps in a row, from `widths[0]` numbers to `widths[1]`, and so on. Each step has a table of local slopes, its **Jacobian**; the chain rule multiplies them all. A table of p × q times one of q × r takes p · q · r multiplications.

# %% [markdown]
# ✎ **Find the order.** How many multiplications does the product of all tables take from the inputs on (*forward*), from the outputs back (*reverse*), and in the *best* order that there is? It may begin in the middle. (Which product comes *last*? Try all; a function can call itself for the two sides.)


# %% answer="jacobian_products"
def jacobian_products(widths):
    """{"forward": multiplications, "reverse": …, "best": …} of the product of all tables."""
    ### BEGIN SOLUTION
    tables = len(widths) - 1
    forward = sum(widths[0] * widths[i] * widths[i + 1] for i in range(1, tables))
    reverse = sum(widths[i - 1] * widths[i] * widths[-1] for i in range(1, tables))

    @cache
    def best(first, last):
        """Of the tables from widths[first] to widths[last]."""
        if last - first == 1:
            return 0
        ends = widths[first] * widths[last]
        return min(
            best(first, cut) + best(cut, last) + ends * widths[cut]
            for cut in range(first + 1, last)
        )

    return {"forward": forward, "reverse": reverse, "best": best(0, tables)}
    ### END SOLUTION


# %% check="jacobian_products"
check("jacobian_products", jacobian_products)

# %% [markdown]
# With one output, and more than one number everywhere before, no order beats going back. Where few numbers are in the middle, it is best to begin there: for whole graphs, finding the best order is NP-hard (Naumann 2008), and nobody tries.

# %% [markdown]
# A network in training has millions of inputs (its parameters) and one output (the loss). Timed with PyTorch, for a function of n inputs and one output. Reverse mode is measured as a whole; of trying and of forward mode *one* run is measured and multiplied by their number:


# %% tags=["skip-grading"]
def f(w):
    return (w.sin() * w.exp()).sum()


def forward_sweep(w, dw):
    """The value of f and its slope towards dw: each number goes with its slope."""
    (s, ds), (e, de) = (w.sin(), w.cos() * dw), (w.exp(), w.exp() * dw)
    return (s * e).sum(), (ds * e + s * de).sum()


def reverse_sweep(w):
    return torch.autograd.grad(f(w), w)


# %% tags=["skip-grading"]
from helpers.timing import best_of

torch.set_num_threads(1)  # one core: other programs disturb it less
sizes = [1, 100, 10_000, 1_000_000]
times = {"trying": [], "forward": [], "reverse": []}  # ms for all n slopes
for n in sizes:
    w, first = torch.rand(n, dtype=torch.float64), torch.eye(1, n, dtype=torch.float64)[0]
    times["trying"].append(1e3 * 2 * n * best_of(f, w, runs=20))
    times["forward"].append(1e3 * n * best_of(forward_sweep, w, first, runs=20))
    times["reverse"].append(1e3 * best_of(reverse_sweep, w.requires_grad_(), runs=20))

# %% tags=["skip-grading"]
fig, axes = figure(size=(5.2, 3.4))
how = "one run × 2n", "one sweep × n", "measured"
for name, marker, color, what in zip(times, "s^o", COLORS, how):
    axes.loglog(sizes, times[name], marker + "-", color=color, label=f"{name}: {what}")
axes.set(
    xlabel="inputs n",
    ylabel="ms for all n slopes",
    title="Reverse mode costs a few runs, whatever n",
)
axes.legend()
plt.show()
of_a_million = {name: series[-1] / 1e3 for name, series in times.items()}
print("a million slopes, in seconds:")
for name, needed in of_a_million.items():
    print(f"  {name:8}{needed:12,.2f}")

# %% [markdown]
# Below 10⁴ inputs reverse mode looks flat: there a call costs more than its arithmetic. Beyond, it grows with n as one run does, and stays some 3 to 10 times as long. The other two are as many runs, or sweeps, as there are inputs.

# %% [markdown]
# What does *one* backward sweep cost? In Y = X · W, all three are matrices. Backward is two products: one gives the gradient of W, one that of X. Each does as many multiplications as Y itself did.

# %% [markdown]
# ✎ FLOP of a training step of linear layers without bias, `widths[0]` → `widths[1]` → …, products only. Nobody asks for the gradient of the *data*, so the first layer is spared one product.


# %% answer="step_flops"
def step_flops(batch, widths):
    """{"forward": FLOP, "weights": for their gradients, "features": for theirs}."""
    ### BEGIN SOLUTION
    layers = [2 * batch * i * o for i, o in pairwise(widths)]
    return {"forward": sum(layers), "weights": sum(layers), "features": sum(layers[1:])}
    ### END SOLUTION


# %% check="step_flops"
check("step_flops", step_flops)

# %% tags=["skip-grading"]
from torch.utils.flop_counter import FlopCounterMode

widths = [784, 256, 256, 256, 10]
layers = [nn.Linear(i, o, bias=False) for i, o in pairwise(widths)]
network, data = nn.Sequential(*layers), torch.randn(32, 784)
with FlopCounterMode(display=False) as forward:
    network(data)
with FlopCounterMode(display=False) as step:
    network(data).sum().backward()
forward, step = forward.get_total_flops(), step.get_total_flops()
parts = "forward", "weights", "features"
answer, problem = tried(lambda: numbers(step_flops(32, widths), *parts))
print(f"{'FLOP':8}{'forward':>12}{'step':>12}")
print(f"{'PyTorch':8}{forward:12,}{step:12,}")
print("yours  ", problem or f"{answer['forward']:12,}{sum(answer.values()):12,}")
if answer:
    print(f"{'ratio':8}{answer['forward'] / forward:12.3f}{sum(answer.values()) / step:12.3f}")
print(f"a step is {step / forward:.2f} × forward")

# %% [markdown]
# So a training step costs about **three** forward passes, less for a first layer as large as here; all slopes by trying would cost millions. That is why everybody trains with reverse mode, and pays for it in memory.

# %% [markdown]
# ## Train with it
#
# The points of unit 01: no line divides circles from squares, one hidden ReLU layer makes it possible. There we set the weights by hand. Now *your* gradients shall find them, one small step at a time.


# %% tags=["skip-grading"]
torch.manual_seed(0)
corners = torch.tensor([[0.0, 0], [1, 1], [0, 1], [1, 0]]).repeat_interleave(25, 0)
points = (corners + 0.08 * torch.randn(100, 2)).tolist()
labels = [-1] * 50 + [1] * 50  # circles, squares
exp, log, relu = FUNCTIONS["exp"], FUNCTIONS["log"], FUNCTIONS["relu"]


def score(weights, point):
    """Over 0 for a square; `weights` is a list of [w1, w2, b, v], one a neuron, and at last [c]."""
    *hidden, (total,) = weights
    for w1, w2, b, v in hidden:
        total = total + v * relu(w1 * point[0] + w2 * point[1] + b)
    return total


def loss_of(weights, batch):
    """Mean of log(1 + e^(−label · score)): small where score and label agree."""
    losses = [log(1 + exp(-labels[i] * score(weights, points[i]))) for i in batch]
    return sum(losses) * (1 / len(batch))


# %% [markdown]
# `score` is a program like the others: it takes your numbers, and PyTorch's. Do both find the same 33 gradients, up to rounding? (From here on it takes your `Number` and your `backward`.)


# %% tags=["skip-grading"]
def first_weights(number, neurons=8):
    """Random weights, each made a `number`."""
    draw = random.Random(0)
    weights = [[number(draw.gauss(0, 1)) for _ in range(4)] for _ in range(neurons)]
    return [*weights, [number(0.0)]]


def each(weights):
    return [weight for row in weights for weight in row]


theirs = first_weights(lambda value: torch.tensor(value, dtype=torch.float64, requires_grad=True))
loss_of(theirs, range(45, 55)).backward()


def largest_difference():
    yours = first_weights(Number)
    backward(loss_of(yours, range(45, 55)))
    pairs = zip(each(yours), each(theirs))
    return max(abs(numbers(y.grad) - t.grad.item()) for y, t in pairs)


found, problem = tried(largest_difference)
print("largest difference:", problem or f"{found:.1e}")


# %% tags=["skip-grading"]
def train(neurons=8, steps=100, batch_size=10, rate=0.5):
    """Weights as floats, the loss of each step, and the last loss as a node."""
    draw, weights, curve = random.Random(1), first_weights(Number, neurons), []
    for _ in range(steps):
        loss = loss_of(weights, draw.sample(range(100), batch_size))
        backward(loss)
        for weight in each(weights):
            weight.data -= rate * numbers(weight.grad)
            weight.grad = 0.0  # backward adds to what is there
        curve.append(loss.data)
    return [[weight.data for weight in row] for row in weights], curve, loss


# %% tags=["skip-grading"]
from helpers.plots.learning import loss_and_boundary

result, problem = tried(train)
if problem:
    print("no training:", problem)
else:
    trained, curve, _ = result
    loss_and_boundary(curve, points, labels, lambda point: score(trained, point))
    plt.show()

# %% [markdown]
# A network trained with nothing but your own lines. **Predict:** PyTorch does the same step in tensors. How many times as long do your numbers take, with 10 points, and with 100? And how many operations has PyTorch's graph of a step?

# %% predict="nodes"
predict("slower_with_10", 1000)
predict("slower_with_100", 1000)
predict("pytorch_nodes", 25)


# %% tags=["skip-grading"]
def pytorch_nodes(tensor):
    """How many operations PyTorch's graph of a tensor has: inputs are none."""
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [parent for parent, _ in node.next_functions]
    return sum("AccumulateGrad" not in node.name() for node in seen)


X, signs = torch.tensor(points), torch.tensor(labels)
hidden, v, c = nn.Linear(2, 8), torch.randn(8), torch.zeros(1)
parameters = [*hidden.parameters(), v.requires_grad_(), c.requires_grad_()]


def pytorch_step(batch):
    """The same step in tensors: softplus(z) is log(1 + e^z)."""
    loss = nn.functional.softplus(-signs[batch] * (hidden(X[batch]).relu() @ v + c)).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in parameters:
            parameter -= 0.5 * parameter.grad
            parameter.grad = None
    return loss


# %% tags=["skip-grading"]
def our_step(size):
    return train(steps=1, batch_size=size)[2]


def our_cost(size):
    """ms for a step, and operations in its graph."""
    nodes = in_order(our_step(size))
    return 1e3 * best_of(our_step, size), sum(bool(node.parents) for node in nodes)


for size in 10, 100:
    if not guessed(f"slower_with_{size}"):
        continue
    batch = torch.arange(50 - size // 2, 50 + size // 2)
    theirs = 1e3 * best_of(pytorch_step, batch, runs=20)
    nodes = pytorch_nodes(pytorch_step(batch))
    ours, problem = tried(our_cost, size)
    print(f"{size} points, a step:")
    print(f"  PyTorch {theirs:6.2f} ms {nodes:6,} nodes")
    print("  yours  ", problem or f"{ours[0]:6.2f} ms {ours[1]:6,} nodes")
    if ours:
        outcome(f"slower_with_{size}", ours[0] / theirs)
outcome("pytorch_nodes", pytorch_nodes(pytorch_step(torch.arange(100))))
if stand_ins:
    print("slow, because PyTorch stands in for:", *stand_ins)

# %% [markdown]
# ✎ **Explain (1 point).** What did you predict, and what was measured? Forward, both multiply 25 times for each point: three for each of 8 neurons, and the label. (Backward, yours also finds slopes of the data, which nobody asked for.) What do your nodes cost that PyTorch's do not? A person reads it.

# %% [markdown] read="explain_nodes" points=1
# I guessed 1000 times; it was 12 times with 10 points and 296 times with 100. The multiplications
# are the same. But mine makes a Python object of every number, sorts them and visits each:
# microseconds of the interpreter for a nanosecond of arithmetic. PyTorch has eight, each for a
# whole tensor. It, too, pays microseconds for a call, and here hardly anything else: ten times the
# points cost it next to nothing.

# %% [markdown]
# ## What `backward` kept
#
# Why must the graph hold values at all? Because rules *look at* them. What no rule looks at can be freed as soon as forward is done with it.
#
# Here is a program as steps, [name, operation, operands]:


# %%
def as_program(steps):
    """The same as text."""
    signs = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
    lines = []
    for name, operation, *operands in steps:
        sign = signs.get(operation)
        right = f"{operation}({operands[0]})" if sign is None else f" {sign} ".join(operands)
        lines.append(f"{name} = {right}")
    return "; ".join(lines)


STEPS = [["a", "add", "x", "y"], ["b", "exp", "a"], ["c", "mul", "b", "x"], ["L", "add", "c", "b"]]
print(as_program(STEPS))

# %% [markdown]
# ✎ Which values must be kept for the sweep back, each named once? Look at your own rules (and at log's): by what are they computed? Both inputs need a gradient.


# %% answer="kept_values"
def kept_values(steps):
    """Names of the values that some rule looks at, as sorted() orders them."""
    ### BEGIN SOLUTION
    kept = set()
    for name, operation, *operands in steps:
        if operation in ("mul", "div", "log"):
            kept.update(operands)
        elif operation not in ("add", "sub"):
            kept.add(name)
    return sorted(kept)
    ### END SOLUTION


# %% check="kept_values"
check("kept_values", kept_values)

# %% [markdown]
# What does PyTorch keep of the same program? Its hooks, from unit 05, see every tensor that a node puts aside:

# %% tags=["skip-grading"]
from torch.autograd.graph import saved_tensors_hooks


def saving(function, *args):
    """A function's result, and what autograd saves for it: a tensor for each time that it does."""
    saved = []

    def keep(tensor):
        saved.append(tensor)
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        return function(*args), saved


def pytorch_kept(steps):
    """Names of what PyTorch saves, one for each time that it does."""
    x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (2.0, 0.5))
    values = {**FUNCTIONS, "x": x, "y": y}
    _, saved = saving(exec, as_program(steps), values)
    tensors = {values[name].data_ptr(): name for name in ["x", "y", *(step[0] for step in steps)]}
    return [tensors[tensor.data_ptr()] for tensor in saved]


# %% tags=["skip-grading"]
MORE = [["a", "div", "x", "y"], ["b", "tanh", "a"], ["c", "log", "x"], ["d", "sub", "b", "c"]]
for steps in STEPS, [*MORE, ["L", "mul", "d", "d"]]:
    print(as_program(steps))
    yours, problem = tried(kept_values, steps)
    theirs = pytorch_kept(steps)
    print("  yours:  ", problem or yours)
    print("  PyTorch:", sorted(set(theirs)))
    print(f"  of {len(steps) + 2} values, in {len(theirs)} saves")


# %% tags=["skip-grading"]
values = {**FUNCTIONS, "x": Number(2.0), "y": Number(0.5)}
exec(as_program(STEPS), values)
nodes = {name: values[name] for name in "xyabcL"}
marked = [nodes[name] for name in set(pytorch_kept(STEPS))]
expression_graph(
    nodes["L"], nodes, marked=marked, title=f"Kept until backward: {len(marked)} of 6 (dark)"
)
plt.show()

# %% [markdown]
# b is saved twice, by exp and by the product, but there is one b: count storages, not saved tensors. Your nodes hold all six values as long as L lives; two would do. And ReLU would need one *bit* of its output, the sign; PyTorch keeps it all.

# %% [markdown]
# ## A whole layer
#
# relu(x · W + bias) for a batch, in your numbers: a node for each product, each addition and each ReLU. Each sum starts from the bias. How many nodes is that? And at how many *values* does some rule look?

# %% [markdown]
# ✎ x is (batch, in_features), W is (in_features, out_features). Everything needs a gradient.


# %% answer="layer_nodes"
def layer_nodes(batch, in_features, out_features):
    """{"nodes": made by operations, "kept": values that some rule looks at, each once}."""
    ### BEGIN SOLUTION
    outputs = batch * out_features
    kept = batch * in_features + in_features * out_features + outputs  # x, W, relu
    return {"nodes": outputs * (2 * in_features + 1), "kept": kept}
    ### END SOLUTION


# %% check="layer_nodes"
check("layer_nodes", layer_nodes)

# %% [markdown]
# PyTorch's layer, seen by the hooks. (`x` stands for features of an earlier layer, so it needs a gradient, too.)

# %% tags=["skip-grading"]
batch, wide, out = 32, 64, 10
linear, features = nn.Linear(wide, out), torch.randn(batch, wide, requires_grad=True)
result, saved = saving(lambda: linear(features).relu())
storages = [tensor.untyped_storage() for tensor in saved]
values = {storage.data_ptr(): storage.nbytes() // 4 for storage in storages}  # fp32
kept = sum(values.values())
print("PyTorch keeps", " + ".join(f"{n:,}" for n in values.values()))
answer, problem = tried(lambda: numbers(layer_nodes(batch, wide, out), "nodes", "kept"))
print(f"{'':8}{'kept':>10}{'nodes':>10}")
print(f"{'PyTorch':8}{kept:10,}{pytorch_nodes(result):10,}")
print("yours  ", problem or f"{answer['kept']:10,}{answer['nodes']:10,}")
if answer:
    print(f"{'ratio':8}{answer['kept'] / kept:10.3f}")

# %% [markdown]
# Forty thousand small rules or a few large ones: they look at the same values. x and ReLU's output are what unit 05 counted; W is there anyway. **Saved activations are what backward rules look at.**

# %% [markdown]
# ## A budget: keep less, compute again
#
# What is not kept can be computed again from an earlier value: **checkpointing**. How little can one keep, and what does it cost?
#
# Take a chain of n steps. The rule of each step looks at the value before it. The chain's input is always there; beside it there are `slots`: places for one value each.

# %% [markdown]
# Without a slot: compute n − 1 steps for the last rule, n − 2 for the one before it …: n(n − 1)/2 in all. With one: compute `place` steps, keep that value, sweep the n − place steps to its right with the other slots. Then its slot is free again, and the `place` steps to the left are swept from the input.
#
# A chain of 1 step costs nothing. The best `place` is the cheapest: try all.

# %% [markdown]
# ✎ **2 points.** Steps that are computed, at best, with 0, 1, …, n − 1 slots. Write a function of (length, slots) that calls itself. With `@cache` above it, it computes each pair once; else it takes for ever.


# %% answer="budget_curve"
def budget_curve(steps):
    """[steps computed with 0 slots, with 1, …, with steps - 1]."""

    ### BEGIN SOLUTION
    @cache
    def cost(length, slots):
        if length == 1:
            return 0
        if slots == 0:
            return length * (length - 1) // 2
        return min(
            place + cost(length - place, slots - 1) + cost(place, slots)
            for place in range(1, length)
        )

    return [cost(steps, slots) for slots in range(steps)]
    ### END SOLUTION


# %% check="budget_curve"
check("budget_curve", budget_curve)

# %% [markdown]
# **Predict** for a chain of 48 steps. With a slot for every value, 47 steps are computed, each once. With only 6 slots: how many times as many?

# %% predict="budget"
predict("with_6_slots", 5)

# %% tags=["skip-grading"]
chain = 48
curve, problem = tried(lambda: numbers(budget_curve(chain), *map(str, range(chain))))
if problem:
    print("no curve:", problem)
elif guessed("with_6_slots"):
    passes = [cost / (chain - 1) for cost in curve.values()]
    fig, axes = figure(size=(5.2, 3.2))
    ticks, blue, orange = [1, 2, 4, 8, 16, 47], COLORS[0], COLORS[1]
    axes.plot(range(1, chain), passes[1:], "o-", color=blue, markersize=3, label="the best plan")
    segments = range(2, chain // 2)
    kept = [count - 1 + -(-chain // count) for count in segments]  # boundaries, one segment
    equal = [2 - 1 / count for count in segments]
    axes.plot(kept, equal, "s", color=orange, markersize=4, label="equal segments (unit 06)")
    axes.set(xlabel="values kept, of 48", ylabel="forward passes", xscale="log", ylim=(0, 7))
    axes.set_xticks(ticks, map(str, ticks))
    axes.set_xticks([], minor=True)
    axes.set_title("The first few slots save most")
    axes.legend()
    plt.show()
    outcome("with_6_slots", passes[6])

# %% [markdown]
# A few slots do nearly all: that is why long networks can be trained at all in little memory. Frameworks take the simple plan of equal segments, about one pass more; compilers search a plan for the graph at hand.

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("07_autodiff")

# %% [markdown]
# **Takeaways**
#
# - Autodiff is a memory of operations, one local rule for each, an order, and a sweep.
# - Several uses of a value: its gradients *add*.
# - Reverse mode: one sweep for all inputs, about two forward passes. Its price is memory.
# - Kept is what a rule looks at: both factors, exp's output, nothing for a sum.
# - What is not kept can be computed again.
# - Finite differences are the judge, not the method.

# %% [markdown]
# **Next:** 08, kernels: how to make one node do a million multiplications.

# %% [markdown]
# **References**
#
# - S. Linnainmaa: *Taylor expansion of the accumulated rounding error*, BIT 16, 1976. Reverse mode.
# - D. Rumelhart, G. Hinton, R. Williams: *Learning representations by back-propagating errors*, Nature 323, 1986.
# - A. Griewank, A. Walther: *Evaluating Derivatives*, 2nd edition, 2008. Costs of both modes.
# - The same: *Algorithm 799: revolve*, 2000.
# - A. Baydin et al.: *Automatic differentiation in machine learning: a survey*, JMLR 18, 2018.
# - A. Paszke et al.: *PyTorch: an imperative style* …, NeurIPS 2019.
