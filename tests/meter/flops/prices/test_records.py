"""Records of operations, by hand-worked numbers; and that what has none is said, everywhere."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.meter import count
from helpers.meter.flops.prices import OPS, ROOMS
from helpers.meter.flops.prices.op import Op, each
from helpers.meter.flops.prices.tally import ADD, MULTIPLY

CONVENTIONS = ("course", "mac2", "timm")
R = torch.randn


@torch.library.custom_op("meter_tests::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


@twice.register_fake
def _(x):
    return torch.empty_like(x)


def unknown(counted):
    return {operation.operation for operation in counted.unknown}


def test_an_operation_has_one_record():
    assert len(OPS) == sum(len(room.OPS) for room in ROOMS)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("function", "name", "shape"),
    [
        (twice, "meter_tests::twice", (3, 4)),
        (torch.linalg.matrix_exp, "linalg_matrix_exp", (3, 3)),
    ],
)
def test_what_has_no_price_is_said_in_every_convention(function, name, shape, convention):
    assert name in unknown(count(function, R(shape), convention=convention))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_sparse_product_counts_the_numbers_that_there_are(convention):
    counted = count(torch.sparse.mm, torch.eye(6).to_sparse(), R(6, 7), convention=convention)
    if convention == "timm":  # fvcore does not know it
        assert unknown(counted) == {"_sparse_addmm"}
    else:
        assert counted.macs == 6 * 7
        assert not counted.unknown


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: torch.dot(x[0], x[0]), "dot"),
        (lambda x: torch.baddbmm(x[None], x[None], x[None]), "baddbmm"),
        (lambda x: F.conv1d(x[None], x[:, :, None], padding="same"), "conv1d"),
        (nn.LSTM(4, 4), "lstm"),
    ],
)
def test_products_that_fvcore_does_not_know_are_said(function, name):
    counted = count(function, R(4, 4), convention="timm")
    assert name in unknown(counted)
    assert counted.macs == 0


def test_a_price_of_ones_own(monkeypatch):
    monkeypatch.setitem(OPS, "meter_tests::twice", Op(each(MULTIPLY)))
    counted = count(twice, R(3, 4))
    assert not counted.unknown
    assert counted.flops == 12
    assert not count(twice, R(3, 4), convention="mac2").unknown


def test_a_product_of_ones_own_counts_in_every_convention_that_knows_products(monkeypatch):
    product = Op(macs=lambda call: call.out.numel() * call["x"].shape[-1])
    monkeypatch.setitem(OPS, "meter_tests::twice", product)
    assert count(twice, R(3, 4)).flops == 2 * 12 * 4
    assert count(twice, R(3, 4), convention="mac2").macs == 12 * 4


def test_bilinear():
    counted = count(nn.Bilinear(5, 6, 7, bias=False), R(3, 5), R(3, 6), convention="mac2")
    # for each output x W, which has 6 numbers, then that times y
    assert counted.macs == 3 * 7 * (5 * 6 + 6)
    assert not counted.unknown


def test_experts_in_groups():
    def experts(x, weights, ends):
        return torch._grouped_mm(x, weights, offs=ends)

    inputs = R(8, 16).bfloat16(), R(2, 16, 24).bfloat16(), torch.tensor([3, 8], dtype=torch.int32)
    for convention in ("course", "mac2"):
        counted = count(experts, *inputs, convention=convention)
        assert counted.macs == 8 * 16 * 24
        assert not counted.unknown
    assert "offsets" in counted.assumptions[0]


def test_products_of_few_bits():
    a, b = torch.ones(3, 4, dtype=torch.int8), torch.ones(4, 5, dtype=torch.int8)
    assert count(torch._int_mm, a, b, convention="mac2").macs == 3 * 4 * 5
    weights, scales = torch.ones(5, 4, dtype=torch.int8), torch.ones(5).bfloat16()

    def packed(x):
        return torch._weight_int8pack_mm(x, weights, scales)

    assert count(packed, R(3, 4).bfloat16(), convention="mac2").macs == 3 * 4 * 5
    assert count(packed, R(3, 4).bfloat16()).flops == 2 * 60 + 15


def test_einsum_is_the_product_that_it_is_made_of():
    counted = count(torch.einsum, "bij,bjk->bik", R(2, 3, 4), R(2, 4, 5), convention="mac2")
    assert counted.macs == 2 * 3 * 4 * 5
    assert not counted.unknown


def test_factorizations():
    n = 4
    square = R(n, n)
    # a column k has n − k numbers to divide, and as many rows of n − k to reduce
    elimination = sum((n - k) * 4 + 2 * (n - k) ** 2 for k in range(1, n + 1))
    assert count(torch.linalg.lu_factor, square).flops == elimination
    # two triangles, of which one has ones on its diagonal
    triangles = 2 * 2 * 6 + 4 * n
    assert count(torch.linalg.solve, square, R(n, 3)).flops == elimination + 3 * triangles
    # 4 roots, 6 quotients, Σ j (i − j + 1) products and sums below and on the diagonal
    assert count(torch.linalg.cholesky, square).flops == 4 * 4 + 6 * 4 + 2 * 10
    assert count(torch.linalg.det, square).flops == elimination + n - 1


@pytest.mark.parametrize(
    ("function", "n3"),
    [
        # n³ FLOP of a large matrix, divisions apart: Golub and Van Loan's figures
        (torch.linalg.inv, 2),
        (torch.linalg.det, 2 / 3),
        (torch.linalg.slogdet, 2 / 3),
        (torch.linalg.ldl_factor, 1 / 3),
        (torch.linalg.qr, 8 / 3),
        (lambda a: torch.linalg.qr(a, mode="r"), 4 / 3),
        (torch.cholesky_inverse, 2 / 3),
        (lambda a: torch.cholesky_solve(a, a), 2),
        (lambda a: torch.linalg.lstsq(a, a), 4 / 3 + 3),
        (torch.linalg.svdvals, 8 / 3),
        (torch.linalg.svd, 21),
        (torch.linalg.eigvalsh, 4 / 3),
        (torch.linalg.eigh, 9),
        (torch.linalg.eig, 25),
        (torch.linalg.pinv, 22 + 2),
    ],
)
def test_large_factorizations_take_a_multiple_of_n3(function, n3):
    n = 300
    counted = count(function, (n, n))
    assert counted.flops == pytest.approx(n3 * n**3, rel=0.02)
    assert not counted.unknown


def test_what_iterates_is_counted_as_usual_and_says_so():
    assert "usual matrix" in str(count(torch.linalg.svd, (3, 4)))
    assert "usual matrix" not in str(count(torch.linalg.inv, (3, 3)))


def test_losses_of_margins():
    right = torch.tensor([0, 3])
    # per class: margin, x_y, x_i, sum; then the mean of a row and over rows
    counted = count(F.multi_margin_loss, R(2, 5), right)
    assert counted.flops == 10 * 3 + 2 * 4 + 1 + 4
    assert not count(F.multilabel_margin_loss, R(2, 5), torch.zeros(2, 5).long()).unknown


def test_binary_cross_entropy_with_logits():
    x, t = R(5), R(5)
    each_one = 1 + 1 + (2 * 40 + 1 + 40) + 2
    assert count(F.binary_cross_entropy_with_logits, x, t).flops == 5 * each_one + 4 + 4


def test_bags_of_embeddings():
    bag = nn.EmbeddingBag(10, 4, mode="sum")
    counted = count(bag, torch.tensor([1, 2, 3, 4, 5]), torch.tensor([0, 2]))
    assert counted.flops == (5 - 2) * 4


def test_integers_are_free_whatever_is_done_with_them():
    i = torch.ones(5, dtype=torch.long)
    assert count(lambda i: (i + i).cumsum(0).index_add(0, i[:2], i[:2]), i).flops == 0


def test_functions_that_depend_on_data_say_what_is_taken_for_granted():
    assert "every element taken as ≤ 0" in count(F.leaky_relu, R(3)).assumptions[0]
    assert not count(F.leaky_relu, R(3), convention="mac2").assumptions
    assert count(lambda x: x + x, R(3)).flops == 3 * ADD.flops
