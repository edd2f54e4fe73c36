# %% [markdown]
# # Kernels: making the machine do it
#
# Unit 04 measured what this machine can do. A loop in Python comes nowhere near it.
#
# **What stands between a loop and the machine, and how is it taken away?**

# %%
import math
import random
import time
from functools import cache, reduce
from itertools import product
from statistics import median

import matplotlib.pyplot as plt
import numba
import numpy
import torch
from numba import cuda, njit, prange

from helpers.check import check, progress
from helpers.conventions import format_bytes
from helpers.predict import guessed, outcome, predict
from helpers.simulator import CountedArray, KernelError, launch

# %% [markdown]
# One loop, three ways: run by Python, written with NumPy, and compiled by Numba from the same lines that Python ran. **Predict:** how many times faster is the last one than the first? (A number in place of the dots; it earns nothing, and before it you see no result.)

# %% predict="compiled"
predict("compiled_speedup", 10)


# %%
def row_bells(x, out):
    """out[i] = Σⱼ exp(−x[i, j]²)."""
    for i in range(len(out)):
        total = 0.0
        for j in range(x.shape[1]):
            total += numpy.exp(-(x[i, j] ** 2))
        out[i] = total


def side_by_side(runs, repeats=7):
    """Seconds of each run, taken in turn: what disturbs the machine disturbs them all."""
    times = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            time.sleep(0.01)  # threads of the run before come to rest
            start = time.perf_counter()
            run()
            if repeat:  # the first call compiles
                times[name].append(time.perf_counter() - start)
    return times


# %% tags=["skip-grading"]
from helpers.hardware import measure
from helpers.plots import threads as pictures

reached = {}  # for the last picture: (FLOP/B, FLOP/s) of what is measured below
machine = f"{measure(seconds=0.3).name}, {numba.get_num_threads()} threads"
compiled = njit(row_bells)
x, out = numpy.random.rand(200, 500), numpy.zeros(200)
if guessed("compiled_speedup"):
    times = side_by_side(
        {
            "Python": lambda: row_bells(x, out),
            "NumPy": lambda: numpy.exp(-(x**2)).sum(1),
            "Numba": lambda: compiled(x, out),
        },
        repeats=5,
    )
    gain = median(times["Python"]) / median(times["Numba"])
    pictures.times(times, f"Compiled, the same lines are {gain:.0f} times faster", log=True)
    plt.show()
    print(f"{machine}, Numba {numba.__version__}")
    for name, measured in times.items():
        # A square, a sign and an exponential (40), and an addition: 43 FLOP for 8 bytes.
        if name != "NumPy":
            reached[f"bells, {name}"] = 43 / 8, 43 * x.size / median(measured)
    outcome("compiled_speedup", gain)

# %% [markdown]
# Python looks up, at every step, what `x` is, what `**` means for it, and makes an object of the result. Compiled code knows the types and does only the arithmetic. NumPy's loops were compiled before you came; they may even win: where the processor can, its exponential takes several numbers at once.
#
# So first: what *are* the loops inside a tensor library?

# %% [markdown]
# ## Three loops: map, zip, reduce
#
# Softmax of a matrix is five of them:
#
# | | |
# |---|---|
# | largest of each row | reduce |
# | minus the largest | zip, broadcast |
# | exponential | map |
# | sum of each row | reduce |
# | divided by the sum | zip, broadcast |
#
# All walk over storage, shape, strides and offset (unit 03).

# %% tags=["skip-grading"]
from helpers.plots import tensors

tensors.strides((4, 3), (1, 4), size=12, name="x.T")
plt.show()

# %% [markdown]
# ✎ Where are a tensor's elements, in the order of their indices: (0, 0), (0, 1), …? For x.T above: 0, 4, 8, 1, … `product(*map(range, shape))` gives all indices in that order.


# %% answer="element_positions"
def element_positions(shape, strides, offset):
    """Positions in storage of all elements, the last index fastest, as a list."""
    ### BEGIN SOLUTION
    return [
        offset + sum(i * stride for i, stride in zip(index, strides))
        for index in product(*map(range, shape))
    ]
    ### END SOLUTION


# %% check="element_positions"
check("element_positions", element_positions)

# %% [markdown]
# With that, each loop is a line or two. Here are functions of one number and of two, by name.

# %%
ONE = {"negate": lambda x: -x, "square": lambda x: x * x, "relu": lambda x: max(x, 0)}
TWO = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": lambda x, y: max(x, y),
}

# %% [markdown]
# ✎ **Map**: one function on every element. Return the results as a flat list, in the order of the indices.


# %% answer="tensor_map"
def tensor_map(name, storage, shape, strides, offset):
    """ONE[name] of each element."""
    ### BEGIN SOLUTION
    return [ONE[name](storage[at]) for at in element_positions(shape, strides, offset)]
    ### END SOLUTION


# %% check="tensor_map"
check("tensor_map", tensor_map)

# %% [markdown]
# **Zip** takes two tensors, and their shapes may differ: a size of 1 stretches, a missing axis comes on the left. A stretched tensor is only a matter of strides. How far does a step go along an axis that repeats?
#
# ✎ The strides with which a tensor reads as one of shape `whole`.


# %% answer="broadcast_strides"
def broadcast_strides(shape, strides, whole):
    """One stride for each axis of `whole`, as a list."""
    ### BEGIN SOLUTION
    missing = len(whole) - len(shape)
    return [0] * missing + [0 if size == 1 else step for size, step in zip(shape, strides)]
    ### END SOLUTION


# %% check="broadcast_strides"
check("broadcast_strides", broadcast_strides)

# %% [markdown]
# ✎ **Zip**: a and b are (storage, shape, strides, offset). `numpy.broadcast_shapes` tells the shape of the result.


# %% answer="tensor_zip"
def tensor_zip(name, a, b):
    """TWO[name] of each pair of elements, as a flat list."""
    whole = numpy.broadcast_shapes(a[1], b[1])
    ### BEGIN SOLUTION
    sides = []
    for storage, shape, strides, offset in (a, b):
        steps = broadcast_strides(shape, strides, whole)
        sides.append([storage[at] for at in element_positions(whole, steps, offset)])
    return [TWO[name](x, y) for x, y in zip(*sides)]
    ### END SOLUTION


