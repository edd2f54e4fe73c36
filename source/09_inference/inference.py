# %% [markdown]
# # Inference: what a token costs
#
# An H100 could do the arithmetic of a model of 7 billion weights for 70,000 tokens a second. With one reader it writes about 240, at best.
#
# **Where is the rest, and who can have it?**

# %%
import math
import random
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numba
import numpy
import torch

from helpers.check import check, progress
from helpers.conventions import format_bytes, format_count
from helpers.hardware import DEVICES
from helpers.plots import inference as pictures
from helpers.plots.roofs import Roof, roofs
from helpers.predict import guessed, outcome, predict
from helpers.tried import numbers, tried

torch.set_num_threads(1)  # one core: other programs disturb it less

# %% [markdown]
# A token goes through every weight once: one multiplication and one addition, two FLOP. In bf16 that weight is two bytes, and it has to come from memory first.

# %%
h100, weights = DEVICES["H100"], 7e9
computing = h100.peak["bf16"] / (2 * weights)
reading = h100.bandwidth / (2 * weights)
print(f"by its arithmetic {computing:8,.0f} tokens/s")
print(f"by its memory     {reading:8,.0f} tokens/s, alone")

# %% tags=["skip-grading"]
h100_roof = Roof("H100, bf16", h100.peak["bf16"], h100.bandwidth)
roofs(
    [h100_roof],
    "One token gets a three-hundredth of the peak, a prompt all",
    measured={  # at the rate that the roof allows
        "one token: 1 FLOP/B": (1, h100.bandwidth),
        "2,048 tokens of a prompt at once": (2048, h100.peak["bf16"]),
    },
)
plt.show()

# %% [markdown]
# One token is unit 04's opening Linear with one sample, some hundred times in a row. A prompt is the same with many samples: all its tokens are known, so they go through together.
#
# - **Prefill**: one pass over the whole prompt.
# - **Decode**: one token, then the next, as each needs the one before.

# %% [markdown]
# ## Which weights multiply?
#
# "7 B" counts what is *held*. A Llama-like model has
#
# - a table, a row of `width` for each word, looked up;
# - in each block a query and an output matrix, width × width; key and value, width × kv_width; an MLP with a gate: three of width × hidden;
# - a head, width × vocabulary: a score for each word.
#
# ✎ How many weights are held, how many multiply? (Leave out the norms.)


# %% answer="multiplying_weights"
def multiplying_weights(vocabulary, width, layers, hidden, kv_width):
    """{"held": …, "multiply": …}, in weights."""
    ### BEGIN SOLUTION
    table = head = vocabulary * width
    block = 2 * width * width + 2 * width * kv_width + 3 * width * hidden
    return {"held": table + layers * block + head, "multiply": layers * block + head}
    ### END SOLUTION


# %% check="multiplying_weights"
check("multiplying_weights", multiplying_weights)

# %% tags=["skip-grading"]
from helpers.plots.bars import stacked
from helpers.reference import decoder_weights

LLAMAS = {  # vocabulary, width, layers, hidden, kv_width
    "Llama 2 7B": (32_000, 4096, 32, 11_008, 4096),
    "Llama 3 8B": (128_256, 4096, 32, 14_336, 1024),
}
parts = ("MLP", "query and output", "key and value", "head", "table")
stacked(
    {
        name: {part: decoder_weights(*sizes)[part] / 1e9 for part in parts}
        for name, sizes in LLAMAS.items()
    },
    "billion weights (the table does not multiply)",
    "Two thirds of the weights are in the MLPs",
)
plt.show()

# %% [markdown]
# ## A prompt, and one more token
#
# Beside the weights there is attention. Who meets whom?

# %% tags=["skip-grading"]
pictures.seen_places(["The", "cat", "sat", "on"], "the", "A token sees itself and what came before")
plt.show()

# %% [markdown]
# Light: the pairs of a prompt of four. Dark: those of the next token. In every layer, a pair costs a **score** (query times key, `width` MAC over all heads), and another `width` MAC to weigh the **value**.
#
# ✎ FLOP of a pass over a prompt, and then of the next token, when nothing is computed twice. `weights` are those that multiply. Count the pairs exactly, not as a round half. Leave out softmax, norms and activations.


# %% answer="pass_flops"
def pass_flops(weights, layers, width, tokens):
    """{"prompt": FLOP of `tokens` at once,
    "next token": FLOP of one more}."""
    ### BEGIN SOLUTION
    pairs = tokens * (tokens + 1) // 2
    return {
        "prompt": 2 * weights * tokens + 4 * layers * width * pairs,
        "next token": 2 * weights + 4 * layers * width * (tokens + 1),
    }
    ### END SOLUTION


# %% check="pass_flops"
check("pass_flops", pass_flops)

