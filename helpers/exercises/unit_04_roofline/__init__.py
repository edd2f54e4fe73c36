"""The questions of unit 04: what bounds a layer, on which device, and what helps."""

CHAPTERS = ("devices", "layers", "batches", "networks")
