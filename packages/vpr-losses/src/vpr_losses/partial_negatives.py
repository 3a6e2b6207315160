"""Partial mining: one pool of random database images for all queries of a part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vpr_losses.checks import check_count, check_margin
from vpr_losses.draw import draw_outside, keyed_generator
from vpr_losses.miner import CachedMiner, forbidden
from vpr_losses.request import MiningRequest

__all__ = ["PartialNegatives"]

_DRAW = 2


class PartialNegatives(CachedMiner):
    """Hardest of one pool of ``pool`` random database images that all queries of a part of the epoch share.

    Only the pool, the positives and the queries need descriptors, so the cache of a part is small. The pool is drawn by
    the key (seed, epoch, part); each query leaves its own excluded positions out. By default there is no margin:
    always ``keep`` negatives, whether or not they violate it.

    Source: "partial mining" of Berton et al., Deep visual geo-localization benchmark, CVPR 2022, arXiv 2204.03444.

    Args:
        pool: number of database images in the pool; None: the whole database.
        keep: most negatives a tuple has.
        margin: keep only negatives with ``d^2 < d^2(best positive) + margin``; None: all.
    """

    def __init__(self, *, pool: int | None = 1000, keep: int = 10, margin: float | None = None) -> None:
        self.draws = None if pool is None else check_count("pool", pool)
        self.keep = check_count("keep", keep)
        self.margin = None if margin is None else check_margin(margin)

    def shared_pool(self, request: MiningRequest) -> Tensor:
        """Return the pool of the request's part, sorted."""
        generator = keyed_generator(_DRAW, request.seed, request.epoch, request.part)
        count = request.database_size if self.draws is None else self.draws
        return draw_outside(count, request.database_size, torch.zeros(0, dtype=torch.int64), generator)

    def pools(self, request: MiningRequest, indices: Sequence[int]) -> list[Tensor]:
        """Return, for each query, the part's pool without the positions that this query excludes."""
        shared = self.shared_pool(request)
        return [shared[~torch.isin(shared, forbidden(request, index))] for index in indices]

    def pool_width(self, request: MiningRequest) -> int:
        """Return the size of the pool."""
        return request.database_size if self.draws is None else min(self.draws, request.database_size)
