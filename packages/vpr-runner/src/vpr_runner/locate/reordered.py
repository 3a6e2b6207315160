"""The answers of a search in a map, in the order of a re-ranker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_data import ImageSet
from vpr_eval import Neighbours
from vpr_runner.reranking.asking import Reordering

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.maps.opened import Map
    from vpr_runner.network.retriever import Retriever

__all__ = ["reordered"]

Int64 = npt.NDArray[np.int64]


def reordered(
    opened: Map,
    found: Neighbours,
    *,
    rerank: ComponentConfig,
    registry: Registry,
    queries: ImageSet,
    asked: Int64,
    query_rows: npt.NDArray[Any],
    kept: Int64,
    images: Path | None,
    retriever: Retriever,
    compute: Compute,
    shown: bool = False,
) -> Neighbours:
    """Return the answers in a better order, each with the distance that the search measured.

    The distances rise no longer: they are what a calibration was learnt on, and a re-ranker's cost is not.

    Args:
        opened: the map.
        found: ``(Q, K)`` rows of the map, -1 where there is none.
        rerank: the block of the run file.
        registry: builds it.
        queries: the photos; ``asked`` are the positions of those that could be read.
        query_rows: their descriptors ``(Q, D)``.
        kept: rows of the map whose image could be read.
        images: folder of the map's images, for a re-ranker that looks at them. That a map names one is not enough: a
            map may be a stranger's, and nothing that it names is read.
        retriever: the network.
        compute: how images are prepared.
        shown: show a bar.

    Raises:
        UsageError: the re-ranker looks at images, and nobody says where they are.
    """
    needs = str(registry.get("reranker", rerank.type).needs)
    if needs != "descriptors" and images is None:
        raise UsageError(
            f"rerank: {rerank.type} looks at the images of the map; say where they are with --images DIR, or search "
            "without it: --set rerank=null"
        )
    names = opened.places.names
    reordering = Reordering(
        rerank,
        registry,
        queries=queries,
        database=ImageSet(root=images or Path(), names=names, xy=np.zeros((len(names), 2))),
        retriever=retriever,
        model=opened.descriptors.fingerprint,
        compute=compute,
    )
    index = np.full((len(queries), found.index.shape[1]), -1, dtype=np.int64)
    distance = np.full(index.shape, np.inf, dtype=np.float32)
    index[asked], distance[asked] = found.index, found.distance
    better = reordering(
        Neighbours(distance, index),
        asked=asked,
        known=kept,
        query_rows=query_rows,
        database_rows=_KeptRows(opened.descriptors, kept),
        shown=shown,
    ).found.index[asked]
    place = (better[:, :, None] == found.index[:, None, :]).argmax(axis=2)
    return Neighbours(np.take_along_axis(found.distance, place, axis=1), better)


class _KeptRows:
    """The descriptors of the images that could be read, from the chunk files as they are asked for."""

    ndim = 2

    def __init__(self, descriptors: Any, kept: Int64) -> None:
        self._descriptors, self._kept = descriptors, kept
        self.shape = (len(kept), descriptors.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: Any) -> npt.NDArray[Any]:
        rows: npt.NDArray[Any] = self._descriptors[self._kept[where]]
        return rows
