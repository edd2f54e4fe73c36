"""What many devices hold and send: by hand, against worked numbers, played, and by real ranks."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.meter.ranks import LAYERS, NUMBERS, WIDTH, Job, Rank, run_ranks
from helpers.reference.many_devices import (
    RECIPES,
    collective_bytes,
    collective_seconds,
    data_parallel_bytes,
    fewest_devices,
    hiding_tokens,
    lora_bytes,
    micro_batches_kept,
    pipeline_idle_share,
    tensor_parallel_mlp,
    zero_bytes,
)

PARAMETERS = LAYERS * WIDTH * WIDTH
STAGE_OF = {"ddp": 0, "zero1": 1, "fsdp": 3}
COLLECTIVES = ("all-reduce", "all-gather")
JOBS = [Job(kind, 2) for kind in (*COLLECTIVES, "reduce-scatter", *STAGE_OF)]
JOBS += [Job("fsdp", 3), Job("lora", 2)]


@pytest.fixture(scope="module")
def ran() -> dict[Job, tuple[Rank, ...]]:
    return dict(zip(JOBS, run_ranks(JOBS), strict=True))


def test_a_model_of_70_billion_needs_1_12_terabytes_with_adam() -> None:
    assert zero_bytes(70_000_000_000, 1, 0, "mixed 16").total == 1_120_000_000_000


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_the_stages_take_what_the_zero_paper_says(stage: int, gigabytes: float) -> None:
    # Rajbhandari et al., figure 1: 7.5 billion parameters, 64 devices, K = 12
    held = zero_bytes(7_500_000_000, 64, stage, "mixed 16").total / 1e9
    assert held == pytest.approx(gigabytes, abs=0.05)


def test_fp32_gradients_make_18_bytes_a_parameter_of_16() -> None:
    assert [sum(widths) for widths in RECIPES.values()] == [16, 16, 18]


@pytest.mark.parametrize("job", [job for job in JOBS if job.kind in STAGE_OF], ids=str)
def test_ranks_hold_what_the_ledger_says(job: Job, ran: dict[Job, tuple[Rank, ...]]) -> None:
    stage = STAGE_OF[job.kind]
    ledger = zero_bytes(PARAMETERS, job.ranks, stage, "fp32")
    for rank in ran[job]:
        # Of a layer that three ranks share, one has 170 rows, the others 171.
        near = pytest.approx
        assert rank.weights == near(ledger["weights"], rel=0.005)
        assert rank.gradients == near(ledger["gradients"], rel=0.005)
        assert rank.states == near(ledger["states"], rel=0.005)


@pytest.mark.parametrize("kind", COLLECTIVES)
def test_the_kernel_counts_the_bytes_of_a_collective(
    kind: str, ran: dict[Job, tuple[Rank, ...]]
) -> None:
    for rank in ran[Job(kind, 2)]:
        by_hand = collective_bytes(kind, 4 * NUMBERS, 2).total
        assert rank.sent == pytest.approx(by_hand, rel=0.02)


def test_gloo_makes_a_reduce_scatter_of_an_all_reduce(ran: dict[Job, tuple[Rank, ...]]) -> None:
    sent = ran[Job("reduce-scatter", 2)][0].sent
    assert sent == pytest.approx(collective_bytes("all-reduce", 4 * NUMBERS, 2).total, rel=0.02)


def test_plain_data_parallelism_sends_its_gradients_in_one_all_reduce(
    ran: dict[Job, tuple[Rank, ...]],
) -> None:
    by_hand = data_parallel_bytes(PARAMETERS, 2, 0, 1, 4, 4).total
    assert ran[Job("ddp", 2)][0].sent == pytest.approx(by_hand, rel=0.02)


@pytest.mark.parametrize("ranks", [2, 3])
def test_fsdp_sends_two_gathers_and_a_reduce_scatter(
    ranks: int, ran: dict[Job, tuple[Rank, ...]]
) -> None:
    ledger = data_parallel_bytes(PARAMETERS, ranks, 3, 1, 4, 4)
    with_gloo = ledger["weights"] + 2 * ledger["gradients"]
    assert ran[Job("fsdp", ranks)][0].sent == pytest.approx(with_gloo, rel=0.01)


def test_only_thin_matrices_have_gradients_states_and_traffic(
    ran: dict[Job, tuple[Rank, ...]],
) -> None:
    thin = lora_bytes(PARAMETERS, LAYERS, WIDTH, 8)["gradients"].total // 2
    (rank, _) = ran[Job("lora", 2)]
    assert (rank.gradients, rank.states) == (4 * thin, 8 * thin)
    assert rank.weights == 4 * (PARAMETERS + thin)
    assert rank.sent == pytest.approx(4 * thin, rel=0.05)


def test_all_reduce_is_a_reduce_scatter_and_an_all_gather() -> None:
    parts = [collective_bytes(each, 1000, 5).total for each in ("reduce-scatter", "all-gather")]
    assert parts == [800, 800]
    assert collective_bytes("all-reduce", 1000, 5).total == 1600


def test_latency_counts_steps_and_bandwidth_counts_bytes() -> None:
    ledger = collective_seconds("all-reduce", 8_000_000, 8, 1e9, 1e-5)
    assert ledger["latency"] == pytest.approx(14e-5)
    assert ledger["bandwidth"] == pytest.approx(0.014)


@given(st.integers(1, 10**9), st.integers(2, 1000))
def test_zero_3_sends_half_as_much_again(parameters: int, devices: int) -> None:
    plain = data_parallel_bytes(parameters, devices, 0, 1).total
    assert data_parallel_bytes(parameters, devices, 1, 1).total == pytest.approx(plain)
    assert data_parallel_bytes(parameters, devices, 2, 1).total == pytest.approx(plain)
    assert data_parallel_bytes(parameters, devices, 3, 1).total == pytest.approx(1.5 * plain)


@given(st.integers(1, 10**12), st.integers(1, 10**11), st.sampled_from([0, 1, 2, 3]))
def test_the_fewest_devices_have_room_and_one_less_has_not(
    parameters: int, memory: int, stage: int
) -> None:
    fewest = fewest_devices(parameters, memory, stage)
    if fewest is None:
        # Shares of nothing would still leave what is held whole.
        assert zero_bytes(parameters, parameters + 1, stage).total > memory
        return
    # Shares are rounded up to whole numbers.
    slack = 16
    assert zero_bytes(parameters, fewest, stage).total <= memory + slack
    if fewest > 1:
        assert zero_bytes(parameters, fewest - 1, stage).total > memory


def test_the_tokens_that_hide_an_all_reduce_do_not_ask_for_the_model() -> None:
    # 7/8 · 400 TFLOP/s ÷ 50 GB/s; a gradient of two bytes is one token's backward of 4 FLOP
    assert hiding_tokens(400 * 10**12, 50 * 10**9, 8)["data parallel"] == 7000
    assert hiding_tokens(400 * 10**12, 50 * 10**9, 8)["ZeRO-3"] == 7000
    assert hiding_tokens(400 * 10**12, 50 * 10**9, 8, gradient=4) == {
        "data parallel": 14_000,
        "ZeRO-3": 10_500,
    }


@given(st.integers(1, 12), st.integers(1, 12))
def test_1f1b_and_the_bubble_are_those_of_a_pipeline_that_is_played(
    stages: int, micro_batches: int
) -> None:
    slots, most = played(stages, micro_batches)
    idle = pipeline_idle_share(stages, micro_batches)
    assert idle == Fraction(slots - 2 * micro_batches, slots)
    for stage in range(stages):
        assert micro_batches_kept(stages, micro_batches, stage)["1F1B"] == most[stage]


def played(stages: int, micro_batches: int) -> tuple[int, list[int]]:
    """1F1B slot by slot: a pass takes one slot, forward or backward. The slots until all is done,
    and the micro-batches that each stage holds at most."""
    forward, backward = [0] * stages, [0] * stages
    most, slots = [0] * stages, 0
    while min(backward) < micro_batches:
        done_forward, done_backward = list(forward), list(backward)
        for stage in range(stages):
            last = stage == stages - 1
            behind = done_forward[stage] if last else done_backward[stage + 1]
            before = micro_batches if stage == 0 else done_forward[stage - 1]
            ahead = forward[stage] - backward[stage]
            if backward[stage] < behind and (ahead >= stages - stage or before == forward[stage]):
                backward[stage] += 1
            elif forward[stage] < before and ahead < stages - stage:
                forward[stage] += 1
            most[stage] = max(most[stage], forward[stage] - backward[stage])
        slots += 1
    return slots, most


def test_columns_then_rows_give_the_product_with_one_sum() -> None:
    import torch

    x, up, down = torch.randn(6, 8), torch.randn(8, 12), torch.randn(12, 8)
    whole = torch.relu(x @ up) @ down
    cut = zip(up.chunk(3, 1), down.chunk(3, 0), strict=True)
    assert torch.allclose(whole, sum(torch.relu(x @ a) @ b for a, b in cut), atol=1e-5)
    ledgers = tensor_parallel_mlp(6, 8, 12, 3, element=4)
    assert ledgers["weights"].total == (up.nbytes + down.nbytes) // 3
    assert ledgers["kept"].total == x.nbytes + 2 * 6 * 4 * 4
    assert ledgers["sent"].total == 2 * collective_bytes("all-reduce", whole.nbytes, 3).total
