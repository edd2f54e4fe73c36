"""Unit 01: AlexNet's 61 million parameters."""

from __future__ import annotations

from helpers.exercises.alexnet import (
    CHANNELS,
    EXAMPLES,
    HALVES_OF_ALEXNET,
    NEURONS,
    alexnet_weights,
    draw_alexnets,
)
from helpers.exercises.exercise import Exercise, Misconception


def _alexnet(image_channels: int, classes: int, width: int) -> dict[str, int]:
    """Weights by layer, and all biases together."""
    biases = width * (sum(CHANNELS) + 2 * NEURONS) + classes
    return {**alexnet_weights(image_channels, classes, width), "biases": biases}


ALEXNET_WEIGHTS = Exercise(
    points=2,
    topic="AlexNet's 61 million parameters",
    examples=EXAMPLES,
    hidden=draw_alexnets,
    reference=_alexnet,
    known_slips=HALVES_OF_ALEXNET,
    misconceptions=(
        Misconception(
            "two digits of conv1 slipped",
            "multiply kernel, channels and images of the first layer out once more",
            lambda image_channels, classes, width: {"conv1": 24_847},
        ),
        Misconception(
            "groups forgotten",
            "which convolutions were split over two GPUs? Those have two groups",
            lambda image_channels, classes, width: {
                name: count
                for name, count in alexnet_weights(image_channels, classes, width, 1).items()
                if name in ("conv2", "conv4", "conv5")
            },
        ),
        Misconception(
            "every convolution in groups",
            "conv3 sees the channels of both GPUs: has it groups?",
            lambda *args: {"conv3": alexnet_weights(*args)["conv3"] // 2},
        ),
        Misconception(
            "last pooling forgotten",
            "between conv5 and fc6 there is one more pooling: how large is a side then?",
            lambda *args: {"fc6": alexnet_weights(*args)["fc6"] // 6**2 * 13**2},
        ),
        Misconception(
            "one pixel for each channel",
            "how many pixels of each channel reach fc6?",
            lambda *args: {"fc6": alexnet_weights(*args)["fc6"] // 6**2},
        ),
        Misconception(
            "biases of the convolutions only",
            "fully connected layers have biases, too",
            lambda image_channels, classes, width: {"biases": width * sum(CHANNELS)},
        ),
        Misconception(
            "as wide as in the paper",
            "does every layer become wider, and what it sees of the layer before?",
            lambda image_channels, classes, width: _alexnet(image_channels, classes, 1),
        ),
        Misconception(
            "only the outputs wider",
            "a wider layer has more outputs, and the next one then has more inputs",
            lambda image_channels, classes, width: {
                name: width * count
                for name, count in alexnet_weights(image_channels, classes, 1).items()
                if name not in ("conv1", "fc8")
            },
        ),
    ),
)
