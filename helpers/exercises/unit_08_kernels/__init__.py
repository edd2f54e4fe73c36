"""The questions of unit 08: tensor operations, loops, threads and tiles."""

CHAPTERS = ("tensors", "folds", "loops", "threads", "tiles")
