"""The weakly supervised ranking loss of the NetVLAD paper."""

from __future__ import annotations

import torch
from torch import Tensor

from vpr_losses.checks import check_margin
from vpr_losses.tuple_loss import Pairs, TupleLoss

__all__ = ["WeaklySupervisedRanking"]


class WeaklySupervisedRanking(TupleLoss):
    """``L = sum_j max(0, min_i |q - p_i|^2 + m - |q - n_j|^2)``, over the number of violating triplets.

    Squared distances; the nearest of the potential positives counts, since which of them shows the place is not known.
    A negative beyond the margin gives neither gradient nor count. `terms` sums over tuples and negatives and counts the
    terms above zero; the authors divide a batch's gradient by that count. Does not read positives as true: a query
    without any is left out.

    Source: NetVLAD, CVPR 2016, arXiv 1511.07247, equation 7; divisor: Relja/netvlad 652dbe7, trainWeakly.

    Args:
        margin: ``m``, in squared distance; for unit descriptors 0.1 is 0.05 in cosine.

    Example:
        >>> import torch
        >>> query, positive = torch.tensor([[1.0, 0.0]]), torch.tensor([[[0.8, 0.6]]])
        >>> loss = WeaklySupervisedRanking(margin=0.1)
        >>> round(loss(query, positive, positive).item(), 4)
        0.1
    """

    def __init__(self, *, margin: float = 0.1) -> None:
        super().__init__()
        self.margin = check_margin(margin)

    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum of hinges and the number of those above zero."""
        best, exists = pairs.best_positive()
        hinge = torch.relu(best.unsqueeze(1) + self.margin - pairs.negative)
        hinge = hinge.masked_fill(~(pairs.negative_mask & exists.unsqueeze(1)), 0.0)
        return hinge.sum(), torch.count_nonzero(hinge)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"margin={self.margin}"
