"""Tuples to batches: every distinct image of a batch is encoded once, however many tuples share it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vpr_runner.distributed import Ranks

if TYPE_CHECKING:
    from vpr_core.types import TupleLoss, Tuples

__all__ = ["TupleBatch", "tuple_batches"]


@dataclass(frozen=True, kw_only=True)
class TupleBatch:
    """``T`` tuples and the ``U`` distinct images they need.

    Attributes:
        images: ``(U,)`` sorted positions in queries followed by database (`vpr_runner.encoding.source.JoinedImages`).
        query: ``(T,)`` rows of ``images``.
        positives: ``(T, P)`` rows of ``images``, -1 where there is none.
        negatives: ``(T, K)``, likewise.
    """

    images: npt.NDArray[np.int64]
    query: Tensor
    positives: Tensor
    negatives: Tensor

    def __len__(self) -> int:
        return len(self.query)

    def terms(self, loss: TupleLoss, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss's sum and divisor for ``descriptors (U, D)`` of ``images``."""
        # Padding gathers row 0 and is masked out. Not ``descriptors[rows]``: several threads would add up the gradient
        # of an image that many tuples share in whatever order they come, and the same run would end with other bits.
        return loss.terms(
            F.embedding(self.query, descriptors),
            F.embedding(self.positives.clamp(min=0), descriptors),
            F.embedding(self.negatives.clamp(min=0), descriptors),
            positive_mask=self.positives >= 0,
            negative_mask=self.negatives >= 0,
        )

    def share(self, ranks: Ranks) -> TupleBatch:
        """Return one process's tuples of the batch, and the images that they need."""
        if ranks.world == 1:
            return self
        part = ranks.share(len(self))
        query, positives, negatives = self.query[part], self.positives[part], self.negatives[part]
        used = torch.cat([query, positives.flatten(), negatives.flatten()])
        rows = torch.unique(used[used >= 0])
        return TupleBatch(
            images=self.images[rows.numpy()],
            query=_rows_of(query, rows),
            positives=_rows_of(positives, rows),
            negatives=_rows_of(negatives, rows),
        )

    def to(self, device: torch.device) -> TupleBatch:
        """Return the batch with its row numbers on ``device``."""
        return TupleBatch(
            images=self.images,
            query=self.query.to(device),
            positives=self.positives.to(device),
            negatives=self.negatives.to(device),
        )


def tuple_batches(tuples: Tuples, *, size: int, queries: int, first: int = 0) -> Iterator[tuple[int, TupleBatch]]:
    """Yield ``(number, batch)`` of ``size`` consecutive tuples, from batch ``first`` on.

    Tuples that teach nothing (all negatives or all positives are -1) keep their place in the count and are left out, as
    in the authors' code: a batch is four queries, not four queries that still violate the margin. A batch in which none
    teaches is not yielded.

    Args:
        tuples: mined tuples, positions in the queries and in the database.
        size: tuples a batch.
        queries: number of queries in the set, which is where database positions begin among the joined images.
        first: number of the first batch wanted.
    """
    teaches = (tuples.negatives >= 0).any(1) & (tuples.positives >= 0).any(1)
    for number in range(first, -(-len(tuples.query) // size)):
        rows = torch.arange(number * size, min((number + 1) * size, len(tuples.query)))
        rows = rows[teaches[rows]]
        if len(rows) == 0:
            continue
        query, positives, negatives = tuples.query[rows], tuples.positives[rows], tuples.negatives[rows]
        joined = [query, _shift(positives, queries), _shift(negatives, queries)]
        positions = torch.cat([part.flatten() for part in joined])
        images = torch.unique(positions[positions >= 0])
        query, positives, negatives = (_rows_of(part, images) for part in joined)
        yield number, TupleBatch(images=images.numpy(), query=query, positives=positives, negatives=negatives)


def _shift(positions: Tensor, by: int) -> Tensor:
    return torch.where(positions >= 0, positions + by, positions)


def _rows_of(positions: Tensor, images: Tensor) -> Tensor:
    return torch.where(positions >= 0, torch.searchsorted(images, positions.clamp(min=0)), -1)
