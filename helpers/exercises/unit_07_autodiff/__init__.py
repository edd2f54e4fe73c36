"""The questions of unit 07: autodiff, built from its pieces."""

CHAPTERS = ("operators", "rules", "graphs", "programs", "sweeps", "costs", "budget")
