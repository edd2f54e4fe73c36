"""The questions of unit 03: how large, where it lies, and what has to be moved."""

from __future__ import annotations

from helpers.exercises.memory.sizes import OWN_UNITS, WEIGHT_MEMORY
from helpers.exercises.memory.tensors import (
    BROADCAST_SHAPE,
    CAN_FLATTEN,
    LINES_TOUCHED,
    ROW_MAJOR_STRIDES,
    STORAGE_POSITION,
)
from helpers.exercises.memory.traffic import (
    CONV_TRAFFIC,
    LINEAR_ENERGY,
    LINEAR_INTENSITY,
    LINEAR_TRAFFIC,
    MLP_TRAFFIC,
    PIPELINE_RATES,
    RESIDUAL_TRAFFIC,
)

EXERCISES = (
    OWN_UNITS,
    WEIGHT_MEMORY,
    ROW_MAJOR_STRIDES,
    STORAGE_POSITION,
    CAN_FLATTEN,
    BROADCAST_SHAPE,
    LINES_TOUCHED,
    LINEAR_TRAFFIC,
    CONV_TRAFFIC,
    RESIDUAL_TRAFFIC,
    MLP_TRAFFIC,
    LINEAR_INTENSITY,
    PIPELINE_RATES,
    LINEAR_ENERGY,
)
