"""k-reciprocal re-ranking: two images are alike when they are among each other's neighbours, and share those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_rerank.nearest import NearestInDatabase, distances_to
from vpr_rerank.neighbours import Found, Neighbours, check_answers, in_order, together

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]

__all__ = ["KReciprocal"]

QUERY = -1
"""Stands for the query among database positions."""


class KReciprocal:
    """Reorders answers by the Jaccard distance of k-reciprocal neighbourhoods (Zhong et al. 2017, arXiv 1701.08398).

    Over the database and **one** query, ``N(p, k)`` being ``p`` and its ``k`` nearest others::

        R(p, k)  = {g in N(p, k) : p in N(g, k)}
        R*(p)    = R(p, k1) with every R(c, k1 // 2), c in R(p, k1), of which two thirds lie in R(p, k1)
        V_p[g]   = exp(-d(p, g)) for g in R*(p), else 0;      then the mean of V over N(p, k2)
        d_J(p,g) = 1 - sum min(V_p, V_g) / sum max(V_p, V_g)
        cost     = (1 - lam) d_J(q, g) + lam d(q, g) / 2

    ``d`` is the Euclidean distance of unit descriptors, halved in the cost so that both parts lie in 0..1. The original
    puts all queries into the neighbourhoods; here a query is alone with the database, so that its answer does not
    depend on who else asks. Neighbourhoods are exact; those that no answer leads to are never computed.

    Args:
        k1: neighbours whose reciprocity counts.
        k2: neighbours over which neighbourhoods are averaged, the image itself included.
        lam: share of the original distance.
    """

    def __init__(self, *, k1: int = 20, k2: int = 6, lam: float = 0.3) -> None:
        if k1 < 1 or k2 < 1:
            raise ValueError(f"k1, k2: must be at least 1, got {k1}, {k2}")
        if k2 > k1:
            raise ValueError(f"k2: {k2} is more than k1 = {k1}")
        if not 0 <= lam <= 1:
            raise ValueError(f"lam: must be from 0 to 1, got {lam}")
        self.k1, self.k2, self.lam = k1, k2, lam

    def reorder(self, queries: Float32, database: Float32, neighbours: Found) -> Neighbours:
        """Return the answers of each query by rising cost.

        Args:
            queries: ``(Q, D)`` unit rows.
            database: ``(N, D)`` unit rows, read in blocks where they lie.
            neighbours: ``(Q, K)`` answers, best first.

        Raises:
            ValueError: NaN, shapes that do not belong together, a position outside the database.
        """
        index = check_answers(queries, database, neighbours)
        nearest = NearestInDatabase(database, k=self.k1)
        rows = []
        for start in range(0, len(queries), 64):
            far = distances_to(np.asarray(queries[start : start + 64]), database)
            for row, to_query in enumerate(far, start):
                graph = _Graph(nearest, to_query, k1=self.k1)
                rows.append(in_order(self._cost(graph, index[row]), index[row]))
        return together(rows, answers=index.shape[1])

    def _cost(self, graph: _Graph, answers: Int64) -> npt.NDArray[np.float64]:
        graph.reach([QUERY, *answers.tolist()], k2=self.k2)
        own = graph.averaged(QUERY, k2=self.k2)
        cost = np.empty(len(answers))
        for place, answer in enumerate(answers.tolist()):
            apart = _jaccard(own, graph.averaged(answer, k2=self.k2))
            cost[place] = (1 - self.lam) * apart + self.lam * float(graph.to_query[answer]) / 2
        return cost


class _Graph:
    """Neighbourhoods of one query and the database."""

    def __init__(self, nearest: NearestInDatabase, to_query: Float32, *, k1: int) -> None:
        self._nearest, self.to_query, self._k1, self._half = nearest, to_query, k1, max(1, k1 // 2)
        order = np.argsort(to_query, kind="stable")[:k1]
        self._own = [(int(position), float(to_query[position])) for position in order]
        self._around: dict[int, list[tuple[int, float]]] = {}
        self._vectors: dict[int, dict[int, float]] = {}

    def reach(self, nodes: list[int], *, k2: int) -> None:
        """Have the database's lists computed that `averaged` of ``nodes`` can ask for, level by level."""
        level = {node for node in nodes if node != QUERY} | {position for position, _ in self._own}
        for length in (k2, self._k1, self._half):
            self._nearest.need(level)
            level |= {int(other) for node in level for other in self._nearest.of(node)[0][:length]}
        self._nearest.need(level)

    def near(self, node: int, k: int) -> list[int]:
        """``N(node, k)``: itself, then its ``k`` nearest others, the query among them."""
        return [node, *(other for other, _ in self._list(node)[:k])]

    def _list(self, node: int) -> list[tuple[int, float]]:
        if node == QUERY:
            return self._own
        if node not in self._around:
            positions, distances = self._nearest.of(node)
            others = list(zip(positions.tolist(), distances.tolist(), strict=True))
            distance = float(self.to_query[node])
            place = sum(1 for _, far in others if far <= distance)
            self._around[node] = [*others[:place], (QUERY, distance), *others[place:]][: self._k1]
        return self._around[node]

    def reciprocal(self, node: int, k: int) -> set[int]:
        """``R(node, k)``."""
        return {other for other in self.near(node, k) if node in self.near(other, k)}

    def vector(self, node: int) -> dict[int, float]:
        """``V``: weight of each member of ``R*(node)``."""
        if node not in self._vectors:
            close = self.reciprocal(node, self._k1)
            members = set(close)
            for other in close:
                theirs = self.reciprocal(other, self._half)
                if 3 * len(theirs & close) >= 2 * len(theirs):
                    members |= theirs
            self._vectors[node] = self._weights(node, sorted(members))
        return self._vectors[node]

    def _weights(self, node: int, members: list[int]) -> dict[int, float]:
        known = np.array([member for member in members if member != QUERY], dtype=np.int64)
        far = self.to_query[known] if node == QUERY else self._nearest.between(node, known)
        weights = dict(zip(known.tolist(), np.exp(-far.astype(np.float64)).tolist(), strict=True))
        if QUERY in members:
            weights[QUERY] = 1.0 if node == QUERY else float(np.exp(-np.float64(self.to_query[node])))
        return weights

    def averaged(self, node: int, *, k2: int) -> dict[int, float]:
        """Mean of ``V`` over ``N(node, k2 - 1)``, which are ``k2`` images with the node itself."""
        near = self.near(node, k2 - 1)
        total: dict[int, float] = {}
        for other in near:
            for member, weight in self.vector(other).items():
                total[member] = total.get(member, 0.0) + weight / len(near)
        return total


def _jaccard(one: dict[int, float], other: dict[int, float]) -> float:
    least = sum(min(weight, other[member]) for member, weight in one.items() if member in other)
    most = sum(one.values()) + sum(other.values()) - least
    return 1 - least / most
