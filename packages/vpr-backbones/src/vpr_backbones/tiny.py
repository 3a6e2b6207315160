"""A small network that a CPU trains from scratch in a minute."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from vpr_backbones.loading import Weights, fill, find_weights
from vpr_backbones.normalization import NORMALIZATIONS, Normalization
from vpr_backbones.seeding import seeded
from vpr_backbones.staged import StagedBackbone

__all__ = ["TINY_STAGES", "build_tiny"]

TINY_STAGES = ("conv1", "conv2", "conv3", "conv4", "conv5")
_CHANNELS = (16, 32, 64, 96, 128)
_GROUP = 8


def build_tiny(
    *,
    seed: int = 0,
    width: float = 1.0,
    stride: Literal[8, 16] = 8,
    norm: Literal["group", "none"] = "group",
    weights: Weights = "none",
    train_from: str = "all",
    normalization: Normalization = NORMALIZATIONS["imagenet"],
) -> StagedBackbone:
    """Build the tiny CNN: five convolutions, about 0.2 M parameters, output ``(B, 128, H / stride, W / stride)``.

    Each of the first four is followed by group normalisation (groups of 8 channels, so that the result does not depend
    on the batch) and ReLU. The last has neither: descriptors are cut before the ReLU, as in the NetVLAD paper.
    Weights are drawn after He et al. (2015, arXiv 1502.01852) from a generator of their own.

    Args:
        seed: of the random weights; the global generators are neither used nor changed.
        width: factor on the number of channels, rounded to multiples of 8.
        stride: input pixels per step of the map, 8 or 16.
        norm: ``"group"`` or ``"none"``.
        weights: ``"none"`` (random), the file of a tiny network trained before, or tensors.
        train_from: see `StagedBackbone`.
        normalization: what images go through before.

    Raises:
        ValueError: an argument out of range, or weights of another network.
        FileNotFoundError: no such weights file.

    >>> backbone = build_tiny(seed=0)
    >>> backbone(torch.zeros(2, 3, 96, 128)).shape
    torch.Size([2, 128, 12, 16])
    """
    if stride not in (8, 16):
        raise ValueError(f"stride must be 8 or 16, got {stride!r}")
    if norm not in ("group", "none"):
        raise ValueError(f"norm must be 'group' or 'none', got {norm!r}")
    if not 0 < width <= 16:
        raise ValueError(f"width must be greater than 0 and at most 16, got {width!r}")
    channels = [max(_GROUP, round(width * base / _GROUP) * _GROUP) for base in _CHANNELS]
    steps = (2, 2, 2, stride // 8, 1)
    generator = torch.Generator().manual_seed(seed)
    stages: dict[str, nn.Module] = {}
    before = 3
    for position, (name, after, step) in enumerate(zip(TINY_STAGES, channels, steps, strict=True)):
        layers: list[nn.Module] = [_convolution(before, after, 5 if position == 0 else 3, step, generator)]
        if position < len(TINY_STAGES) - 1:
            if norm == "group":
                layers.append(nn.GroupNorm(after // _GROUP, after))
            layers.append(nn.ReLU())
        stages[name] = nn.Sequential(*layers)
        before = after
    backbone = StagedBackbone(
        stages=stages, out_channels=before, stride=stride, normalization=normalization, train_from=train_from
    )
    origin, tensors = find_weights(weights, seed=seed, fetch=_nobody_publishes)
    fill(backbone, origin, tensors, network=backbone.state_dict(keep_vars=True))
    return backbone


def _nobody_publishes() -> Path:
    raise ValueError("weights: the tiny network has no published weights; give none or the file of a trained one")


def _convolution(before: int, after: int, size: int, step: int, generator: torch.Generator) -> nn.Conv2d:
    """He normal weights, variance ``2 / fan_in``."""
    with seeded(0), torch.no_grad():  # the constructor draws weights of its own, which are replaced
        layer = nn.Conv2d(before, after, size, stride=step, padding=size // 2)
        layer.weight.normal_(0.0, math.sqrt(2.0 / (before * size * size)), generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
