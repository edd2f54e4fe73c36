"""What updates many parameters at once: operations on lists of tensors, and fused optimizers.

They are met in a loop of one's own (`counting`), and where gradients are clipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.meter.flops.prices import elementwise, matmul, reductions, zero_flop
from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, ROOT, Tally

_ONE_BY_ONE = elementwise.OPS | reductions.OPS | zero_flop.OPS


def _calls(call: Call) -> list[Call]:
    """A call for each tensor of the lists."""
    count = len(next(value for value in call.args if isinstance(value, (list, tuple))))

    def at(value: Any, place: int) -> Any:
        return value[place] if isinstance(value, (list, tuple)) else value

    calls = []
    for place in range(count):
        args = tuple(at(value, place) for value in call.args)
        kwargs = {name: at(value, place) for name, value in call.kwargs.items()}
        out = call.out[place] if call.out else args[0]  # in place there is no result
        calls.append(call.of(args, kwargs, out))
    return calls


def _over_lists(op: Op) -> Op:
    def tally(call: Call) -> Tally:
        return sum((op.scalars(each) or NOTHING for each in _calls(call)), NOTHING)

    return Op(moves=op.moves) if op.is_free else Op(tally, complex=op.complex)


def _updated(step: Callable[[Call], Tally]) -> Op:
    """A step for each number of the parameters."""
    return Op(lambda call: sum(p.numel() for p in call["self"]) * step(call))


def _decayed(call: Call) -> Tally:
    """g + λ w, where λ is not 0."""
    return ADD + MULTIPLY if call["weight_decay"] else NOTHING


#: m = β₁ m + (1 − β₁) g, v likewise of g², w − α m / (√(v / c) + ε), as the steps one by one.
_ADAM = (2 * ADD + MULTIPLY) + (MULTIPLY + ADD + 2 * MULTIPLY)
_ADAM += (ROOT + DIVIDE + ADD) + (ADD + MULTIPLY + DIVIDE)


def _sgd(call: Call) -> Tally:
    """w − α g; with momentum b = μ b + (1 − τ) g, and Nesterov's g + μ b."""
    tally = _decayed(call) + ADD + MULTIPLY
    if call["momentum"]:
        tally += MULTIPLY + ADD + (MULTIPLY if call["dampening"] else NOTHING)
        tally += ADD + MULTIPLY if call["nesterov"] else NOTHING
    return tally


def _adagrad(call: Call) -> Tally:
    """s + g², w − α g / (√s + ε)."""
    return _decayed(call) + 2 * (ADD + MULTIPLY) + ROOT + ADD + DIVIDE


_NAMES = (
    *("add", "sub", "mul", "div", "pow", "sqrt", "rsqrt", "reciprocal", "exp", "expm1", "log"),
    *("log10", "log1p", "log2", "abs", "neg", "sign", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("asin", "acos", "atan", "erf", "erfc", "lgamma", "sigmoid", "ceil", "floor", "frac", "round"),
    *("trunc", "addcmul", "addcdiv", "lerp", "clamp_max", "clamp_min", "maximum", "minimum", "max"),
    *("copy", "zero", "clone"),
)

OPS: dict[str, Op] = {
    **{f"_foreach_{name}": _over_lists(_ONE_BY_ONE[name]) for name in _NAMES},
    "_foreach_norm": _over_lists(_ONE_BY_ONE["linalg_vector_norm"]),
    "_foreach_mm": Op(
        macs=lambda call: sum(
            matmul.product(one.args[0], one.args[1], one.out) for one in _calls(call)
        )
    ),
    "_amp_foreach_non_finite_check_and_unscale": _updated(lambda call: MULTIPLY),
    "_amp_update_scale": Op(),
    "_fused_adam": _updated(lambda call: _ADAM + _decayed(call)),
    "_fused_adamw": _updated(lambda call: _ADAM + (MULTIPLY if call["weight_decay"] else NOTHING)),
    "_fused_sgd": _updated(_sgd),
    "_fused_adagrad": _updated(_adagrad),
}
