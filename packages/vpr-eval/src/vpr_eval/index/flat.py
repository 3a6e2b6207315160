"""Exact search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.exact import search_checked
from vpr_eval.index.metric import Metric
from vpr_eval.index.validation import checked_rows

if TYPE_CHECKING:
    from vpr_eval.index.base import Float32, Float64
    from vpr_eval.index.container import IndexHeader, Payload
    from vpr_eval.neighbours import Neighbours

__all__ = ["FlatIndex"]

_BLOCK_VALUES = 2**22


class FlatIndex(DescriptorIndex):
    """Exact search: every query is compared with every descriptor. The default, for no number may be approximate.

    The result is that of float64 arithmetic, ordered by (float32 distance, index); batch size and threads do not change
    it. Time grows with ``Q N D``, memory with ``4 N D`` bytes. For a database on disk see `search_exact`.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.

    Example:
        >>> import numpy as np
        >>> index = FlatIndex(dim=2)
        >>> index.add(np.array([[0, 0], [3, 4]], dtype=np.float32))
        >>> index.search(np.array([[3, 0]], dtype=np.float32), 2)
        Neighbours(distance=array([[3., 4.]], dtype=float32), index=array([[0, 1]]))
    """

    kind = "flat"

    def __init__(self, *, dim: int, metric: Metric = "l2", fingerprint: str | None = None) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint)
        self._clear()

    def _clear(self) -> None:
        self._store = faiss.IndexFlat(self.dim)
        self._largest_norm = 0.0

    def __len__(self) -> int:
        return int(self._store.ntotal)

    @property
    def descriptors(self) -> Float32:
        """The ``(N, D)`` rows, a copy."""
        return self._rows().copy()

    def _rows(self) -> Float32:
        if not len(self):
            return np.empty((0, self.dim), dtype=np.float32)
        return np.asarray(faiss.rev_swig_ptr(self._store.get_xb(), len(self) * self.dim)).reshape(-1, self.dim)

    def _add(self, rows: Float32, norms: Float64) -> None:
        self._store.add(rows)
        self._largest_norm = max(self._largest_norm, float(norms.max()))

    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours:
        return search_checked(
            queries, self._rows(), k, metric=self.metric, query_norms=norms, largest_norm=self._largest_norm
        )

    def _write(self, write: Callable[[Any], int]) -> None:
        rows = self._rows()
        step = max(1, _BLOCK_VALUES // self.dim)
        for start in range(0, len(rows), step):
            write(np.ascontiguousarray(rows[start : start + step], dtype="<f4").data.cast("B"))

    def _read(self, header: IndexHeader, payload: Payload) -> None:
        row_bytes = 4 * self.dim
        if payload.length != header.count * row_bytes:
            raise ValueError(
                f"count: the file says {header.count} descriptors but holds {payload.length} bytes of them"
            )
        fresh = FlatIndex(dim=self.dim, metric=self.metric)
        while data := payload.read(row_bytes * max(1, _BLOCK_VALUES // self.dim)):
            rows = np.frombuffer(data, dtype="<f4").reshape(-1, self.dim)
            fresh._add(*checked_rows(rows, name="descriptors", unit=self.metric == "ip", offset=len(fresh)))
        self._store, self._largest_norm = fresh._store, fresh._largest_norm
