"""Unit 09: a decoding step with a cache, and what the cache weighs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from helpers.exercises.exercise import Exercise, Misconception
from helpers.exercises.unit_09_inference.models import (
    LLAMA_2_7B_MULTIPLY,
    LLAMA_3_8B_MULTIPLY,
    draw_decoder,
)
from helpers.exercises.unit_09_inference.tiny_gpt import (
    BLOCKS,
    PLACES,
    VOCABULARY,
    Slips,
    decoded,
    last_logits,
)
from helpers.ledger import Ledger
from helpers.reference.inference import kv_cache_bytes, outweighing_tokens


def _cached_decode(seed: int, prompt: list[int], more: list[int]) -> dict[str, Any]:
    tokens = [*prompt, *more]
    return {"logits": last_logits(seed, tokens), "cached": [len(tokens)] * BLOCKS}


def _slipped(**slips: Any) -> Any:
    """A wrong `_cached_decode`: a slip in every step."""

    def gives(seed: int, prompt: list[int], more: list[int]) -> dict[str, Any]:
        logits, cached = decoded(seed, prompt, more, Slips(**slips))
        return {"logits": logits, "cached": cached}

    return gives


def _draw_texts(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for steps in (2, 3, 5):
        # No word twice: then no two places look alike.
        words = draw.sample(range(VOCABULARY), draw.randrange(3, 6) + steps)
        cases.append((draw.randrange(10**6), words[:-steps], words[-steps:]))
    return cases


CACHED_DECODE = Exercise(
    points=2,
    topic="a decoding step with a cache",
    examples=[(1, [3, 1, 4], [5]), (2, [2, 7, 1], [8, 0, 4]), (3, [6, 2], [10, 9, 3, 5, 11])],
    hidden=_draw_texts,
    reference=_cached_decode,
    tolerance=1e-4,
    gate="logits",
    known_slips=dict.fromkeys(
        ("0 → 1", "0 → -1"),
        "equivalent: keys and values of every block have as many rows; there is one row of logits",
    ),
    misconceptions=(
        Misconception(
            "without the cache",
            "these are the logits of a token that sees no other: whose keys and values does it "
            "attend to?",
            _slipped(sees_cache=False),
        ),
        Misconception(
            "alone",
            "these are the logits of a token that sees no other: whose keys and values does it "
            "attend to?",
            _slipped(sees_cache=False, place=lambda cached: 0, keeps=False),
        ),
        Misconception(
            "itself not seen",
            "a token attends to itself, too: append its key and value before attending",
            _slipped(sees_itself=False),
        ),
        Misconception(
            "itself not seen, and not kept",
            "a token attends to itself, too: append its key and value before attending",
            _slipped(sees_itself=False, keeps=False),
        ),
        Misconception(
            "nothing kept",
            "after your step cache[i] has no new row: what will the next step need of this one?",
            _slipped(keeps=False),
        ),
        Misconception(
            "always the first place",
            "which place of the text has the token? The cache knows how many came before",
            _slipped(place=lambda cached: 0),
        ),
        Misconception(
            "no place",
            "in full_pass x begins as a sum of two rows, the word's and its place's: is yours one?",
            _slipped(placed=False),
        ),
        Misconception(
            "blocks for tokens",
            "len(cache) counts blocks: where is it seen how many tokens came before?",
            _slipped(place=lambda cached: BLOCKS),
        ),
        Misconception(
            "one place too far",
            "places are counted from 0: which one follows the tokens that are cached?",
            _slipped(place=lambda cached: cached + 1),
        ),
        Misconception(
            "the place before",
            "this token stands behind the last one that is cached, not on its place",
            _slipped(place=lambda cached: cached - 1),
        ),
        Misconception(
            "keys not normed",
            "in full_pass, keys and values are made of norm(x): of what are yours?",
            _slipped(normed_keys=False),
        ),
        Misconception(
            "keys and values exchanged",
            "attend takes the query, then keys, then values: in which order are yours?",
            _slipped(exchanged=True),
        ),
        Misconception(
            "one head",
            "attend is told how many heads there are: does it cut the rows in as many?",
            _slipped(heads=1),
        ),
        Misconception(
            "attention's output matrix left out",
            "in full_pass, what attention finds goes through one matrix more: through which?",
            _slipped(out=False),
        ),
        Misconception(
            "the MLP's input not normed",
            "in full_pass the MLP gets norm(x), of the new x: what does yours get?",
            _slipped(mlp_norm=False),
        ),
        Misconception(
            "no bend in the MLP",
            "without its ReLU an MLP is one matrix: where does full_pass bend?",
            _slipped(mlp_bend=False),
        ),
        Misconception(
            "the MLP's residual forgotten",
            "what the MLP gives is added to x: is x still there?",
            _slipped(mlp_residual=False),
        ),
        Misconception(
            "query not normed",
            "in full_pass, the query is made of norm(x): of what is yours?",
            _slipped(normed_query=False),
        ),
        Misconception(
            "nothing normed before attention",
            "in full_pass, queries, keys and values are made of norm(x): of what are yours?",
            _slipped(normed_keys=False, normed_query=False),
        ),
        Misconception(
            "keys for values",
            "keys and values have a matrix each",
            _slipped(values_are_keys=True),
        ),
        Misconception(
            "no residual around attention",
            "what attention finds is added to x: is x still there?",
            _slipped(residual=False),
        ),
        Misconception(
            "the last norm left out",
            "full_pass norms once more before the head",
            _slipped(last_norm=False),
        ),
    ),
)
assert PLACES >= 5 + 5 + 1


def _caches(
    batch: int, tokens: int, layers: int, heads: int, kv_heads: int, head_width: int
) -> dict[str, Ledger]:
    kept = {"multi-head": heads, "grouped-query": kv_heads, "multi-query": 1}
    return {
        name: kv_cache_bytes(batch, tokens, layers, many, head_width) for name, many in kept.items()
    }


def _draw_caches(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        model = draw_decoder(draw)
        sizes = (model.layers, model.heads, model.kv_heads, model.head_width)
        cases.append((draw.randrange(2, 70), draw.randrange(100, 9000), *sizes))
    return cases


CACHE_BYTES = Exercise(
    points=1,
    topic="bytes of a cache: multi-head, grouped-query, multi-query",
    examples=[(1, 4096, 32, 32, 8, 128), (4, 2000, 80, 64, 4, 128)],
    hidden=_draw_caches,
    reference=_caches,
    misconceptions=(
        Misconception(
            "kv heads taken for the size of a group",
            "kv_heads is how many heads of keys there are, not how many queries share one",
            lambda batch, tokens, layers, heads, kv_heads, width: {
                "grouped-query": kv_cache_bytes(batch, tokens, layers, heads // kv_heads, width)
            },
        ),
        Misconception(
            "keys only",
            "this is half: are there keys and values, of two bytes each?",
            lambda *sizes: {part: each.total // 2 for part, each in _caches(*sizes).items()},
        ),
        Misconception(
            "four bytes a number",
            "this is double: how many bytes has a number of 16 bits?",
            lambda *sizes: {part: 2 * each.total for part, each in _caches(*sizes).items()},
        ),
        Misconception(
            "queries kept, too",
            "is a token's query needed again, once it has attended?",
            lambda *sizes: {part: each.total * 3 // 2 for part, each in _caches(*sizes).items()},
        ),
    ),
)


def _heavier(weights: int, layers: int, kv_heads: int, head_width: int, batch: int) -> int:
    each = kv_cache_bytes(1, 1, layers, kv_heads, head_width).total
    return outweighing_tokens(2 * weights, each, batch)


def _draw_lengths(draw: random.Random) -> Sequence[tuple[Any, ...]]:
    cases = []
    for _ in range(4):
        model = draw_decoder(draw)
        weights = 10**6 * draw.randrange(300, 9000) + draw.randrange(10**6)
        sizes = (model.layers, model.kv_heads, model.head_width)
        cases.append((weights, *sizes, draw.randrange(2, 40)))
    return cases


OUTWEIGHED_FROM = Exercise(
    points=1,
    topic="length from which the cache is heavier than the weights",
    examples=[
        (LLAMA_2_7B_MULTIPLY, 32, 32, 128, 1),
        # Between two lengths: 19,085 are too few.
        (LLAMA_3_8B_MULTIPLY, 32, 8, 128, 6),
        # Exactly as heavy at 1000 tokens.
        (2 * 12 * 4 * 64 * 5 * 1000, 12, 4, 64, 5),
    ],
    hidden=_draw_lengths,
    reference=_heavier,
    misconceptions=(
        Misconception(
            "just as heavy",
            "at a length where both weigh the same, is the cache heavier?",
            lambda weights, layers, heads, width, batch: (
                -(-weights // (2 * layers * heads * width * batch))
            ),
        ),
        Misconception(
            "rounded down",
            "at this length the cache is still no heavier: one token more?",
            lambda *sizes: _heavier(*sizes) - 1,
        ),
        Misconception(
            "not whole",
            "tokens are whole: which is the first number of them at which the cache is heavier?",
            lambda weights, layers, heads, width, batch: (
                weights / (2 * layers * heads * width * batch)
            ),
        ),
        Misconception(
            "rounded up, and one more",
            "is the cache not heavier with one token less, unless both weighed just the same?",
            lambda weights, layers, heads, width, batch: (
                -(-weights // (2 * layers * heads * width * batch)) + 1
            ),
        ),
        Misconception(
            "twice as long",
            "about double: does a token keep a key and a value in each layer, and has every "
            "number, kept or learned, two bytes?",
            lambda weights, *sizes: _heavier(2 * weights, *sizes),
        ),
        Misconception(
            "half as long",
            "about half: has every number two bytes, the weights' and those of the cache?",
            lambda weights, layers, heads, width, batch: (
                weights // (4 * layers * heads * width * batch) + 1
            ),
        ),
    ),
)
