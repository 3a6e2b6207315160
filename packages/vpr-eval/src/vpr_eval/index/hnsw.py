"""Approximate search in a graph of near neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from vpr_eval.index.approximate import ApproximateIndex
from vpr_eval.index.engine import faiss_metric, read_engine, write_engine
from vpr_eval.index.metric import Metric
from vpr_eval.index.pairs import pair_costs
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.approximate import Int64
    from vpr_eval.index.base import Float32, Float64, Stored
    from vpr_eval.index.container import IndexHeader, Payload

__all__ = ["HNSWIndex"]


class HNSWIndex(ApproximateIndex):
    """Approximate search in a hierarchical graph: a query touches about ``ef_search`` descriptors, not all.

    For serving up to about a million images; not for published numbers. Distances are exact, neighbours may be missed:
    before the first search and before it is saved it is checked how many (`checked`). Memory: that of `FlatIndex` and
    ``8 links`` bytes a descriptor. Identical descriptors stand in the graph once; many that are merely alike may block
    it, and the check says so.

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
    advice = "raise ef_search, links or ef_construction"

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
        self._view: StoredRows | None = None

    def parameters(self) -> dict[str, Any]:
        """Return ``links``, ``ef_construction``, ``ef_search`` and ``threads``."""
        return {
            "links": self.links,
            "ef_construction": self.ef_construction,
            "ef_search": self.ef_search,
            "threads": self.threads,
        }

    def _add_distinct(self, rows: Float32) -> None:
        self._view = None  # the engine moves its rows as it grows
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(self.threads)
        try:
            self._engine.add(rows)
        finally:
            faiss.omp_set_num_threads(before)

    def _ready(self) -> None:
        if len(self) and (self.checked is None or len(self) >= 2 * self.checked.count):
            self.checked = self._compare(self._rows_of_nodes())

    def _rows_of_nodes(self) -> StoredRows:
        count = int(self._engine.ntotal)
        if self._view is not None and len(self._view) == count:
            return self._view
        stored = faiss.downcast_index(self._engine.storage)
        self._view = StoredRows(np.asarray(faiss.rev_swig_ptr(stored.get_xb(), count * self.dim)).reshape(-1, self.dim))
        return self._view

    def attach(self, rows: Stored) -> None:
        """Do nothing: the graph holds the rows themselves."""

    def _propose(self, queries: Float32, norms: Float64, fetch: int) -> tuple[npt.NDArray[np.floating], Int64]:
        chosen = faiss.SearchParametersHNSW()
        chosen.efSearch = max(self.ef_search, fetch)
        _, node = self._engine.search(queries, fetch, params=chosen)
        cost = np.full(node.shape, np.inf)
        query, place = np.nonzero(node >= 0)
        cost[query, place] = pair_costs(queries, query, self._rows_of_nodes(), node[query, place], self.metric)
        return cost, node

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        self._ready()
        return super()._arrays()

    def _write(self, write: Callable[[Any], int]) -> None:
        write_engine(self._engine, write)

    def _read(self, header: IndexHeader, payload: Payload, arrays: dict[str, npt.NDArray[Any]]) -> None:
        count = len(arrays["identical_keys"]) if "identical_keys" in arrays else header.count
        engine = read_engine(payload, header, faiss.IndexHNSWFlat, count=count)
        self._restore(arrays, rows=header.count, about=header.check)
        self._engine, self._view = engine, None
        self._engine.hnsw.efConstruction = self.ef_construction
