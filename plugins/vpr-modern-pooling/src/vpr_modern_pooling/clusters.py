"""Start of a NetVLAD-form layer: cluster centres by k-means, and the sharpness of the assignment."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

__all__ = ["assignment_weights", "cluster_centres"]

ITERATIONS = 100
ROWS = 65_536


def cluster_centres(points: Tensor, *, count: int, generator: Generator | None = None) -> Tensor:
    """Return ``(count, D)`` centres of ``points (N, D)``: Lloyd's algorithm on all of them.

    The first centres are drawn as k-means++ does (Arthur and Vassilvitskii, SODA 2007): each with a probability
    proportional to its squared distance from the nearest one before. A cluster that loses all points starts anew at the
    point farthest from its centre.

    Raises:
        ValueError: NaN or infinity, or fewer than ``count`` different points.
    """
    if not torch.isfinite(points).all():
        raise ValueError("features holds NaN or infinity: look at the backbone's output before starting from it")
    if len(points) < count:
        raise ValueError(f"features must hold at least num_clusters={count} rows, got {len(points)}: sample more")
    centres = _first_centres(points, count, generator)
    before = torch.full((len(points),), -1, device=points.device)
    for _ in range(ITERATIONS):
        distance, nearest = _nearest(points, centres)
        if torch.equal(nearest, before):
            break
        before = nearest
        sizes = torch.bincount(nearest, minlength=count).to(points.dtype)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = torch.where(sizes[:, None] > 0, sums / sizes.clamp(min=1)[:, None], centres)
        empty = (sizes == 0).nonzero().flatten()
        if len(empty):
            centres[empty] = points[distance.topk(len(empty)).indices]
    return centres


def _first_centres(points: Tensor, count: int, generator: Generator | None) -> Tensor:
    chosen = [_draw(torch.ones(len(points)), generator)]
    distance = (points - points[chosen[0]]).square().sum(dim=1)
    while len(chosen) < count:
        if not distance.sum() > 0:
            raise ValueError(
                f"features holds only {len(chosen)} different rows, num_clusters={count} centres need as many"
            )
        chosen.append(_draw(distance.cpu(), generator))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(dim=1))
    return points[chosen].clone()


def _draw(weights: Tensor, generator: Generator | None) -> int:
    """Draw a position with the probability of its weight; drawn on the CPU, so that every device draws the same."""
    total = weights.double().cumsum(0)
    at = torch.rand((), dtype=torch.float64, generator=generator) * total[-1]
    return min(int(torch.searchsorted(total, at, right=True)), len(weights) - 1)


def _nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    found = [torch.cdist(part, centres).min(dim=1) for part in torch.split(points, ROWS)]
    return torch.cat([item.values for item in found]), torch.cat([item.indices for item in found])


def assignment_weights(centres: Tensor, points: Tensor) -> Tensor:
    """Return ``w_k = alpha c_k / |c_k|`` with ``alpha = -ln(0.01) / mean_n(s_(1) - s_(2))``, ``(K, D)``.

    ``s_(1)`` and ``s_(2)`` are the two largest cosines of a (unit) point with the centres: on average the second-best
    cluster gets a hundredth of the best one's share. One cluster takes everything whatever alpha is: alpha = 1.

    Raises:
        ValueError: all points are as near to two centres.
    """
    directions = torch.nn.functional.normalize(centres, dim=1)
    if len(centres) == 1:
        return directions
    best = torch.cat([(part @ directions.T).topk(2, dim=1).values for part in torch.split(points, ROWS)])
    gap = float((best[:, 0] - best[:, 1]).double().mean())
    if not gap > 0:
        raise ValueError("features are all as near to two centres, so no assignment fits them: sample other images")
    return directions * (math.log(100.0) / gap)
