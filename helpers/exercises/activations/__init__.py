"""The questions of unit 05: what is held at once, what training keeps, what a profile shows."""

from __future__ import annotations

from helpers.exercises.activations.fitting import LARGEST_SIDE, OVERFLOWING_LAYER
from helpers.exercises.activations.kept import KEPT_STORAGES, MLP_KEPT, SAVED_BY
from helpers.exercises.activations.peaks import (
    ALEXNET_ACTIVATIONS,
    BLOCK_PEAK,
    CNN_PEAK,
    RELU_PEAK,
)
from helpers.exercises.activations.profiles import (
    ACTIVATIONS_PER_IMAGE,
    CONVNEXT_SIZE,
    TWO_PEAKS,
)
from helpers.exercises.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = (
    ALEXNET_ACTIVATIONS,
    CNN_PEAK,
    OVERFLOWING_LAYER,
    LARGEST_SIDE,
    BLOCK_PEAK,
    RELU_PEAK,
    SAVED_BY,
    KEPT_STORAGES,
    MLP_KEPT,
    CONVNEXT_SIZE,
    ACTIVATIONS_PER_IMAGE,
    TWO_PEAKS,
)
