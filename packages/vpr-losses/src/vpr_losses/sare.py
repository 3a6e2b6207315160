"""Stochastic attraction-repulsion embedding."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vpr_losses.tuple_loss import Pairs, TupleLoss

__all__ = ["IndependentSARE", "JointSARE"]


class IndependentSARE(TupleLoss):
    """``L = sum_j -ln( e^(-d_p^2) / (e^(-d_p^2) + e^(-d_nj^2)) )``, over the number of negatives.

    Each negative competes with the best positive by itself; ``d`` is the Euclidean distance to the query.

    Source: Liu, Li and Dai, Stochastic attraction-repulsion embedding for large scale image localization, ICCV 2019,
    arXiv 1808.08779 (Gaussian kernel).
    """

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum over negatives and their number."""
        best, exists = pairs.best_positive()
        counted = pairs.negative_mask & exists.unsqueeze(1)
        return softplus(best.unsqueeze(1) - pairs.negative).masked_fill(~counted, 0.0).sum(), counted.sum()


class JointSARE(TupleLoss):
    """``L = -ln( e^(-d_p^2) / (e^(-d_p^2) + sum_j e^(-d_nj^2)) )``, over the number of queries.

    The best positive competes with all negatives of the query at once.

    Source: as `IndependentSARE`.
    """

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum over queries with a positive and a negative, and their number."""
        best, exists = pairs.best_positive()
        counted = exists & pairs.negative_mask.any(dim=1)
        difference = (best.unsqueeze(1) - pairs.negative).masked_fill(~pairs.negative_mask, -torch.inf)
        both = torch.cat([torch.zeros_like(best).unsqueeze(1), difference], dim=1)
        return torch.logsumexp(both, dim=1).masked_fill(~counted, 0.0).sum(), counted.sum()
