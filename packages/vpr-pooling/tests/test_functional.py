from __future__ import annotations

import math

import pytest
import torch

from vpr_pooling.functional import (
    hard_assignment,
    inverse_norm,
    l2_normalize,
    soft_assignment,
    unit_rows,
    vlad_aggregate,
)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_l2_normalize_equals_its_formula(dtype: torch.dtype, dim: int) -> None:
    torch.manual_seed(0)
    x = (10.0 * torch.randn(4, 3, 5)).to(dtype)
    expected = x.double() / torch.sqrt(1e-12 + x.double().square().sum(dim=dim, keepdim=True))
    result = l2_normalize(x, dim=dim)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(result.double(), expected, atol=1e-6, rtol=0)


def test_l2_normalize_gradcheck() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(l2_normalize, (x,))
    assert torch.autograd.gradgradcheck(l2_normalize, (x,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_zero_vectors_stay_zero_with_zero_gradient(dtype: torch.dtype) -> None:
    x = torch.zeros(2, 3, dtype=dtype)
    x[1] = 1.0
    x.requires_grad_()
    result = l2_normalize(x)
    assert torch.equal(result[0], torch.zeros(3))
    result.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad[0], torch.zeros(3, dtype=dtype))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("magnitude", [1e-30, 1e-9, 1e-6, 1e-3])
def test_gradient_is_bounded_near_zero(magnitude: float) -> None:
    x = torch.full((1, 4), magnitude, requires_grad=True)
    l2_normalize(x)[0, 0].backward()
    assert x.grad is not None
    assert x.grad.abs().max().item() <= 1.001e6


def test_float16_vectors_whose_norm_overflows_float16() -> None:
    x = torch.full((1, 512), 6e4, dtype=torch.float16)
    torch.testing.assert_close(l2_normalize(x), torch.full((1, 512), 1 / math.sqrt(512)))


def test_inverse_norm_keeps_the_dimension() -> None:
    torch.testing.assert_close(inverse_norm(torch.tensor([[3.0, 4.0]]), dim=1), torch.tensor([[0.2]]))


def test_soft_assignment_sums_to_one_over_clusters_at_each_location() -> None:
    assignment = soft_assignment(torch.randn(2, 4, 9), torch.randn(5, 4), torch.randn(5))
    assert assignment.shape == (2, 5, 9)
    torch.testing.assert_close(assignment.sum(dim=1), torch.ones(2, 9))


def test_soft_assignment_survives_huge_scores() -> None:
    assignment = soft_assignment(torch.full((1, 2, 3), 1e18), torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    assert torch.equal(assignment[0, :, 0], torch.tensor([1.0, 0.0]))


def test_hard_assignment_gives_ties_to_the_lowest_cluster() -> None:
    centroids = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    features = torch.tensor([[[0.0, 2.0], [3.0, 0.0]]])
    assert hard_assignment(features, centroids).argmax(dim=1).tolist() == [[0, 0]]


def test_hard_assignment_is_by_distance_not_by_scalar_product() -> None:
    centroids = torch.tensor([[10.0, 0.0], [1.0, 0.0]])
    assert hard_assignment(torch.tensor([[[1.2], [0.0]]]), centroids)[0, :, 0].tolist() == [0.0, 1.0]


def test_aggregate_identity_against_the_residual_tensor() -> None:
    torch.manual_seed(0)
    x, a, c = torch.randn(2, 5, 7).double(), torch.rand(2, 3, 7).double(), torch.randn(3, 5).double()
    residual = a[:, :, None, :] * (x[:, None] - c[None, :, :, None])
    torch.testing.assert_close(vlad_aggregate(x, a, c), residual.sum(dim=3), atol=1e-12, rtol=0)


@pytest.mark.parametrize("magnitude", [1e-9, 1e-3, 1.0, 1e30])
def test_unit_rows_at_any_magnitude(magnitude: float) -> None:
    x = torch.tensor([[3.0, -4.0], [0.0, 0.0], [1.0, 1.0]]) * magnitude
    expected = torch.tensor([[0.6, -0.8], [0.0, 0.0], [math.sqrt(0.5), math.sqrt(0.5)]])
    torch.testing.assert_close(unit_rows(x), expected, atol=1e-5, rtol=0)


def test_unit_rows_gradcheck() -> None:
    assert torch.autograd.gradcheck(unit_rows, (torch.randn(3, 4, dtype=torch.float64, requires_grad=True),))
    x = torch.zeros(2, 3, requires_grad=True)
    unit_rows(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros(2, 3))
