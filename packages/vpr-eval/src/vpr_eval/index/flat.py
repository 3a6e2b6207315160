"""Exact search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.exact import search_checked
from vpr_eval.index.metric import Metric
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import checked_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.base import Float32, Float64, Stored
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
        self._norms: list[Float64] = []
        self._given: StoredRows | None = None

    def __len__(self) -> int:
        return int(self._store.ntotal) + (0 if self._given is None else len(self._given))

    @property
    def descriptors(self) -> Float32:
        """The ``(N, D)`` rows, a copy."""
        return self._database().take(np.arange(len(self)))

    def build(self, rows: Stored) -> None:
        """Search rows where they lie: nothing is copied, and their numbers are checked at the first search.

        Args:
            rows: ``(N, D)`` arrays or memory maps, one or several, that stay as they are while this lives.

        Raises:
            ValueError: the index is not empty, or has another dimension.
        """
        self._given = self._to_build(rows)

    def _database(self) -> StoredRows:
        added = np.empty((0, self.dim), dtype=np.float32)
        if self._store.ntotal:
            added = np.asarray(faiss.rev_swig_ptr(self._store.get_xb(), self._store.ntotal * self.dim))
        if self._given is not None:
            return self._given.followed_by(added.reshape(-1, self.dim)) if len(added) else self._given
        rows = StoredRows(added.reshape(-1, self.dim))
        rows.keep_norms(np.concatenate([np.empty(0), *self._norms]))
        return rows

    def _add(self, rows: Float32, norms: Float64) -> None:
        self._store.add(rows)
        self._norms.append(norms)

    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours:
        return search_checked(queries, self._database(), k, metric=self.metric, query_norms=norms)

    def _write(self, write: Callable[[Any], int]) -> None:
        for _, rows in self._database().pieces(max(1, _BLOCK_VALUES // self.dim)):
            write(np.ascontiguousarray(rows, dtype="<f4").data.cast("B"))

    def _read(self, header: IndexHeader, payload: Payload, arrays: dict[str, npt.NDArray[Any]]) -> None:
        row_bytes = 4 * self.dim
        if payload.left != header.count * row_bytes:
            raise ValueError(f"count: the file says {header.count} descriptors but holds {payload.left} bytes of them")
        fresh = FlatIndex(dim=self.dim, metric=self.metric)
        while data := payload.read(row_bytes * max(1, _BLOCK_VALUES // self.dim)):
            rows = np.frombuffer(data, dtype="<f4").reshape(-1, self.dim)
            fresh._add(*checked_rows(rows, name="descriptors", unit=self.metric == "ip", offset=len(fresh)))
        self._store, self._norms, self._given = fresh._store, fresh._norms, None
