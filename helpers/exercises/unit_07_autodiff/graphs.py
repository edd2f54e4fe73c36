"""Unit 07: the order of a graph, the sweep back through it, and both on whole programs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise, product

from helpers.exercises.exercise import Exercise, Misconception, OneOf
from helpers.exercises.unit_07_autodiff.recorded_numbers import (
    Recorded,
    depth_first,
    run,
    slope,
)

Parents = dict[str, list[str]]


def all_orders(parents: Parents) -> list[list[str]]:
    """Every order in which each name comes after all of its parents."""
    if not parents:
        return [[]]
    needed = {parent for above in parents.values() for parent in above}
    orders = []
    for last in parents:
        if last not in needed:
            rest = {name: above for name, above in parents.items() if name != last}
            orders += [[*order, last] for order in all_orders(rest)]
    return orders


_MOST_USES = 500


def _once_for_each_use(parents: Parents) -> list[str]:
    order: list[str] = []

    def place(name: str) -> None:
        # In a chain of squarings the uses double at every step.
        if len(order) < _MOST_USES:
            for parent in parents[name]:
                place(parent)
            order.append(name)

    for name in parents:
        if not any(name in above for above in parents.values()):
            place(name)
    return order


def _nearest_first(parents: Parents) -> list[str]:
    """Breadth first from the inputs: a name comes as soon as one of its parents is there."""
    order = [name for name in parents if not parents[name]]
    for placed in order:  # grows on the way
        order += [name for name in parents if placed in parents[name] and name not in order]
    return order


def _itself_first(parents: Parents) -> list[str]:
    order: list[str] = []

    def place(name: str) -> None:
        if name not in order:
            order.append(name)
            for parent in parents[name]:
                place(parent)

    for name in parents:
        place(name)
    return order


def _squarings(names: Sequence[str]) -> Parents:
    """Each the product of the one before with itself: 2ⁿ paths lead through n of them."""
    return {names[0]: []} | {new: [old, old] for old, new in pairwise(names)}


def _draw_graphs(draw: random.Random) -> Sequence[tuple[Parents]]:
    """Small ones, and a chain of 40 squarings."""
    chain = list(_squarings([f"{draw.choice('abc')}{at}" for at in range(41)]).items())
    draw.shuffle(chain)
    cases: list[tuple[Parents]] = [(dict(chain),)]
    for _ in range(5):
        names = draw.sample("abcdefghkmnpqrstuvwxyz", 6)
        parents: Parents = {names[0]: [], names[1]: []}
        for at in range(2, 6):
            # The one before keeps the graph deep, any earlier one gives short cuts.
            parents[names[at]] = [draw.choice(names[:at]), names[at - 1]]
        shuffled = draw.sample(names, len(names))
        cases.append(({name: parents[name] for name in shuffled},))
    return cases


TOPOLOGICAL_ORDER = Exercise(
    points=2,
    topic="topological order",
    examples=[
        ({"L": ["a", "x"], "a": ["x"], "x": []},),
        ({"x": [], "L": ["a", "a"], "a": ["x"]},),
        ({"a": ["b", "c"], "c": [], "b": ["c"]},),
        ({"L": ["a"], "a": ["x", "y"], "x": [], "y": []},),
        # Who places a name for each use is not done in a lifetime.
        (dict(reversed(_squarings([f"a{at}" for at in range(41)]).items())),),
    ],
    hidden=_draw_graphs,
    reference=lambda parents: OneOf(tuple(all_orders(parents))),
    misconceptions=(
        Misconception(
            "children first",
            "a node comes after its parents, not before them",
            lambda parents: OneOf(tuple(order[::-1] for order in all_orders(parents))),
        ),
        Misconception(
            "once for each use",
            "a node that is used twice still stands in the order once",
            _once_for_each_use,
        ),
        Misconception(
            "after one parent",
            "a node comes after *all* of its parents, not as soon as the first is there",
            _nearest_first,
        ),
        Misconception(
            "itself first",
            "a node can be placed when its parents are: do you place it before them?",
            _itself_first,
        ),
        Misconception(
            "itself first, turned round",
            "turned round, a name may still stand before a parent that was met earlier: place each "
            "after its parents instead",
            lambda parents: _itself_first(parents)[::-1],
        ),
        Misconception(
            "by the number of parents",
            "a node with one parent may need many others: those of its parent",
            lambda parents: sorted(parents, key=lambda name: len(parents[name])),
        ),
        Misconception(
            "by name",
            "a name says nothing about who comes first: the lists of parents do",
            sorted,
        ),
        Misconception(
            "as given",
            "the entries come in no order: who has to be placed before whom?",
            list,
        ),
    ),
)

#: For each node, the numbers of its parents with the slopes.
Edges = list[list[list[float]]]


def _swept(
    edges: Edges,
    accumulate: bool = True,
    chain: bool = True,
    back: bool = True,
    others: float = 0.0,
) -> list[float]:
    grads = [others] * len(edges)
    grads[-1] = 1.0
    for node in range(len(edges))[:: -1 if back else 1]:
        for parent, local in edges[node]:
            share = local * (grads[node] if chain else 1)
            grads[int(parent)] = share + (grads[int(parent)] if accumulate else 0)
    return grads


def _swept_by_products(edges: Edges) -> list[float]:
    grads = [1.0] * len(edges)
    for node in reversed(range(len(edges))):
        for parent, local in edges[node]:
            grads[int(parent)] *= local * grads[node]
    return grads


def _handed_on_early(edges: Edges, at: str) -> list[float]:
    """Each parent hands on as soon as it is handed something: by a stack, a queue or recursion."""
    grads = [0.0] * len(edges)
    grads[-1] = 1.0
    waiting = [len(edges) - 1]

    def hand_on(node: int) -> None:
        for parent, local in edges[node]:
            grads[int(parent)] += local * grads[node]
            if at:
                waiting.append(int(parent))
            else:
                hand_on(int(parent))

    while waiting:
        hand_on(waiting.pop(-1 if at == "last" else 0))
    return grads


def _draw_edges(draw: random.Random) -> Sequence[tuple[Edges]]:
    cases = []
    for size in (4, 5, 6, 7):
        edges: Edges = [[], []]
        for node in range(2, size):
            # Slopes that a float holds exactly: sums that cancel give 0 in any order.
            uses = [node - 1, draw.randrange(node)]
            edges.append([[use, draw.choice([-2, -1.5, 0.5, 2, 3, 4])] for use in uses])
        cases.append((edges,))
    return cases


SWEEP_BACK = Exercise(
    points=1,
    topic="the chain rule over a graph",
    examples=[
        ([[], [[0, 2]], [[0, 3], [1, 5]]],),
        ([[], [[0, 4]], [[1, 3], [1, 3]]],),
    ],
    hidden=_draw_edges,
    reference=_swept,
    misconceptions=(
        Misconception(
            "= for +=",
            "a value that is used twice is handed two gradients: the second one must not "
            "overwrite the first",
            lambda edges: _swept(edges, accumulate=False),
        ),
        Misconception(
            "own gradient left out",
            "a node hands on its own gradient times the slope, not the slope alone",
            lambda edges: _swept(edges, chain=False),
        ),
        Misconception(
            "inputs first",
            "in your order a node hands on its gradient before it has got one",
            lambda edges: _swept(edges, back=False),
        ),
        Misconception(
            "nothing to start from",
            "where does the sweep begin, and what is dL/dL?",
            lambda edges: [0.0] * len(edges),
        ),
        Misconception(
            "only the first parent",
            "a node hands its gradient to each parent: does your loop end after the first?",
            lambda edges: _swept([uses[:1] for uses in edges]),
        ),
        Misconception(
            "multiplied",
            "what a value is handed by its users is added up, not multiplied",
            lambda edges: OneOf(
                (
                    [*[0.0] * (len(edges) - 1), 1.0],
                    _swept_by_products(edges),
                )
            ),
        ),
        Misconception(
            "handed on too early",
            "a node hands on its gradient once, when all of its users have handed it theirs",
            lambda edges: OneOf(tuple(_handed_on_early(edges, at) for at in ("last", "first", ""))),
        ),
        Misconception(
            "everyone starts with 1",
            "dL/dL is 1: what has been handed to the others before the sweep?",
            lambda edges: _swept(edges, others=1.0),
        ),
    ),
)


def _recorded(program: str, x: float, y: float) -> tuple[Recorded, list[Recorded]]:
    inputs = [Recorded(x), Recorded(y)]
    return run(program, *inputs), inputs


def _gradients(program: str, x: float, y: float) -> list[float]:
    result, inputs = _recorded(program, x, y)
    return [slope(result, source) for source in inputs]


def _overwritten(program: str, x: float, y: float) -> OneOf:
    """What is handed last stays. Which use that is, the order decides: any of them may be."""
    result, inputs = _recorded(program, x, y)
    *others, _ = depth_first(result)
    uses = [_uses(number, result) for number in others]
    found: dict[tuple[float, ...], None] = {}
    for last in product(*uses):
        grads = {result: 1.0}
        for number, (child, local) in zip(reversed(others), reversed(last), strict=True):
            grads[number] = grads[child] * local
        found[tuple(grads.get(source, 0.0) for source in inputs)] = None
    return OneOf(tuple(map(list, found)))


def _uses(number: Recorded, result: Recorded) -> list[tuple[Recorded, float]]:
    return [
        (child, local)
        for child in depth_first(result)
        for parent, local in child.edges
        if parent is number
    ]


def _inputs_first(program: str, x: float, y: float) -> list[float]:
    """Only the last node has a gradient to hand on when its turn comes."""
    result, inputs = _recorded(program, x, y)
    return [sum(local for parent, local in result.edges if parent is source) for source in inputs]


def _grad_twice(program: str, x: float, y: float) -> list[float]:
    """What is handed on is multiplied by the node's own gradient once more."""
    result, inputs = _recorded(program, x, y)
    grads = {result: 1.0}
    for number in reversed(depth_first(result)):
        for parent, local in number.edges:
            grads[parent] = grads.get(parent, 0.0) + local * grads[number] ** 2
    return [grads.get(source, 0.0) for source in inputs]


