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
    conj_physical _conj_copy _neg_view_copy alias_copy as_strided_copy detach_copy expand_copy
    permute_copy select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy
    transpose_copy unbind_copy unsqueeze_copy values_copy indices_copy view_as_complex_copy
    view_as_real_copy narrow_copy lu_unpack max_unpool3d fractional_max_pool3d diagonal_backward
    masked_scatter_backward _unsafe_masked_index _stack _chunk_cat frexp fft_fftfreq fft_rfftfreq
    nonzero_static poisson binomial _standard_gamma _sample_dirichlet normal_functional
    to_padded_tensor _nested_from_padded _nested_from_padded_tensor _jagged_to_padded_dense_forward
    _padded_dense_to_jagged_forward sparse_coo_tensor _convert_indices_from_coo_to_csr
    _convert_indices_from_csr_to_coo _to_sparse_bsc _to_sparse_bsr _to_sparse_csc
    copy_sparse_to_sparse unique_dim_consecutive _unique _aminmax gcd lcm histogram
    _histogramdd_bin_edges _histogramdd_from_bin_cts _histogramdd_from_bin_tensors nextafter
"""

#: Making or renaming a tensor without writing it, and notes to PyTorch itself.
_UNWRITTEN = """
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided lift lift_fresh
    resize resize_as set as_strided squeeze unsqueeze transpose t detach alias _unsafe_view
    is_same_size _has_same_storage_numel _efficientzerotensor
    unsafe_split unsafe_split_with_sizes unsafe_chunk _assert_async _functional_assert_async
    _assert_scalar _assert_tensor_metadata _functional_assert_scalar
    _functional_sym_constrain_range _functional_sym_constrain_range_for_size _fused_sdp_choice
    record_stream _resize_output is_pinned is_coalesced _coalesced dense_dim sparse_dim _nnz _dimI
    _dimV _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors
    _validate_compressed_sparse_indices _lazy_clone _linalg_check_errors _pack_padded_sequence
    profiler::_record_function_enter profiler::_record_function_enter_new
    profiler::_record_function_exit
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
