"""The questions of the homework: 22 points and two bonuses of 2.

Twenty-one of the 22 are judged here; one is read by a person (see source/homework). Each
misconception was seen in the wild; the general ones (a term left out, a price taken as 1, MAC for
FLOP) need no entry: `helpers.diagnosis` finds them in the ledger.
"""

CHAPTERS = ("sizes", "convolution", "counting", "intensity", "fusion", "recomputing", "memory")
