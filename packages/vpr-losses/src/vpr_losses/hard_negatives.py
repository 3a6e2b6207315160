"""Hard-negative mining of the NetVLAD paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vpr_losses.checks import check_count, check_margin
from vpr_losses.draw import draw_outside, keyed_generator
from vpr_losses.miner import CachedMiner, forbidden
from vpr_losses.ragged import sorted_unique
from vpr_losses.request import MiningRequest

__all__ = ["HardNegatives"]

_DRAW = 1
"""First word of the key: no other miner draws the same numbers."""


class HardNegatives(CachedMiner):
    """The hardest of ``pool`` random negatives and of those remembered from the query's last visit: the paper's mining.

    In the order of the authors' code:

    1. The nearest potential positive in the cache is ``p*``; a query without any is skipped.
    2. Candidates: ``pool`` positions outside the excluded, drawn by the key (seed, epoch, query), and the remembered.
    3. The ``remember`` nearest of them become the query's new memory, violating or not.
    4. The ``keep`` nearest with ``d^2 < d^2(p*) + margin`` are its negatives, nearest first. The loss checks them again
       on fresh descriptors.

    The memory is one table, so it survives worker processes, epochs and (in `state_dict`) restarts.

    Source: NetVLAD, CVPR 2016, arXiv 1511.07247, appendix; Relja/netvlad 652dbe7, trainWeakly.

    Args:
        pool: random negatives a query; None: the whole database is searched ("full").
        keep: most negatives a tuple has.
        margin: ``m`` of the loss, in squared distance.
        remember: hardest negatives remembered for the next visit; 0: none.
    """

    def __init__(self, *, pool: int | None = 1000, keep: int = 10, margin: float = 0.1, remember: int = 10) -> None:
        self.draws = None if pool is None else check_count("pool", pool)
        self.keep = check_count("keep", keep)
        self.margin = check_margin(margin)
        self.remember = check_count("remember", remember, least=0)
        self._memory = torch.full((0, self.remember), -1, dtype=torch.int64)

    @property
    def depth(self) -> int:
        """How many of the nearest candidates are remembered."""
        return self.remember

    def pools(self, request: MiningRequest, indices: Sequence[int]) -> list[Tensor]:
        """Return the random and the remembered candidates of each query."""
        return [self._pool(request, int(request.queries[index]), forbidden(request, index)) for index in indices]

    def _pool(self, request: MiningRequest, query: int, forbidden: Tensor) -> Tensor:
        generator = keyed_generator(_DRAW, request.seed, request.epoch, query)
        count = request.database_size if self.draws is None else self.draws
        drawn = draw_outside(count, request.database_size, forbidden, generator)
        if self.draws is None:
            return drawn
        remembered = self.memory_of(query, request.database_size)
        return sorted_unique(torch.cat([drawn, remembered[~torch.isin(remembered, forbidden)]]))

    def pool_width(self, request: MiningRequest) -> int:
        """Return the most candidates a query can have."""
        return request.database_size if self.draws is None else self.draws + self.remember

    def memory_of(self, query: int, database_size: int) -> Tensor:
        """Return the remembered positions of a query, hardest first.

        Raises:
            ValueError: the memory is of a larger database.
        """
        if query >= len(self._memory):
            return self._memory.new_zeros(0)
        remembered = self._memory[query]
        remembered = remembered[remembered >= 0]
        if len(remembered) and int(remembered.max()) >= database_size:
            raise ValueError(
                f"memory of query {query} holds the database position {int(remembered.max())}, but this database has "
                f"{database_size} images: the miner's state belongs to another data set"
            )
        return remembered

    def visited(self, queries: Tensor, nearest: Tensor) -> None:
        """Replace the memory of ``queries``."""
        if not self.remember or not len(queries):
            return
        missing = int(queries.max()) + 1 - len(self._memory)
        if missing > 0:
            self._memory = torch.cat([self._memory, self._memory.new_full((missing, self.remember), -1)])
        self._memory[queries] = nearest

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"memory": (queries, remember) int64}``: row ``q`` is what query ``q`` remembers, padded with -1."""
        return {"memory": self._memory.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` returned.

        Raises:
            ValueError: it is not a memory of this width.
        """
        memory = state.get("memory")
        if set(state) != {"memory"} or not isinstance(memory, Tensor):
            raise ValueError(f"state must have the tensor 'memory' alone, got {sorted(state)}")
        if memory.dim() != 2 or memory.shape[1] != self.remember or memory.dtype != torch.int64:
            raise ValueError(
                f"memory must be int64 of shape (queries, remember={self.remember}), got {memory.dtype} of "
                f"{tuple(memory.shape)}; build the miner as it was when the state was saved"
            )
        self._memory = memory.detach().cpu().clone()
