"""What other code calls "triplet loss with margin 0.1": three losses, none of them the paper's."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vpr_losses.checks import check_margin
from vpr_losses.distances import distance
from vpr_losses.tuple_loss import Pairs, TupleLoss

__all__ = ["SQRT_MARGIN", "SingleTriplet", "UnsquaredRanking"]

SQRT_MARGIN = math.sqrt(0.1)
"""Margin of the PyTorch re-implementations, meant to stand for 0.1 in squared distance; it does not (see below)."""


class UnsquaredRanking(TupleLoss):
    """``L = sum_j max(0, min_i |q - p_i| + m - |q - n_j|)``, over the number of negatives, violating or not.

    Distances are *not* squared, so no margin makes it the paper's loss. With a positive at distance 0.5, a negative
    stops to count beyond 0.592 in the paper; here beyond 0.600 with ``m = 0.1`` and beyond 0.816 with
    ``m = sqrt(0.1)``.

    - ``margin = sqrt(0.1)``: Nanne/pytorch-NetVlad, Patch-NetVLAD, OpenIBL (``triplet_unsquared_sqrt_margin``).
    - ``margin = 0.1``: deep-visual-geo-localization-benchmark (``triplet_unsquared``).

    They add 1e-6 to each difference before the norm; this does not, and gives equal descriptors gradient zero instead.

    Args:
        margin: ``m``, in distance.
    """

    def __init__(self, *, margin: float = SQRT_MARGIN) -> None:
        super().__init__()
        self.margin = check_margin(margin)

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum of hinges and the number of negatives of queries that have a positive."""
        best, exists = pairs.best_positive()
        counted = pairs.negative_mask & exists.unsqueeze(1)
        hinge = torch.relu(distance(best).unsqueeze(1) + self.margin - distance(pairs.negative))
        return hinge.masked_fill(~counted, 0.0).sum(), counted.sum()

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"margin={self.margin:.4g}"


class SingleTriplet(TupleLoss):
    """Plain triplet loss ``max(0, |q - p| + m - |q - n|)`` of one positive and one negative, over the queries.

    The positive and the negative are the first that exist of each query's, which a miner lists best and hardest first.

    Source: Schroff, Kalenichenko and Philbin, FaceNet, CVPR 2015, arXiv 1503.03832 (there with squared distances).

    Args:
        margin: ``m``, in distance, or in squared distance if ``squared``.
        squared: use squared distances.
    """

    def __init__(self, *, margin: float = 0.1, squared: bool = False) -> None:
        super().__init__()
        self.margin = check_margin(margin)
        self.squared = squared

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum of hinges and the number of queries with both a positive and a negative."""
        positive, has_positive = _first(pairs.positive, pairs.positive_mask)
        negative, has_negative = _first(pairs.negative, pairs.negative_mask)
        if not self.squared:
            positive, negative = distance(positive), distance(negative)
        counted = has_positive & has_negative
        hinge = torch.relu(positive + self.margin - negative)
        return hinge.masked_fill(~counted, 0.0).sum(), counted.sum()

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"margin={self.margin:.4g}, squared={self.squared}"


def _first(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first existing value of each row, ``(T,)`` (0 where none exists), and whether one does."""
    if not values.shape[1]:
        return values.sum(dim=1), mask.any(dim=1)
    first = mask.to(torch.uint8).argmax(dim=1, keepdim=True)
    return values.gather(1, first).squeeze(1), mask.any(dim=1)