# %% check="tensor_zip"
check("tensor_zip", tensor_zip)

# %% [markdown]
# ✎ **Reduce**: fold one axis to nothing. The result has all the other axes; each of its elements begins where that axis is 0 and goes on by the axis's stride. (`reduce(function, numbers)` folds a list from the left: 1 − 2 − 3 is (1 − 2) − 3.)


# %% answer="tensor_reduce"
def tensor_reduce(name, a, axis):
    """TWO[name] folded over one axis of a = (storage, shape, strides, offset), a flat list."""
    storage, shape, strides, offset = a
    kept = [each for each in range(len(shape)) if each != axis]
    ### BEGIN SOLUTION
    starts = element_positions([shape[k] for k in kept], [strides[k] for k in kept], offset)
    steps = [i * strides[axis] for i in range(shape[axis])]
    return [reduce(TWO[name], [storage[start + step] for step in steps]) for start in starts]
    ### END SOLUTION


# %% check="tensor_reduce"
check("tensor_reduce", tensor_reduce)

# %% [markdown]
# Every elementwise operation, norm and softmax is made of these three. They are right, and slow: each step is Python's. So compile them.

# %% [markdown]
# ## Compiled: `njit`
#
# Numba reads the function's bytecode at its first call, works out the types, and has machine code made. What does the first call cost?

# %% tags=["skip-grading"]
fresh = njit(row_bells)
start = time.perf_counter()
fresh(x, out)
first = time.perf_counter() - start
again = median(side_by_side({"again": lambda: fresh(x, out)})["again"])
print(f"first call {1e3 * first:,.0f} ms, later {1e3 * again:.2f} ms, ratio {first / again:,.0f}")
print("compiled for", *fresh.signatures[0])

# %% [markdown]
# Other types (float32, say) are compiled anew. What Numba does not know (most of PyTorch, objects of your own) it refuses.

# %% [markdown]
# ## All cores: `prange`
#
# `prange` says that the iterations of a loop do not need each other. **Predict**: compiled with `range` is 1. How many times as fast is it with `prange`, and with `prange` and `parallel=True`?

# %% predict="prange"
predict("prange_speedup", 2)
predict("parallel_speedup", 2)


# %%
def parallel_row_bells(x, out):
    for i in prange(len(out)):
        total = 0.0
        for j in range(x.shape[1]):
            total += numpy.exp(-(x[i, j] ** 2))
        out[i] = total


def in_parallel(function):
    """Whether Numba made any loop of a compiled function parallel."""
    if not getattr(function, "targetoptions", {}).get("parallel"):
        return False
    made = function.get_metadata(function.signatures[0])["parfor_diagnostics"]
    return made.count_parfors() > 0


# %% tags=["skip-grading"]
candidates = {
    "range, njit": njit(row_bells),
    "prange, njit": njit(parallel_row_bells),
    "prange, parallel=True": njit(parallel=True)(parallel_row_bells),
}
x, out = numpy.random.rand(2000, 1000), numpy.zeros(2000)
if guessed("prange_speedup") and guessed("parallel_speedup"):
    times = side_by_side({name: lambda f=f: f(x, out) for name, f in candidates.items()}, 11)
    faster = {name: median(times["range, njit"]) / median(each) for name, each in times.items()}
    for name, function in candidates.items():
        said = "parallel" if in_parallel(function) else "serial"
        print(f"{name:22}{said:9}{faster[name]:5.2f} × as fast")
    alone, told = faster["prange, njit"], faster["prange, parallel=True"]
    pictures.times(times, f"prange alone: {alone:.1f} × as fast; with parallel=True: {told:.1f} ×")
    plt.show()
    print(machine)
    outcome("prange_speedup", alone)
    outcome("parallel_speedup", told)

# %% [markdown]
# Without `parallel=True`, `prange` is `range`, and nobody tells you: where the first two times differ, the machine was disturbed. With it, n cores give at most n times; starting threads, shared memory and other programs take their part of that. On a busy machine it may even be slower than one core: a loop waits for its last thread.

# %% [markdown]
# ## What may run in parallel?
#
# Numba believes you. Here votes are counted on all cores, twenty times over. Each iteration reads a count and writes it one larger:


# %% tags=["skip-grading"]
@njit(parallel=True)
def count_votes(votes, counts):
    for i in prange(len(votes)):
        counts[votes[i]] += 1


votes = numpy.random.randint(0, 4, 5_000_000, dtype="uint8")
lost = []
for _ in range(20):
    counts = numpy.zeros(4, "int64")
    count_votes(votes, counts)
    lost.append(len(votes) - counts.sum())
wrong = sum(map(bool, lost))
print(f"{wrong} of 20 counts are wrong; at worst")
print(f"{max(lost):,} of {len(votes):,} votes are lost")

# %% [markdown]
# Two threads read the same old count, both add one, and one vote is gone: a **race**. The counts without a loss were lucky: one thread was done before the other began. On a busy machine, or one core, all may be: *trying does not find a race*. (A plain `total += x[i]` is safe: Numba gives each thread a total of its own.)

# %% [markdown]
# ✎ Given the places that each iteration reads and writes: may the iterations run in any order, at the same time?


# %% answer="may_run_in_parallel"
def may_run_in_parallel(reads, writes):
    """reads[i], writes[i]: lists of the places that iteration i uses. True or False."""
    ### BEGIN SOLUTION
    for i, written in enumerate(writes):
        for j in range(len(writes)):
            if i != j and set(written) & set(reads[j] + writes[j]):
                return False
    return True
    ### END SOLUTION


# %% check="may_run_in_parallel"
check("may_run_in_parallel", may_run_in_parallel)

# %% [markdown]
# ✎ **Compile a loop of your own**: the sum of the squares of each row, the rows in parallel. Write the function inside, decorated, and return it. The check also asks Numba whether it is parallel.


