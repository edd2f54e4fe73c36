"""What a token costs: arithmetic, the cache of keys and values, and the bound of decoding, by hand.

A decoder writes in two ways. *Prefill* takes all tokens of a prompt in one pass; *decode* takes one
at a time and finds the keys and values of those before it in a cache. For each token there are

    2 · weights            FLOP in the weights that multiply (a table that is looked up does not),
    4 · width · places     FLOP in attention, of every layer: scores and values of each place seen.

Counted are matrix products, two FLOP for each MAC, with logits at every place; norms, softmax and
activations are left out. Decoding reads every weight and the cache once for each step, so a step
takes at least bytes ÷ bandwidth. Sources: Pope et al., arXiv:2211.05102, section 2; Kaplan et al.,
arXiv:2001.08361, table 1.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, prod

from helpers.conventions import FLOP_PER_MAC, dtype_bytes
from helpers.ledger import Ledger, Term
from helpers.reference.layer import titled, whole


@titled
def decoder_weights(
    vocabulary: int,
    width: int,
    layers: int,
    hidden: int,
    kv_width: int | None = None,
    gated: bool = True,
    tied: bool = False,
) -> Ledger:
    """Parameters in the matrices of a decoder, norms and biases left out.

    `kv_width`: kv heads · head width, `width` unless queries share heads. `gated`: three matrices
    in the MLP (SwiGLU), else two. All but "table" multiply; with `tied` the head is the table,
    which is held once, as "head". Source: Touvron et al., arXiv:2302.13971, section 2.2.
    """
    d, v = whole("width", width), whole("vocabulary", vocabulary)
    kv, n = whole("kv_width", width if kv_width is None else kv_width), whole("layers", layers)
    terms = [
        Term("query and output", 2 * n * d * d),
        Term("key and value", 2 * n * d * kv),
        Term("MLP", (3 if gated else 2) * n * d * whole("hidden", hidden)),
        Term("head", v * d),
    ]
    return Ledger("parameters", tuple(terms if tied else [Term("table", v * d), *terms]))


@titled
def prefill_flops(weights: int, layers: int, width: int, tokens: int, batch: int = 1) -> Ledger:
    """FLOP of one pass over a prompt: each token sees itself and those before it.

    `weights`: those that multiply. `width`: heads · head width.
    """
    count = whole("tokens", tokens)
    return _pass_flops(weights, layers, width, count, count * (count + 1) // 2, batch)


@titled
def decode_flops(weights: int, layers: int, width: int, cached: int, batch: int = 1) -> Ledger:
    """FLOP of one more token after `cached` others: it sees these and itself."""
    return _pass_flops(weights, layers, width, 1, whole("cached", cached, minimum=0) + 1, batch)


def _pass_flops(
    weights: int, layers: int, width: int, tokens: int, pairs: int, batch: int
) -> Ledger:
    """FLOP of tokens whose queries see so many `pairs` of query and key in all."""
    samples = whole("batch", batch)
    products = samples * whole("layers", layers) * whole("width", width) * pairs
    terms = (
        Term("weights", samples * whole("weights", weights) * tokens, FLOP_PER_MAC),
        Term("scores", products, FLOP_PER_MAC),
        Term("values", products, FLOP_PER_MAC),
    )
    return Ledger("FLOP", terms)


@titled
def kv_cache_bytes(
    batch: int,
    tokens: int,
    layers: int,
    kv_heads: int,
    head_width: int,
    dtype: str = "fp16",
) -> Ledger:
    """Bytes of kept keys and values: for each token 2 · layers · kv_heads · head_width numbers.

    `kv_heads`: as many as query heads in multi-head attention, fewer in grouped-query attention,
    1 in multi-query attention. Source: Pope et al., arXiv:2211.05102, section 2; Ainslie et al.,
    arXiv:2305.13245.
    """
    sizes = {
        "batch": batch,
        "tokens": tokens,
        "layers": layers,
        "kv_heads": kv_heads,
        "head_width": head_width,
    }
    count = prod(whole(name, size) for name, size in sizes.items())
    width = dtype_bytes(dtype)
    return Ledger("B", (Term("keys", count, width), Term("values", count, width)))


def decode_seconds(weight_bytes: float, cache_bytes: float, batch: int, bandwidth: float) -> float:
    """Seconds that a decoding step takes at least: weights are read once for the batch, and each
    sequence's own `cache_bytes`. `bandwidth` in bytes/s. A step writes `batch` tokens.

    Source: Pope et al., arXiv:2211.05102, section 2.
    """
    return (weight_bytes + whole("batch", batch) * cache_bytes) / bandwidth


def compute_bound_batch(
    weights: int, weight_bytes: float, cache_bytes: float, peak: float, bandwidth: float
) -> int | None:
    """The smallest batch whose arithmetic takes as long as what it reads; None if there is none.

    2 · batch · weights / peak ≥ (weight_bytes + batch · cache_bytes) / bandwidth, attention's own
    arithmetic left out. `peak` in FLOP/s, `bandwidth` in bytes/s. Where a sequence's cache takes
    longer to read than its arithmetic lasts, no batch gets there.
    """
    # Exactly, so that a batch just on the ridge is found.
    heaviest = FLOP_PER_MAC * whole("weights", weights) * Fraction(bandwidth) / Fraction(peak)
    gain = heaviest - Fraction(cache_bytes)  # bytes that each sequence leaves time to read
    return ceil(Fraction(weight_bytes) / gain) if gain > 0 else None


def outweighing_tokens(weight_bytes: float, bytes_a_token: float, batch: int = 1) -> int:
    """The length from which the caches of a batch hold more bytes than the weights."""
    return floor(weight_bytes / (whole("batch", batch) * bytes_a_token)) + 1


@titled
def quantized_bytes(rows: int, columns: int, bits: int, group: int = 128) -> Ledger:
    """Bytes of a matrix in `bits` a number, each `group` along a row with an fp16 scale.

    A row's last group may be shorter; a row is padded to whole bytes. No zero points: rounding is
    symmetric. Source: Frantar et al., arXiv:2210.17323.
    """
    height, length = whole("rows", rows), whole("columns", columns)
    packed = ceil(length * whole("bits", bits) / 8)
    groups = ceil(length / whole("group", group))
    terms = (
        Term("numbers", height * packed),
        Term("scales", height * groups, dtype_bytes("fp16")),
    )
    return Ledger("B", terms)


def experts_touched(experts: int, chosen: int, batch: int) -> float:
    """Experts that a batch of tokens reads, in the mean: E · (1 − (1 − k/E)^b).

    Each token chooses k of E, evenly and independently of the others; a trained router is less
    even, so this is the most that is to be expected.
    """
    count, each = whole("experts", experts), whole("chosen", chosen)
    if each > count:
        raise ValueError(f"chosen ({each}) must not be more than experts ({count})")
    return count * (1 - (1 - each / count) ** whole("batch", batch, minimum=0))


def speculative_tokens(accepted: float, drafted: int) -> float:
    """Tokens that one pass of the large model yields in the mean, with `drafted` ones to verify.

    Each is accepted with probability `accepted`, as long as those before it were; one token more
    comes from the pass itself: 1 + a + … + a^k = (1 − a^(k+1)) / (1 − a).
    Source: Leviathan et al., arXiv:2211.17192, equation 1.
    """
    if not 0 <= accepted <= 1:
        raise ValueError(f"accepted must be between 0 and 1, not {accepted!r}")
    return sum(accepted**place for place in range(whole("drafted", drafted, minimum=0) + 1))


def speculative_speedup(accepted: float, drafted: int, draft_cost: float) -> float:
    """How many times faster than token by token; `draft_cost`: a drafted token's time, in steps of
    the large model. Verifying takes as long as one step. Source: as above, theorem 3.8."""
    return speculative_tokens(accepted, drafted) / (1 + drafted * draft_cost)


def price_of_tokens(tokens_per_second: float, rent_per_hour: float, tokens: float = 1e6) -> float:
    """What `tokens` cost, in the currency of the rent."""
    return rent_per_hour / 3600 / tokens_per_second * tokens


@titled
def training_flops(weights: int, tokens: int) -> Ledger:
    """6 · N · D: two FLOP for each weight and token forward, four backward; attention left out.

    Source: Kaplan et al., arXiv:2001.08361, section 2.1.
    """
    products = whole("weights", weights) * whole("tokens", tokens)
    terms = (
        Term("forward", products, FLOP_PER_MAC),
        Term("gradients of the activations", products, FLOP_PER_MAC),
        Term("gradients of the weights", products, FLOP_PER_MAC),
    )
    return Ledger("FLOP", terms)


def model_flops_utilization(flops: float, seconds: float, peak: float) -> float:
    """MFU: the rate at which a model's own FLOP are done, as a share of the peak (FLOP/s).

    What is computed twice, as with checkpointing, does not count.
    Source: Chowdhery et al., arXiv:2204.02311, appendix B.
    """
    return flops / seconds / peak
