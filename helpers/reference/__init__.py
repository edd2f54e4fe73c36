"""What a layer costs, by hand, from its sizes alone. Every cost is a `Ledger`.

A layer is a class, which answers four questions:

    >>> from helpers.reference.convolution import Convolution
    >>> layer = Convolution(batch=1, in_channels=16, out_channels=16, size=(11, 11), kernel=3)
    >>> layer.macs().total, layer.parameters().total
    (186624, 2320)

`macs`, `flops`, `parameters` and `bytes` (read weights, read input, write output); `macs` and
`flops` take `backward=True` to add the gradients. What the units call by one name stands here:

    >>> from helpers.reference import linear_flops
    >>> linear_flops(batch=1, in_features=64, out_features=32, bias=False).total
    4096

Impossible sizes raise ValueError.
"""

from helpers.reference.activations import (
    chain_activations,
    chain_peak_activations,
    layer_saved_bytes,
)
from helpers.reference.convolution import conv2d_output_size, receptive_field
from helpers.reference.elementwise import sigmoid_flops
from helpers.reference.inference import decoder_weights, experts_touched, kv_cache_bytes
from helpers.reference.linear import linear_bytes, linear_flops
from helpers.reference.networks import alexnet_macs, alexnet_parameters
from helpers.reference.normalization import batch_norm_flops
from helpers.reference.softmax import softmax_flops
from helpers.reference.training import checkpointing_bytes, training_state_bytes

__all__ = [
    "alexnet_macs",
    "alexnet_parameters",
    "batch_norm_flops",
    "chain_activations",
    "chain_peak_activations",
    "checkpointing_bytes",
    "conv2d_output_size",
    "decoder_weights",
    "experts_touched",
    "kv_cache_bytes",
    "layer_saved_bytes",
    "linear_bytes",
    "linear_flops",
    "receptive_field",
    "sigmoid_flops",
    "softmax_flops",
    "training_state_bytes",
]
