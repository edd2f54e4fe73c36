"""The questions of unit 08: tensor operations, loops, threads and tiles."""

from __future__ import annotations

from helpers.exercises.kernels.loops import (
    CHAIN_TRAFFIC,
    FUSED_CHAIN,
    MAY_RUN_IN_PARALLEL,
    ROW_SQUARES,
)
from helpers.exercises.kernels.tensors import (
    BROADCAST_STRIDES,
    ELEMENT_POSITIONS,
    TENSOR_MAP,
    TENSOR_REDUCE,
    TENSOR_ZIP,
)
from helpers.exercises.kernels.threads import (
    AXPY,
    LARGEST_TILE,
    PRODUCT_READS,
    THREAD_ELEMENT,
    TILED_PRODUCT,
)

EXERCISES = (
    ELEMENT_POSITIONS,
    TENSOR_MAP,
    BROADCAST_STRIDES,
    TENSOR_ZIP,
    TENSOR_REDUCE,
    MAY_RUN_IN_PARALLEL,
    ROW_SQUARES,
    CHAIN_TRAFFIC,
    FUSED_CHAIN,
    PRODUCT_READS,
    THREAD_ELEMENT,
    AXPY,
    LARGEST_TILE,
    TILED_PRODUCT,
)
