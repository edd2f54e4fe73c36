"""The questions of the project: the sheet of one model."""

CHAPTERS = ("counts", "forward", "step", "devices")
