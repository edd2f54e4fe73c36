"""The questions of unit 07: autodiff, built from its pieces."""

from __future__ import annotations

from helpers.exercises.autodiff.costs import (
    FORWARD_PRODUCT,
    KEPT_VALUES,
    LAYER_NODES,
    STEP_FLOPS,
    SWEEPS_NEEDED,
)
from helpers.exercises.autodiff.graphs import GRADIENTS, SWEEP_BACK, TOPOLOGICAL_ORDER
from helpers.exercises.autodiff.rules import (
    COMPUTED,
    DIV_BACKWARD,
    MUL_BACKWARD,
    OUTPUT_BACKWARD,
    TRY_SLOPES,
)

EXERCISES = (
    COMPUTED,
    TRY_SLOPES,
    MUL_BACKWARD,
    DIV_BACKWARD,
    OUTPUT_BACKWARD,
    TOPOLOGICAL_ORDER,
    SWEEP_BACK,
    GRADIENTS,
    FORWARD_PRODUCT,
    SWEEPS_NEEDED,
    STEP_FLOPS,
    KEPT_VALUES,
    LAYER_NODES,
)