# %% [markdown]
# In the first case, 2,048 tokens, attention is 4 % of it. So a token costs about twice the weights, whether it is read or written. Then why 70,000 against 240? Not because of FLOP. Let us build a model and see.

# %% [markdown]
# ## A GPT in plain tensors
#
# Here is one, with nothing hidden: matrices, and three functions. Read it; you will write the fourth. (It learns nothing here: its weights are drawn.)


# %%
def make_gpt(matrix, vocabulary, width, blocks, heads, places):
    """Weights, each made by matrix(rows, columns); the head is the table."""
    table, positions = matrix(vocabulary, width), matrix(places, width)
    square, up, down = (width, width), (width, 4 * width), (4 * width, width)
    sizes = {"q": square, "k": square, "v": square, "out": square, "up": up, "down": down}
    made = [
        SimpleNamespace(**{name: matrix(*size) for name, size in sizes.items()})
        for _ in range(blocks)
    ]
    return SimpleNamespace(table=table, places=positions, blocks=made, heads=heads)


def norm(x):
    """Each row, of mean square 1."""
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def attend(q, k, v, heads):
    """What each query finds. q are the last rows of a text, k and v all of it."""
    q, k, v = (x.view(len(x), heads, -1).transpose(0, 1) for x in (q, k, v))
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    queries, keys = scores.shape[1:]
    later = torch.ones(queries, keys, dtype=torch.bool).triu(1 + keys - queries)
    found = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
    return found.transpose(0, 1).flatten(1)


# %%
def full_pass(gpt, tokens):
    """Logits at every place, (tokens, vocabulary); and each block's keys and values."""
    x = gpt.table[tokens] + gpt.places[: len(tokens)]
    cache = []
    for block in gpt.blocks:
        h = norm(x)
        keys, values = h @ block.k, h @ block.v
        cache.append((keys, values))
        x = x + attend(h @ block.q, keys, values, gpt.heads) @ block.out
        x = x + (norm(x) @ block.up).relu() @ block.down
    return norm(x) @ gpt.table.T, cache


def matrices(gpt):
    """Those that multiply."""
    return [gpt.table, *(matrix for block in gpt.blocks for matrix in vars(block).values())]


# %% [markdown]
# With the sizes of DistilGPT-2: 6 blocks, width 768, 12 heads. Does your formula agree with the FLOP that the course's meter counts, operation by operation?

# %% tags=["skip-grading"]
from helpers.meter import count

torch.manual_seed(0)
gpt = make_gpt(lambda rows, columns: 0.02 * torch.randn(rows, columns), 50_257, 768, 6, 12, 1024)
held = sum(matrix.numel() for matrix in matrices(gpt))
print(f"{held:,} weights multiply: {format_bytes(4 * held)} in fp32")

yours, problem = tried(lambda: numbers(pass_flops(held, 6, 768, 64), "prompt", "next token"))
counted = 2 * count(lambda tokens: full_pass(gpt, tokens)[0], torch.arange(64)).macs
if problem:
    print("pass_flops:", problem)
else:
    print(f"a prompt of 64: yours {format_count(yours['prompt'], 'FLOP')},")
    print(f"  counted {format_count(counted, 'FLOP')}, ratio {yours['prompt'] / counted:.4f}")

# %% [markdown]
# A little is missing: this `attend` computes all 64² scores, and then hides those of later tokens. (Fused kernels leave most of these out.)

# %% [markdown]
# ## Prefill and decode, on this machine
#
# First the roof of this core, as in unit 04: a large product, a large copy.

# %% tags=["skip-grading"]
from helpers.hardware import measure

machine = measure(refresh=True, seconds=1, on_cpu=True)
peak, bandwidth = machine.flop_spread[1], machine.bandwidth_spread[1]
print(f"{machine.name}: {peak / 1e9:.0f} GFLOP/s, {bandwidth / 1e9:.1f} GB/s (the best runs)")
print(f"  reading {format_bytes(4 * held)} takes {4e3 * held / bandwidth:.0f} ms")
print(f"  the FLOP of one token take {2e3 * held / peak:.0f} ms")

# %% [markdown]
# **Predict:** one token goes through; then 64 tokens at once. How many times as many tokens a second does the pass of 64 do? Write a number in place of the dots.

# %% predict="sixty_four"
predict("64 at once ÷ one", 8)

# %% tags=["skip-grading"]
from helpers.timing import best_of

