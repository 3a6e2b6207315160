"""What a miner is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vpr_losses.ragged import Ragged

__all__ = ["MiningRequest", "Tuples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MiningRequest:
    """A question to a miner: tuples for ``queries``, without model or images.

    Attributes:
        queries: ``(T,)`` int64, positions of the queries.
        positives: one row a query: database positions that may serve as positives (the paper: within 10 m, beyond 1 m).
        excluded: one row a query: database positions that must never be negatives (the paper: within 25 m). A query's
            positives are never its negatives either, listed here or not.
        database_size: number of database images.
        seed: of the run.
        epoch: with ``seed`` and a query's position the key of its random draws, so that they depend neither on the
            order of queries nor on how many processes share them.
        part: number of the part of the epoch; the key of a pool that its queries share (`PartialNegatives`).
    """

    queries: Tensor
    positives: Ragged
    excluded: Ragged
    database_size: int
    seed: int
    epoch: int
    part: int = 0

    def __post_init__(self) -> None:
        if self.queries.dim() != 1 or self.queries.dtype != torch.int64:
            shape = tuple(self.queries.shape)
            raise ValueError(f"queries must be a 1-D int64 tensor, got {self.queries.dtype} of {shape}")
        if len(self.queries) and int(self.queries.min()) < 0:
            raise ValueError(f"queries holds the position {int(self.queries.min())}; positions count from 0")
        if self.database_size < 1:
            raise ValueError(f"database_size must be 1 or more, got {self.database_size}")
        for name in ("positives", "excluded"):
            rows: Ragged = getattr(self, name)
            if len(rows) != len(self.queries):
                raise ValueError(f"{name} must have one row a query ({len(self.queries)}), got {len(rows)}")
            outside = rows.values[(rows.values < 0) | (rows.values >= self.database_size)]
            if len(outside):
                raise ValueError(
                    f"{name} holds the database position {int(outside[0])}; this database has positions "
                    f"0 to {self.database_size - 1}"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuples:
    """A miner's answer: one row a query of the request, padded with -1.

    Attributes:
        query: ``(T,)`` int64, the request's queries.
        positives: ``(T, P)`` int64 database positions.
        negatives: ``(T, K)`` int64 database positions, hardest first; all -1 when the query teaches nothing.
    """

    query: Tensor
    positives: Tensor
    negatives: Tensor
