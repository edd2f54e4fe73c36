"""Recurrent layers: RNN, LSTM and GRU, as PyTorch writes them (two biases for each gate).

Every step multiplies the input and the previous state by one matrix for each gate:

    MAC = batch · tokens · gates · hidden · (input + hidden)

for each layer and direction; gates = 1 (RNN), 4 (LSTM), 3 (GRU). The second layer's input is the
first one's output, of both directions where there are two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from helpers.conventions import Operation
from helpers.ledger import Term
from helpers.reference.layer import Layer, priced


@dataclass(frozen=True)
class RNN(Layer):
    """RNN: h ← tanh(W x + b + U h + c), for `tokens` steps.

    Backward costs every product twice more, but for the gradient of the first state, which is
    a constant: `macs(backward=True)` is exact for it. Source: Elman, Cognitive Science 14 (1990).
    """

    batch: int
    tokens: int
    input_size: int
    hidden_size: int
    layers: int = 1
    bias: bool = True
    bidirectional: bool = False

    gates: ClassVar[int] = 1
    #: What is done beside the products, and how often for each element of the state.
    cell: ClassVar[tuple[tuple[str, Operation, int], ...]] = (
        ("sums of both products", "add", 1),
        ("tanh", "transcendental", 1),
    )

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def states(self) -> int:
        """Elements of all hidden states that are computed."""
        return self.batch * self.tokens * self.hidden_size * self.layers * self.directions

    @property
    def inputs(self) -> int:
        """Σ of the input sizes of all layers and directions."""
        later = (self.layers - 1) * self.hidden_size * self.directions
        return self.directions * (self.input_size + later)

    def products(self, backward: bool = False) -> Mapping[str, int]:
        step = self.batch * self.gates * self.hidden_size
        recurrent = step * self.hidden_size * self.layers * self.directions
        products = {
            "input products": self.tokens * step * self.inputs,
            "state products": self.tokens * recurrent,
        }
        if backward:
            products |= {
                "gradient of the inputs": products["input products"],
                "gradient of the input weights": products["input products"],
                "gradient of the states": (self.tokens - 1) * recurrent,
                "gradient of the state weights": products["state products"],
            }
        return products

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        if backward:
            raise ValueError("the backward FLOP of recurrent layers are not derived: see macs")
        terms = [priced(name, what, times * self.states) for name, what, times in self.cell]
        if self.bias:
            terms.insert(0, priced("bias additions", "add", 2 * self.gates * self.states))
        return terms

    def weights(self) -> Mapping[str, int]:
        gates = self.gates * self.hidden_size
        cells = self.layers * self.directions
        weights = {
            "input weights": gates * self.inputs,
            "state weights": gates * self.hidden_size * cells,
        }
        return {**weights, "biases": 2 * gates * cells} if self.bias else weights

    def reads(self) -> Mapping[str, int]:
        return {"input": self.batch * self.tokens * self.input_size}

    def writes(self) -> Mapping[str, int]:
        outputs = self.batch * self.tokens * self.hidden_size * self.directions
        last = self.batch * self.hidden_size * self.layers * self.directions
        return {"output": outputs, "last state": last}


class LSTM(RNN):
    """LSTM: c ← f · c + i · g, h ← o · tanh(c), with σ gates i, f, o and a tanh gate g.

    Backward as for the RNN.  Source: Hochreiter and Schmidhuber (1997), Gers et al. (2000).
    """

    gates = 4
    cell = (
        ("sums of both products", "add", 4),
        ("σ: e^−x", "exponential", 3),
        ("σ: 1 + e^−x", "add", 3),
        ("σ: division", "divide", 3),
        ("tanh", "transcendental", 2),
        ("products with the gates", "multiply", 3),
        ("sum of the new cell", "add", 1),
    )

    def writes(self) -> Mapping[str, int]:
        written = super().writes()
        return {**written, "last cell": written["last state"]}


class GRU(RNN):
    """GRU: n = tanh(W x + r · (U h)), h ← (h − n) · z + n, with σ gates r and z.

    Backward as for the RNN.  Source: Cho et al., arXiv:1406.1078; r after U h as in cuDNN.
    """

    gates = 3
    cell = (
        ("sums of both products", "add", 3),
        ("σ: e^−x", "exponential", 2),
        ("σ: 1 + e^−x", "add", 2),
        ("σ: division", "divide", 2),
        ("tanh", "transcendental", 1),
        ("products with the gates", "multiply", 2),
        ("h − n and + n", "add", 2),
    )
