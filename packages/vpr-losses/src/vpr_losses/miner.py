"""What the miners share: the best positive, the hardest candidates, blocks of queries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vpr_losses.cache import DescriptorCache
from vpr_losses.neighbourhood import blocks, nearest, padded
from vpr_losses.pair_distances import DENSE_ADVANTAGE
from vpr_losses.ragged import sorted_unique
from vpr_losses.request import MiningRequest, Tuples

__all__ = ["CachedMiner", "Memoryless", "able", "forbidden"]


class Memoryless:
    """State of a miner that remembers nothing: every draw is a function of its key."""

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a restart: nothing by default."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned.

        Raises:
            ValueError: the state has entries that this miner does not know.
        """
        if state:
            raise ValueError(f"state has {', '.join(state)}, but a {type(self).__name__} keeps no state")


class CachedMiner(Memoryless, ABC):
    """Base of the miners that choose from cached descriptors.

    Of each query's potential positives the nearest in the cache is taken, and of its candidates (`pools`) the ``keep``
    nearest, hardest first, if ``margin`` is not None only those that violate it: ``d^2 < d^2(best positive) + margin``.
    A query without potential positives gets a row of -1. Distances are computed in float32 and in blocks, so that
    memory does not grow with the number of queries or the size of the cache.
    """

    keep: int
    margin: float | None

    # --- what a miner of this family defines -----------------------------------------------------------------------

    @abstractmethod
    def pools(self, request: MiningRequest, indices: Sequence[int]) -> list[Tensor]:
        """Return the candidates of some of the request's queries: sorted unique positions, none of them `forbidden`.

        Must give the same answer in `candidates` and in `mine`.
        """

    @abstractmethod
    def pool_width(self, request: MiningRequest) -> int:
        """Return the most candidates that a query can have."""

    def visited(self, queries: Tensor, nearest: Tensor) -> None:
        """Learn the nearest candidates ``(T, depth)``, violating or not, of ``queries (T,)``; nothing by default."""

    @property
    def depth(self) -> int:
        """How many of the nearest candidates `visited` is told."""
        return self.keep

    # --- the protocol ------------------------------------------------------------------------------------------------

    def candidates(self, request: MiningRequest) -> Tensor:
        """Return the sorted unique database positions whose descriptors `mine` will read for this request."""
        wanted = torch.zeros(request.database_size, dtype=torch.bool)
        wanted[request.positives.values] = True
        for pool in self.pools(request, able(request)):
            wanted[pool] = True
        return torch.nonzero(wanted).flatten()

    @torch.no_grad()
    def mine(
        self,
        request: MiningRequest,
        *,
        query_descriptors: Tensor,
        database_descriptors: Tensor,
        database_positions: Tensor | None = None,
    ) -> Tuples:
        """Return one tuple a query of ``request``, in its order.

        Args:
            request: what to mine.
            query_descriptors: ``(T, D)``, of the request's queries.
            database_descriptors: ``(M, D)``, any floating dtype, possibly a memory map.
            database_positions: ``(M,)`` rising positions of these rows; None: the whole database.

        Returns:
            ``positives (T, 1)`` and ``negatives (T, keep)``.

        Raises:
            ValueError: shapes that do not fit the request, a candidate without descriptor, NaN in a descriptor.
        """
        cache = DescriptorCache.checked(request, query_descriptors, database_descriptors, database_positions)
        positives = torch.full((len(request.queries), 1), -1, dtype=torch.int64)
        negatives = torch.full((len(request.queries), self.keep), -1, dtype=torch.int64)
        rows = request.positives.rows()
        indices = able(request)
        visits: list[tuple[Tensor, Tensor]] = []
        width = self.pool_width(request) + max((len(row) for row in rows), default=0)
        for part in blocks(len(indices), max(width, min(len(cache.database), DENSE_ADVANTAGE * width))):
            chosen = torch.tensor(indices[part])
            offered = padded([sorted_unique(rows[index]) for index in indices[part]])
            pool = padded(self.pools(request, indices[part]))
            squared = cache.distances(chosen, torch.cat([offered, pool], dim=1))
            to_offered, to_pool = squared[:, : offered.shape[1]], squared[:, offered.shape[1] :]
            best, best_position = nearest(to_offered, offered, 1)
            hardest, position = nearest(to_pool, pool, max(self.keep, self.depth))
            visits.append((request.queries[chosen], position[:, : self.depth]))
            kept = position[:, : self.keep]
            if self.margin is not None:
                kept = torch.where(hardest[:, : self.keep] < best + self.margin, kept, -1)
            positives[chosen], negatives[chosen] = best_position, kept
        for visit in visits:  # when all is well: mining that is refused leaves the memory as it was
            self.visited(*visit)
        return Tuples(query=request.queries, positives=positives, negatives=negatives)


def able(request: MiningRequest) -> list[int]:
    """Return the indices of the request's queries that have a potential positive."""
    return torch.nonzero(request.positives.offsets.diff()).flatten().tolist()


def forbidden(request: MiningRequest, index: int) -> Tensor:
    """Return the sorted positions that query ``index`` must never have as negatives."""
    return sorted_unique(torch.cat([request.excluded.row(index), request.positives.row(index)]))
