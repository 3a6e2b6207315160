from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vpr_pooling import kmeans


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plain_lloyd(features: Tensor, start: Tensor, iterations: int) -> Tensor:
    """Plain Lloyd from given centres; every cluster must keep a member."""
    points, centres = features.double(), start.double().clone()
    for _ in range(iterations):
        members: list[list[Tensor]] = [[] for _ in centres]
        for x in points:
            members[min(range(len(centres)), key=lambda k: float(((x - centres[k]) ** 2).sum()))].append(x)
        centres = torch.stack([torch.stack(group).mean(dim=0) for group in members])
    return centres


def blobs(clusters: int, points: int, channels: int, *, spread: float = 0.05, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = seeded(seed)
    labels = torch.randint(clusters, (points,), generator=generator)
    labels[:clusters] = torch.arange(clusters)
    centres = torch.randn(clusters, channels, generator=generator)
    return centres[labels] + spread * torch.randn(points, channels, generator=generator), labels


@pytest.mark.parametrize("iterations", [1, 2, 3, 7])
def test_equals_plain_lloyd(iterations: int) -> None:
    features = torch.randn(150, 5, generator=seeded(1))
    start = features[torch.randperm(150, generator=seeded(7))[:6]]
    result = kmeans(features, num_clusters=6, iterations=iterations, generator=seeded(7))
    torch.testing.assert_close(result.centroids.double(), plain_lloyd(features, start, iterations), atol=1e-5, rtol=0)
    assert result.iterations == iterations
    assert int(result.counts.sum()) == 150


def test_stops_when_nothing_changes_and_says_so() -> None:
    features, _ = blobs(4, 400, 3)
    result = kmeans(features, num_clusters=4, iterations=100, generator=seeded(2))
    assert result.converged
    assert result.iterations < 100
    again = plain_lloyd(features, result.centroids, 1)
    torch.testing.assert_close(result.centroids.double(), again, atol=1e-6, rtol=0)


def test_reports_the_error_and_the_members() -> None:
    features, _ = blobs(4, 300, 3)
    result = kmeans(features, num_clusters=4, generator=seeded(0))
    squared = torch.cdist(features.double(), result.centroids.double()).square()
    assert result.mean_squared_distance == pytest.approx(squared.min(dim=1).values.mean().item(), rel=1e-4)
    assert torch.equal(result.counts, torch.bincount(squared.argmin(dim=1), minlength=4))


def test_all_points_are_used() -> None:
    features = torch.zeros(20_000, 2)
    features[-1] = torch.tensor([1000.0, 0.0])
    features[0] = torch.tensor([0.0, 1.0])
    result = kmeans(features, num_clusters=2, generator=seeded(0))
    assert sorted(result.counts.tolist()) == [1, 19_999]


def test_blocks_give_what_one_piece_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.randn(500, 8, generator=seeded(3))
    whole = kmeans(features, num_clusters=7, generator=seeded(0))
    monkeypatch.setattr("vpr_pooling.lloyd._BLOCK_ELEMENTS", 64)
    blocked = kmeans(features, num_clusters=7, generator=seeded(0))
    torch.testing.assert_close(whole.centroids, blocked.centroids, atol=1e-5, rtol=0)
    assert torch.equal(whole.counts, blocked.counts)


def test_a_common_offset_costs_little_precision() -> None:
    features = (blobs(5, 500, 4)[0] * 1024).round() / 1024  # the sum below is exact
    plain = kmeans(features, num_clusters=5, generator=seeded(1))
    moved = kmeans(features + 2048.0, num_clusters=5, generator=seeded(1))
    assert moved.mean_squared_distance == pytest.approx(plain.mean_squared_distance, rel=0.02)


def test_an_empty_cluster_moves_to_the_worst_served_point() -> None:
    features = torch.tensor([[0.0, 0.0]] * 50 + [[1.0, 0.0]] * 50 + [[10.0, 10.0]])
    found = set()
    for seed in range(8):  # most starts draw a place twice, so one cluster begins empty
        result = kmeans(features, num_clusters=3, generator=seeded(seed))
        found.add(tuple(sorted(result.counts.tolist())))
    assert found == {(1, 50, 50)}


def test_fewer_distinct_points_than_clusters() -> None:
    features = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(20, 1)
    result = kmeans(features, num_clusters=5, generator=seeded(0))
    assert result.converged
    assert torch.isfinite(result.centroids).all()
    assert result.mean_squared_distance == pytest.approx(0.0, abs=1e-10)
    assert sorted(result.counts.tolist()) == [0, 0, 0, 20, 20]


def test_as_many_clusters_as_points() -> None:
    features = torch.randn(6, 3, generator=seeded(0))
    result = kmeans(features, num_clusters=6, generator=seeded(0))
    assert result.counts.tolist() == [1] * 6
    assert result.mean_squared_distance == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype: torch.dtype) -> None:
    features, _ = blobs(3, 200, 4)
    expected = kmeans(features.to(dtype).float(), num_clusters=3, generator=seeded(0))
    result = kmeans(features.to(dtype), num_clusters=3, generator=seeded(0))
    assert result.centroids.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(result.centroids.float(), expected.centroids, atol=1e-5, rtol=0)


def test_same_generator_same_result_and_the_sample_is_left_alone() -> None:
    features = torch.randn(300, 4, generator=seeded(5))
    before = features.clone()
    first = kmeans(features, num_clusters=9, generator=seeded(1))
    second = kmeans(features, num_clusters=9, generator=seeded(1))
    assert torch.equal(first.centroids, second.centroids)
    assert torch.equal(features, before)


def test_non_contiguous_sample() -> None:
    features = torch.randn(4, 300, generator=seeded(5)).T
    first = kmeans(features, num_clusters=5, generator=seeded(1))
    second = kmeans(features.contiguous(), num_clusters=5, generator=seeded(1))
    torch.testing.assert_close(first.centroids, second.centroids)


@pytest.mark.parametrize(
    ("features", "clusters", "message"),
    [
        (torch.randn(9, 3), 10, "features has 9 rows, too few for num_clusters=10"),
        (torch.randn(9), 2, r"floating \(N, D\), got torch.float32 of shape \(9,\)"),
        (torch.ones(9, 3, dtype=torch.int64), 2, "got torch.int64"),
        (torch.tensor([[1.0], [float("inf")], [float("nan")]]), 2, "features has 2 rows of 3 with NaN or infinity"),
        (torch.randn(9, 3), 0, "num_clusters must be an integer of 1 or more, got 0"),
    ],
)
def test_refuses(features: Tensor, clusters: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kmeans(features, num_clusters=clusters)


def test_refuses_no_iterations() -> None:
    with pytest.raises(ValueError, match="iterations must be an integer of 1 or more, got 0"):
        kmeans(torch.randn(5, 2), num_clusters=2, iterations=0)
