"""Unit 07: the order of a graph, and the sweep back through it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from helpers.exercises.exercise import Exercise, Misconception, OneOf

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


def _once_for_each_use(parents: Parents, from_every_name: bool = False) -> list[str]:
    order: list[str] = []

    def place(name: str) -> None:
        # In a chain of squarings the uses double at every step.
        if len(order) < _MOST_USES:
            for parent in parents[name]:
                place(parent)
            order.append(name)

    for name in parents:
        if from_every_name or not any(name in above for above in parents.values()):
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
    cases = list[tuple[Parents]]()
    for _ in range(5):
        names = draw.sample("abcdefghkmnpqrstuvwxyz", 6)
        parents: Parents = {names[0]: [], names[1]: []}
        for at in range(2, 6):
            # The one before keeps the graph deep, any earlier one gives short cuts.
            parents[names[at]] = [draw.choice(names[:at]), names[at - 1]]
        shuffled = draw.sample(names, len(names))
        cases.append(({name: parents[name] for name in shuffled},))
    # At the end: among spare cases, where who places a name for each use waits, it comes once.
    return [*cases, (dict(chain),)]


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
            lambda parents: OneOf(
                (_once_for_each_use(parents), _once_for_each_use(parents, from_every_name=True))
            ),
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