def _recursive(program: str, x: float, y: float) -> list[float]:
    """From L down: who is handed something hands on all that it has, again."""
    result, inputs = _recorded(program, x, y)
    grads: defaultdict[Recorded, float] = defaultdict(float, {result: 1.0})

    def hand_on(number: Recorded) -> None:
        shares = [(parent, local * grads[number]) for parent, local in number.edges]
        for parent, share in shares:
            grads[parent] += share
            hand_on(parent)

    hand_on(result)
    return [grads[source] for source in inputs]


def _by_parent(program: str, x: float, y: float) -> list[float]:
    """A dict from parents to what they are handed: of two uses by one node it holds the last."""
    result, inputs = _recorded(program, x, y)
    grads: defaultdict[Recorded, float] = defaultdict(float, {result: 1.0})
    for number in reversed(depth_first(result)):
        for parent, local in dict(number.edges).items():
            grads[parent] += local * grads[number]
    return [grads[source] for source in inputs]


#: Every operation that a number of the notebook has; values stay small.
_FORMS = (
    *("{near} * tanh({far})", "{near} + {far}", "{far} + {near} * {near}"),
    *("exp(tanh({near})) * {far}", "{far} * log({near} * {near} + 2)", "-tanh({near} + {far})"),
    *("{near} - {far}", "2 - {near} * {far}", "{near} / (2 + {far} * {far})"),
    *("3 / (1 + {near} * {near}) + {far}", "relu({near} + 2) * {far}", "sigmoid({near}) - {far}"),
)


