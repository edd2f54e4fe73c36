"""Reference cost functions: what a layer costs, by hand, from its sizes alone.

Every function is called `<layer>_<quantity>` and returns a `Ledger`:

    >>> from helpers.reference import linear_flops
    >>> linear_flops(batch=1, in_features=64, out_features=32, bias=False).total
    4096

Quantities: `macs`, `flops`, `parameters`, `bytes` (read weights, read input, write output).
`…_macs` and `…_flops` take `backward=True` to add the gradients. Impossible sizes raise ValueError.
"""
# ruff: noqa: F401 (these names are for others)

from helpers.reference.activations import (
    chain_activations,
    chain_peak_activations,
    layer_saved_bytes,
    transformer_block_saved_bytes,
)
from helpers.reference.attention import (
    attention_bytes,
    attention_flops,
    attention_macs,
    attention_parameters,
    scaled_dot_product_bytes,
    scaled_dot_product_flops,
    scaled_dot_product_macs,
)
from helpers.reference.convolution import (
    conv1d_bytes,
    conv1d_flops,
    conv1d_macs,
    conv1d_parameters,
    conv2d_bytes,
    conv2d_flops,
    conv2d_macs,
    conv2d_output_size,
    conv2d_parameters,
    conv3d_bytes,
    conv3d_flops,
    conv3d_macs,
    conv3d_parameters,
    conv_transpose1d_bytes,
    conv_transpose1d_flops,
    conv_transpose1d_macs,
    conv_transpose1d_parameters,
    conv_transpose2d_bytes,
    conv_transpose2d_flops,
    conv_transpose2d_macs,
    conv_transpose2d_output_size,
    conv_transpose2d_parameters,
    conv_transpose3d_bytes,
    conv_transpose3d_flops,
    conv_transpose3d_macs,
    conv_transpose3d_parameters,
    receptive_field,
)
from helpers.reference.elementwise import (
    elementwise_bytes,
    elu_flops,
    gelu_flops,
    gelu_tanh_flops,
    hard_sigmoid_flops,
    hard_swish_flops,
    leaky_relu_flops,
    prelu_bytes,
    prelu_flops,
    prelu_parameters,
    relu6_flops,
    relu_bytes,
    relu_flops,
    sigmoid_flops,
    silu_flops,
    tanh_flops,
)
from helpers.reference.embedding import (
    embedding_bytes,
    embedding_flops,
    embedding_parameters,
)
from helpers.reference.linear import (
    linear_bytes,
    linear_flops,
    linear_macs,
    linear_parameters,
    matrix_matrix_bytes,
    matrix_matrix_flops,
    matrix_matrix_macs,
    matrix_vector_bytes,
    matrix_vector_flops,
    matrix_vector_macs,
)
from helpers.reference.losses import (
    cross_entropy_flops,
    l1_loss_flops,
    mse_loss_flops,
)
from helpers.reference.networks import (
    alexnet_bytes,
    alexnet_flops,
    alexnet_macs,
    alexnet_parameters,
)
from helpers.reference.normalization import (
    batch_norm_bytes,
    batch_norm_flops,
    batch_norm_parameters,
    group_norm_bytes,
    group_norm_flops,
    group_norm_parameters,
    instance_norm_bytes,
    instance_norm_flops,
    instance_norm_parameters,
    layer_norm_bytes,
    layer_norm_flops,
    layer_norm_parameters,
    rms_norm_bytes,
    rms_norm_flops,
    rms_norm_parameters,
)
from helpers.reference.pooling import (
    adaptive_avg_pool2d_bytes,
    adaptive_avg_pool2d_flops,
    avg_pool2d_bytes,
    avg_pool2d_flops,
    max_pool2d_bytes,
    max_pool2d_flops,
)
from helpers.reference.recurrent import (
    gru_bytes,
    gru_flops,
    gru_macs,
    gru_parameters,
    lstm_bytes,
    lstm_flops,
    lstm_macs,
    lstm_parameters,
    rnn_bytes,
    rnn_flops,
    rnn_macs,
    rnn_parameters,
)
from helpers.reference.softmax import (
    log_softmax_bytes,
    log_softmax_flops,
    softmax_bytes,
    softmax_flops,
)
from helpers.reference.training import (
    checkpointing_bytes,
    largest_batch_by_sum,
    training_bytes,
    training_state_bytes,
)
from helpers.reference.transformer import (
    decoder_model_bytes,
    decoder_model_flops,
    decoder_model_macs,
    decoder_model_parameters,
    feed_forward_bytes,
    feed_forward_flops,
    feed_forward_macs,
    feed_forward_parameters,
    kv_cache_bytes,
    transformer_block_bytes,
    transformer_block_flops,
    transformer_block_macs,
    transformer_block_parameters,
)
