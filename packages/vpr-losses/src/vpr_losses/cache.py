"""The cached descriptors that a miner reads, addressed by database position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vpr_losses.pair_distances import pair_distances
from vpr_losses.request import MiningRequest

__all__ = ["DescriptorCache"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DescriptorCache:
    """Descriptors of the queries of a request and of (part of) the database.

    Attributes:
        queries: ``(T, D)``.
        database: ``(M, D)``, possibly a half-precision memory map.
        positions: ``(M,)`` sorted database positions of its rows; None: row ``i`` is position ``i``.
    """

    queries: Tensor
    database: Tensor
    positions: Tensor | None

    @classmethod
    def checked(
        cls, request: MiningRequest, queries: Tensor, database: Tensor, positions: Tensor | None
    ) -> DescriptorCache:
        """Return the cache if its shapes fit the request.

        Raises:
            ValueError: they do not.
        """
        if queries.dim() != 2 or len(queries) != len(request.queries):
            raise ValueError(
                f"query_descriptors must be ({len(request.queries)}, D), one row a query of the request, "
                f"got {tuple(queries.shape)}"
            )
        if database.dim() != 2 or database.shape[1] != queries.shape[1]:
            raise ValueError(
                f"database_descriptors must be (M, {queries.shape[1]}) as the queries are, got {tuple(database.shape)}"
            )
        if positions is None:
            if len(database) != request.database_size:
                raise ValueError(
                    f"database_descriptors has {len(database)} rows for a database of {request.database_size}: say "
                    f"which they are in database_positions"
                )
        elif len(positions) != len(database) or bool((positions.diff() <= 0).any()):
            raise ValueError(
                f"database_positions must be {len(database)} rising positions, one a row of database_descriptors"
            )
        return cls(queries=queries, database=database, positions=positions)

    def rows(self, positions: Tensor) -> Tensor:
        """Return the rows of database positions; -1 stays -1.

        Raises:
            ValueError: a position has no descriptor.
        """
        if self.positions is None:
            return positions
        if not len(self.positions):
            found = torch.full_like(positions, -1)
        else:
            place = torch.searchsorted(self.positions, positions).clamp_(max=len(self.positions) - 1)
            found = torch.where(self.positions[place] == positions, place, -1)
        missing = positions[(found < 0) & (positions >= 0)]
        if len(missing):
            raise ValueError(
                f"database_positions lacks {len(missing)} positions of this request, {int(missing[0])} for one; "
                f"encode what candidates(request) returns"
            )
        return found

    def distances(self, chosen: Tensor, positions: Tensor) -> Tensor:
        """Return squared distances ``(T, L)`` of some of the request's queries to database positions, on the CPU.

        Args:
            chosen: ``(T,)`` indices of queries of the request.
            positions: ``(T, L)`` database positions; infinite distance where it is -1.
        """
        device = self.database.device
        queries = self.queries[chosen.to(self.queries.device)].to(device)
        return pair_distances(queries, self.database, self.rows(positions).to(device)).cpu()