# %% answer="row_squares"
@cache  # compiled once
def parallel_rows():
    """A compiled function of (x, out) that sets out[i] to Σⱼ x[i, j]², the rows in parallel."""

    ### BEGIN SOLUTION
    @njit(parallel=True)
    def rows(x, out):
        for i in prange(len(out)):
            total = 0.0
            for j in range(x.shape[1]):
                total += x[i, j] ** 2
            out[i] = total

    return rows
    ### END SOLUTION


def row_squares(x):
    """Runs your function; leave this as it is."""
    x = numpy.array(x, dtype=float)
    out = numpy.zeros(len(x))
    rows = parallel_rows()
    rows(x, out)
    return {"values": out.tolist(), "in parallel": in_parallel(rows)}


# %% check="row_squares"
check("row_squares", row_squares)

# %% [markdown]
# ## Fusion: the same chain, fewer bytes
#
# A scale, a ReLU and a residual: out = max(s · x, 0) + r. As three kernels, each writes an array that the next one reads. As one, the values in between never leave the processor.


# %%
def separate(s, x, r, t, u, out):
    for i in range(len(x)):
        t[i] = s * x[i]
    for i in range(len(x)):
        u[i] = max(t[i], 0)
    for i in range(len(x)):
        out[i] = u[i] + r[i]


def together(s, x, r, out):
    for i in range(len(x)):
        out[i] = max(s * x[i], 0) + r[i]


# %% [markdown]
# ✎ Count first. `numbers` fp32 numbers pass through a chain of steps; `others` says for each step how many further tensors of that size it reads beside what the step before has written (here: [0, 0, 1]). Every step writes one result. What do the separate kernels read and write, in bytes, and what does the fused one?


# %% answer="chain_traffic"
def chain_traffic(numbers, others):
    """{"separate": bytes, "fused": bytes}."""
    ### BEGIN SOLUTION
    separate = sum(1 + more + 1 for more in others)
    fused = 1 + sum(others) + 1
    return {"separate": 4 * numbers * separate, "fused": 4 * numbers * fused}
    ### END SOLUTION


# %% check="chain_traffic"
check("chain_traffic", chain_traffic)

# %% [markdown]
# Is that what the loops do? Arrays that count their own reads and writes can tell:

# %%
n = 1000
for loops, arrays in (separate, 5), (together, 3):
    counting = [CountedArray(numpy.ones(n, "float32")) for _ in range(arrays)]
    loops(2.0, *counting)
    moved = 4 * sum(array.reads + array.writes for array in counting)
    print(f"{loops.__name__:9}{moved:7,} B: {moved // (4 * n)} × {4 * n:,} B")

# %% [markdown]
# **Predict** for 8 million numbers (32 MiB an array): the bytes shrink 7 : 3. How many times faster is the fused loop?

# %% predict="fused"
predict("fused_speedup", 2.3)


# %% tags=["skip-grading"]
@njit
def copied(x, out):
    for i in range(len(x)):
        out[i] = x[i]


n, s = 2**23, numpy.float32(2)
separate_compiled, together_compiled = njit(separate), njit(together)
if guessed("fused_speedup"):
    x, r, t, u, out = numpy.random.rand(5, n).astype("float32")
    times = side_by_side(
        {
            "separate": lambda: separate_compiled(s, x, r, t, u, out),
            "fused": lambda: together_compiled(s, x, r, out),
            "a copy": lambda: copied(x, out),
        }
    )
    rate = 2 * 4 * n / median(times["a copy"])  # one array read, one written
    print(f"a copy: {rate / 1e9:.1f} GB/s")
    for name, arrays in ("separate", 7), ("fused", 3):
        moved, took = 4 * n * arrays, median(times[name])
        print(f"{name:9}{format_bytes(moved):>11}, {1e3 * moved / rate:4.1f} ms at a copy's rate")
        print(f"{'':9} measured {1e3 * took:4.1f} ms, ratio {moved / rate / took:.2f}")
    factor = median(times["separate"]) / median(times["fused"])
    pictures.times(times, f"{7 / 3:.1f} times fewer bytes, {factor:.1f} times less time")
    plt.show()
    for name, arrays in ("separate", 7), ("fused", 3):
        reached[f"chain, {name}"] = 2 / (4 * arrays), 2 * n / median(times[name])
    outcome("fused_speedup", factor)

# %% [markdown]
# ✎ **Explain (1 point).** What did you predict, what was measured, and where does the difference come from? A person reads it.

# %% [markdown] read="explain_fusion" points=1
# I predicted 2.3 times, as 7 : 3 says, and 2.4 were measured. The time goes with the bytes: the
# arithmetic on each number is hidden behind them. At the rate of a copy the separate loops should
# take 42 ms and took 45, the fused one 18 and took 18. What remains: a write first loads its line
# into the cache, so 10 arrays move against 4, 2.5 times; and other programs ran.

# %% [markdown]
# One reason, to be tested: before a processor writes part of a line of memory, it loads the line. Then a copy moves 3 arrays, not 2, the separate loops 10 and the fused one 4. Do the times agree better with that?

# %% tags=["skip-grading"]
if guessed("fused_speedup"):
    for name, arrays in ("separate", 10), ("fused", 4):
        expected, took = arrays / 3 * median(times["a copy"]), median(times[name])
        print(f"{name:9}{1e3 * expected:5.1f} ms, measured ÷ that {took / expected:.2f}")

# %% [markdown]
# ✎ **Fuse one yourself**: hard swish and a residual. v = x[i] gives v · clip(v + 3, 0, 6) / 6, plus y[i]. One loop; every number of x and y is read once, every number of out written once. It runs on counting arrays.


# %%
def whole_numbers(seed, *sizes):
    """An array of random whole numbers from −9 to 9 for each size, the same for the same seed."""
    draw = random.Random(seed)
    return [numpy.array([float(draw.randrange(-9, 10)) for _ in range(size)]) for size in sizes]


# %% answer="fused_chain"
def hard_swish_and_residual(x, y, out):
    """out[i] = x[i] · clip(x[i] + 3, 0, 6) / 6 + y[i]."""
    ### BEGIN SOLUTION
    for i in range(len(x)):
        v = x[i]
        out[i] = v * min(max(v + 3, 0), 6) / 6 + y[i]
    ### END SOLUTION


