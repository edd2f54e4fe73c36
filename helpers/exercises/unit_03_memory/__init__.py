"""The questions of unit 03: how large, where it lies, and what has to be moved."""

CHAPTERS = ("sizes", "tensors", "traffic", "mlp", "rates")
