"""The questions of unit 01: shapes that pass through layers, and parameters that stay in them."""

CHAPTERS = ("shapes", "parameters", "norms_and_activations", "networks")
