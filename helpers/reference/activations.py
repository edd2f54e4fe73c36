"""Activations, by hand: what inference holds at once and what training has to keep.

A chain of layers is a mapping from names to shapes of one input (without the batch), the input
itself first. Inference needs a layer's input and output at once and nothing else; training keeps
what each layer's backward pass will read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from helpers.conventions import dtype_bytes
from helpers.ledger import Ledger, Term
from helpers.reference.layer import elements_of, whole

#: What the backward pass of a layer reads, beside its weights: inputs, outputs, or neither.
_READS: dict[str, str] = {
    "linear": "input",
    "convolution": "input",
    "batch_norm": "input",
    "layer_norm": "input",
    "gelu": "input",
    "silu": "input",
    "relu6": "input",
    "relu": "output",
    "sigmoid": "output",
    "tanh": "output",
    "softmax": "output",
    "max_pool": "input",
    "average_pool": "shape",
    "dropout": "mask",
    "add": "shape",
}

Shape = int | Sequence[int]


def chain_activations(chain: Mapping[str, Shape], batch: int = 1) -> Ledger:
    """Elements of every activation of a chain, the input included: what exists in all."""
    count = whole("batch", batch)
    terms = tuple(Term(name, count * elements_of(name, shape)) for name, shape in chain.items())
    return Ledger("elements", terms, title="activations")


def chain_peak_activations(chain: Mapping[str, Shape], batch: int = 1) -> Ledger:
    """Elements that inference holds at once: input and output of the layer where they are most.

    Raises ValueError for a chain of fewer than two shapes.
    """
    if len(chain) < 2:
        raise ValueError("a chain has an input and at least one layer")
    sizes = chain_activations(chain, batch).terms
    before, after = max(pairwise(sizes), key=lambda pair: pair[0].amount + pair[1].amount)
    terms = Term(f"in: {before.name}", before.count), Term(f"out: {after.name}", after.count)
    return Ledger("elements", terms, title=f"peak at {after.name}")


def layer_saved_bytes(
    layer: str, inputs: Shape, outputs: Shape, statistics: int = 0, dtype: str = "fp32"
) -> Ledger:
    """Bytes that PyTorch's autograd keeps of one layer for its backward pass.

    `layer`: "linear", "convolution", "batch_norm", "layer_norm", "gelu", "silu", "relu6", "relu",
    "sigmoid", "tanh", "softmax", "max_pool", "average_pool", "dropout" or "add". `inputs`,
    `outputs`: shapes or counts of elements, batch included. `statistics`: means that a norm keeps
    (channels of a batch norm, rows of a layer norm); it keeps as many inverse deviations, both in
    fp32. A max pool keeps an 8-byte index for each output, a dropout a mask of numbers of `dtype`,
    as a CPU's kernel makes it (one of a GPU has a byte for each). Two layers that keep the same
    tensor keep it once: a convolution after a ReLU adds nothing.
    """
    if layer not in _READS:
        raise ValueError(f"layer must be one of {', '.join(_READS)}, not {layer!r}")
    width = dtype_bytes(dtype)
    sizes = {"input": elements_of("inputs", inputs), "output": elements_of("outputs", outputs)}
    terms = []
    if _READS[layer] in sizes:
        terms.append(Term(_READS[layer], sizes[_READS[layer]], width))
    if layer in ("batch_norm", "layer_norm"):
        terms.append(Term("statistics", 2 * whole("statistics", statistics), 4))
    if layer == "dropout":
        terms.append(Term("mask", sizes["output"], width))
    if layer == "max_pool":
        terms.append(Term("indices", sizes["output"], 8))
    return Ledger("B", tuple(terms), title=f"saved by {layer}")


def transformer_block_saved_bytes(
    batch: int, tokens: int, width: int, heads: int, keep_scores: bool = True
) -> Ledger:
    """Bytes that one transformer block keeps in 16-bit training: s·b·h·(34 + 5·a·s/h).

    Korthikanti et al., arXiv:2205.05198, section 4.1, for an MLP of 4 · `width` with GELU and
    dropout after softmax, attention and MLP (masks of one byte an element). `keep_scores=False`
    leaves out the 5·a·s²·b of softmax, its dropout and their product with V: fused attention, or
    recomputing them. Statistics of the two layer norms, 16·s·b, are left out there and here.
    """
    b, s, h = whole("batch", batch), whole("tokens", tokens), whole("width", width)
    a = whole("heads", heads)
    if h % a:
        raise ValueError(f"heads ({a}) must divide width ({h})")
    wide, square = s * b * h, a * s * s * b
    terms = [
        Term("layer norms/inputs", 2 * wide, 2),
        Term("attention/input", wide, 2),
        Term("attention/queries and keys", 2 * wide, 2),
        Term("attention/values", wide, 2),
        Term("attention/projection input", wide, 2),
        Term("attention/dropout mask", wide, 1),
        Term("mlp/input", wide, 2),
        Term("mlp/GELU input", 4 * wide, 2),
        Term("mlp/second input", 4 * wide, 2),
        Term("mlp/dropout mask", wide, 1),
    ]
    if keep_scores:
        terms += [
            Term("scores/softmax output", square, 2),
            Term("scores/dropout mask", square, 1),
            Term("scores/dropout output", square, 2),
        ]
    return Ledger("B", tuple(terms), title=f"block(batch={b}, tokens={s}, width={h}, heads={a})")
