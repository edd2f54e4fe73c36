"""Draws docs/memory.png, the picture of the front pages. `make picture` runs it."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")

from helpers.meter import training_memory
from helpers.plots.style import figure
from helpers.plots.training import step_timeline

PICTURE = Path(__file__).parents[1] / "memory.png"


def main() -> None:
    """What a training step of ResNet-50 holds, operation by operation."""
    fig, axes = figure(size=(8.4, 3.6))
    step_timeline(training_memory("resnet50", (8, 3, 224, 224), device="cpu"), ax=axes)
    axes.set_title(f"ResNet-50, 8 images, Adam, fp32: {axes.get_title()}")
    fig.savefig(PICTURE, dpi=150)


if __name__ == "__main__":
    main()
