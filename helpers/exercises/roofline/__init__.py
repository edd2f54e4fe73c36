"""The questions of unit 04: what bounds a layer, on which device, and what helps."""

from __future__ import annotations

from helpers.exercises.roofline.devices import (
    ATTAINABLE_TFLOPS,
    LAYER_TIME,
    NETWORK_TIME,
    RIDGE_POINTS,
    ROOF_SHARE,
    UPGRADE_SPEEDUP,
)
from helpers.exercises.roofline.layers import (
    FUSION_SAVES,
    PAIR_BOUND,
    PAIR_COSTS,
    PLOT_PAIR,
    RIDGE_BATCH,
)

EXERCISES = (
    LAYER_TIME,
    ATTAINABLE_TFLOPS,
    RIDGE_POINTS,
    UPGRADE_SPEEDUP,
    PAIR_COSTS,
    PAIR_BOUND,
    PLOT_PAIR,
    RIDGE_BATCH,
    FUSION_SAVES,
    ROOF_SHARE,
    NETWORK_TIME,
)
