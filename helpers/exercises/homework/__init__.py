"""The questions of the homework: 22 points and a bonus of 2.

Twenty-one of the 22 are judged here; one is read by a person (see source/homework). Each
misconception was seen in the wild; the general ones (a term left out, a price taken as 1, MAC for
FLOP) need no entry: `helpers.diagnosis` finds them in the ledger.
"""

from __future__ import annotations

from helpers.exercises.homework.convolution import CONV_COST, DEPTHWISE_COST, PADDING
from helpers.exercises.homework.counting import (
    BATCH_NORM_FLOPS,
    OWN_BYTES,
    PRELU_FLOPS,
    SOFTMAX_FLOPS,
)
from helpers.exercises.homework.intensity import (
    BEST_BATCH,
    BLOCK_BOUND,
    BLOCK_BYTES,
    BLOCK_FLOPS,
    FUSED,
    PLOT_INTENSITY,
)
from helpers.exercises.homework.memory import (
    ACTIVATIONS_FROM_PEAK,
    ADAM_BYTES,
    LARGEST_BATCH,
    MODEL_SIZE,
    SAVED_BYTES,
)

EXERCISES = (
    OWN_BYTES,
    PADDING,
    CONV_COST,
    DEPTHWISE_COST,
    BATCH_NORM_FLOPS,
    PRELU_FLOPS,
    SOFTMAX_FLOPS,
    BLOCK_FLOPS,
    BLOCK_BYTES,
    BLOCK_BOUND,
    PLOT_INTENSITY,
    BEST_BATCH,
    FUSED,
    MODEL_SIZE,
    SAVED_BYTES,
    ACTIVATIONS_FROM_PEAK,
    ADAM_BYTES,
    LARGEST_BATCH,
)
