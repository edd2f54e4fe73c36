"""Operations without arithmetic: they compare, choose, move, make or rename numbers."""

from __future__ import annotations

from helpers.meter.flops.prices.op import Op

#: Comparing, choosing, rounding, signs, logic, bits: `conventions.PRICE["compare"]` is 0.
_COMPARED = """
    eq ne lt le gt ge equal allclose isclose isnan isinf isfinite isneginf isposinf isin
    maximum minimum fmax fmin max min amax amin aminmax argmax argmin clamp clamp_min clamp_max
    relu relu6 hardtanh threshold hardshrink softshrink neg sign signbit copysign positive
    ceil floor round trunc frac where masked_fill heaviside nan_to_num any all topk kthvalue sort
    argsort median nanmedian mode searchsorted bucketize unique unique_consecutive _unique2
    unique_dim nonzero count_nonzero logical_and logical_or logical_not logical_xor bitwise_and
    bitwise_or bitwise_not bitwise_xor bitwise_left_shift bitwise_right_shift __and__ __or__
    __xor__ __lshift__ __rshift__ one_hot histc bincount cummax cummin max_pool1d
    max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d
    adaptive_max_pool3d fractional_max_pool2d threshold_backward hardtanh_backward
    hardshrink_backward softshrink_backward _is_all_true _is_any_true
"""

#: Moving and making numbers: copies, padding, constants, random numbers.
_MOVED = """
    clone contiguous _to_copy cat stack repeat repeat_interleave tile roll flip rot90 tril triu
    tril_indices triu_indices pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d zeros zeros_like ones ones_like full full_like new_zeros
    new_ones new_full scalar_tensor arange range linspace logspace eye lift_fresh_copy rand randn
    rand_like randn_like randint randint_like randperm multinomial index_copy index_fill scatter
    masked_scatter slice_scatter select_scatter as_strided_scatter diagonal_scatter
    select_backward slice_backward diag diag_embed diagonal_copy block_diag im2col unfold_copy
    _reshape_copy view_copy max_unpool2d upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d complex
    _to_sparse _to_sparse_csr _to_dense sparse_mask _coalesce _local_scalar_dense _conj_physical
    conj_physical
"""

#: Making or renaming a tensor without writing it, and notes to PyTorch itself.
_UNWRITTEN = """
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided lift lift_fresh
    resize resize_as set as_strided squeeze unsqueeze transpose t detach alias _unsafe_view
    is_same_size _has_same_storage_numel _efficientzerotensor
    unsafe_split unsafe_split_with_sizes unsafe_chunk _assert_async _functional_assert_async
    _assert_scalar _linalg_check_errors _pack_padded_sequence profiler::_record_function_enter
    profiler::_record_function_enter_new profiler::_record_function_exit
"""

#: Overwriting the first argument without reading it, if it is written in place.
_OVERWRITTEN = """
    copy fill zero normal uniform bernoulli random exponential log_normal cauchy geometric
"""

#: Look-ups: of their first argument they read only what they return.
_LOOKED_UP = "embedding gather index index_select take take_along_dim masked_select _unsafe_index"

OPS: dict[str, Op] = {
    **dict.fromkeys((_COMPARED + _MOVED).split(), Op()),
    **dict.fromkeys(_UNWRITTEN.split(), Op(moves="nothing")),
    **dict.fromkeys(_OVERWRITTEN.split(), Op(moves="overwrites")),
    **dict.fromkeys(_LOOKED_UP.split(), Op(moves="looks_up")),
}
