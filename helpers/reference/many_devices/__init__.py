"""What many devices share and send, by hand: every cost is a `Ledger` of one device, or one link.

`sharding` says who holds what, `collectives` what is sent and how long it takes, `splitting` how
one model is cut into ranks, into stages, or has a small part that learns.
"""
# ruff: noqa: F401 (these names are for others)

from helpers.reference.many_devices.collectives import (
    collective_bytes,
    collective_seconds,
    data_parallel_bytes,
    hiding_tokens,
)
from helpers.reference.many_devices.sharding import RECIPES, fewest_devices, zero_bytes
from helpers.reference.many_devices.splitting import (
    lora_bytes,
    micro_batches_kept,
    pipeline_idle_share,
    tensor_parallel_mlp,
)
