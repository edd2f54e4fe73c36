"""Operations without arithmetic: they compare, choose, move, make or rename numbers."""
# ruff: noqa: SIM905 (lists of names read better as text)

from __future__ import annotations

#: Comparing, choosing, rounding, signs, logic, bits: `conventions.PRICE["compare"]` is 0.
COMPARE = frozenset(
    """
    eq ne lt le gt ge equal allclose isclose isnan isinf isfinite isneginf isposinf isin
    maximum minimum fmax fmin max min amax amin aminmax argmax argmin clamp clamp_min clamp_max
    relu relu6 hardtanh threshold hardshrink softshrink abs neg sign sgn signbit copysign positive
    ceil floor round trunc frac where masked_fill heaviside nan_to_num any all topk kthvalue sort
    argsort median nanmedian mode searchsorted bucketize unique unique_consecutive _unique2
    unique_dim nonzero count_nonzero logical_and logical_or logical_not logical_xor bitwise_and
    bitwise_or bitwise_not bitwise_xor bitwise_left_shift bitwise_right_shift __and__ __or__
    __xor__ __lshift__ __rshift__ one_hot histc bincount cummax cummin max_pool1d
    max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d
    adaptive_max_pool3d fractional_max_pool2d threshold_backward hardtanh_backward
    hardshrink_backward softshrink_backward
    """.split()
)

#: Moving and making numbers: copies, look-ups, padding, constants, random numbers.
MOVE = frozenset(
    """
    copy clone contiguous _to_copy cat stack repeat repeat_interleave tile roll flip rot90 tril
    triu tril_indices triu_indices gather index index_select take take_along_dim masked_select
    embedding pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d fill zero zeros zeros_like ones ones_like full full_like
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_zeros new_ones
    new_full scalar_tensor arange range linspace logspace eye lift lift_fresh lift_fresh_copy
    rand randn rand_like randn_like randint randint_like randperm normal uniform bernoulli random
    exponential log_normal cauchy geometric multinomial index_copy index_fill scatter
    masked_scatter _unsafe_index slice_scatter select_scatter as_strided_scatter diagonal_scatter
    select_backward slice_backward diag diag_embed diagonal_copy block_diag im2col unfold_copy
    _unsafe_view _reshape_copy view_copy max_unpool2d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d complex resize resize_as set as_strided squeeze unsqueeze transpose
    t _local_scalar_dense _conj_physical conj_physical _assert_async _functional_assert_async
    _assert_scalar
    """.split()
)

#: Operations that make or rename a tensor without writing it.
UNWRITTEN = frozenset(
    """
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided lift lift_fresh
    resize resize_as set as_strided squeeze unsqueeze transpose t detach alias _unsafe_view
    _assert_async _functional_assert_async _assert_scalar
    """.split()
)

#: Operations that overwrite their first argument without reading it.
OVERWRITE = frozenset(
    "copy fill zero normal uniform bernoulli random exponential log_normal cauchy geometric".split()
)

#: Look-ups: of their first argument they read only what they return.
LOOK_UP = frozenset(
    "embedding gather index index_select take take_along_dim masked_select _unsafe_index".split()
)
