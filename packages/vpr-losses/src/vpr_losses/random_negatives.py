"""Random negatives: no mining at all, the baseline of the miners."""

from __future__ import annotations

import torch
from torch import Tensor

from vpr_losses.cache import DescriptorCache
from vpr_losses.checks import check_count
from vpr_losses.draw import draw_outside, keyed_generator
from vpr_losses.miner import Memoryless, able, forbidden
from vpr_losses.neighbourhood import blocks, nearest, padded
from vpr_losses.pair_distances import DENSE_ADVANTAGE
from vpr_losses.ragged import sorted_unique
from vpr_losses.request import MiningRequest, Tuples

__all__ = ["RandomNegatives"]

_DRAW = 3


class RandomNegatives(Memoryless):
    """``keep`` random negatives a query, drawn by the key (seed, epoch, query) outside the excluded positions.

    The positive is the nearest of the potential positives in the cache, as in the other miners; negatives are not
    looked at, so only positives need descriptors, and many tuples will cost nothing in the loss.

    Source: "random mining" of Berton et al., Deep visual geo-localization benchmark, CVPR 2022, arXiv 2204.03444.

    Args:
        keep: negatives a tuple has.
    """

    def __init__(self, *, keep: int = 10) -> None:
        self.keep = check_count("keep", keep)

    def candidates(self, request: MiningRequest) -> Tensor:
        """Return the sorted unique potential positives of the request."""
        return sorted_unique(request.positives.values)

    @torch.no_grad()
    def mine(
        self,
        request: MiningRequest,
        *,
        query_descriptors: Tensor,
        database_descriptors: Tensor,
        database_positions: Tensor | None = None,
    ) -> Tuples:
        """Return one tuple a query of ``request``, in its order; arguments and errors as `CachedMiner.mine`."""
        cache = DescriptorCache.checked(request, query_descriptors, database_descriptors, database_positions)
        positives = torch.full((len(request.queries), 1), -1, dtype=torch.int64)
        negatives = torch.full((len(request.queries), self.keep), -1, dtype=torch.int64)
        rows, indices = request.positives.rows(), able(request)
        width = max((len(row) for row in rows), default=0)
        for part in blocks(len(indices), min(len(cache.database), DENSE_ADVANTAGE * width)):
            chosen = torch.tensor(indices[part])
            offered = padded([sorted_unique(rows[index]) for index in indices[part]])
            positives[chosen] = nearest(cache.distances(chosen, offered), offered, 1)[1]
        for index in indices:
            generator = keyed_generator(_DRAW, request.seed, request.epoch, int(request.queries[index]))
            drawn = draw_outside(self.keep, request.database_size, forbidden(request, index), generator)
            negatives[index, : len(drawn)] = drawn
        return Tuples(query=request.queries, positives=positives, negatives=negatives)
