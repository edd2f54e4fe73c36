"""Embedding: a row of a table for each token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.conventions import dtype_bytes
from helpers.ledger import Ledger, Term
from helpers.reference.layer import Layer, priced


@dataclass(frozen=True)
class Embedding(Layer):
    """A row of a (vocabulary, width) table for each of batch · tokens indices: 0 FLOP.

    It reads only the rows that are asked for, and the indices (int64). Backward: each gradient is
    added to its row.  Source: Goodfellow, Bengio, Courville (2016), section 12.4.2.
    """

    batch: int
    vocabulary: int
    width: int
    tokens: int = 1

    @property
    def numbers(self) -> int:
        return self.batch * self.tokens * self.width

    def scalars(self, backward: bool = False) -> Sequence[Term]:
        terms = [priced("look-up", "copy", self.numbers)]
        if backward:
            terms.append(priced("gradient: addition to the row", "add", self.numbers))
        return terms

    def weights(self) -> Mapping[str, int]:
        return {"weights": self.vocabulary * self.width}

    def bytes(self, dtype: str = "fp32") -> Ledger:
        """Bytes moved: the indices and their rows are read, the output is written."""
        width, indices = dtype_bytes(dtype), self.batch * self.tokens
        terms = (
            Term("read indices", indices, dtype_bytes("int64")),
            Term("read rows", self.numbers, width),
            Term("write output", self.numbers, width),
        )
        return Ledger("B", terms)