if guessed("64 at once ÷ one"):
    rates, points = {}, {}
    for tokens in 1, 4, 16, 64:
        took = best_of(full_pass, gpt, list(range(tokens)), runs=4)
        least = max(2 * held * tokens / peak, 4 * held / bandwidth)
        rates[tokens] = tokens / took
        points[f"{tokens} at once"] = (tokens / 2, 2 * held * tokens / took)
        print(f"{tokens:2} at once: {1e3 * least:4.0f} ms at least, {1e3 * took:4.0f} measured,")
        print(f"   ratio {least / took:.2f}; {rates[tokens]:5.1f} tokens/s")
    roof = Roof("this core, fp32", peak, bandwidth)
    roofs([roof], "The more tokens share a weight, the higher the rate", points)
    plt.show()
    outcome("64 at once ÷ one", rates[64] / rates[1])

# %% [markdown]
# ✎ **Explain (1 point).** Which of the four passes wait for memory here, which for arithmetic? Why is 64 not 64 times as fast? Name something that keeps a pass below its roof. A person reads it.

# %% [markdown] read="explain_prefill" points=1
# The ridge is the peak over the bandwidth, printed above; n tokens in fp32 have n/2 FLOP/B. A pass
# left of the ridge waits for memory, one right of it for arithmetic: if it lies between 2 and 8, first
# 1 and 4, then 16 and 64. Beyond it time grows with the tokens, and the rate stays. A product of few
# rows runs far slower than the large one of the peak; norms and softmax are in neither bound.

# %% [markdown]
# ## Token after token
#
# To write the 200th token this model goes over the 199 before it, again. How much of the work is that?

# %%
length = 200
again, once = sum(range(1, length + 1)), length
print(f"{length} tokens written one after the other, weights only:")
print(f"  all gone over each time {format_count(2 * 81_064_704 * again, 'FLOP')}")
print(f"  each gone over once     {format_count(2 * 81_064_704 * once, 'FLOP')}")
print(f"  ratio {again / once:.0f}")

# %% [markdown]
# What would have to be kept? Here a tiny GPT, drawn from a seed, reads four tokens and then five. What is the same in both passes?


# %%
def small_gpt(seed):
    """12 words, width 8, 2 blocks, 2 heads."""
    draw = random.Random(seed)

    def matrix(rows, columns):
        drawn = [[draw.randrange(-9, 10) / 8 for _ in range(columns)] for _ in range(rows)]
        return torch.tensor(drawn, dtype=torch.float64)

    return make_gpt(matrix, vocabulary=12, width=8, blocks=2, heads=2, places=16)


tiny = small_gpt(1)
four, cache_of_four = full_pass(tiny, [3, 1, 4, 1])
five, cache_of_five = full_pass(tiny, [3, 1, 4, 1, 5])
print("logits of the first four: the same?", torch.allclose(four, five[:4]))
for block in 0, 1:
    keys_of_four, keys_of_five = cache_of_four[block][0], cache_of_five[block][0]
    print(f"keys of block {block}: {tuple(keys_of_four.shape)}, then {tuple(keys_of_five.shape)};")
    print("  the first four the same?", torch.allclose(keys_of_four, keys_of_five[:4]))

# %% [markdown]
# What came before does not change: no token looks ahead. Of the first four, the fifth needs nothing but their **keys and values**.
#
# ✎ **Build it (2 points).** One token goes through the model: it looks at the keys and values in `cache`, and appends its own. Its logits have to equal the last row of a full pass. About ten lines, most of them in `full_pass` already; `torch.cat([a, b])` puts rows below rows. `gpt.table[[token]]` keeps one row.


# %% answer="cached_decode"
def decode_step(gpt, token, cache):
    """Logits after one more token, (vocabulary,).

    cache[i]: keys and values of block i, each (tokens
    so far, width); afterwards they have a row more."""
    ### BEGIN SOLUTION
    place = len(cache[0][0])
    x = gpt.table[[token]] + gpt.places[[place]]
    for i, block in enumerate(gpt.blocks):
        h = norm(x)
        keys = torch.cat([cache[i][0], h @ block.k])
        values = torch.cat([cache[i][1], h @ block.v])
        cache[i] = (keys, values)
        x = x + attend(h @ block.q, keys, values, gpt.heads) @ block.out
        x = x + (norm(x) @ block.up).relu() @ block.down
    return (norm(x) @ gpt.table.T)[0]
    ### END SOLUTION


def cached_decode(seed, prompt, more):
    """Prefill, then your steps; leave this as it is."""
    model = small_gpt(seed)
    cache = full_pass(model, prompt)[1]
    for token in more:
        logits = decode_step(model, token, cache)
    logits = torch.as_tensor(logits).flatten().tolist()
    return {"logits": logits, "cached": [len(keys) for keys, _ in cache]}


# %% check="cached_decode"
check("cached_decode", cached_decode)

# %% [markdown]
# Now your step in the large model. **Predict:** 255 tokens are there. By the FLOP, the 256th is 256 times as dear without a cache. How many times as long does it *take*?

