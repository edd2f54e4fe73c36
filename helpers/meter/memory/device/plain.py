"""Operations of which PyTorch's CPU kernels are known to take nothing beside their results.

Found by calling each, and its gradient, on PyTorch's own samples (fp32, int64 and bf16) and reading
the allocator's events; views apart, and what goes element by element (`elementwise`). What has no
entry here and no formula is asked when a step is predicted: see `asking`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from helpers.meter.meta import tensors_in

_HOWEVER_THEY_LIE = """
    _linalg_check_errors
    _adaptive_avg_pool3d _ctc_loss _histogramdd_bin_edges _local_scalar_dense _pdist_backward
    _pdist_forward _prelu_kernel _prelu_kernel_backward _to_copy _unique2 _unsafe_view
    adaptive_max_pool3d addbmm addmv addr alias_copy all amax amin any arange as_strided_copy
    as_strided_scatter bernoulli binary_cross_entropy_backward bincount cat cauchy
    cholesky_inverse complex constant_pad_nd copy cummax cummin cumprod diag_embed
    diagonal_backward diagonal_copy diagonal_scatter dot elu_backward embedding empty empty_like
    empty_permuted empty_strided expand_copy exponential eye fill flip full full_like geometric
    glu glu_backward grid_sampler_2d grid_sampler_3d grid_sampler_3d_backward
    hardshrink_backward hardsigmoid_backward hardswish hardswish_backward hardtanh_backward
    histogram huber_loss huber_loss_backward index_add index_copy index_fill
    leaky_relu_backward linalg_cross linspace log_normal log_sigmoid_backward logcumsumexp
    logspace masked_fill mish_backward mode mse_loss_backward mv nansum new_empty
    new_empty_strided new_full new_ones new_zeros nll_loss2d_backward nll_loss_backward nonzero
    nonzero_static norm ones ones_like permute_copy polar prod put rand rand_like randint
    randint_like randn randn_like repeat resize resize_as rot90 rrelu_with_noise_backward rsub
    scalar_tensor searchsorted segment_reduce select_backward select_scatter slice_backward
    slice_scatter smooth_l1_loss_backward softplus_backward softshrink_backward sparse_mask
    split_with_sizes_copy squeeze squeeze_copy stack std std_mean t_copy take topk trace
    transpose transpose_copy triangular_solve tril_indices triu_indices unbind_copy unfold_copy
    uniform unique_consecutive unsafe_split unsqueeze_copy var var_mean vdot view_copy zero
    zeros zeros_like
"""

#: They copy what is not contiguous.
_OF_CONTIGUOUS = """
    _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward _cdist_backward _cdist_forward
    _segment_reduce_backward _upsample_bilinear2d_aa_backward _upsample_nearest_exact1d_backward
    _upsample_nearest_exact2d_backward adaptive_max_pool2d adaptive_max_pool2d_backward
    adaptive_max_pool3d_backward aminmax argmax argmin avg_pool2d_backward avg_pool3d
    avg_pool3d_backward bucketize channel_shuffle embedding_dense_backward fractional_max_pool2d
    fractional_max_pool2d_backward fractional_max_pool3d fractional_max_pool3d_backward
    grid_sampler_2d_backward index_select log_sigmoid_forward masked_scatter max
    max_pool2d_with_indices_backward max_pool3d_with_indices max_pool3d_with_indices_backward
    max_unpool2d max_unpool3d min multi_margin_loss multi_margin_loss_backward
    multilabel_margin_loss_backward multilabel_margin_loss_forward narrow_copy
    nll_loss2d_forward nll_loss_forward pixel_shuffle pixel_unshuffle reflection_pad1d
    reflection_pad1d_backward reflection_pad2d reflection_pad2d_backward replication_pad1d
    replication_pad1d_backward replication_pad2d replication_pad2d_backward tril triu
    upsample_bicubic2d_backward upsample_bilinear2d_backward upsample_linear1d_backward
    upsample_nearest1d_backward upsample_nearest2d_backward upsample_trilinear3d_backward
"""

#: They convert numbers of other formats than these, and positions.
_OF_COMMON_FORMATS = frozenset(
    {"gather", "index", "index_put", "mean", "scatter", "scatter_add", "scatter_reduce"}
)
_COMMON_FORMATS = (torch.float32, torch.float64, torch.complex64, torch.int64)

_always, _if_contiguous = frozenset(_HOWEVER_THEY_LIE.split()), frozenset(_OF_CONTIGUOUS.split())


def is_plain(func: Any, args: Iterable[Any], kwargs: Any) -> bool:
    """Whether a call takes nothing beside its results."""
    if func.namespace != "aten":
        return bool(func.namespace == "profiler")  # marks of where an optimizer's step begins
    name = func._schema.name.removeprefix("aten::")
    name = name if name.endswith("__") else name.removesuffix("_")
    if func.is_view or name.startswith(("_foreach_", "_fused_")) or name in _always:
        return True
    tensors: list[Tensor] = list(tensors_in(args, kwargs))
    if name in _if_contiguous:
        return all(tensor.is_contiguous() for tensor in tensors)
    return name in _OF_COMMON_FORMATS and all(tensor.dtype in _COMMON_FORMATS for tensor in tensors)
