"""Approximate search in a graph of near neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.engine import faiss_metric, in_order, read_engine, spare, write_engine
from vpr_eval.index.metric import Metric, exact_cost
from vpr_eval.index.validation import check_count

if TYPE_CHECKING:
    from vpr_eval.index.base import Float32, Float64
    from vpr_eval.index.container import IndexHeader, Payload
    from vpr_eval.neighbours import Neighbours

__all__ = ["HNSWIndex"]


class HNSWIndex(DescriptorIndex):
    """Approximate search in a hierarchical graph: a query touches about ``ef_search`` descriptors, not all.

    For serving up to about a million images; not for published numbers. Distances are exact, neighbours may be missed.
    Memory: that of `FlatIndex` and ``8 links`` bytes a descriptor.

    Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
    small world graphs", 2018, arXiv 1603.09320.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        links: neighbours of a node (``M``).
        ef_construction: width of the search while building.
        ef_search: width of the search; higher finds more and takes longer.
        threads: that build. With more than one, no two builds are alike.
    """

    kind = "hnsw"

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        links: int = 32,
        ef_construction: int = 128,
        ef_search: int = 128,
        threads: int = 1,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint)
        self.links = check_count("links", links, least=2, most=512)
        self.ef_construction = check_count("ef_construction", ef_construction)
        self.ef_search = check_count("ef_search", ef_search)
        self.threads = check_count("threads", threads)
        self._engine = faiss.IndexHNSWFlat(self.dim, self.links, faiss_metric(metric))
        self._engine.hnsw.efConstruction = self.ef_construction

    def __len__(self) -> int:
        return int(self._engine.ntotal)

    def parameters(self) -> dict[str, Any]:
        """Return ``links``, ``ef_construction``, ``ef_search`` and ``threads``."""
        return {
            "links": self.links,
            "ef_construction": self.ef_construction,
            "ef_search": self.ef_search,
            "threads": self.threads,
        }

    def _add(self, rows: Float32, norms: Float64) -> None:
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(self.threads)
        try:
            self._engine.add(rows)
        finally:
            faiss.omp_set_num_threads(before)

    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours:
        fetch = spare(k, len(self))
        chosen = faiss.SearchParametersHNSW()
        chosen.efSearch = max(self.ef_search, fetch)
        _, index = self._engine.search(queries, fetch, params=chosen)
        stored = faiss.downcast_index(self._engine.storage)
        rows = np.asarray(faiss.rev_swig_ptr(stored.get_xb(), len(self) * self.dim)).reshape(-1, self.dim)
        cost = np.empty(index.shape, dtype=np.float64)
        for number, found in enumerate(index):
            # -1 reads the last row here; `in_order` throws its cost away.
            near = rows[found]
            cost[number] = exact_cost(np.broadcast_to(queries[number], near.shape), near, self.metric)
        return in_order(cost, index, k, self.metric)

    def _write(self, write: Callable[[Any], int]) -> None:
        write_engine(self._engine, write)

    def _read(self, header: IndexHeader, payload: Payload) -> None:
        self._engine = read_engine(payload, header, faiss.IndexHNSWFlat)
        self._engine.hnsw.efConstruction = self.ef_construction