# %% predict="without_a_cache"
predict("no cache ÷ cache", 60)

# %% tags=["skip-grading"]
lengths = (16, 64, 255)


def one_step(token, cache):
    decode_step(gpt, token, list(cache))  # a list of its own: each run starts from the same cache


def next_token_times():
    """ms of the next token at each length: all gone over again, and your step."""
    kept = full_pass(gpt, list(range(255)))[1]
    again, cached = [], []
    for length in lengths:
        first = [(keys[:length], values[:length]) for keys, values in kept]
        cached.append(1e3 * best_of(one_step, length, first, runs=4))
        again.append(1e3 * best_of(full_pass, gpt, list(range(length + 1)), runs=2))
    return {"everything again": again, "with your cache": cached}


if guessed("no cache ÷ cache"):
    times, problem = tried(next_token_times)
    if problem:
        print("decode_step:", problem)
    else:
        again, cached = times.values()
        pictures.time_by_length(
            lengths,
            times,
            f"At 256 tokens the cache saves {1 - cached[-1] / again[-1]:.0%} of the time",
            least=4e3 * held / bandwidth,
        )
        plt.show()
        outcome("no cache ÷ cache", again[-1] / cached[-1])

# %% [markdown]
# ✎ **Explain (1 point).** FLOP say 256. What did you guess, what was measured, and why is the cache worth less than its FLOP? Which bound does each of the two curves follow? A person reads it.

# %% [markdown] read="explain_cache" points=1
# My guess and the result stand above. The full pass is bound by arithmetic: its time grows with the
# tokens. The cached step has 256 times less of it, but reads all weights for one token: that takes r
# times as long as its arithmetic, by the times printed with the roof. So its curve is level, above the
# line of the weights, and 256 ÷ r are left: more, where the full pass is further below its roof.

# %% [markdown]
# ## What the cache weighs
#
# The cache is bought with memory. How much, for each token?

# %% tags=["skip-grading"]
kept = full_pass(gpt, list(range(256)))[1]
cache_bytes_here = sum(keys.nbytes + values.nbytes for keys, values in kept)
print(f"256 tokens: {format_bytes(cache_bytes_here)}, {cache_bytes_here // 256:,} B each,")
print(f"  2 · {len(kept)} blocks · {kept[0][0].shape[1]} numbers · 4 B")

# %% [markdown]
# In a Llama of 2023 a token keeps half a MiB. So newer models let several query heads share one head of keys and values:
#
# | | heads of keys and values |
# |---|---|
# | multi-head (MHA) | as many as query heads |
# | grouped-query (GQA) | `kv_heads`, fewer |
# | multi-query (MQA) | one |
#
# ✎ Bytes of the cache in 16 bits, each way.


# %% answer="cache_bytes"
def cache_bytes(batch, tokens, layers, heads, kv_heads, head_width):
    """{"multi-head": …, "grouped-query": …,
    "multi-query": …} in bytes."""
    ### BEGIN SOLUTION
    each = 2 * layers * head_width * 2 * batch * tokens
    return {"multi-head": heads * each, "grouped-query": kv_heads * each, "multi-query": each}
    ### END SOLUTION


# %% check="cache_bytes"
check("cache_bytes", cache_bytes)

# %% [markdown]
# ✎ From how many tokens on are the caches of a batch, all texts of one length, **heavier** than the weights that multiply? Both in 16 bits.


# %% answer="outweighed_from"
def outweighed_from(weights, layers, kv_heads, head_width, batch):
    """The smallest number of tokens in each text."""
    ### BEGIN SOLUTION
    a_token = 2 * layers * kv_heads * head_width * 2
    return 2 * weights // (batch * a_token) + 1
    ### END SOLUTION


# %% check="outweighed_from"
check("outweighed_from", outweighed_from)

# %% tags=["skip-grading"]
from helpers.reference import kv_cache_bytes


def held_gigabytes(sizes, kv_heads, batch, tokens):
    weights = 2 * decoder_weights(*sizes).total
    return {
        "weights": weights / 1e9,
        "caches": kv_cache_bytes(batch, tokens, 32, kv_heads, 128).total / 1e9,
    }


stacked(
    {
        f"{name}, {batch} × 4,096": held_gigabytes(LLAMAS[name], kv_heads, batch, 4096)
        for name, kv_heads in (("Llama 2 7B", 32), ("Llama 3 8B", 8))
        for batch in (1, 16)
    },
    "GB in bf16: readers × tokens",
    "A quarter of the heads and of the cache",
)
plt.show()

# %% [markdown]
# ## The bound of a batch
#
# Many readers can share one reading of the weights. What they cannot share is the cache: each has a text of their own. A step of a batch writes a token for each reader.
#
# ✎ If nothing counts but what a step reads: how long does a reader wait for the next token, and how many tokens come in all?