def fused_chain(numbers, seed):
    """Runs your loop on arrays that count; leave this as it is."""
    x, y, out = map(CountedArray, [*whole_numbers(seed, numbers, numbers), numpy.zeros(numbers)])
    hard_swish_and_residual(x, y, out)
    reads, writes = (sum(getattr(a, what) for a in (x, y, out)) for what in ("reads", "writes"))
    return {"values": out.values.tolist(), "reads": reads, "writes": writes}


# %% check="fused_chain"
check("fused_chain", fused_chain)

# %% [markdown]
# ## A matrix product, three times
#
# Fusing helps where each number is used once. In a product of n × n matrices each is used n times. The arithmetic is the same in these three; what differs is the order. (The first also runs with b stored by columns.) Which is fastest, and how far is it from PyTorch's?


# %% tags=["skip-grading"]
@njit
def row_by_column(a, b, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = numpy.float32(0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]  # b: down a column, a whole row apart
            out[i, j] = total


@njit
def row_by_row(a, b, out):
    out[:] = 0
    for i in range(out.shape[0]):
        for k in range(a.shape[1]):
            for j in range(out.shape[1]):
                out[i, j] += a[i, k] * b[k, j]  # b and out: along a row


@njit
def by_tiles(a, b, out, tile):
    out[:] = 0
    for k0 in range(0, a.shape[1], tile):
        for j0 in range(0, out.shape[1], tile):
            for i in range(out.shape[0]):
                part = out[i, j0 : j0 + tile]
                for k in range(k0, k0 + tile):
                    row = b[k, j0 : j0 + tile]  # of one tile of b, which stays in the cache
                    for j in range(tile):
                        part[j] += a[i, k] * row[j]


# %% tags=["skip-grading"]
n = 512
torch.set_num_threads(1)
a, b, out = numpy.random.rand(3, n, n).astype("float32")
b_by_columns = numpy.asfortranarray(b)  # equal, but a column's numbers are neighbours
times = side_by_side(
    {
        "row by column": lambda: row_by_column(a, b, out),
        "b by columns": lambda: row_by_column(a, b_by_columns, out),
        "row by row": lambda: row_by_row(a, b, out),
        "tiles of 64": lambda: by_tiles(a, b, out, 64),
        "PyTorch": lambda: torch.mm(torch.from_numpy(a), torch.from_numpy(b)),
    },
    repeats=3,
)
for name, measured in times.items():
    if name != "b by columns":
        reached[f"product, {name}"] = 2 * n**3 / (4 * 3 * n**2), 2 * n**3 / median(measured)
    print(f"{name:14}{2 * n**3 / median(measured) / 1e9:6.1f} GFLOP/s on one core")
slower = median(times["row by column"]) / median(times["PyTorch"])
pictures.times(
    times, f"The same {2 * n**3 / 1e6:.0f} MFLOP, up to {slower:.0f} times as long", log=True
)
plt.show()

# %% [markdown]
# Down a column, a line of 16 numbers is loaded for one of them (unit 03); stored by columns, b gives all 16. Often more is gained elsewhere: one sum is a chain in which each addition waits for the last; along a row, a processor adds 4 to 16 numbers at once.
#
# This b has 1 MiB, and most caches hold it: wide tiles pay for larger ones. PyTorch tiles twice, for the cache and for the registers.

# %% [markdown]
# A GPU has little cache for each of its many threads. There, a kernel keeps its tiles by hand:

# %% tags=["skip-grading"]
pictures.product_tiles(12, 4, row=1, column=2)
plt.show()

# %% [markdown]
# A block that keeps the tiles in fast memory fetches each number once and uses it `tile` times.
#
# ✎ Numbers read from slow memory by a product of m × k by k × n. *naive*: every multiply-accumulate fetches both of its numbers. *tiled*: every tile of the result fetches the tiles of a and b that it needs. `tile` divides m, n and k.


# %% answer="product_reads"
def product_reads(m, n, k, tile):
    """{"naive": numbers read, "tiled": numbers read}."""
    ### BEGIN SOLUTION
    results = (m // tile) * (n // tile)  # tiles of the result
    return {"naive": 2 * m * n * k, "tiled": results * (k // tile) * 2 * tile**2}
    ### END SOLUTION


# %% check="product_reads"
check("product_reads", product_reads)

# %% [markdown]
# *A good place for a break: ten of sixteen questions are behind you. Save, and when you come back, run the cells above again.*

# %% [markdown]
# ## A GPU's way: threads, blocks, grid
#
# On a GPU you do not write the loop. You write what **one thread** does, and start thousands. Threads come in **blocks**, blocks form a **grid**. A thread knows its place in its block and its block's place in the grid. Which element is its own?

# %% tags=["skip-grading"]
pictures.global_index(elements=11, threads=4)
plt.show()

# %% [markdown]
# Thread 2 of block 1 has element 1 · 4 + 2 = 6. In general: **i = blockIdx · blockDim + threadIdx**.
#
# Blocks are all of one size, so the last one may stick out: a **guard**, `if i < n`, keeps its surplus threads from touching memory beyond the end.

# %% [markdown]
# In two axes, x runs along a row and y down a column.
#
# ✎ Which element does a thread have, and at what position does it lie in a row-major matrix?


# %% answer="thread_element"
def thread_element(block, thread, threads, columns):
    """block, thread, threads in a block: each [x, y]. {"row": …, "column": …, "position": …}."""
    ### BEGIN SOLUTION
    column = block[0] * threads[0] + thread[0]
    row = block[1] * threads[1] + thread[1]
    return {"row": row, "column": column, "position": row * columns + column}
    ### END SOLUTION


# %% check="thread_element"
check("thread_element", thread_element)

# %% [markdown]
# A kernel in Numba is a Python function that asks `cuda` where it is: `cuda.blockIdx.x`, `cuda.blockDim.x`, `cuda.threadIdx.x` (and `.y`). On a GPU, `cuda.jit` compiles it (today the package `numba-cuda` brings it; the one within Numba is deprecated since 0.61). Here, `launch` runs it thread by thread and counts what it reads and writes in **global memory**: the GPU's main, slow memory. First, without a guard:


# %% tags=["skip-grading"]
def doubled(x, out):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    out[i] = 2 * x[i]


x = numpy.arange(11.0)
try:
    launch(doubled, 3, 4, x, numpy.zeros(11))  # 3 blocks of 4 threads
except KernelError as error:
    print(error)

# %% [markdown]
# A GPU need not have stopped: it may read and write whatever lies there, and go on. (A `try` in a kernel does not help: on a GPU there is nothing to catch, so `launch` lets none pass.)
#
# ✎ Write the kernel of `axpy`, out[i] = a · x[i] + y[i], with a guard: out has `len(out)` elements.


# %% answer="axpy"
def axpy_kernel(a, x, y, out):
    """One thread's work: its own element of out, if there is one."""
    ### BEGIN SOLUTION
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i < len(out):
        out[i] = a * x[i] + y[i]
    ### END SOLUTION


def axpy(numbers, threads, seed):
    """Launches your kernel on enough blocks; leave this as it is."""
    x, y = whole_numbers(seed, numbers, numbers)
    out = numpy.zeros(numbers)
    blocks = (numbers + threads - 1) // threads
    counts = launch(axpy_kernel, blocks, threads, 3, x, y, out)
    return {
        "values": out.tolist(),
        "global reads": counts.global_reads,
        "global writes": counts.global_writes,
    }


# %% check="axpy"
check("axpy", axpy)

# %% [markdown]
# ## Shared memory, and a barrier
#
# The threads of one block share a small fast memory. One thread writes, another reads: but who is first? Here a block turns eight numbers round. Every thread puts one in and takes out another one.


# %% tags=["skip-grading"]
def turned(x, out):
    shared = cuda.shared.array(8, numba.float64)
    i = cuda.threadIdx.x
    shared[i] = x[i]
    out[i] = shared[7 - i]  # has thread 7 - i been here?


x, out = numpy.arange(8.0), numpy.zeros(8)
launch(turned, 1, 8, x, out, find_races=False)
print("given   ", x)
print("is      ", out)
print("ought be", x[::-1])

# %% [markdown]
# Wrong: threads 0 to 3 took what nobody had written yet. On a GPU it would be what was left there, and *sometimes* the right numbers: threads run in no fixed order. `launch` normally looks for such **races**, in shared and in global memory, and names them:


# %% tags=["skip-grading"]
def turned_with_barrier(x, out):
    shared = cuda.shared.array(8, numba.float64)
    i = cuda.threadIdx.x
    shared[i] = x[i]
    cuda.syncthreads()  # nobody goes on before all have come here
    out[i] = shared[7 - i]


try:
    launch(turned, 1, 8, x, out)
except KernelError as error:
    print("without barrier:", error)
launch(turned_with_barrier, 1, 8, x, out)
print("with barrier:", out)

# %% [markdown]
# A barrier is for one block. Between blocks there is none: what they all write to, such as one total, they update with `cuda.atomic.add(out, 0, x[i])`, one thread after the other. Without it, the race of the votes is back:


# %% tags=["skip-grading"]
def total_kernel(x, out):
    out[0] += x[cuda.grid(1)]


def atomic_total_kernel(x, out):
    cuda.atomic.add(out, 0, x[cuda.grid(1)])


for kernel in total_kernel, atomic_total_kernel:
    out = numpy.zeros(1)
    try:
        launch(kernel, 4, 4, numpy.arange(16.0), out)
        print(f"{kernel.__name__}: {out[0]:.0f}, ought be {sum(range(16))}")
    except KernelError as error:
        print(f"{kernel.__name__}: {error}")

# %% [markdown]
# But one after the other is slow: all threads of the grid wait at one number. Better: each block adds up its own numbers in shared memory, and writes *one* result. Half of the threads each add another one's number to their own; then a quarter; then an eighth:

# %% tags=["skip-grading"]
pictures.halvings(8)
plt.show()

# %% [markdown]
# ✎ **A block adds up (2 points).** A block has THREADS = 16 threads; block b writes the sum of its 16 numbers to out[b]. Where x ends within a block, its last threads bring 0. In each step half of the threads add; between two steps everybody waits. About ten lines.


# %%
THREADS, SIDE = 16, 8  # known when a kernel is compiled: shared arrays have fixed sizes


# %% answer="block_sums"
def block_sum_kernel(x, out):
    """One thread's work: its part in the sum of its block, which is written to out[block]."""
    shared = cuda.shared.array(THREADS, numba.float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    ### BEGIN SOLUTION
    shared[t] = x[i] if i < len(x) else 0
    cuda.syncthreads()
    step = THREADS // 2
    while step > 0:
        if t < step:
            shared[t] += shared[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[cuda.blockIdx.x] = shared[0]
    ### END SOLUTION


def block_sums(numbers, seed):
    """Launches your kernel; leave this as it is."""
    (x,) = whole_numbers(seed, numbers)
    blocks = (numbers + THREADS - 1) // THREADS
    out = numpy.zeros(blocks)
    counts = launch(block_sum_kernel, blocks, THREADS, x, out)
    return {
        "sums": out.tolist(),
        "global reads": counts.global_reads,
        "barriers": counts.barriers,
    }


# %% check="block_sums"
check("block_sums", block_sums)

# %% [markdown]
# ## What a warp fetches
#
# A GPU runs 32 threads, a **warp**, in step, and its memory hands over **sectors** of 32 bytes: eight fp32 numbers, never less. What a warp asks for at once is fetched once. **Predict:** neighbouring threads read neighbouring numbers: 4 sectors. How many if they read every *second* number? And a whole row of 100 numbers apart?

# %% predict="sectors"
predict("sectors_stride_2", 4)
predict("sectors_stride_100", 100)


# %% tags=["skip-grading"]
def reading(x, stride):
    x[stride * cuda.grid(1)]


x = numpy.zeros(3200, "float32")
sectors = {stride: launch(reading, 1, 32, x, stride).sectors for stride in (1, 2, 4, 8, 16, 100)}
if guessed("sectors_stride_2") and guessed("sectors_stride_100"):
    for stride, moved in sectors.items():
        used = 32 * 4 / (32 * moved)
        print(f"stride {stride:3}: {moved:2} sectors, {used:4.0%} of their bytes are used")
    outcome("sectors_stride_2", sectors[2])
    outcome("sectors_stride_100", sectors[100])

# %% [markdown]
# So a thread's neighbour should use its number's neighbour. A matrix that is turned over breaks that: along a row of a is down a column of out.


# %% tags=["skip-grading"]
def turned_over(a, out):
    x, y = cuda.grid(2)
    out[x, y] = a[y, x]


a = numpy.arange(16.0 * 16, dtype="float32").reshape(16, 16)
out = numpy.zeros_like(a)
counts = launch(turned_over, (2, 4), (8, 4), a, out)  # 32 threads a block: one warp
print("right:", numpy.array_equal(out, a.T))
print("sectors:", counts.sectors, "moved,", 2 * a.nbytes // 32, "would do")

# %% [markdown]
# ✎ **Halve the waste (2 points).** The same result, every sector moved once. A block brings a tile of 8 × 8 into shared memory row by row, waits, and writes it row by row: turned, and to its new place. It has 8 × 4 threads, so each brings two numbers, in rows y and y + 4 of the tile, and writes two. Which row and column of out?


# %% answer="transposed_copy"
def transposed_kernel(a, out):
    """One thread's work: two numbers of a into the tile, two of the tile to out."""
    tile = cuda.shared.array((SIDE, SIDE), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    ### BEGIN SOLUTION
    left, top = SIDE * cuda.blockIdx.x, SIDE * cuda.blockIdx.y
    for row in y, y + 4:
        tile[row, x] = a[top + row, left + x]
    cuda.syncthreads()
    for row in y, y + 4:
        out[left + row, top + x] = tile[x, row]
    ### END SOLUTION


def transposed_copy(size, seed):
    """Launches your kernel; leave this as it is."""
    (numbers,) = whole_numbers(seed, size**2)
    a = numbers.reshape(size, size).astype("float32")
    out = numpy.zeros_like(a)
    counts = launch(transposed_kernel, (size // SIDE,) * 2, (SIDE, SIDE // 2), a, out)
    return {"values": out.ravel().tolist(), "sectors": counts.sectors}


# %% check="transposed_copy"
check("transposed_copy", transposed_copy)

# %% [markdown]
# Shared memory is small: 48 KiB for a block on most GPUs, unless asked for more. And a block has at most 1024 threads: a tile with a thread for each element is at most 32 wide.
#
# ## The tiled product
#
# First the naive kernel: a thread walks along a row of a and down a column of b. How many global reads is that, for 8 × 8?

# %%
TILE = 4


def naive_kernel(a, b, out):
    column, row = cuda.grid(2)  # short for blockIdx · blockDim + threadIdx, in x and y
    total = numba.float32(0)  # 0.0 would be fp64: slow on most GPUs
    for k in range(a.shape[1]):
        total += a[row, k] * b[k, column]
    out[row, column] = total


a, b = (each.reshape(8, 8) for each in whole_numbers(0, 64, 64))
out = numpy.zeros((8, 8))
counts = launch(naive_kernel, (2, 2), (TILE, TILE), a, b, out)
print("right:", numpy.array_equal(out, a @ b))
print("reads:", counts.global_reads, "counted,", 2 * 8**3, "= 2 · 8³ expected")

# %% [markdown]
# ✎ **Now tiled (2 points).** For each step along k: every thread brings one number of a's tile and one of b's; barrier; every thread adds up TILE products from shared memory; barrier. Why the second one? Leave it out and read what `launch` says.
#
# The size is a multiple of TILE. About ten lines.


# %% answer="tiled_product"
def tiled_kernel(a, b, out):
    """One thread's work: its element of a @ b, through shared tiles of TILE × TILE."""
    tile_a = cuda.shared.array((TILE, TILE), numba.float32)
    tile_b = cuda.shared.array((TILE, TILE), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = numba.float32(0)
    ### BEGIN SOLUTION
    for start in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[row, start + x]
        tile_b[y, x] = b[start + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    out[row, column] = total
    ### END SOLUTION


def tiled_product(size, seed):
    """Launches your kernel; leave this as it is."""
    a, b = (each.reshape(size, size) for each in whole_numbers(seed, size**2, size**2))
    out = numpy.zeros((size, size))
    blocks = (size // TILE, size // TILE)
    counts = launch(tiled_kernel, blocks, (TILE, TILE), a, b, out)
    return {"product": out.ravel().tolist(), "global reads": counts.global_reads}


# %% check="tiled_product"
check("tiled_product", tiled_product)

# %% [markdown]
# `launch` is a small stand-in of ours: one thread at a time, always in one order, so that a grade does not depend on luck. Numba has a simulator of its own with threads that really run at once. It is chosen when Numba is imported, so your kernel goes to another process. Do both count the same?

# %% tags=["skip-grading"]
from helpers.simulator import launch_in_numba

print("size  expected   launch  Numba's  right")
for kernel, size in (naive_kernel, 8), (tiled_kernel, 8), (tiled_kernel, 12):
    a, b = (each.reshape(size, size) for each in whole_numbers(size, size**2, size**2))
    expected = 2 * size**3 // (TILE if kernel is tiled_kernel else 1)
    line = f"{size:4}{expected:10,}"
    print(kernel.__name__)
    try:
        for run in launch, launch_in_numba:
            out = numpy.zeros((size, size))
            counts = run(kernel, (size // TILE, size // TILE), (TILE, TILE), a, b, out)
            line += f"{counts.global_reads:9,}"
        print(f"{line}  {numpy.array_equal(out, a @ b)}")
    except (NotImplementedError, KernelError, RuntimeError) as error:
        print(f"{line}  {type(error).__name__}")

# %% [markdown]
# Reads fall as many times as a tile is wide, whatever the size. (This is what a kernel asks for; a GPU's caches catch a part of it.) In the roofline's words, intensity rises with the tile:

# %% tags=["skip-grading"]
from helpers.hardware import DEVICES

n = 4096
print(f"fp32 product of {n} × {n}: FLOP for each byte of global memory")
print(f"  the A100's ridge: {DEVICES['A100'].ridge('fp32'):.1f} FLOP/B")
for tile in 1, 4, 16, 32:
    reads = 2 * n**3 // tile
    intensity = 2 * n**3 / (4 * (reads + n**2))
    print(f"  tile {tile:2}: {intensity:5.2f} FLOP/B")

# %% [markdown]
# Even a tile of 32, 1024 threads, stays below that ridge. Libraries go on: each thread keeps a small tile of its own in registers.
#
# On a real GPU, compiled from the same lines:

# %% tags=["gpu"]
if torch.cuda.is_available():
    n, TILE = 2048, 16
    a, b = (cuda.to_device(numpy.random.rand(n, n).astype("float32")) for _ in range(2))
    out = cuda.device_array((n, n), "float32")
    for kernel in naive_kernel, tiled_kernel:
        on_gpu = cuda.jit(kernel)[(n // TILE, n // TILE), (TILE, TILE)]

        def wait_for_it(on_gpu=on_gpu):
            on_gpu(a, b, out)
            cuda.synchronize()

        took = median(side_by_side({"GPU": wait_for_it})["GPU"])
        print(f"{kernel.__name__:13}{1e3 * took:7.2f} ms {2 * n**3 / took / 1e12:6.2f} TFLOP/s")
    TILE = 4
else:
    print("No GPU here: this cell was not run. Colab has some: Runtime → Change runtime type.")

# %% [markdown]
# ## Softmax in one pass
#
# Attention takes a softmax over all scores of a query, then a sum of values, weighted by it. The first share needs the largest score and the total. So must all scores, tokens × tokens, wait in memory?
#
# No: sums can be *corrected*. Take the keys tile by tile, and keep three things: the largest score so far m, the total Σ e^(s − m), and the weighted sum Σ e^(s − m) · v.

# %% [markdown]
# ✎ **Take in one more tile (2 points).** `scores` are the tile's, `values` its rows, one for each score; `weighted` is a row, too. If a score is larger than m, by what are the sums so far too large?


# %% answer="online_softmax"
def online_softmax(largest, total, weighted, scores, values):
    """{"largest": …, "total": …, "weighted": [a number for each column]} with the tile."""
    ### BEGIN SOLUTION
    new = max(largest, *scores)
    kept = math.exp(largest - new)
    shares = [math.exp(score - new) for score in scores]
    total = kept * total + sum(shares)
    weighted = [
        kept * before + sum(share * row[j] for share, row in zip(shares, values))
        for j, before in enumerate(weighted)
    ]
    return {"largest": new, "total": total, "weighted": weighted}
    ### END SOLUTION


# %% check="online_softmax"
check("online_softmax", online_softmax)

# %% [markdown]
# With it, attention is one kernel: a block has a tile of queries, brings keys and values tile by tile, and no score ever goes to global memory. Beside it, three kernels that write the scores out. You need not read them all: look for what each reads and writes in a, S and out.


# %% tags=["skip-grading"]
WIDTH, TILE_OF_KEYS = 4, 8  # of a head; threads of a block


def scores_kernel(q, k, S):
    j, i = cuda.grid(2)
    total = 0.0
    for c in range(WIDTH):
        total += q[i, c] * k[j, c]
    S[i, j] = total


def softmax_kernel(S):
    i = cuda.grid(1)
    row = [S[i, j] for j in range(S.shape[1])]
    total = sum(math.exp(score - max(row)) for score in row)
    for j, score in enumerate(row):
        S[i, j] = math.exp(score - max(row)) / total


def values_kernel(S, v, out):
    c, i = cuda.grid(2)
    total = 0.0
    for j in range(S.shape[1]):
        total += S[i, j] * v[j, c]
    out[i, c] = total


# %% tags=["skip-grading"]
def attention_kernel(q, k, v, out):
    keys = cuda.shared.array((TILE_OF_KEYS, WIDTH), numba.float64)
    values = cuda.shared.array((TILE_OF_KEYS, WIDTH), numba.float64)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    query = [q[i, c] for c in range(WIDTH)]
    so_far = {"largest": -1e30, "total": 0.0, "weighted": [0.0] * WIDTH}
    for start in range(0, k.shape[0], TILE_OF_KEYS):
        for c in range(WIDTH):
            keys[t, c], values[t, c] = k[start + t, c], v[start + t, c]
        cuda.syncthreads()
        rows = range(TILE_OF_KEYS)
        scores = [sum(query[c] * keys[j, c] for c in range(WIDTH)) for j in rows]
        tile = [[values[j, c] for c in range(WIDTH)] for j in rows]
        largest, total, weighted = numbers_of(so_far)
        so_far = online_softmax(largest, total, weighted, scores, tile)
        cuda.syncthreads()
    _, total, weighted = numbers_of(so_far)
    for c in range(WIDTH):
        out[i, c] = weighted[c] / total


def numbers_of(so_far):  # a list in that order is as good as a dict
    return so_far.values() if isinstance(so_far, dict) else so_far


# %% [markdown]
# **Predict:** 64 tokens, a head 4 wide, tiles of 8. How many times as many numbers do the three kernels move as the one?

# %% predict="attention"
predict("attention_moved", 2)


# %% tags=["skip-grading"]
def moved_by_attention(tokens, tiled):
    """Numbers read and written in global memory; whether the result is PyTorch's."""
    draw = numpy.random.default_rng(tokens)
    q, k, v = draw.normal(size=(3, tokens, WIDTH))
    out, S, blocks = numpy.zeros((tokens, WIDTH)), numpy.zeros((tokens,) * 2), tokens // 8
    if tiled:
        counts = [launch(attention_kernel, blocks, TILE_OF_KEYS, q, k, v, out)]
    else:
        counts = [
            launch(scores_kernel, (blocks, blocks), (8, 8), q, k, S),
            launch(softmax_kernel, blocks, 8, S),
            launch(values_kernel, (WIDTH // 4, blocks), (4, 8), S, v, out),
        ]
    q, k, v = (torch.from_numpy(each)[None] for each in (q, k, v))
    right = torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)[0].numpy()
    moved = sum(each.global_reads + each.global_writes for each in counts)
    return moved, numpy.allclose(out, right)


# %% tags=["skip-grading"]
from helpers.plots.style import figure
from helpers.tried import tried

lengths = 8, 16, 32, 64
if guessed("attention_moved"):
    _, axes = figure(size=(5.2, 3.2))
    moved = {}
    for name, style, tiled in ("three kernels", "o-", False), ("one, tiled", "s--", True):
        result, problem = tried(lambda t=tiled: [moved_by_attention(n, t) for n in lengths])
        if problem:
            print(f"{name}: {problem}")
            continue
        moved[name] = [numbers for numbers, _ in result]
        print(f"{name}: right {all(same for _, same in result)}, moved {moved[name]}")
        axes.loglog(lengths, moved[name], style, base=2, label=name)
    axes.set(xlabel="tokens", ylabel="numbers moved", title="What attention moves, counted")
    axes.set_xticks(lengths, map(str, lengths))
    axes.set_yticks([128, 1024, 8192, 65_536], ["128", "1,024", "8,192", "65,536"])
    axes.legend()
    plt.show()
    if len(moved) == 2:
        outcome("attention_moved", moved["three kernels"][-1] / moved["one, tiled"][-1])

# %% [markdown]
# Both grow with the square of the length: every query meets every key. But the tiled kernel brings a key once for 8 queries, and writes no score: with tiles of 128 queries, as FlashAttention has them, little is left but q, k, v and the output. And nothing of size tokens² has to be *kept*: the 16 MiB against 140 of unit 05.

# %% [markdown]
# ## One roof, filling up
#
# Everything measured above under the roof of this machine (unit 04). FLOP at the course's prices, bytes as if each array moved once.

# %% tags=["skip-grading"]
from helpers.plots.roofs import Roof, roofs

here = measure(refresh=True, seconds=0.5)  # one core, where there is no GPU
roof = Roof(f"{here.name}, fp32", here.flop_spread[1], here.bandwidth_spread[1])
roofs([roof], "From Python's loop up to the roof", measured=reached)
plt.show()
for name, (intensity, rate) in reached.items():
    share = rate / min(roof.peak, intensity * roof.bandwidth)
    print(f"{name:22}{rate / 1e9:9.3f} GFLOP/s, {share:7.2%} of its roof")

# %% [markdown]
# From Python's loop to PyTorch's product the rate rises a thousandfold and more, in three steps: compile, so that arithmetic is all that is done; reuse what was fetched; use all units at once. Fusing moves a point to the right, tiles move it up. (A point above the roof was served by a cache, or the machine was busy when its roof was measured.)

# %% [markdown]
# ## With a GPU: who writes the kernel?
#
# The chain of above once more: 2 · x, ReLU, plus r. In **Triton** you write what one *tile* does; threads, shared memory and barriers are its compiler's work. **`torch.compile`** writes such a kernel for you.
#
# Look for the index and the guard. The cell runs where there is a GPU; elsewhere it prints what traffic says of one.

# %% tags=["gpu", "skip-grading"]
if torch.cuda.is_available():
    import triton
    import triton.language as tl

    @triton.jit
    def chain_kernel(x, r, out, n, TILE: tl.constexpr):
        i = tl.program_id(0) * TILE + tl.arange(0, TILE)  # TILE indices at once
        inside = i < n
        scaled = 2 * tl.load(x + i, mask=inside)
        total = tl.maximum(scaled, 0) + tl.load(r + i, mask=inside)
        tl.store(out + i, total, mask=inside)

    def in_triton(x, r):
        out = torch.empty_like(x)
        chain_kernel[(triton.cdiv(x.numel(), 1024),)](x, r, out, x.numel(), TILE=1024)
        return out


# %% tags=["gpu", "skip-grading"]
def chain(x, r):
    return torch.clamp_min(2 * x, 0) + r


n, arrays = 2**26, {"three kernels": 7, "torch.compile": 3, "Triton": 3}  # read or written
on_gpu = torch.cuda.is_available()
if on_gpu:
    runs = {"three kernels": chain, "torch.compile": torch.compile(chain), "Triton": in_triton}
    x, r = torch.rand(2, n, device="cuda")
print("expected on an H200, whose copies moved 4.3 TB/s" + ("; measured here" if on_gpu else ""))
for name, count in arrays.items():
    line = f"{name:14}{1e3 * 4 * n * count / 4.3e12:6.2f} ms"
    if on_gpu:

        def wait_for_it(run=runs[name]):
            run(x, r)
            torch.cuda.synchronize()

        took = median(side_by_side({name: wait_for_it})[name])
        line += f"{1e3 * took:8.2f} ms, right: {torch.equal(runs[name](x, r), chain(x, r))}"
    print(line)
if not on_gpu:
    print("No GPU here: nothing was measured.")

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("08_kernels")

# %% [markdown]
# **Takeaways**
#
# - Tensor operations are map, zip and reduce over strides.
# - `prange` without `parallel=True` is `range`.
# - Fusing removes arrays in between.
# - A thread finds its element by its place; a guard stops the surplus.
# - A barrier stands between writing shared memory and reading it, and before overwriting it.
# - A warp fetches sectors of 32 bytes: neighbours should use neighbours.
# - Tiles w wide cut global reads w times. Softmax can be taken by tiles, too.

# %% [markdown]
# **References**
#
# - S. K. Lam, A. Pitrou, S. Seibert: *Numba: a LLVM-based Python JIT compiler*, LLVM-HPC 2015
# - A. J. Bernstein: *Analysis of programs for parallel processing*, 1966.
# - J. Nickolls et al.: *Scalable parallel programming with CUDA*, ACM Queue, 2008

# %% [markdown]
# **References, continued**
#
# - M. Milakov, N. Gimelshein: *Online normalizer calculation for softmax*, 2018
# - T. Dao et al.: *FlashAttention: fast and memory-efficient exact attention*, NeurIPS 2022
# - S. Rush: *GPU Puzzles*, 2022. *MiniTorch*, 2020. The same kernels as exercises.
# - NVIDIA: *CUDA C++ programming guide*. Numba: *Numba for CUDA GPUs*
#
# **Next:** 09, inference: what a token costs.
