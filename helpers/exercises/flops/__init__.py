"""The questions of unit 02: MAC and FLOP, from one layer to a published table."""

from __future__ import annotations

from helpers.exercises.flops.layers import (
    AVERAGE_POOL_FLOPS,
    BATCH_NORM_COST,
    CONVOLUTION_MACS,
    GROUPED_COST,
    LINEAR_COST,
    PRELU_PRODUCTS,
    SOFTMAX_COST,
)
from helpers.exercises.flops.networks import (
    ALEXNET_LAYER_MACS,
    ATTENTION_COST,
    ATTENTION_SHARE,
    FLOPCO_MACS,
    PUBLISHED_UNIT,
)

EXERCISES = (
    LINEAR_COST,
    CONVOLUTION_MACS,
    GROUPED_COST,
    AVERAGE_POOL_FLOPS,
    BATCH_NORM_COST,
    PRELU_PRODUCTS,
    SOFTMAX_COST,
    ATTENTION_COST,
    ATTENTION_SHARE,
    ALEXNET_LAYER_MACS,
    PUBLISHED_UNIT,
    FLOPCO_MACS,
)
