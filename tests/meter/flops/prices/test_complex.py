"""Complex arithmetic, worked out by hand in operations on real numbers.

A sum is 2 FLOP, a product 6 (four products, two sums), a quotient 4 + 2 + 3 + 2 · 4 = 17, where a
real operand costs less: a sum with it 1, a product 2, a quotient by it 2 · 4. |z| takes 3 and a
root, 7.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.meter import count
from helpers.meter.flops.prices.tally import ADD, DIVIDE, MULTIPLY, TRANSCENDENTAL, Tally

N = 10


def numbers(*shape):
    return torch.ones(*shape, dtype=torch.cfloat)


@pytest.mark.parametrize(
    ("function", "each"),
    [
        (lambda z, x: z + z, 2),
        (lambda z, x: z - z, 2),
        (lambda z, x: z + x, 1),
        (lambda z, x: x + z, 1),
        (lambda z, x: z + 1.0, 1),
        (lambda z, x: z + 1j, 2),
        (lambda z, x: torch.add(z, z, alpha=3), 2 + 2),
        (lambda z, x: z * z, 6),
        (lambda z, x: z * x, 2),
        (lambda z, x: x * z, 2),
        (lambda z, x: 2 * z, 2),
        (lambda z, x: z * 2j, 6),
        (lambda z, x: z / z, 17),
        (lambda z, x: z / x, 8),
        (lambda z, x: x / z, 2 + 3 + 8),
        (lambda z, x: z**2, 6),
        (lambda z, x: z**3, 12),
        (lambda z, x: z.reciprocal(), 3 + 8),
        (lambda z, x: z.abs(), 3 + 4),
        (lambda z, x: z.conj(), 0),
        (lambda z, x: z.conj().resolve_conj(), 0),
        (lambda z, x: -z, 0),
        (lambda z, x: z.real, 0),
        (lambda z, x: torch.view_as_real(z), 0),
        (lambda z, x: torch.complex(x, x), 0),
        (lambda z, x: z.angle(), 40),
        (lambda z, x: z.exp(), 40 + 2 * 40 + 2),
        (lambda z, x: z.log(), 7 + 2 * 40),
        (lambda z, x: torch.polar(x, x), 2 * 40 + 2),
    ],
)
def test_operations_on_each_number(function, each):
    counted = count(function, numbers(N), torch.ones(N))
    assert counted.flops == each * N
    assert counted.macs == 0
    assert not counted.unknown


def test_folding_numbers_takes_an_operation_less_than_there_are():
    z = numbers(N)
    assert count(lambda z: z.sum(), z).flops == 9 * 2
    assert count(lambda z: z.mean(), z).flops == 9 * 2 + 8
    assert count(lambda z: z.prod(), z).flops == 9 * 6
    assert count(lambda z: z.cumsum(0), z).flops == 9 * 2
    assert count(lambda z: z.cumprod(0), z).flops == 9 * 6
    # squares of both parts, their sums, a root
    assert count(torch.linalg.vector_norm, z).flops == 3 * N + 9 + 4


def test_products_of_matrices_take_a_product_and_a_sum_each():
    a, b, bias = numbers(3, 4), numbers(4, 5), numbers(3, 5)
    assert count(torch.mm, a, b).flops == 3 * 4 * 5 * 8
    assert count(torch.mm, a, b).macs == 3 * 4 * 5
    assert count(torch.addmm, bias, a, b).flops == 3 * 4 * 5 * 8 + 15 * 2
    assert count(lambda *x: torch.addmm(*x, beta=2), bias, a, b).flops == 480 + 15 * (2 + 2)
    assert count(lambda *x: torch.addmm(*x, alpha=2j), bias, a, b).flops == 480 + 15 * (2 + 6)
    assert count(torch.bmm, numbers(7, 3, 4), numbers(7, 4, 5)).flops == 7 * 480
    assert count(torch.dot, numbers(N), numbers(N)).flops == N * 8
    assert count(torch.einsum, "ij,jk->ik", a, b).flops == 480
    assert count(nn.Linear(4, 5, dtype=torch.cfloat), a).flops == 480 + 15 * 2


def test_pytorchs_convention_counts_a_complex_product_like_a_real_one():
    assert count(torch.mm, numbers(3, 4), numbers(4, 5), convention="mac2").flops == 120


def test_a_complex_convolution_is_the_three_real_ones_that_pytorch_makes_of_it():
    convolution = nn.Conv1d(2, 3, 3, bias=False, dtype=torch.cfloat)
    assert count(convolution, numbers(1, 2, 8)).macs == 3 * (6 * 3 * 2 * 3)


def test_what_is_not_known_of_complex_numbers_is_said():
    counted = count(torch.asin, numbers(N))
    assert [operation.operation for operation in counted.unknown] == ["asin"]


def test_a_tally_is_priced_at_the_end():
    tally = 3 * ADD + MULTIPLY - ADD
    assert tally == Tally.of(add=2, multiply=1)
    assert tally.flops == 3
    assert (MULTIPLY + DIVIDE).on("mixed") == 2 * MULTIPLY + 2 * DIVIDE
    with pytest.raises(ValueError, match="transcendental of complex numbers has no price"):
        TRANSCENDENTAL.on("complex")
    with pytest.raises(ValueError, match="no operation 'sum'"):
        Tally.of(sum=1)
