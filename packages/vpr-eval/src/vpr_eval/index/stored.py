"""Descriptors where they lie: arrays or memory maps of chunk files, read as one matrix without a second copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval.index.mapped import MappedRows
from vpr_eval.index.validation import check_matrix, checked_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.floating]
    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["StoredRows"]

_STEP_VALUES = 2**22


class StoredRows:
    """The rows of several ``(n, D)`` matrices, one after the other, as ``(N, D)``; nothing is copied or kept.

    Args:
        blocks: float32 or float16 arrays or memory maps of one dimension, such as the chunk files of an extraction; or
            one such matrix. They must not change while this lives.
        skip: positions that are left out (images that could not be read have rows of NaN). Rows are numbered without
            them; `kept` says which ones they are.

    Raises:
        TypeError: a block is no numpy array of float32 or float16.
        ValueError: blocks differ in dimension, or a position in ``skip`` does not exist.

    Example:
        >>> rows = StoredRows([np.eye(2, dtype=np.float32), np.full((2, 2), 3, dtype=np.float32)], skip=[1])
        >>> rows.shape, rows.take(np.array([2, 0])).tolist(), rows.kept.tolist()
        ((3, 2), [[3.0, 3.0], [1.0, 0.0]], [0, 2, 3])
    """

    def __init__(self, blocks: Sequence[Matrix] | Matrix, *, skip: Sequence[int] | Int64 = ()) -> None:
        listed = [blocks] if isinstance(blocks, np.ndarray) else list(blocks)
        if not listed:
            raise ValueError("blocks: there is none; give at least one matrix of descriptors")
        dim: int | None = None
        for block in listed:
            check_matrix(block, name="database", dim=dim, half=True)
            dim = block.shape[1]
        self._blocks = listed
        # As plain arrays: a memory map's own indexing takes ten times as long as reading a row.
        self._read = [(np.asarray(block), MappedRows(block)) for block in listed]
        total = sum(len(block) for block in listed)
        gone = np.unique(np.asarray(skip, dtype=np.int64))
        if len(gone) and (gone[0] < 0 or gone[-1] >= total):
            raise ValueError(f"skip: position {gone[0] if gone[0] < 0 else gone[-1]}, there are {total} rows")
        edges = np.cumsum([0, *(len(block) for block in listed)])
        # For each block, the rows that count; None where that is all of them.
        self._keep: list[Int64 | None] = []
        for first, last in pairwise(edges.tolist()):
            missing = gone[np.searchsorted(gone, first) : np.searchsorted(gone, last)] - first
            self._keep.append(np.delete(np.arange(last - first), missing) if len(missing) else None)
        counts = [len(block) if keep is None else len(keep) for block, keep in zip(listed, self._keep, strict=True)]
        self._edges = np.cumsum([0, *counts])
        self._gone = gone
        self._norms: Float64 | None = None
        self.shape: tuple[int, int] = (int(self._edges[-1]), int(listed[0].shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def kept(self) -> Int64:
        """For each row, its position counted with those that are skipped."""
        return np.delete(np.arange(len(self) + len(self._gone)), self._gone)

    def without(self, rows: Int64) -> StoredRows:
        """Return these rows less some of them, by their numbers here."""
        if not len(rows):
            return self
        fewer = StoredRows(self._blocks, skip=np.concatenate([self._gone, self.kept[rows]]))
        if self._norms is not None:
            fewer.keep_norms(np.delete(self._norms, rows))
        return fewer

    def followed_by(self, more: Matrix) -> StoredRows:
        """Return these rows and after them those of one matrix more."""
        return StoredRows([*self._blocks, more], skip=self._gone)

    def pieces(self, most: int | None = None) -> Iterator[tuple[int, Float32]]:
        """Yield first row and contiguous float32 rows of each piece, in order.

        Args:
            most: rows of a piece at most; by default about 16 MiB where they have to be converted or picked, and a
                whole block where they lie ready.

        A piece that had to be converted is overwritten by the next.
        """
        small = max(1, _STEP_VALUES // max(1, self.shape[1]))
        buffer = np.empty((0, self.shape[1]), dtype=np.float32)
        for block, keep, start in zip(self._blocks, self._keep, self._edges[:-1].tolist(), strict=True):
            count = len(block) if keep is None else len(keep)
            ready = keep is None and block.dtype == np.float32 and block.flags.c_contiguous
            step = most or (max(1, count) if ready else small)
            for first in range(0, count, step):
                last = min(first + step, count)
                if ready:
                    yield start + first, np.asarray(block[first:last])
                    continue
                if len(buffer) < last - first:
                    buffer = np.empty((last - first, self.shape[1]), dtype=np.float32)
                piece = buffer[: last - first]
                np.copyto(piece, block[first:last] if keep is None else block[keep[first:last]])
                yield start + first, piece

    def take(self, rows: Int64) -> Float32:
        """Return some rows ``(n, D)`` as a float32 copy. Rows in rising order read a file once and forwards."""
        out = np.empty((len(rows), self.shape[1]), dtype=np.float32)
        where = np.searchsorted(self._edges, rows, side="right") - 1
        wanted = []
        for number in np.unique(where).tolist():
            mine = np.flatnonzero(where == number)
            inside, keep = rows[mine] - self._edges[number], self._keep[number]
            wanted.append((*self._read[number], mine, inside if keep is None else keep[inside]))
        for _, file, _, inside in wanted:
            file.announce(inside)
        for block, file, mine, inside in wanted:
            out[mine] = block[inside]
            file.release()
        return out

    def norms(self, *, unit: bool) -> Float64:
        """Return the Euclidean norm of each row, ``(N,)``; read and checked once, then kept.

        Raises:
            ValueError: a row is not finite, too long, or (``unit``) not of norm 1.
        """
        if self._norms is None:
            parts = [
                checked_rows(rows, name="database", unit=unit, offset=start)[1]
                for start, rows in self.pieces(max(1, _STEP_VALUES // max(1, self.shape[1])))
            ]
            self._norms = np.concatenate(parts) if parts else np.empty(0)
        return self._norms

    def knows_norms(self) -> bool:
        """Return whether `norms` would cost nothing."""
        return self._norms is not None

    def keep_norms(self, norms: Float64) -> None:
        """Take over the norms that a pass over all rows has found."""
        self._norms = norms

    @classmethod
    def of(cls, rows: Any) -> StoredRows:
        """Return ``rows`` itself if it is one of these, else one made of it."""
        return rows if isinstance(rows, StoredRows) else cls(rows)
