"""The faults of a widely copied NetVLAD sketch, one by one: each test fails for a layer that has the fault.

``broken_*`` is the fault itself; the test shows that it would be noticed, and that our layer is free of it.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from vpr_pooling import NetVLAD

B, D, K, H, W = 3, 8, 4, 3, 5


def local_descriptors() -> Tensor:
    """A sample with as many clusters as the layer, ``(N, D)``."""
    generator = torch.Generator().manual_seed(0)
    centres = normalize(torch.randn(K, D, generator=generator))
    return centres[torch.randint(K, (400,), generator=generator)] + 0.2 * torch.randn(400, D, generator=generator)


@pytest.fixture
def layer() -> NetVLAD:
    made = NetVLAD(in_channels=D, num_clusters=K)
    made.init_from_features(local_descriptors(), generator=torch.Generator().manual_seed(0))
    return made


@pytest.fixture
def features() -> Tensor:
    return torch.randn(B, D, H, W, generator=torch.Generator().manual_seed(1))


def describe(layer: NetVLAD, locations: Tensor) -> Tensor:
    """NetVLAD of ``(B, N, D)`` local descriptors by the residual tensor, v1."""
    x = normalize(locations, dim=2)
    a = torch.softmax(x @ layer.assignment_weight.T, dim=2)
    residual = a[..., None] * (x[:, :, None] - layer.centroids)
    return normalize(normalize(residual.sum(dim=1), dim=2).flatten(1), dim=1)


def test_local_descriptors_are_channels_at_a_location_not_runs_of_memory(layer: NetVLAD, features: Tensor) -> None:
    """``x.view(B, -1, C)`` of an NCHW map takes C consecutive pixels of one channel for a descriptor."""
    right = describe(layer, features.flatten(2).transpose(1, 2))
    broken = describe(layer, features.reshape(B, -1, D))
    assert (right - broken).abs().max() > 1e-2
    torch.testing.assert_close(layer(features), right, atol=1e-6, rtol=0)


def test_permuting_locations_leaves_the_descriptor_unchanged(layer: NetVLAD, features: Tensor) -> None:
    order = torch.randperm(H * W, generator=torch.Generator().manual_seed(0))
    permuted = features.flatten(2)[:, :, order].view_as(features)
    torch.testing.assert_close(layer(permuted), layer(features), atol=1e-6, rtol=0)
    broken = describe(layer, features.reshape(B, -1, D)), describe(layer, permuted.reshape(B, -1, D))
    assert (broken[0] - broken[1]).abs().max() > 1e-2


def test_channels_are_not_interchangeable(layer: NetVLAD, features: Tensor) -> None:
    assert (layer(features.flip(1)) - layer(features)).abs().max() > 1e-2


def test_images_of_a_batch_do_not_mix(layer: NetVLAD, features: Tensor) -> None:
    """One flat list of descriptors for the batch sums residuals over all its images."""
    before = layer(features)
    changed = features.clone()
    changed[1] = torch.randn(D, H, W)
    after = layer(changed)
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]], atol=1e-6, rtol=0)
    assert (after[1] - before[1]).abs().max() > 1e-2
    gradient = torch.autograd.functional.jacobian(lambda x: layer(x)[0].sum(), features)
    assert torch.equal(gradient[1:], torch.zeros_like(gradient[1:]))


def test_assignment_sums_to_one_over_clusters_at_each_location(layer: NetVLAD, features: Tensor) -> None:
    """A softmax over locations or over the batch does not."""
    assignment = layer.assignment(features)
    assert assignment.shape == (B, K, H, W)
    torch.testing.assert_close(assignment.sum(dim=1), torch.ones(B, H, W))
    assert (assignment.sum(dim=(2, 3)) - 1).abs().min() > 1e-3
    assert (assignment.sum(dim=0) - 1).abs().max() > 1e-3


def test_each_location_counts_by_its_direction_alone(layer: NetVLAD, features: Tensor) -> None:
    """Without input normalisation a bright location outweighs the others and alpha means nothing."""
    louder = features.clone()
    louder[:, :, 1, 2] *= 100.0
    torch.testing.assert_close(layer(louder), layer(features), atol=1e-5, rtol=0)


def test_intra_normalisation_is_per_cluster_over_channels_then_the_whole(layer: NetVLAD, features: Tensor) -> None:
    blocks = layer(features).view(B, K, D)
    torch.testing.assert_close(blocks.norm(dim=2), torch.full((B, K), 1 / math.sqrt(K)), atol=1e-5, rtol=0)
    assert blocks.norm(dim=1).std() > 1e-2, "over K instead of D every channel would weigh the same"
    final_only = NetVLAD(in_channels=D, num_clusters=K, intra_normalize=False)
    final_only.load_state_dict(layer.state_dict())
    assert final_only(features).view(B, K, D).norm(dim=2).std() > 1e-2


def test_alpha_follows_the_data_not_the_number_of_clusters(layer: NetVLAD, features: Tensor) -> None:
    """``alpha = log K`` gives near-uniform assignment; the rule gives a geometric mean of 100 on the sample."""

    def ratio(weight: Tensor) -> float:
        best = (normalize(local_descriptors(), dim=1) @ weight.T).topk(2, dim=1).values
        return float((best[:, 0] - best[:, 1]).mean().exp())

    assert ratio(layer.assignment_weight.detach()) == pytest.approx(100.0, rel=1e-3)
    assert ratio(math.log(K) * normalize(layer.centroids.detach(), dim=1)) < 5.0


def test_assignment_and_centres_are_separate_parameters(layer: NetVLAD, features: Tensor) -> None:
    """One shared tensor cannot move the anchor of a cell without moving the cell."""
    before = layer.assignment(features)
    with torch.no_grad():
        layer.centroids.add_(1.0)
    assert torch.equal(layer.assignment(features), before)
    anchored = layer(features)
    with torch.no_grad():
        layer.assignment_weight.add_(torch.randn_like(layer.assignment_weight))
    assert (layer(features) - anchored).abs().max() > 1e-3
    names = {name for name, _ in layer.named_parameters()}
    assert names == {"assignment_weight", "centroids"}
    layer(features)[:, 0].sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in layer.parameters())


def test_the_bias_is_there_when_the_weights_are_not_of_equal_norm() -> None:
    """``w = 2 alpha c`` without ``b = -alpha |c|^2`` sends a descriptor to the longest centre, not to the nearest."""
    torch.manual_seed(0)
    centroids = normalize(torch.randn(K, D)) * torch.tensor([[0.2], [0.5], [1.0], [2.0]])
    sample = torch.randn(500, D)
    layer = NetVLAD(in_channels=D, num_clusters=K, form="v2", normalize_input=False)
    layer.init_from_centroids(centroids, features=sample)
    nearest = torch.cdist(sample, centroids).argmin(dim=1)
    assigned = layer.assignment(sample.T[None, :, :, None])[0, :, :, 0].argmax(dim=0)
    assert torch.equal(assigned, nearest)
    assert (sample @ layer.assignment_weight.T).argmax(dim=1).ne(nearest).float().mean() > 0.2


def test_centres_come_from_the_data_and_are_not_normalised(layer: NetVLAD) -> None:
    sample = normalize(local_descriptors(), dim=1)
    nearest = torch.cdist(sample, layer.centroids.detach()).argmin(dim=1)
    means = torch.stack([sample[nearest == k].mean(dim=0) for k in range(K)])
    torch.testing.assert_close(layer.centroids.detach(), means, atol=1e-5, rtol=0)
    assert layer.centroids.detach().norm(dim=1).max() < 0.999


def test_any_image_size_gives_the_same_dimension(layer: NetVLAD) -> None:
    for height, width in [(1, 1), (7, 7), (30, 40), (2, 19)]:
        assert layer(torch.randn(1, D, height, width)).shape == (1, K * D)
