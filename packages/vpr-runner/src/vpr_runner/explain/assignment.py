"""Which part of an image goes to which cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vpr_core import UsageError

if TYPE_CHECKING:
    from vpr_runner.network.retriever import Retriever

__all__ = ["assignment_maps", "has_assignment", "largest_clusters"]


def has_assignment(retriever: Retriever) -> bool:
    """Whether the pooling layer assigns locations to clusters: it has ``assignment(features) -> (B, K, h, w)``."""
    return callable(getattr(retriever.pooling, "assignment", None))


@torch.inference_mode()
def assignment_maps(retriever: Retriever, images: Tensor) -> Tensor:
    """Return the soft assignment ``(B, K, h, w)`` of each location of raw images, summing to one over ``K``.

    Raises:
        UsageError: the pooling layer has no clusters.
    """
    if not has_assignment(retriever):
        raise UsageError(
            f"pooling: {type(retriever.pooling).__name__} assigns nothing to clusters; assignment maps are for netvlad"
        )
    pooling: Any = retriever.pooling
    maps: Tensor = pooling.assignment(retriever.features(images))
    return maps


def largest_clusters(maps: Tensor, count: int) -> list[int]:
    """Return the ``count`` clusters of ``maps (K, h, w)`` that take most of the image, largest first, ties by index."""
    mass = maps.double().sum(dim=(1, 2))
    order = torch.sort(mass, descending=True, stable=True).indices
    return [int(cluster) for cluster in order[:count]]