# %% answer="decode_rate"
def decode_rate(weight_bytes, cache_bytes, batch, bandwidth_gb):
    """{"ms a token": …, "tokens a second": of all};
    cache_bytes are those of one reader."""
    ### BEGIN SOLUTION
    seconds = (weight_bytes + batch * cache_bytes) / (bandwidth_gb * 1e9)
    return {"ms a token": 1000 * seconds, "tokens a second": batch / seconds}
    ### END SOLUTION


# %% check="decode_rate"
check("decode_rate", decode_rate)

# %% [markdown]
# Draw it: Llama 3 8B on an H100, batches of 1, 2, 4 … as long as they fit into 80 GB. Three lengths of text.


# %% tags=["skip-grading"]
def served(tokens):
    """Your rates for each batch that fits."""
    weights, a_reader = 15_009_316_864, 131_072 * tokens
    found = []
    for batch in (2**power for power in range(12)):
        if weights + batch * a_reader <= 80e9:
            rate = decode_rate(weights, a_reader, batch, 3350)
            rate = numbers(rate, "ms a token", "tokens a second")
            found.append(pictures.Serving(batch, *rate.values()))
    return found


curves, problem = tried(lambda: {f"{t:,} tokens each": served(t) for t in (512, 4096, 32_768)})
if problem:
    print("decode_rate:", problem)
else:
    pictures.throughput_and_latency(
        curves, "More readers, more tokens, until the caches take over", promise=10
    )
    plt.show()

# %% [markdown]
# The numbers at the points are batches. At first a curve goes straight up: a reader more costs nobody anything. Then the caches weigh more than the weights, and it bends: everyone waits longer for little more in all. With long texts it bends at once.

# %% [markdown]
# ## Does arithmetic ever take over?
#
# Without a cache it is unit 04's question: from which batch on does the arithmetic take at least as long as the reading? With a cache, each reader brings FLOP *and* bytes.
#
# ✎ Count 2 FLOP for each weight and reader (leave attention's own out); weights of `bytes_each`, `cache_bytes` for each reader. `None` where there is no such batch. When is that?


# %% answer="compute_bound_from"
def compute_bound_from(weights, bytes_each, cache_bytes, peak_tflops, bandwidth_gb):
    """Smallest batch whose arithmetic takes as
    long as its reading, or None."""
    ### BEGIN SOLUTION
    # What could be read while a reader's arithmetic goes on, less what the reader has to read.
    spare = 2 * weights * bandwidth_gb / (1000 * peak_tflops) - cache_bytes
    if spare <= 0:
        return None
    return math.ceil(weights * bytes_each / spare)
    ### END SOLUTION


# %% check="compute_bound_from"
check("compute_bound_from", compute_bound_from)

# %%
seconds = 2 * 7_504_658_432 / h100.peak["bf16"]  # of arithmetic for one token of Llama 3 8B
tokens = seconds * h100.bandwidth / 131_072
print(f"its arithmetic takes {1e6 * seconds:.0f} µs on an H100;")
print(f"meanwhile the cache of {tokens:.0f} tokens can be read")

# %% [markdown]
# So with longer texts than that no batch brings decoding to the ridge. That is where the 70,000 stay.

# %% [markdown]
# ## A promise
#
# You promise every reader a token within so many milliseconds. The card has to hold the weights and all caches.
#
# ✎ The largest batch that keeps both (0 where not even one does), and the tokens a second that it writes. (A GB is 10⁹ B here; unit 06 has what a card calls one.)


# %% answer="service_batch"
def service_batch(weight_bytes, cache_bytes, bandwidth_gb, memory_gb, milliseconds):
    """{"batch": …, "tokens a second": of all}"""
    ### BEGIN SOLUTION
    in_time = (bandwidth_gb * 1e9 * milliseconds / 1000 - weight_bytes) // cache_bytes
    in_memory = (memory_gb * 1e9 - weight_bytes) // cache_bytes
    batch = max(0, int(min(in_time, in_memory)))
    seconds = (weight_bytes + batch * cache_bytes) / (bandwidth_gb * 1e9)
    return {"batch": batch, "tokens a second": batch / seconds}
    ### END SOLUTION


# %% check="service_batch"
check("service_batch", service_batch)

# %% [markdown]
# ## Fewer bits
#
# If reading is the bound, read less: store weights in 8 or 4 bits and turn them back when they arrive. Does it work? A product of a matrix and a vector, by one loop, on this core:


# %% tags=["skip-grading"]
@numba.njit(fastmath=True)
def rows_times(matrix, x, out):
    for i in range(len(out)):
        total = numba.float32(0)
        for j in range(len(x)):
            total += matrix[i, j] * x[j]
        out[i] = total


