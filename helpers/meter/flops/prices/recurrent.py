"""Recurrent layers that run as one operation: an LSTM in oneDNN on a CPU, and quantized ones."""

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


#: For each state of a GRU: two gates and a candidate, n = tanh(… + r …), h = (1 − z) n + z h.
_GRU_CELL = 2 * _SIGMOID + TRANSCENDENTAL + 3 * MULTIPLY + 3 * ADD


def _widths(call: Call) -> tuple[int, list[int], int]:
    """Of layers whose weights are packed: rows of each, widths of their inputs, and of a state."""
    x, states = call.args[0], call["hx"]
    hidden = (states[0] if isinstance(states, (list, tuple)) else states).shape[-1]
    directions = 2 if call["bidirectional"] else 1
    deeper = (call["num_layers"] or 1) - 1
    widths = [x.shape[-1], *[directions * hidden] * deeper]
    return directions * (x.numel() // x.shape[-1]), widths, hidden


def _packed(gates: int, cell: Tally) -> Op:
    """Layers, or one cell, of eight-bit weights: what enters a product is rounded, then scaled."""

    def macs(call: Call) -> int:
        rows, widths, hidden = _widths(call)
        return rows * gates * hidden * sum(width + hidden for width in widths)

    def tally(call: Call) -> Tally:
        rows, widths, hidden = _widths(call)
        states = rows * hidden * len(widths)
        rounded = rows * sum(width + hidden for width in widths) * MULTIPLY
        return states * (cell + gates * (2 * MULTIPLY + 3 * ADD)) + rounded

    return Op(tally, macs=macs)


_PACKED_LSTM, _PACKED_GRU = _packed(4, _CELL), _packed(3, _GRU_CELL)

OPS: dict[str, Op] = {
    **dict.fromkeys(("quantized_lstm", "quantized::quantized_lstm_cell_dynamic"), _PACKED_LSTM),
    **dict.fromkeys(("quantized_gru", "quantized::quantized_gru_cell_dynamic"), _PACKED_GRU),
    "mkldnn_rnn_layer": Op(_scalars, macs=_macs),
    "mkldnn_rnn_layer_backward": Op(_gradient_scalars, macs=lambda call: 2 * _macs(call)),
}
