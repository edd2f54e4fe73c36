"""The questions of unit 01: shapes that pass through layers, and parameters that stay in them."""

from __future__ import annotations

from helpers.exercises.building_blocks.parameters import (
    ALEXNET_WEIGHTS,
    BLOCK_PARAMETERS,
    GROUPED_PARAMETERS,
    NORM_MEANS,
    QUANTIZATION_STEP,
    SEPARABLE_PARAMETERS,
)
from helpers.exercises.building_blocks.shapes import (
    CNN_SHAPES,
    LINEAR_SHAPES,
    NEURON_OUTPUT,
    OUTPUT_SIZE,
    PADDING_NEEDED,
    RECEPTIVE_FIELD,
)

EXERCISES = (
    NEURON_OUTPUT,
    LINEAR_SHAPES,
    OUTPUT_SIZE,
    PADDING_NEEDED,
    CNN_SHAPES,
    RECEPTIVE_FIELD,
    GROUPED_PARAMETERS,
    SEPARABLE_PARAMETERS,
    NORM_MEANS,
    QUANTIZATION_STEP,
    BLOCK_PARAMETERS,
    ALEXNET_WEIGHTS,
)
