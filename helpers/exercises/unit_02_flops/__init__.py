"""The questions of unit 02: MAC and FLOP, from one layer to a published table."""

CHAPTERS = ("layers", "norms_and_activations", "attention", "networks")
