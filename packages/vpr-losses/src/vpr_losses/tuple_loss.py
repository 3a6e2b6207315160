"""What the losses over tuples share: checking, masks, float32, the sum and its divisor."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vpr_losses.precision import raised, without_autocast

__all__ = ["Pairs", "TupleLoss"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Squared distances of a query to its positives ``(T, P)`` and negatives ``(T, K)``, and which of them exist."""

    positive: Tensor
    negative: Tensor
    positive_mask: Tensor
    negative_mask: Tensor

    def best_positive(self) -> tuple[Tensor, Tensor]:
        """Return the smallest squared distance to a positive ``(T,)`` (0 where none exists), and whether one does."""
        exists = self.positive_mask.any(dim=1)
        if not self.positive.shape[1]:
            return self.positive.sum(dim=1), exists
        best = self.positive.masked_fill(~self.positive_mask, torch.inf).min(dim=1).values
        return torch.where(exists, best, torch.zeros_like(best)), exists


class TupleLoss(nn.Module):
    """Base of the losses over tuples ``(q, {p_i}, {n_j})``.

    A subclass gives `pair_terms`; this class checks shapes, raises half precision to float32, switches autocast off and
    takes masked descriptors out before any arithmetic, so that nothing in a padded place (NaN included) has an effect.
    """

    def forward(
        self,
        query: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> Tensor:
        """Return ``sum / max(count, 1)`` of `terms`."""
        total, count = self.terms(query, positives, negatives, positive_mask=positive_mask, negative_mask=negative_mask)
        return total / count.clamp(min=1)

    def terms(
        self,
        query: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the sum of the loss and the number (int64) that it is divided by.

        Add both over the parts of a batch or over processes, then divide: the result is that of the whole batch.

        Args:
            query: ``(T, D)`` descriptors.
            positives: ``(T, P, D)``.
            negatives: ``(T, K, D)``.
            positive_mask: ``(T, P)`` bool, True where a positive exists; None: everywhere.
            negative_mask: ``(T, K)`` bool, True where a negative exists; None: everywhere.

        Raises:
            ValueError: shapes that do not belong together.
        """
        positive_mask = _mask("positive", query, positives, positive_mask)
        negative_mask = _mask("negative", query, negatives, negative_mask)
        with without_autocast(query):
            return self.pair_terms(
                Pairs(
                    positive=_squared_distances(query, positives, positive_mask),
                    negative=_squared_distances(query, negatives, negative_mask),
                    positive_mask=positive_mask,
                    negative_mask=negative_mask,
                )
            )

    @abstractmethod
    def pair_terms(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the sum and the count for squared distances; masked ones are 0 and must be left out."""
        raise NotImplementedError


def _mask(name: str, query: Tensor, others: Tensor, mask: Tensor | None) -> Tensor:
    if query.dim() != 2 or others.dim() != 3 or others.shape[0] != query.shape[0] or others.shape[2] != query.shape[1]:
        raise ValueError(
            f"query must be (T, D) and {name}s (T, n, D) with the same T and D, got {tuple(query.shape)} "
            f"and {tuple(others.shape)}"
        )
    if mask is None:
        return torch.ones(others.shape[:2], dtype=torch.bool, device=others.device)
    if mask.dtype != torch.bool or mask.shape != others.shape[:2]:
        raise ValueError(
            f"{name}_mask must be bool of shape {tuple(others.shape[:2])}, got {mask.dtype} of {tuple(mask.shape)}"
        )
    return mask


def _squared_distances(query: Tensor, others: Tensor, mask: Tensor) -> Tensor:
    """Return ``|q - x|^2``, ``(T, n)``, from differences: exact where a product form would cancel."""
    difference = raised(query).unsqueeze(1) - raised(others)
    return difference.masked_fill(~mask.unsqueeze(2), 0.0).square().sum(dim=2)
