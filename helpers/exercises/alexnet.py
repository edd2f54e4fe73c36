"""AlexNet's weights by layer, for any channels, classes and width: units 01 and 02 count them.

The width is there so that no number of the table is the same in every case, to be copied.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

#: Channels of the convolutions' outputs, neurons of fc6 and fc7.
CHANNELS, NEURONS = (96, 256, 384, 384, 256), 4096
EXAMPLES = [(3, 1000, 1), (1, 10, 2)]
#: What `course prove` finds in the answers that halve channels, and why it is right.
HALVES_OF_ALEXNET = {
    f"c{layer} // 2 → c{layer} / 2": "equivalent: the channels are even" for layer in (1, 3, 4)
}


def draw_alexnets(draw: random.Random) -> Sequence[tuple[int, ...]]:
    """Channels of the image, classes and width."""
    return [
        (draw.randrange(2, 13), draw.randrange(2, 5000), width)
        for width in draw.sample(range(1, 9), 3)
    ]


def alexnet_weights(
    image_channels: int, classes: int, width: int, groups: int = 2
) -> dict[str, int]:
    """Weights without biases (Krizhevsky et al. 2012, section 3.5).

    `width` times as many channels and neurons as in the paper, but for the image and the classes.
    `groups` of conv2, conv4 and conv5: 2 in the paper, where they lay on two GPUs.
    """
    c1, c2, c3, c4, c5 = (width * channels for channels in CHANNELS)
    neurons = width * NEURONS
    return {
        "conv1": c1 * image_channels * 11**2,
        "conv2": c2 * (c1 // groups) * 5**2,
        "conv3": c3 * c2 * 3**2,
        "conv4": c4 * (c3 // groups) * 3**2,
        "conv5": c5 * (c4 // groups) * 3**2,
        "fc6": c5 * 6**2 * neurons,
        "fc7": neurons * neurons,
        "fc8": neurons * classes,
    }