n = 8192
int8 = numpy.random.randint(-127, 128, (n, n), dtype="int8")
fp32 = int8.astype("float32")
x, out = numpy.random.rand(n).astype("float32"), numpy.zeros(n, "float32")
took = {"float32": math.inf, "int8": math.inf}
for _ in range(10):  # in turn: what disturbs the machine disturbs both
    for matrix in fp32, int8:
        name = matrix.dtype.name
        took[name] = min(took[name], best_of(rows_times, matrix, x, out, runs=1))
for matrix in fp32, int8:
    seconds = took[matrix.dtype.name]
    print(f"{matrix.dtype}: {1e3 * seconds:.1f} ms, {matrix.nbytes / seconds / 1e9:.1f} GB/s")
print(f"a quarter of the bytes: {took['float32'] / took['int8']:.1f} times as fast")
del fp32, int8

# %% [markdown]
# (Above 4? Something disturbed the longer run, or the smaller matrix stayed in the processor's cache. Below? Turning an int8 into a float is work.)

# %% [markdown]
# An int4 has 16 values, too few for a whole matrix with one scale: a single large weight would round all others to zero. So the numbers along a row are cut into **groups**, usually of 128, and each group has a **scale** of its own in fp16. The last group of a row may be shorter.

# %% tags=["skip-grading"]
torch.manual_seed(1)
row = torch.randn(1024)
row[100] = 20  # an outlier, as trained models have them
for group in 1024, 128:
    cut = row.view(-1, group)
    scale = cut.abs().amax(1, keepdim=True) / 7
    error = (cut - (cut / scale).round() * scale).square().mean().sqrt()
    zeros = ((cut / scale).round() == 0).float().mean()
    print(f"groups of {group:4}: error {error:.3f}, {zeros:.0%} zeros")

# %% [markdown]
# ✎ What does a matrix take in `bits` a weight, scales included, and how many bits is that for each weight?


