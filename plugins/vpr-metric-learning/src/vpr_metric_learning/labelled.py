"""A loss of pytorch-metric-learning, and the miner in front of it, as one loss over labelled descriptors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["LabelledLoss"]

Mined = tuple[Tensor, ...]
"""Pairs (anchor, positive, anchor, negative) or triplets (anchor, positive, negative) as positions in the batch."""


class LabelledLoss(nn.Module):
    """``(descriptors (B, D), places (B,)) -> scalar``: mine in the batch, then compare what was mined.

    Descriptors are made unit length, and compared in float32 at least (float64 where they are), under autocast too.
    The gradient passes through the comparison and never through the choice of what is compared.

    Args:
        loss: a loss of ``pytorch_metric_learning.losses``.
        miner: a miner of ``pytorch_metric_learning.miners``; None: all pairs or triplets of the batch.
    """

    def __init__(self, *, loss: nn.Module, miner: nn.Module | None = None) -> None:
        super().__init__()
        self.loss: Callable[..., Tensor] = loss
        self.miner: Callable[..., Mined] | None = miner

    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        """Return the loss of a batch; 0, with a zero gradient, where it holds nothing to compare.

        Raises:
            ValueError: the shapes are not ``(B, D)`` and ``(B,)``.
        """
        check_batch(descriptors, places)
        with torch.autocast(descriptors.device.type, enabled=False):
            x = precise(descriptors)
            if len(x) < 2:  # the miners of the library expect someone to compare with
                return x.sum() * 0
            mined = None if self.miner is None else not_alone(self.miner(x, places))
            return self.loss(x, places, mined)

    def against(self, descriptors: Tensor, places: Tensor, others: Tensor, other_places: Tensor) -> Tensor:
        """Return the loss of anchors ``descriptors (B, D)`` whose positives and negatives are ``others (M, D)``.

        Anchors are compared with ``others`` only, not with one another.
        """
        check_batch(descriptors, places)
        check_batch(others, other_places)
        with torch.autocast(descriptors.device.type, enabled=False):
            x, y = precise(descriptors), others.to(precise(descriptors).dtype)
            mined = None if self.miner is None else not_alone(self.miner(x, places, y, other_places))
            return self.loss(x, places, mined, y, other_places)


def not_alone(mined: Mined) -> Mined:
    """Name a single positive pair twice, which changes no mean and no mask.

    The library takes a batch in which at most one positive and one negative pair were mined for one without any, and
    returns 0.
    """
    if len(mined) == 4 and len(mined[0]) == 1:
        return mined[0].repeat(2), mined[1].repeat(2), *mined[2:]
    return mined


def precise(descriptors: Tensor) -> Tensor:
    """Return half-precision descriptors in float32, others as they are."""
    return descriptors.float() if descriptors.dtype in (torch.float16, torch.bfloat16) else descriptors


def check_batch(descriptors: Any, places: Any) -> None:
    """Refuse what is no batch of labelled descriptors.

    Raises:
        ValueError: says the shapes.
    """
    if descriptors.ndim != 2:
        raise ValueError(f"descriptors must have shape (B, D), got {tuple(descriptors.shape)}")
    if places.shape != descriptors.shape[:1]:
        raise ValueError(
            f"places must have shape ({len(descriptors)},), one label a descriptor, got {tuple(places.shape)}"
        )
