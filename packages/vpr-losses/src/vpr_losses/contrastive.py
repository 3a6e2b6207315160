"""The contrastive loss on the pairs of a tuple."""

from __future__ import annotations

import torch
from torch import Tensor

from vpr_losses.checks import check_margin
from vpr_losses.distances import distance
from vpr_losses.tuple_loss import Pairs, TupleLoss

__all__ = ["Contrastive"]


class Contrastive(TupleLoss):
    """``L = sum_i |q - p_i|^2 / 2 + sum_j max(0, m - |q - n_j|)^2 / 2``, over the number of pairs.

    Unlike the ranking losses it draws *every* given positive near: give it true ones.

    Source: Hadsell, Chopra and LeCun, CVPR 2006; with these weights and ``m = 0.7`` Radenovic, Tolias and Chum,
    TPAMI 2019, arXiv 1711.02512.

    Args:
        margin: ``m``, in distance.
    """

    def __init__(self, *, margin: float = 0.7) -> None:
        super().__init__()
        self.margin = check_margin(margin)

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum over pairs and their number."""
        attraction = pairs.positive.masked_fill(~pairs.positive_mask, 0.0).sum()
        repulsion = torch.relu(self.margin - distance(pairs.negative)).square()
        repulsion = repulsion.masked_fill(~pairs.negative_mask, 0.0).sum()
        return 0.5 * (attraction + repulsion), pairs.positive_mask.sum() + pairs.negative_mask.sum()

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"margin={self.margin:.4g}"
