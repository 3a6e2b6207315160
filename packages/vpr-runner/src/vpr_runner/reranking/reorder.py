"""Cutting the first answers, having them reordered, and putting them back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_core import PluginError
from vpr_core.matching import SupportsEarlyStop
from vpr_eval import Neighbours
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_runner.reranking.store import Features

__all__ = ["Reranked", "Reranking", "first_of"]

AHEAD = 8
"""Candidates whose features are computed together, before it is known whether all of them are looked at."""
FeaturesOf = Callable[[list[int]], "list[Features | None]"]


@dataclass(frozen=True, kw_only=True)
class Reranked:
    """Answers in their new order.

    Attributes:
        name: of the re-ranker.
        first: answers that it saw.
        found: ``distance`` is the re-ranker's cost; answers behind the first, and those that were not scored, have the
            cost of the last that was.
        milliseconds: a query, all of it.
        looking: of these, those for local features, made or read; None where a re-ranker looks at descriptors.
        scored: candidates that were compared, a query; None where a re-ranker looks at descriptors.
        bytes_an_image: mean size of the local features of the images that were looked at; None likewise.
    """

    name: str
    first: int
    found: Neighbours
    milliseconds: float
    scored: float | None
    looking: float | None = None
    bytes_an_image: float | None = None


class Reranking:
    """A re-ranker of a run file, ready to be asked.

    Args:
        config: its block.
        registry: builds it.
    """

    def __init__(self, config: ComponentConfig, registry: Registry) -> None:
        self.config = config
        self.name, self.first = config.type, first_of(config)
        self.needs = str(registry.get("reranker", config.type).needs)
        self.built: Any = registry.build("reranker", config)

    def __call__(
        self,
        found: Neighbours,
        *,
        queries: npt.NDArray[Any],
        database: Any,
        query_features: FeaturesOf | None = None,
        database_features: FeaturesOf | None = None,
        shown: bool = False,
    ) -> Reranked:
        """Return the answers of each query, the first of them reordered.

        Args:
            found: ``(Q, K)`` answers, best first, -1 where there is none.
            queries: ``(Q, D)`` unit rows.
            database: ``(N, D)`` unit rows.
            query_features: from positions of queries to their local features; None where descriptors are looked at.
            database_features: the same of the database.
            shown: show a bar.

        Raises:
            PluginError: other answers come out than went in.
        """
        start = time.perf_counter()
        index, distance = found.index.copy(), found.distance.copy()
        answered = (index[:, : self.first] >= 0).sum(axis=1)
        compared = 0
        clock = _Clock()
        with Progress(len(index), f"re-rank by {self.name}", unit="query", shown=shown) as progress:
            for count in np.unique(answered[answered > 0]).tolist():
                rows = np.flatnonzero(answered == count)
                given = Neighbours(distance[rows, :count], index[rows, :count])
                if query_features is None or database_features is None:
                    better = self.built.reorder(queries[rows], database, given)
                    progress.update(len(rows))
                else:
                    better, pairs = self._scored(
                        rows, given, clock.on(query_features), clock.on(database_features), progress
                    )
                    compared += pairs
                self._check(given.index, better.index)
                index[rows, :count], distance[rows, :count] = better.index, better.distance
                behind = np.where(index[rows, count:] >= 0, distance[rows, count - 1, None], np.float32(np.inf))
                distance[rows, count:] = behind
        asked = max(1, len(index))
        return Reranked(
            name=self.name,
            first=self.first,
            found=Neighbours(distance, index),
            milliseconds=1000 * (time.perf_counter() - start) / asked,
            scored=None if query_features is None else compared / asked,
            looking=None if query_features is None else 1000 * clock.seconds / asked,
        )

    def _scored(
        self,
        rows: npt.NDArray[np.int64],
        given: Neighbours,
        query_features: FeaturesOf,
        database_features: FeaturesOf,
        progress: Progress,
    ) -> tuple[Neighbours, int]:
        """Sort each query's candidates by their score, higher first; what was not scored stays behind, as it came."""
        index, distance = np.empty_like(given.index), np.empty_like(given.distance)
        pairs = 0
        for row, query in enumerate(rows.tolist()):
            candidates = given.index[row].tolist()
            scores = self._scores(query_features([query])[0], candidates, database_features)
            pairs += len(scores)
            lowest = min((score for score in scores.values()), default=0.0)
            cost = np.array([-scores.get(place, lowest) for place in range(len(candidates))], dtype=np.float32)
            unscored = np.array([place not in scores for place in range(len(candidates))])
            order = np.lexsort((cost, unscored))
            index[row], distance[row] = given.index[row][order], cost[order]
            progress.update()
        return Neighbours(distance, index), pairs

    def _scores(self, query: Features | None, candidates: list[int], features: FeaturesOf) -> dict[int, float]:
        """Score candidates in their order until it is enough; a query or candidate that cannot be read has no score."""
        scores: dict[int, float] = {}
        if query is None:
            return scores
        for start in range(0, len(candidates), AHEAD):
            part = features(candidates[start : start + AHEAD])
            for place, candidate in enumerate(part, start):
                if candidate is not None:
                    scores[place] = float(self.built.score(query, candidate))
                    if isinstance(self.built, SupportsEarlyStop) and self.built.enough(list(scores.values())):
                        return scores
        return scores

    def _check(self, given: npt.NDArray[np.int64], made: npt.NDArray[np.int64]) -> None:
        if given.shape != made.shape or not np.array_equal(np.sort(given, axis=1), np.sort(made, axis=1)):
            raise PluginError(
                f"re-ranker {self.name}: other answers come out than went in; a re-ranker drops none and adds none "
                "(vpr_core.testing.RerankerContract finds that)"
            )


class _Clock:
    """Seconds that were spent in some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def on(self, features: FeaturesOf) -> FeaturesOf:
        """Return the function with its time counted."""

        def counted(some: list[int]) -> list[Features | None]:
            start = time.perf_counter()
            try:
                return features(some)
            finally:
                self.seconds += time.perf_counter() - start

        return counted


def first_of(config: ComponentConfig | None) -> int:
    """Return how many answers a re-ranker wants to see; 0 without one."""
    return 0 if config is None else int(config.first)  # type: ignore[attr-defined]  # RerankerConfig has it
