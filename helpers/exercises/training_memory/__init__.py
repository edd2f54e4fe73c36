"""The questions of unit 06: what a training step holds, when it holds most, and what helps."""

from __future__ import annotations

from helpers.exercises.training_memory.levers import (
    ACCUMULATED_PEAK,
    BEST_SEGMENTS,
    CHECKPOINTED_BYTES,
    RECOMPUTE_RATIO,
)
from helpers.exercises.training_memory.limits import (
    ALLOCATED_BYTES,
    BATCH_THAT_FITS,
    FINDS_ROOM,
    MEMORY_LINE,
)
from helpers.exercises.training_memory.states import (
    ADAM_8BIT_STEP,
    OPTIMIZER_LEDGER,
    PRECISION_BYTES,
)
from helpers.exercises.training_memory.timeline import CHAIN_PEAK, PEAK_OF_CHANGES, STEP_MOMENTS

EXERCISES = (
    OPTIMIZER_LEDGER,
    PRECISION_BYTES,
    ADAM_8BIT_STEP,
    PEAK_OF_CHANGES,
    STEP_MOMENTS,
    CHAIN_PEAK,
    MEMORY_LINE,
    BATCH_THAT_FITS,
    ALLOCATED_BYTES,
    FINDS_ROOM,
    ACCUMULATED_PEAK,
    CHECKPOINTED_BYTES,
    BEST_SEGMENTS,
    RECOMPUTE_RATIO,
)
