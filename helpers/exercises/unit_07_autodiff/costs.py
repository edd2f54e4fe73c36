"""Unit 07: what a training step costs, and what the sweep back must have kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise, permutations

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.ledger import Ledger, Term


def _products(batch: int, widths: Sequence[int], layers: slice = slice(None)) -> Ledger:
    terms = [
        Term(f"layer {at + 1}", batch * i * o, 2) for at, (i, o) in enumerate(pairwise(widths))
    ]
    return Ledger("FLOP", tuple(terms[layers]))


def _step(batch: int, widths: Sequence[int]) -> dict[str, Ledger]:
    forward = _products(batch, widths)
    features = _products(batch, widths, slice(1, None))
    return {"forward": forward, "weights": forward, "features": features}


def _draw_networks(draw: random.Random) -> Sequence[tuple[int, list[int]]]:
    return [
        (draw.randrange(2, 65), [draw.randrange(3, 900) for _ in range(size)])
        for size in (3, 3, 4, 5)
    ]


STEP_FLOPS = Exercise(
    points=1,
    topic="FLOP of a training step",
    examples=[(1, [3, 4, 2, 5]), (32, [784, 256, 10])],
    hidden=_draw_networks,
    reference=_step,
    misconceptions=(
        Misconception(
            "MAC for FLOP",
            "this is half: MAC, not FLOP. One MAC is a multiply and an add",
            lambda batch, widths: {
                part: ledger.total / 2 for part, ledger in _step(batch, widths).items()
            },
        ),
        Misconception(
            "one addition less",
            "count in MAC here: every product is added to a sum, two FLOP each",
            lambda batch, widths: {
                "forward": sum(batch * o * (2 * i - 1) for i, o in pairwise(widths)),
                "weights": sum(i * o * (2 * batch - 1) for i, o in pairwise(widths)),
                "features": sum(batch * i * (2 * o - 1) for i, o in pairwise(widths[1:])),
            },
        ),
        Misconception(
            "gradient of the data",
            "does anyone need the gradient of the first layer's input?",
            lambda batch, widths: {"features": _products(batch, widths).total},
        ),
        Misconception(
            "weights of the first layer spared",
            "the first layer has weights that learn: which of its two products is spared?",
            lambda batch, widths: {"weights": _products(batch, widths, slice(1, None)).total},
        ),
        Misconception(
            "last layer spared",
            "the features between the layers need a gradient: which layer has none below it?",
            lambda batch, widths: {"features": _products(batch, widths, slice(None, -1)).total},
        ),
    ),
)

#: Names, operations and operands, [["a", "mul", "x", "y"], …, ["L", …]].
Steps = list[list[str]]
_BOTH, _NOTHING = ("mul", "div"), ("add", "sub")


def _kept(steps: Steps, looks_at: Callable[[str, str, list[str]], list[str]]) -> list[str]:
    kept = {
        value
        for name, operation, *operands in steps
        for value in looks_at(name, operation, operands)
    }
    return sorted(kept)


def _by_rule(name: str, operation: str, operands: list[str]) -> list[str]:
    if operation in (*_BOTH, "log"):
        return operands
    return [] if operation in _NOTHING else [name]


def _by_quotient(name: str, operation: str, operands: list[str]) -> list[str]:
    return [operands[1], name] if operation == "div" else _by_rule(name, operation, operands)


def _for_each_use(steps: Steps) -> list[str]:
    return sorted(
        value
        for name, operation, *operands in steps
        for value in _by_rule(name, operation, operands)
    )


def _all_names(steps: Steps) -> list[str]:
    return sorted({each for name, _, *operands in steps for each in (name, *operands)})


def _inputs_of_all_but_sums(name: str, operation: str, operands: list[str]) -> list[str]:
    return [] if operation in _NOTHING else operands


def _draw_steps(draw: random.Random) -> Sequence[tuple[Steps]]:
    cases = []
    for _ in range(5):
        operations = ["add", "mul", "exp", *draw.sample(["sub", "div", "log", "tanh"], 1)]
        operations += draw.sample(["relu", "sigmoid", "log", "tanh"], 1)
        draw.shuffle(operations)
        names, steps = ["x", "y"], []
        for new, operation in zip("abcdL", operations, strict=True):
            operands = draw.sample(names[-3:], 2 if operation in (*_BOTH, *_NOTHING) else 1)
            steps.append([new, operation, *operands])
            names.append(new)
        cases.append((steps,))
    return cases


KEPT_VALUES = Exercise(
    points=1,
    topic="values that backward looks at",
    examples=[
        ([["L", "mul", "x", "y"]],),
        ([["L", "add", "x", "y"]],),
        ([["L", "div", "x", "y"]],),
        ([["a", "exp", "x"], ["L", "log", "a"]],),
        ([["a", "log", "x"], ["L", "relu", "a"]],),
        ([["a", "mul", "x", "x"], ["b", "tanh", "a"], ["L", "mul", "b", "a"]],),
    ],
    hidden=_draw_steps,
    # The rule of a quotient may look at what it was made of, as PyTorch's, or at y and itself.
    reference=lambda steps: OneOf((_kept(steps, _by_rule), _kept(steps, _by_quotient))),
    misconceptions=(
        Misconception(
            "all values",
            "some rules look at nothing: what does the rule of a sum use?",
            lambda steps: OneOf((_all_names(steps), sorted({*_all_names(steps), "x", "y"}))),
        ),
        Misconception(
            "operands of sums",
            "the rule of a sum hands grad on as it is: does it look at the two operands?",
            lambda steps: _kept(
                steps,
                lambda name, operation, operands: (
                    operands if operation in _NOTHING else _by_rule(name, operation, operands)
                ),
            ),
        ),
        Misconception(
            "inputs of every operation",
            "which values does each rule really use? The rule of a sum, or of exp, for one",
            lambda steps: _kept(steps, lambda name, operation, operands: operands),
        ),
        Misconception(
            "inputs for outputs",
            "output_backward does not look at x",
            lambda steps: _kept(steps, _inputs_of_all_but_sums),
        ),
        Misconception(
            "output of every operation",
            "the rule of a product looks at its factors, not at the product",
            lambda steps: _kept(
                steps, lambda name, operation, _: [] if operation in _NOTHING else [name]
            ),
        ),
        Misconception(
            "log by its output",
            "log's rule stands above: what does it divide by?",
            lambda steps: _kept(
                steps,
                lambda name, operation, operands: (
                    [name] if operation == "log" else _by_rule(name, operation, operands)
                ),
            ),
        ),
        Misconception(
            "input and output",
            "does the rule of exp look at x, too, or at the output alone?",
            lambda steps: _kept(
                steps,
                lambda name, operation, operands: (
                    [*operands, *_by_rule(name, operation, operands)]
                    if operation not in _NOTHING
                    else []
                ),
            ),
        ),
        Misconception(
            "once for each use",
            "a value that two rules look at is kept once",
            _for_each_use,
        ),
        Misconception(
            "ReLU by its input",
            "ReLU's rule above looks at the output alone",
            lambda steps: _kept(
                steps,
                lambda name, operation, operands: (
                    operands if operation == "relu" else _by_rule(name, operation, operands)
                ),
            ),
        ),
        Misconception(
            "x and y never",
            "do rules look at x or y, too?",
            lambda steps: [name for name in _kept(steps, _by_rule) if name not in ("x", "y")],
        ),
        Misconception(
            "x and y always",
            "x and y are kept only where a rule looks at them",
            lambda steps: sorted({"x", "y", *_kept(steps, _by_rule)}),
        ),
        Misconception(
            "not sorted",
            "these are the right values: put them in the order that is asked for",
            lambda steps: OneOf(tuple(map(list, permutations(reversed(_kept(steps, _by_rule)))))),
        ),
    ),
)


def _layer_nodes(batch: int, in_features: int, out_features: int) -> dict[str, int]:
    weights, outputs = in_features * out_features, batch * out_features
    products = sums = batch * weights  # the first sum adds to the bias
    return {"nodes": products + sums + outputs, "kept": batch * in_features + weights + outputs}


LAYER_NODES = Exercise(
    points=1,
    topic="nodes of a layer, and values that it keeps",
    examples=[(1, 2, 8), (20, 2, 8), (32, 64, 10)],
    hidden=lambda draw: [
        (draw.randrange(2, 65), draw.randrange(3, 300), draw.randrange(3, 300)) for _ in range(4)
    ],
    reference=_layer_nodes,
    misconceptions=(
        Misconception(
            "sums left out",
            "a sum of many terms is many additions, and each one makes a node",
            lambda b, i, o: {"nodes": b * i * o + b * o},
        ),
        Misconception(
            "bias or ReLU left out",
            "for each output one node is missing: is there one for the bias, and one for ReLU?",
            lambda b, i, o: {"nodes": 2 * b * i * o},
        ),
        Misconception(
            "sums from zero",
            "each sum starts from the bias: how many additions does it take?",
            lambda b, i, o: {"nodes": b * o * (2 * i + 2)},
        ),
        Misconception(
            "inputs for nodes",
            "x, W and the bias were there before: which nodes do operations make?",
            lambda b, i, o: {"nodes": b * o * (2 * i + 1) + b * i + i * o + o},
        ),
        Misconception(
            "one sample",
            "is this one sample of the batch?",
            lambda b, i, o: _layer_nodes(1, i, o),
        ),
        Misconception(
            "bias kept",
            "does the rule of a sum look at the bias?",
            lambda b, i, o: {"kept": _layer_nodes(b, i, o)["kept"] + o},
        ),
        Misconception(
            "nothing kept for ReLU",
            "which value does ReLU's rule look at?",
            lambda b, i, o: {"kept": b * i + i * o},
        ),
        Misconception(
            "all nodes kept",
            "most nodes are products and sums: does any rule look at their results?",
            lambda b, i, o: {"kept": _layer_nodes(b, i, o)["nodes"]},
        ),
        Misconception(
            "once for each use",
            "a weight is used by every sample, and is still one value",
            lambda b, i, o: {"kept": b * i + b * i * o + b * o},
        ),
        Misconception(
            "weights left out",
            "which values does the rule of x · w look at?",
            lambda b, i, o: {"kept": b * i + b * o},
        ),
        Misconception(
            "input of ReLU kept",
            "does ReLU's rule look at what came in, or at what came out?",
            lambda b, i, o: {"kept": b * i + i * o + 2 * b * o},
        ),
    ),
)
