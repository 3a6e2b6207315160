"""Lloyd's k-means on every descriptor of a sample, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from vpr_pooling.checks import check_positive
from vpr_pooling.precision import raised

__all__ = ["KMeans", "kmeans"]

_BLOCK_ELEMENTS = 1 << 22
"""Numbers held at once beside the sample itself: 16 MiB in float32."""

_COINCIDES = 1e-6
"""A point nearer to its centre than this share of the sample's largest squared radius cannot found a new cluster."""


@dataclass(frozen=True, kw_only=True)
class KMeans:
    """Result of `kmeans`.

    Attributes:
        centroids: ``(K, D)``, not normalised.
        counts: ``(K,)`` int64, members of each cluster at the last assignment.
        iterations: how many times the points were assigned.
        converged: the last assignment changed nothing.
        mean_squared_distance: of a point to its centre, at the last assignment.
    """

    centroids: Tensor
    counts: Tensor
    iterations: int
    converged: bool
    mean_squared_distance: float


def kmeans(features: Tensor, *, num_clusters: int, iterations: int = 100, generator: Generator | None = None) -> KMeans:
    """Cluster ``features`` with Lloyd's algorithm, as the NetVLAD authors do: one run from ``K`` random points.

    All points take part in every iteration (faiss, by default, drops all but 256 a cluster). It ends early when no
    point changes its cluster. A centre left without points moves to the point farthest from its own centre; when
    every point sits on a centre already (fewer distinct points than clusters) it stays where it is. The work beside
    the sample is done in blocks of about 16 MiB. The same generator state gives the same result on the same machine and
    number of threads.

    Args:
        features: ``(N, D)``, ``N >= num_clusters``, finite; float16 and bfloat16 are raised block by block.
        num_clusters: ``K``.
        iterations: at most this many.
        generator: for the random start; None: torch's global one.

    Raises:
        ValueError: wrong shape, fewer features than clusters, or a feature that is not finite.
    """
    check_positive("num_clusters", num_clusters)
    check_positive("iterations", iterations)
    _check_sample(features, num_clusters)

    device = generator.device if generator is not None else torch.device("cpu")
    start = torch.randperm(len(features), generator=generator, device=device)[:num_clusters]
    centroids = raised(features[start.to(features.device)])
    mean = _mean(features)
    spread = _squared_radius(features, mean)

    labels = torch.full((len(features),), -1, dtype=torch.int64, device=features.device)
    counts = torch.zeros(num_clusters, dtype=torch.int64, device=features.device)
    moved, converged, done, error = True, False, 0, 0.0
    for done in range(1, iterations + 1):
        nearest, squared_distance = _assign(features, centroids, mean, spread)
        error = float(squared_distance.mean(dtype=torch.float64))
        converged = not moved and torch.equal(nearest, labels)
        if converged:
            break
        labels = nearest
        sums, counts = _cluster_sums(features, labels, num_clusters)
        filled = counts > 0
        means = (sums / counts.clamp(min=1).unsqueeze(1)).to(centroids.dtype)
        centroids = torch.where(filled.unsqueeze(1), means, centroids)
        moved = _refill(features, centroids, torch.nonzero(~filled).flatten(), squared_distance, spread) or done == 1
    return KMeans(centroids=centroids, counts=counts, iterations=done, converged=converged, mean_squared_distance=error)


def _check_sample(features: Tensor, num_clusters: int) -> None:
    if features.dim() != 2 or not features.is_floating_point():
        raise ValueError(f"features must be floating (N, D), got {features.dtype} of shape {tuple(features.shape)}")
    if len(features) < num_clusters:
        raise ValueError(
            f"features has {len(features)} rows, too few for num_clusters={num_clusters}: sample more images or more "
            f"locations an image (the paper takes 50,000 for 64 clusters), or ask for fewer clusters"
        )
    bad = sum(int((~torch.isfinite(block).all(dim=1)).sum()) for _, block in _blocks(features, features.shape[1]))
    if bad:
        raise ValueError(
            f"features has {bad} rows of {len(features)} with NaN or infinity: look at the backbone's output"
        )


def _blocks(features: Tensor, width: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield row ranges and their features in at least float32."""
    rows = max(1, _BLOCK_ELEMENTS // max(width, features.shape[1], 1))
    for start in range(0, len(features), rows):
        part = slice(start, min(start + rows, len(features)))
        yield part, raised(features[part])


def _mean(features: Tensor) -> Tensor:
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for _, block in _blocks(features, 1):
        total += block.sum(dim=0).double()
    return raised(total.div_(len(features)).to(raised(features[:1]).dtype))


def _squared_radius(features: Tensor, mean: Tensor) -> Tensor:
    return torch.cat([(block - mean).square_().sum(dim=1) for _, block in _blocks(features, 1)])


def _assign(features: Tensor, centroids: Tensor, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest centre of each point and the squared distance to it.

    Written about the mean of the sample, ``|x - c|^2 = |x - m|^2 - 2 (x . c' - m . c' - |c'|^2 / 2)`` with
    ``c' = c - m``, so that a common offset of the descriptors costs little precision.
    """
    centred = centroids - mean
    offset = centred @ mean + 0.5 * centred.square().sum(dim=1)
    nearest = torch.empty(len(features), dtype=torch.int64, device=features.device)
    score = torch.empty_like(spread)
    for part, block in _blocks(features, len(centroids)):
        torch.max(torch.addmm(-offset, block, centred.T), dim=1, out=(score[part], nearest[part]))
    return nearest, (spread - 2.0 * score).clamp_(min=0.0)


def _cluster_sums(features: Tensor, labels: Tensor, num_clusters: int) -> tuple[Tensor, Tensor]:
    """Return the float64 sum and the number of the points of each cluster."""
    sums = torch.zeros(num_clusters, features.shape[1], dtype=torch.float64, device=features.device)
    for part, block in _blocks(features, num_clusters):
        if block.device.type == "cpu":
            sums += block.new_zeros(sums.shape).index_add_(0, labels[part], block)
        else:  # index_add_ adds in any order on a GPU: a product with the one-hot labels is repeatable
            sums += torch.nn.functional.one_hot(labels[part], num_clusters).to(block.dtype).T @ block
    return sums, torch.bincount(labels, minlength=num_clusters)


def _refill(features: Tensor, centroids: Tensor, empty: Tensor, squared_distance: Tensor, spread: Tensor) -> bool:
    """Move each empty centre onto one of the worst served points, in place; say whether any was moved."""
    if not len(empty):
        return False
    farthest = torch.topk(squared_distance, len(empty))
    useful = farthest.values > _COINCIDES * spread.max()
    if not bool(useful.any()):
        return False
    centroids[empty[useful]] = raised(features[farthest.indices[useful]])
    return True
