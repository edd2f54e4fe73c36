"""Operations that add numbers into places of a larger tensor: indexed sums, look-ups' gradients."""

from __future__ import annotations

from helpers.meter.flops.prices.op import Call, Op
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, NOTHING, ROOT, Tally


def _added_back(call: Call) -> Tally:
    """The gradient of what copies or chooses numbers: each ∂y is added to the one it came from."""
    return call.x.numel() * ADD


def _scattered(name: str) -> Op:
    """Each number of the argument `name` is added, or otherwise folded, into its place."""

    def tally(call: Call) -> Tally:
        source = call[name]
        return source.numel() * ADD if hasattr(source, "numel") else NOTHING

    return Op(tally)


def _put(call: Call) -> Tally:
    values = call["values"] if call["values"] is not None else call["source"]
    return values.numel() * ADD if call["accumulate"] else NOTHING


def _renorm(call: Call) -> Tally:
    """The norm of each row that is looked up, and the row scaled."""
    looked_up = call["indices"]
    rows = call.x.shape[call["dim"] or 0] if looked_up is None else looked_up.numel()
    numbers = rows * (call.x.numel() // max(call.x.shape[call["dim"] or 0], 1))
    return numbers * (2 * MULTIPLY + ADD) + rows * (ROOT + ADD + DIVIDE)


def _weights_of_bags_gradient(call: Call) -> Tally:
    """Of each look-up the product of its row and of its bag's ∂y."""
    return call["indices"].numel() * call["weight"].shape[-1] * (MULTIPLY + ADD)


def _embedding_bag(call: Call) -> Tally:
    """Rows of a table are summed (mode 0), averaged (1) or their maximum taken (2)."""
    rows, width = call["indices"].numel(), call["weight"].shape[-1]
    bags, mode = call.first.shape[0], call["mode"]
    scaled = rows * width * MULTIPLY if call["per_sample_weights"] is not None else NOTHING
    if mode == 2:
        return NOTHING
    sums = max(rows - bags, 0) * width * ADD
    return scaled + sums + (bags * width * DIVIDE if mode == 1 else NOTHING)


def _embedding_bag_gradient(call: Call) -> Tally:
    """Each row of a bag gets the bag's ∂y, scaled as it was, added."""
    numbers, mode = call["indices"].numel() * call["grad"].shape[-1], call["mode"]
    scaled = numbers * MULTIPLY if call["per_sample_weights"] is not None else NOTHING
    return scaled + numbers * ADD + (call["grad"].numel() * DIVIDE if mode == 1 else NOTHING)


OPS: dict[str, Op] = {
    **dict.fromkeys(
        (
            *("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward"),
            *("adaptive_max_pool2d_backward", "embedding_dense_backward"),
            *("upsample_nearest2d_backward", "_upsample_nearest_exact2d_backward"),
            *("reflection_pad1d_backward", "reflection_pad2d_backward"),
            *("replication_pad2d_backward", "col2im", "unfold_backward"),
            *("upsample_nearest1d_backward", "upsample_nearest3d_backward"),
            *("_upsample_nearest_exact1d_backward", "_upsample_nearest_exact3d_backward"),
            *("reflection_pad3d_backward", "replication_pad1d_backward"),
            *("replication_pad3d_backward", "adaptive_max_pool3d_backward"),
            *("fractional_max_pool2d_backward", "fractional_max_pool3d_backward"),
        ),
        Op(_added_back),
    ),
    **dict.fromkeys(("index_add", "index_reduce"), _scattered("source")),
    **dict.fromkeys(("scatter_add", "scatter_reduce"), _scattered("src")),
    **dict.fromkeys(("index_put", "_index_put_impl", "_unsafe_index_put"), Op(_put)),
    "put": Op(_put),
    "_unsafe_masked_index_put_accumulate": Op(lambda call: call["values"].numel() * ADD),
    "_segment_reduce_backward": Op(lambda call: call["data"].numel() * DIVIDE),
    **dict.fromkeys(("renorm", "embedding_renorm"), Op(_renorm)),
    "_embedding_bag_per_sample_weights_backward": Op(_weights_of_bags_gradient),
    "_embedding_bag": Op(_embedding_bag),
    "_embedding_bag_forward_only": Op(_embedding_bag),
    "_embedding_bag_backward": Op(_embedding_bag_gradient),
    "_embedding_bag_dense_backward": Op(_embedding_bag_gradient),
}
