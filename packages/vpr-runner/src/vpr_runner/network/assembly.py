"""From the run file's backbone and pooling blocks to a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vpr_backbones.seeding import seeded
from vpr_core import FeatureSpec
from vpr_runner.keys import key
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.retriever import Retriever

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig

__all__ = ["assemble", "assembled"]


def assemble(config: RunConfig, registry: Registry) -> Retriever:
    """Build the backbone and pooling layer that a run file names, not yet initialised from features.

    Random weights are a function of the run's seed, from any thread; the global generators are left as they were.
    """
    return assembled(Architecture.of(config), registry, seed=config.seed, compiled=config.compute.compile)[0]


def assembled(
    architecture: Architecture, registry: Registry, *, seed: int, compiled: bool = False
) -> tuple[Retriever, FeatureSpec]:
    """Return what `assemble` does, and what its pooling layer was built for.

    Args:
        architecture: its parts, and the size of images.
        registry: builds them.
        seed: of the run, for random weights.
        compiled: by `torch.compile`.
    """
    with seeded(key(seed, "weights")):
        backbone: Any = registry.build("backbone", architecture.backbone)
        features = FeatureSpec(
            channels=backbone.out_channels,
            stride=backbone.stride,
            map_size=_map_size(backbone, architecture.image.fixed),
            global_token=hasattr(backbone, "forward_with_token"),
        )
        pooling: Any = registry.build("pooling", architecture.pooling, features)
        retriever = Retriever(backbone=backbone, pooling=pooling)
        if compiled:
            retriever.compile()  # of the call from images; names of weights stay as they are
        return retriever, features


def _map_size(backbone: nn.Module, size: Sequence[int] | None) -> tuple[int, int] | None:
    """Ask the backbone itself: padding and rounding differ between networks."""
    if size is None:
        return None
    was_training = backbone.training
    backbone.eval()
    with torch.inference_mode():
        height, width = backbone(torch.zeros(1, 3, *size)).shape[-2:]
    backbone.train(was_training)
    return int(height), int(width)
