"""AlexNet's weights by layer, for images and classes of any number: units 01 and 02 count them."""

from __future__ import annotations

#: What `course prove` finds in the answers that halve channels, and why it is right.
HALVES_OF_ALEXNET = {
    "96 // 2 → 96 / 2": "equivalent: 96 is even",
    "96 → 97": "equivalent: 97 // 2 is 48, too",
    "384 // 2 → 384 / 2": "equivalent: 384 is even",
    "384 → 385": "equivalent: 385 // 2 is 192, too",
}


def alexnet_weights(image_channels: int, classes: int, groups: int = 2) -> dict[str, int]:
    """Weights without biases (Krizhevsky et al. 2012, section 3.5).

    `groups` of conv2, conv4 and conv5: 2 in the paper, where they lay on two GPUs.
    """
    return {
        "conv1": 96 * image_channels * 11**2,
        "conv2": 256 * (96 // groups) * 5**2,
        "conv3": 384 * 256 * 3**2,
        "conv4": 384 * (384 // groups) * 3**2,
        "conv5": 256 * (384 // groups) * 3**2,
        "fc6": 256 * 6**2 * 4096,
        "fc7": 4096 * 4096,
        "fc8": 4096 * classes,
    }
