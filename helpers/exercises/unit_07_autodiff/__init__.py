"""The questions of unit 07: autodiff, built from its pieces."""

CHAPTERS = ("rules", "graphs", "costs")
