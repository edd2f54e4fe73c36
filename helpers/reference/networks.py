"""AlexNet, layer by layer, as Krizhevsky, Sutskever and Hinton described it in 2012."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.ledger import Ledger
from helpers.reference.composite import Composite
from helpers.reference.convolution import Convolution
from helpers.reference.elementwise import ReLU
from helpers.reference.layer import Layer, titled
from helpers.reference.linear import Linear
from helpers.reference.pooling import MaxPool


@dataclass(frozen=True)
class AlexNet(Composite):
    """AlexNet on 227 × 227 images of three channels, 1000 classes.

    The second, fourth and fifth convolutions have two `groups`, because they lay on two GPUs;
    torchvision's AlexNet is another network, narrower and without groups. Local response
    normalization and dropout are left out.
    Source: Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 3.5.
    """

    batch: int = 1
    groups: int = 2

    def parts(self) -> Mapping[str, tuple[int, Layer]]:
        layers: dict[str, Layer] = {
            "conv1": Convolution(self.batch, 3, 96, (227, 227), 11, stride=4),
            "relu1": ReLU((self.batch, 96, 55, 55)),
            "pool1": MaxPool(self.batch, 96, (55, 55), 3, stride=2),
            "conv2": Convolution(self.batch, 96, 256, (27, 27), 5, padding=2, groups=self.groups),
            "relu2": ReLU((self.batch, 256, 27, 27)),
            "pool2": MaxPool(self.batch, 256, (27, 27), 3, stride=2),
            "conv3": Convolution(self.batch, 256, 384, (13, 13), 3, padding=1),
            "relu3": ReLU((self.batch, 384, 13, 13)),
            "conv4": Convolution(self.batch, 384, 384, (13, 13), 3, padding=1, groups=self.groups),
            "relu4": ReLU((self.batch, 384, 13, 13)),
            "conv5": Convolution(self.batch, 384, 256, (13, 13), 3, padding=1, groups=self.groups),
            "relu5": ReLU((self.batch, 256, 13, 13)),
            "pool5": MaxPool(self.batch, 256, (13, 13), 3, stride=2),
            "fc6": Linear(self.batch, 256 * 6 * 6, 4096),
            "relu6": ReLU((self.batch, 4096)),
            "fc7": Linear(self.batch, 4096, 4096),
            "relu7": ReLU((self.batch, 4096)),
            "fc8": Linear(self.batch, 4096, 1000),
        }
        return {name: (1, layer) for name, layer in layers.items()}


@titled
def alexnet_macs(batch: int = 1) -> Ledger:
    """MAC of `AlexNet`, layer by layer."""
    return AlexNet(batch).macs()


@titled
def alexnet_parameters() -> Ledger:
    """Parameters of `AlexNet`, layer by layer."""
    return AlexNet().parameters()
