"""Requests to a miner as plain data, and a scene of places to make them from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Request", "Rows", "Scene"]


@dataclass(frozen=True)
class Rows:
    """Rows of different length: row ``i`` is ``values[offsets[i]:offsets[i + 1]]``."""

    values: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, rows: Sequence[Tensor]) -> Rows:
        """Join ``rows``."""
        lengths = torch.tensor([0, *(len(row) for row in rows)])
        values = torch.cat(list(rows)) if rows else torch.empty(0)
        return cls(values=values.long(), offsets=lengths.cumsum(0))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> Tensor:
        """Row ``index``."""
        return self.values[int(self.offsets[index]) : int(self.offsets[index + 1])]

    def rows(self) -> list[Tensor]:
        """All rows."""
        return [self.row(index) for index in range(len(self))]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A `vpr_core.types.MiningRequest`."""

    queries: Tensor
    positives: Rows
    excluded: Rows
    database_size: int
    seed: int
    epoch: int
    part: int = 0


class Scene:
    """Places along a road: database images one metre apart, queries between them, and descriptors that mislead.

    The last query has no positive; the one before it has the whole database excluded.

    Args:
        database: number of database images.
        queries: number of queries.
        dim: dimension of the descriptors.
    """

    def __init__(self, *, database: int, queries: int, dim: int = 16) -> None:
        generator = torch.Generator().manual_seed(21)
        where = torch.arange(database, dtype=torch.float64)
        self.query_at = torch.rand(queries, generator=generator, dtype=torch.float64) * (database - 1)
        gap = (self.query_at[:, None] - where).abs()
        self.positives = [torch.nonzero(row <= 3)[:, 0] for row in gap]
        self.excluded = [torch.nonzero(row <= 8)[:, 0] for row in gap]
        self.positives[-1] = self.positives[-1][:0]
        self.excluded[-2] = torch.arange(database)
        self.size = database
        self.count = queries
        # Descriptors follow the road only loosely, so that hard negatives lie anywhere.
        basis = torch.randn(dim, generator=generator, dtype=torch.float64)
        self.database_descriptors = self._describe(where, basis, generator)
        self.query_descriptors = self._describe(self.query_at, basis, generator)

    @staticmethod
    def _describe(where: Tensor, basis: Tensor, generator: torch.Generator) -> Tensor:
        phase = where[:, None] / 9.0 + 7.0 * basis
        noise = torch.randn(phase.shape, generator=generator, dtype=torch.float64)
        return F.normalize(phase.sin() + 0.5 * noise, dim=1).float()

    def request(self, queries: Tensor | None = None, *, seed: int = 0, epoch: int = 0) -> Request:
        """Ask for ``queries``, by default all of them in order."""
        asked = torch.arange(self.count) if queries is None else queries
        return Request(
            queries=asked,
            positives=Rows.of([self.positives[query] for query in asked.tolist()]),
            excluded=Rows.of([self.excluded[query] for query in asked.tolist()]),
            database_size=self.size,
            seed=seed,
            epoch=epoch,
        )
