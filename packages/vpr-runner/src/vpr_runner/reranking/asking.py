"""A re-ranker and the images that it may look at: what an evaluation and a search ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_eval import Neighbours
from vpr_runner.reranking.local import LocalFeatures, look_at, store_of
from vpr_runner.reranking.reorder import Reranked, Reranking

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import ImageSet
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.network.retriever import Retriever

__all__ = ["Reordering"]

Int64 = npt.NDArray[np.int64]


class Reordering:
    """Reorders answers given as positions, of images of which some could not be read.

    Args:
        config: the block ``rerank``.
        registry: builds it.
        queries: images, for a re-ranker that looks at them.
        database: likewise.
        retriever: makes feature maps.
        model: its fingerprint.
        compute: how images are prepared.
    """

    def __init__(
        self,
        config: ComponentConfig,
        registry: Registry,
        *,
        queries: ImageSet,
        database: ImageSet,
        retriever: Retriever,
        model: str,
        compute: Compute,
    ) -> None:
        self._reranking = Reranking(config, registry)
        self.first = self._reranking.first
        self._sides: tuple[LocalFeatures, LocalFeatures] | None = None
        if self._reranking.needs != "descriptors":
            store = store_of(config, registry, needs=self._reranking.needs, compute=compute, model=model)
            look = look_at(self._reranking.needs, retriever, compute)
            # One that cannot be read now could be read a moment ago: it has no score, and stays behind.
            careful = replace(compute, on_bad_image="skip")
            one, other = (
                LocalFeatures(self._reranking.built, images, look=look, compute=careful, store=store)
                for images in (queries, database)
            )
            self._sides = one, other

    def __call__(
        self,
        found: Neighbours,
        *,
        asked: Int64,
        known: Int64,
        query_rows: npt.NDArray[Any],
        database_rows: Any,
        shown: bool = False,
    ) -> Reranked:
        """Return ``found``, its first answers reordered.

        Args:
            found: ``(Q, K)`` positions in the database, -1 where there is none.
            asked: positions of the queries whose descriptors ``query_rows`` holds.
            known: positions of the database images whose descriptors ``database_rows`` holds.
            query_rows: ``(len(asked), D)``.
            database_rows: ``(len(known), D)``.
            shown: show a bar.
        """
        rows = np.full(int(known[-1]) + 1, -1, dtype=np.int64)
        rows[known] = np.arange(len(known))
        given = Neighbours(
            found.distance[asked], np.where(found.index[asked] >= 0, rows[np.maximum(found.index[asked], 0)], -1)
        )
        sides = self._sides
        better = self._reranking(
            given,
            queries=query_rows,
            database=database_rows,
            query_features=None if sides is None else lambda some: sides[0].of([int(asked[row]) for row in some]),
            database_features=None if sides is None else lambda some: sides[1].of([int(known[row]) for row in some]),
            shown=shown,
        )
        index, distance = found.index.copy(), found.distance.copy()
        index[asked] = np.where(better.found.index >= 0, known[np.maximum(better.found.index, 0)], -1)
        distance[asked] = better.found.distance
        return replace(better, found=Neighbours(distance, index), bytes_an_image=self._bytes_an_image())

    def _bytes_an_image(self) -> float | None:
        if self._sides is None:
            return None
        sizes = self._sides[0].sizes | self._sides[1].sizes
        return float(np.mean(list(sizes.values()))) if sizes else 0.0