# %% answer="quantized_bytes"
def quantized_bytes(rows, columns, bits, group):
    """{"bytes": …, "bits a weight": …}; groups lie
    along rows, with a scale of 2 bytes each."""
    ### BEGIN SOLUTION
    groups = -(-columns // group)
    total = rows * columns * bits / 8 + rows * groups * 2
    return {"bytes": total, "bits a weight": 8 * total / (rows * columns)}
    ### END SOLUTION


# %% check="quantized_bytes"
check("quantized_bytes", quantized_bytes)

# %% [markdown]
# And on the roofline? Weights shrink, the arithmetic is still bf16.

# %% tags=["skip-grading"]
stored = {"bf16": 16, "int8": 8 + 16 / 128, "int4": 4 + 16 / 128}  # bits a weight
places = {}
for phase, tokens in (("decode", 1), ("prefill", 2048)):
    for name, bits in stored.items():
        intensity = 2 * tokens / (bits / 8)
        rate = min(h100_roof.peak, intensity * h100_roof.bandwidth)
        places[f"{phase}, {name}"] = (intensity, rate)
        print(f"{phase:8}{name}: {rate / (2 * 7e9):8,.0f} tokens/s at most")
roofs([h100_roof], "Fewer bits: decode climbs, prefill is at the top already", places)
plt.show()

# %% [markdown]
# Decode gains what the bytes lose: almost 4 times with int4. Prefill gains nothing, and may lose: turning weights back is work.

# %% [markdown]
# ## Mixture of experts
#
# Another way to read less: many MLPs, the **experts**, and a router that sends each token to a few of them. Mixtral 8x7B holds 47 billion weights, and a token uses 13 billion: 2 experts of 8 in each layer.
#
# But a batch? Let every token choose 2 of 8 by chance:

# %%
draw = random.Random(0)
print("tokens  experts that are read")
for batch in 1, 2, 4, 8, 16:
    total = 0
    for _ in range(2000):
        total += len({expert for _ in range(batch) for expert in draw.sample(range(8), 2)})
    print(f"{batch:6}  {total / 2000:.2f}")

# %% [markdown]
# ✎ Find the formula for the mean. Every token chooses `chosen` *different* ones of `experts`, each as likely as any other, whatever the other tokens choose. (Ask first: with what chance does *one* token leave a given expert alone? And a whole batch?)


# %% answer="experts_touched"
def experts_touched(experts, chosen, batch):
    """Experts that at least one token of the batch
    chose, in the mean."""
    ### BEGIN SOLUTION
    left_alone = (1 - chosen / experts) ** batch
    return experts * (1 - left_alone)
    ### END SOLUTION


# %% check="experts_touched"
check("experts_touched", experts_touched)

# %% tags=["skip-grading"]
from helpers.reference import experts_touched as touched_in_the_mean

batches = [2**power for power in range(9)]
pictures.share_by_batch(
    batches,
    {
        name: [touched_in_the_mean(*router, batch) / router[0] for batch in batches]
        for name, router in {"2 of 8": (8, 2), "8 of 256": (256, 8)}.items()
    },
    "Experts save reading for one reader, not for many",
)
plt.show()

# %% [markdown]
# A batch reads nearly all of the experts: then they save FLOP, and no bytes. Which of the two was scarce? With few readers they save bytes, too, but all have to be *held*.

# %% [markdown]
# ## Speculative decoding
#
# A small model **drafts** k tokens, and the large one checks them in a single pass, as if they were a prompt. It keeps them up to the first that it would not have written; there it puts its own. If it agrees with all, it adds the next one. The text is the large model's, word for word.
#
# Let each draft be right with chance 0.8:

# %%
draw = random.Random(0)
print("drafted  tokens a step")
for k in 1, 2, 4, 8, 16:
    total = 0
    for _ in range(2000):
        right = 0
        while right < k and draw.random() < 0.8:
            right += 1
        total += right + 1
    print(f"{k:7}  {total / 2000:.2f}")

# %% [markdown]
# ✎ The mean, as a formula or a sum. And how many times faster is it? The large model's pass takes one step, whatever it checks; each drafted token takes `draft_cost` of a step.


# %% answer="speculation"
def speculation(accepted, drafted, draft_cost):
    """{"tokens a step": …, "speedup": against one
    token a step}; accepted < 1."""
    ### BEGIN SOLUTION
    tokens = (1 - accepted ** (drafted + 1)) / (1 - accepted)
    return {"tokens a step": tokens, "speedup": tokens / (1 + drafted * draft_cost)}
    ### END SOLUTION


# %% check="speculation"
check("speculation", speculation)


# %% tags=["skip-grading"]
def best_draft(accepted, draft_cost):
    """How many to draft, and the speedup, by your formula."""
    gains = {
        k: numbers(speculation(accepted, k, draft_cost), "tokens a step", "speedup")["speedup"]
        for k in range(1, 17)
    }
    best = max(gains, key=lambda k: gains[k])
    return best, gains[best]


print("right   a draft's cost   best k   speedup")
for accepted in 0.6, 0.8, 0.9:
    for draft_cost in 0.02, 0.1:
        best, problem = tried(best_draft, accepted, draft_cost)
        said = problem or f"{best[0]:6}   {best[1]:7.2f}"
        print(f"{accepted:5}   {draft_cost:14}   {said}")

# %% [markdown]
# It works because decoding has arithmetic to spare. With a large batch at short lengths there is less of it left.

# %% [markdown]
# ## The bill
#
# Say that an H100 is rented for 2.50 an hour (an assumption: put in what you pay) and draws its full 700 W (NVIDIA's data sheet).
#
# ✎ What do a million tokens cost at the bound, and how many joules is a token?


# %% answer="token_price"
def token_price(weight_bytes, cache_bytes, batch, bandwidth_gb, rent, watts):
    """{"a million tokens": …, "joules a token": …};
    the rent is for an hour."""
    ### BEGIN SOLUTION
    rate = decode_rate(weight_bytes, cache_bytes, batch, bandwidth_gb)["tokens a second"]
    return {"a million tokens": rent / 3600 / rate * 1e6, "joules a token": watts / rate}
    ### END SOLUTION


# %% check="token_price"
check("token_price", token_price)

# %% tags=["skip-grading"]
print("Llama 3 8B in bf16, 4,096 tokens each, H100")
for batch in 1, 8, 64:
    price, problem = tried(
        lambda batch=batch: numbers(
            token_price(15_009_316_864, 131_072 * 4096, batch, 3350, 2.5, 700),
            "a million tokens",
            "joules a token",
        )
    )
    said = problem or "{:5.2f} a million, {:5.2f} J each".format(*price.values())
    print(f"batch {batch:2}: {said}")

# %% [markdown]
# A price list that asks less for tokens that are *read* than for those that are *written* has its reason in this unit: prefill is near the peak, decode is not. And whoever has more readers has the lower price.

# %% [markdown]
# ## And to learn a token?
#
# Forward, a weight costs 2 FLOP a token. Backward makes two gradients, of the weights and of what came in: 4 more. Training on D tokens costs about **6 · N · D** FLOP. The rate of that, over the peak, is the *model FLOP utilization* (MFU).
#
# ✎ A step of `tokens` took so many seconds. Its MFU? At this rate, how many days for 20 tokens a weight (a rule of thumb)?


# %% answer="training_use"
def training_use(weights, tokens, seconds, peak_tflops):
    """{"MFU": 0 to 1, "days": for 20 tokens a weight}"""
    ### BEGIN SOLUTION
    rate = 6 * weights * tokens / seconds  # FLOP/s
    days = 6 * weights * 20 * weights / rate / 86_400
    return {"MFU": rate / (peak_tflops * 1e12), "days": days}
    ### END SOLUTION


# %% check="training_use"
check("training_use", training_use)

# %% [markdown]
# Now one real step on this core: a GPT of 8 million weights, 128 tokens.

# %% tags=["skip-grading"]
learning = make_gpt(
    lambda rows, columns: (0.02 * torch.randn(rows, columns)).requires_grad_(),
    *(2000, 384, 4, 6, 256),
)
text = torch.arange(129)


def loss(text):
    logits, _ = full_pass(learning, text[:-1])
    return torch.nn.functional.cross_entropy(logits, text[1:])


took = best_of(lambda: loss(text).backward(), runs=3)
multiply = sum(matrix.numel() for matrix in matrices(learning))
counted = 2 * count(loss, text, backward=True).macs
print(f"{multiply:,} weights, 128 tokens: {1e3 * took:.0f} ms")
print(f"6 N D ÷ counted: {6 * multiply * 128 / counted:.3f} (the rest is attention)")
used, problem = tried(
    lambda: numbers(training_use(multiply, 128, took, peak / 1e12), "MFU", "days")
)
print("training_use:", problem or f"MFU {used['MFU']:.0%} of this core's peak")
if not problem and used["MFU"] > 1:
    print("  Above 100 %: something disturbed the run that measured the peak.")
if not problem:
    years = 6 * 7e9 * 20 * 7e9 / (used["MFU"] * peak) / (365.25 * 86_400)
    print(f"7 billion weights: {years:,.0f} years on this core")

# %% [markdown]
# Unit 10 shares them out.

# %% [markdown]
# ## A model that others wrote
#
# Does your formula hold for GPT-2 as the package `transformers` has it? (In Colab it is installed.) The meter counts each pair of a fused attention once. In a terminal: `course count gpt2 --tokens 64`.

# %% tags=["skip-grading"]
try:
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.device("meta"):
        theirs = GPT2LMHeadModel(GPT2Config()).eval()
        tokens = torch.zeros(1, 64, dtype=torch.long)
    multiply = 12 * 12 * 768**2 + 50_257 * 768  # 12 blocks and the head
    counted = 2 * count(theirs, tokens).macs
    print(f"counted {format_count(counted, 'FLOP')}")
    yours, problem = tried(
        lambda: numbers(pass_flops(multiply, 12, 768, 64), "prompt", "next token")
    )
    if problem:
        print("pass_flops:", problem)
    else:
        by_hand = yours["prompt"]
        print(f"yours {format_count(by_hand, 'FLOP')}, ratio {by_hand / counted:.4f}")
except ImportError:
    print("No transformers here: nothing is counted.")

# %% [markdown]
# ## Done
#
# What the checks saw so far:

# %%
progress("09_inference")

# %% [markdown]
# **Takeaways**
#
# - A token costs 2 FLOP for each weight that multiplies, read or written.
# - Prefill shares each weight among many tokens; decode reads all of them for one.
# - The cache trades memory for FLOP, and every reader brings one. At some length it outweighs the weights.
# - tokens/s ≤ batch · bandwidth ÷ (weights + batch · cache).
# - Fewer bits, experts and drafts all serve one end: fewer bytes for each token.

# %% [markdown]
# **Next:** 10, many devices: what is shared, and what has to be sent?

# %% [markdown]
# **References**
#
# - R. Pope et al.: *Efficiently scaling transformer inference*, arXiv:2211.05102, 2022. Prefill, decode and their bounds.
# - N. Shazeer: *Fast transformer decoding*, arXiv:1911.02150, 2019; J. Ainslie et al.: *GQA*, arXiv:2305.13245, 2023.
# - E. Frantar et al.: *GPTQ*, arXiv:2210.17323, 2022. Weights in 4 bits.
# - A. Q. Jiang et al.: *Mixtral of experts*, arXiv:2401.04088, 2024.

# %% [markdown]
# - Y. Leviathan, M. Kalman, Y. Matias: *Fast inference from transformers via speculative decoding*, arXiv:2211.17192, 2022.
# - J. Kaplan et al.: *Scaling laws for neural language models*, arXiv:2001.08361, 2020; J. Hoffmann et al., arXiv:2203.15556, 2022; A. Chowdhery et al.: *PaLM*, arXiv:2204.02311, 2022. 6 N D, 20 tokens a weight, MFU.
# - Sizes: H. Touvron et al., arXiv:2307.09288, 2023; A. Grattafiori et al., arXiv:2407.21783, 2024.
