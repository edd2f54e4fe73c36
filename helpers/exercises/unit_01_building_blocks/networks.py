"""Unit 01: parameters of whole networks: a transformer's block, and AlexNet's 61 million."""

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
from helpers.ledger import Ledger, Term


def _block(width: int, heads: int) -> dict[str, Ledger]:
    def ledger(*terms: Term) -> Ledger:
        return Ledger("parameters", terms)

    return {
        "attention": ledger(
            Term("queries, keys, values", 3 * width**2),
            Term("output projection", width**2),
            Term("biases", 4 * width),
        ),
        "MLP": ledger(
            Term("up", 4 * width**2), Term("down", 4 * width**2), Term("biases", 5 * width)
        ),
        "norms": ledger(Term("scales", 2 * width), Term("shifts", 2 * width)),
    }


BLOCK_PARAMETERS = Exercise(
    points=1,
    topic="parameters of a transformer block",
    examples=[(768, 12), (64, 4)],
    hidden=lambda draw: [
        (64 * draw.randrange(2, 33), draw.choice([2, 4, 8, 16])) for _ in range(4)
    ],
    reference=_block,
    misconceptions=(
        Misconception(
            "a full attention for each head",
            "heads share out the width: do h heads of width d/h have more weights than one of d?",
            lambda width, heads: {"attention": heads * (4 * width**2 + 4 * width)},
        ),
        Misconception(
            "one head only",
            "this is what one head has: how many are there?",
            lambda width, heads: {"attention": (4 * width**2 + 4 * width) // heads},
        ),
        Misconception(
            "half of what the norms have",
            "how many norms does a block have, and what does each learn? Find both in the list "
            "above",
            lambda width, heads: {"norms": 2 * width},
        ),
        Misconception(
            "output projection forgotten",
            "find every matrix of self_attn in the list above: is in_proj the only one?",
            lambda width, heads: {"attention": 3 * width**2 + 3 * width},
        ),
        Misconception(
            "both layers of the MLP with the same bias",
            "a bias is as long as its layer's output: how long are the two of the MLP?",
            lambda width, heads: {"MLP": 8 * width**2 + 2 * width},
        ),
    ),
    library="a layer of PyTorch tells its own parameters; the rest of the block is no layer of it",
)


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
