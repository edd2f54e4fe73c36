"""The questions of unit 08: tensor operations, loops, threads, tiles and attention."""

CHAPTERS = ("tensors", "folds", "loops", "threads", "cooperation", "tiles", "attention")
