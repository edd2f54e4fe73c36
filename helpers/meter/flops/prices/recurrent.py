"""An LSTM layer over all its steps, as oneDNN runs it on a CPU."""

from __future__ import annotations

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import (
    ADD,
    DIVIDE,
    EXP,
    MULTIPLY,
    NOTHING,
    TRANSCENDENTAL,
    Tally,
)

_SIGMOID = EXP + ADD + DIVIDE

#: For each state: three gates and a candidate, c = f c + i g, h = o tanh c.
_CELL = 3 * _SIGMOID + 2 * TRANSCENDENTAL + 3 * MULTIPLY + ADD

#: Gradients through the sigmoids and tanhs, the products and the two uses of c.
_CELL_GRADIENT = 3 * (ADD + 2 * MULTIPLY) + 2 * (ADD + 2 * MULTIPLY) + 6 * MULTIPLY + ADD


def _states(call: Call) -> int:
    """Steps · batch · hidden."""
    steps, batch, _ = call["input"].shape
    hidden: int = call["hidden_size"]
    return steps * batch * hidden


def _macs(call: Call) -> int:
    """Four products with the input and four with the last state, for each state."""
    return 4 * _states(call) * (call["input"].shape[-1] + call["hidden_size"])


def _scalars(call: Call) -> Tally:
    sums = 4 * (ADD + (2 * ADD if call["has_biases"] else NOTHING))
    return _states(call) * (sums + _CELL)


def _gradient_scalars(call: Call) -> Tally:
    return _states(call) * (_CELL_GRADIENT + (4 * ADD if call["has_biases"] else NOTHING))


OPS: dict[str, Op] = {
    "mkldnn_rnn_layer": Op(_scalars, macs=_macs),
    "mkldnn_rnn_layer_backward": Op(_gradient_scalars, macs=lambda call: 2 * _macs(call)),
}