def _draw_programs(draw: random.Random) -> Sequence[tuple[str, float, float]]:
    """Two programs for each half of the forms, so that every operation occurs in some."""
    cases = []
    for _ in range(2):
        forms = draw.sample(_FORMS, len(_FORMS))
        for first in range(0, len(forms), 4):
            names, lines = ["x", "y"], []
            for new, form in zip("abcL", forms[first : first + 4], strict=True):
                near, far = names[-1], draw.choice(names[:-1])
                lines.append(f"{new} = {form.format(near=near, far=far)}")
                names.append(new)
            point = (round(draw.uniform(0.3, 1), 2), round(draw.uniform(0.3, 1), 2))
            cases.append(("; ".join(lines), *point))
    return cases


GRADIENTS = Exercise(
    points=2,
    topic="reverse-mode autodiff",
    examples=[
        ("L = x * y", 2.0, 3.0),
        ("a = x + y; L = a * x", 2.0, 3.0),
        ("a = x * y; L = a * a + exp(x)", 0.5, 2.0),
        ("a = 3 - x; L = a / y - 1 / a", 2.0, 3.0),
        ("a = relu(x - y) + x; L = -sigmoid(a) * a", 3.0, 2.0),
    ],
    hidden=_draw_programs,
    reference=_gradients,
    misconceptions=(
        Misconception(
            "nothing to start from",
            "where does the sweep begin, and what is dL/dL?",
            lambda program, x, y: [0.0, 0.0],
        ),
        Misconception(
            "= for +=",
            "a value that is used twice is handed two gradients: the second one must not "
            "overwrite the first",
            _overwritten,
        ),
        Misconception(
            "inputs first",
            "in_order gives parents first: in which direction does a gradient travel?",
            _inputs_first,
        ),
        Misconception(
            "handed on too early",
            "a node hands on its gradient once, when all of its users have handed it theirs: "
            "in_order gives the nodes in an order for that",
            _recursive,
        ),
        Misconception(
            "one gradient a parent",
            "a * a hands a two gradients: what becomes of two for one parent in a dict?",
            _by_parent,
        ),
        Misconception(
            "grad multiplied twice",
            "handed_on(node) has multiplied by node.grad already",
            _grad_twice,
        ),
    ),
)
