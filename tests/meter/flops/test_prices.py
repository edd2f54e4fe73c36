"""Operations that models call have a price, or are free; none is left out in silence."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision.ops as boxes

from helpers.meter import count

R = torch.rand
SCORES = R(7, 2, 5).log_softmax(-1).detach()
LENGTHS = torch.tensor([7, 7]), torch.tensor([3, 3])
BOXES = torch.tensor([[0.0, 1, 1, 5, 6], [0, 2, 2, 7, 7]])
OFFSETS = torch.zeros(1, 18, 6, 6)

#: Operations with their inputs, of which the first has a gradient.
PRICED = {
    "CTC": (lambda x, y: F.ctc_loss(x, y, *LENGTHS), (SCORES, torch.ones(2, 3, dtype=torch.long))),
    "binary cross entropy": (F.binary_cross_entropy, (R(4, 3), R(4, 3))),
    "soft margin": (F.soft_margin_loss, (R(4, 3), torch.ones(4, 3))),
    "gated linear unit": (F.glu, (R(4, 6),)),
    "logit": (torch.logit, (R(4) * 0.5 + 0.2,)),
    "logcumsumexp": (lambda x: torch.logcumsumexp(x, 0), (R(5),)),
    "distance of all": (lambda x, y: torch.cdist(x, y, 1.0), (R(4, 3), R(5, 3))),
    "distance of two": (torch.dist, (R(4), R(4))),
    "cross product": (torch.linalg.cross, (R(4, 3), R(4, 3))),
    "nearest in one dimension": (lambda x: F.interpolate(x, scale_factor=2), (R(1, 2, 4),)),
    "nearest in three": (lambda x: F.interpolate(x, scale_factor=2), (R(1, 2, 3, 3, 3),)),
    "padding by copies": (lambda x: F.pad(x, (1, 1), mode="replicate"), (R(1, 2, 4),)),
    "reflected in three": (lambda x: F.pad(x, (1,) * 6, mode="reflect"), (R(1, 2, 3, 3, 3),)),
    "largest in three": (lambda x: F.adaptive_max_pool3d(x, 2), (R(1, 2, 4, 4, 4),)),
    "rounding for training": (
        lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, 0, 9),
        (R(4),),
    ),
    "look-ups of bounded rows": (
        lambda x, i: F.embedding(i, x.clone(), max_norm=1.0),
        (R(6, 3), torch.tensor([1, 4])),
    ),
    "weights of bags": (
        lambda w, x, i: F.embedding_bag(i, x, torch.tensor([0]), None, 2.0, False, "sum", False, w),
        (R(2), R(6, 3), torch.tensor([1, 4])),
    ),
    "distance within": (F.pdist, (R(4, 3),)),
    "reflections": (lambda x: torch.linalg.householder_product(x, torch.ones(3)), (R(4, 3),)),
    "windows around boxes": (lambda x: boxes.roi_align(x, BOXES, 3), (R(1, 2, 9, 9),)),
    "moved windows": (
        lambda x, w: boxes.deform_conv2d(x, OFFSETS, w),
        (R(1, 2, 8, 8), R(3, 2, 3, 3)),
    ),
}


@pytest.mark.parametrize("name", PRICED)
def test_it_has_a_price_forward_and_backward(name):
    function, (first, *rest) = PRICED[name]
    counted = count(function, first.clone().requires_grad_(), *rest, backward=True)
    assert counted.unknown == ()
    assert counted.flops > 0


@pytest.mark.skipif(not hasattr(F, "linear_cross_entropy"), reason="this PyTorch has none")
def test_a_linear_layer_with_its_loss_has_the_products_of_both_parts():
    x, weights, target = R(6, 8, requires_grad=True), R(20, 8, requires_grad=True), torch.ones(6)

    def loss(x, weights):
        return F.linear_cross_entropy(x, weights, target.long())

    counted = count(loss, x, weights, backward=True)
    assert counted.unknown == ()
    assert counted.macs == 3 * 6 * 20 * 8
    assert count(loss, x.detach(), weights.detach()).macs == 6 * 20 * 8


def test_nothing_is_looked_at_that_is_only_copied_or_asked():
    def ask(x):
        x.is_pinned()
        return torch.unbind_copy(torch.view_as_real_copy(torch.complex(x, x)))

    assert count(ask, R(4)).unknown == ()


def test_ctc_costs_a_step_of_each_letter_and_the_blanks_around_it():
    loss = lambda x, y: F.ctc_loss(x, y, *LENGTHS, reduction="none")  # noqa: E731
    states = 2 * 7 * (2 * 3 + 1)
    exponentials_and_logarithm, sums = 4 * 40, 7
    counted = count(loss, SCORES, torch.ones(2, 3, dtype=torch.long))
    assert counted.flops == states * (exponentials_and_logarithm + sums)


def test_a_moved_window_has_the_products_of_one_that_is_not():
    inputs = R(1, 2, 8, 8), R(3, 2, 3, 3)
    moved = count(lambda x, w: boxes.deform_conv2d(x, OFFSETS, w), *inputs)
    assert moved.macs == count(F.conv2d, *inputs).macs == 36 * 54
