"""The questions of unit 06: what a training step holds, when it holds most, and what helps."""

CHAPTERS = ("states", "timeline", "limits", "levers")
