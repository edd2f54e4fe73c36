"""Slips that people make in a line of code, one at a time.

A term or a factor dropped, a sign, a bound, a constant one off, two arguments exchanged, integer
for true division, min for max.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """Code with one slip.

    Attributes:
        before: the expression that was changed, as text.
        after: what it became.
        tree: the whole code; it is changed back when the next mutant is asked for, so compile it.
    """

    before: str
    after: str
    tree: ast.AST

    @property
    def name(self) -> str:
        """The slip in a line: "side - kernel → side"."""
        return f"{self.before} → {self.after}"


def mutants(tree: ast.AST) -> Iterator[Mutant]:
    """Every slip in some code, each text once."""
    seen = {ast.unparse(tree)}
    for parent, field, index, node in list(_places(tree)):
        for slip in _slips(node):
            ast.copy_location(slip, node)
            ast.fix_missing_locations(slip)
            _put(parent, field, index, slip)
            text = ast.unparse(tree)
            if text not in seen:
                seen.add(text)
                yield Mutant(_short(node), _short(slip), tree)
            _put(parent, field, index, node)


_Place = tuple[ast.AST, str, int | None, ast.AST]


def _places(tree: ast.AST) -> Iterator[_Place]:
    """Every node that may be changed, with where it hangs: no annotation, decorator or default."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "args") and not isinstance(
            tree, ast.Call
        ):
            continue
        if isinstance(value, ast.AST):
            yield tree, field, None, value
            yield from _places(value)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, ast.AST) and not _is_docstring(each):
                    yield tree, field, index, each
                    yield from _places(each)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


_OTHER_OPERATION: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Div,
}
_OTHER_BOUND: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_OTHER_FUNCTION = {"min": "max", "max": "min", "any": "all", "all": "any"}
_ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod)


def _slips(node: ast.AST) -> Iterator[ast.AST]:
    """What people write in the place of a node."""
    match node:
        case ast.BinOp(left, op, right):
            yield left
            yield right
            if (other := _OTHER_OPERATION.get(type(op))) is not None:
                yield ast.BinOp(left, other(), right)
            if isinstance(op, _ORDERED):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Compare(left, [op], [right]) if type(op) in _OTHER_BOUND:
            yield ast.Compare(left, [_OTHER_BOUND[type(op)]()], [right])
        case ast.BoolOp(op, values):
            other_op: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield ast.BoolOp(other_op, values)
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            # One more than a thousand or a million is nobody's slip.
            if abs(value) < 1000:
                yield ast.Constant(value + 1)
                yield ast.Constant(value - 1)
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.Call(function, args, keywords):
            for index in range(len(args) - 1):
                exchanged = [*args[:index], args[index + 1], args[index], *args[index + 2 :]]
                if not (isinstance(function, ast.Name) and function.id in ("min", "max")):
                    yield ast.Call(function, exchanged, keywords)
            if isinstance(function, ast.Name) and function.id in _OTHER_FUNCTION:
                yield ast.Call(ast.Name(_OTHER_FUNCTION[function.id], ast.Load()), args, keywords)
        case ast.AugAssign(target, op, value):
            if (other := _OTHER_OPERATION.get(type(op))) is not None:
                yield ast.AugAssign(target, other(), value)
            yield ast.Pass()
        case ast.Dict(keys, values) if len(values) > 1:
            for index in range(len(values) - 1):
                swapped = [*values[:index], values[index + 1], values[index], *values[index + 2 :]]
                yield ast.Dict(keys, swapped)
