"""Codes of one bit a dimension, and which of them differ least from a query's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import faiss
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8 = npt.NDArray[np.uint8]
    Int64 = npt.NDArray[np.int64]

__all__ = ["Codes"]

_PART = 64
"""Bytes of a code that are compared at once, where there are many long ones."""
_LONG = 4 * _PART
_MANY = 2**25
_SHARES = (8, 64)
_PER_WANTED = 16
_PER_THREAD = 2**15


class Codes:
    """``(N, W)`` bytes, row ``i`` the code of node ``i``.

    A million codes of 512 bytes are read from memory in 50 ms or more. So of many long codes (32 MiB and more, 256
    bytes each) a query is compared with 64 bytes of each, evenly spread, which lie together; the nearest eighth of them
    with 64 bytes more; and the nearest 64th by both, at least 16 times as many as are wanted, whole. Which of two ways
    is taken depends on what is held alone, and the answer for a query not on what else is asked.

    Args:
        width: ``W``.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: UInt8 = np.empty((0, width), dtype=np.uint8)
        self._count = 0
        self._fronts: tuple[UInt8, UInt8] | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> UInt8:
        """The codes, as they lie; add nothing while this is held."""
        return self._rows[: self._count]

    def reserve(self, count: int) -> UInt8:
        """Make room for ``count`` more, and return it to be filled; `take` then counts them in."""
        needed = self._count + count
        if needed > len(self._rows):
            # By half as much again, so that growing costs O(N) in all; pages that are not written cost no memory.
            grown = np.empty((max(needed, self._count + self._count // 2), self._width), dtype=np.uint8)
            grown[: self._count] = self.rows
            self._rows = grown
        return self._rows[self._count : needed]

    def take(self, count: int) -> None:
        """Count in ``count`` codes that were written to what `reserve` returned."""
        self._count, self._fronts = self._count + count, None

    def add(self, codes: UInt8) -> None:
        """Append ``(n, W)`` codes."""
        self.reserve(len(codes))[:] = codes
        self.take(len(codes))

    def nearest(self, asked: UInt8, count: int) -> tuple[npt.NDArray[np.int32], Int64]:
        """Return how many bits of the ``count`` nearest differ from each of ``(Q, W)`` codes, and their nodes, ``(Q,
        count)``, ordered by (bits, node)."""
        if self._width < _LONG or self._count * self._width < _MANY:
            return _compared(asked, self.rows, count)
        bits = np.empty((len(asked), count), dtype=np.int32)
        node = np.empty((len(asked), count), dtype=np.int64)
        for number, code in enumerate(asked):
            near = self._near(code, count)
            found, place = _compared(code[None], _taken(self._rows, near), count)
            bits[number], node[number] = found[0], near[place[0]]
        return bits, node

    def _near(self, code: UInt8, count: int) -> Int64:
        """Return the nodes to compare whole, rising."""
        where = np.arange(2 * _PART) * self._width // (2 * _PART)
        if self._fronts is None:
            first, second = (np.take(self.rows, where[half::2], axis=1) for half in (0, 1))
            self._fronts = first, second
        few, fewer = (min(self._count, max(self._count // share, _PER_WANTED * count)) for share in _SHARES)
        bits = _differing(code[where[::2]], self._fronts[0])
        near = _lowest(bits, few)
        both = bits[near] + _differing(code[where[1::2]], self._fronts[1], near)
        return np.asarray(near[_lowest(both, fewer)])


def _differing(code: UInt8, rows: UInt8, nodes: Int64 | None = None) -> npt.NDArray[np.int32]:
    """Return how many bits differ, for each row or for some; by as many threads as faiss may use."""
    count = len(rows) if nodes is None else len(nodes)
    bits = np.empty(count, dtype=np.int32)
    asked = np.ascontiguousarray(code)

    def compare(part: slice) -> None:
        mine = rows[part] if nodes is None else _taken(rows, nodes[part])
        into = bits[part]
        faiss.hammings(faiss.swig_ptr(asked), faiss.swig_ptr(mine), 1, len(mine), rows.shape[1], faiss.swig_ptr(into))

    threads = max(1, min(faiss.omp_get_max_threads(), count // _PER_THREAD))
    parts = [slice(part * count // threads, (part + 1) * count // threads) for part in range(threads)]
    if threads == 1:
        compare(parts[0])
        return bits
    with ThreadPoolExecutor(threads) as pool:  # which let go of the interpreter while they compare
        list(pool.map(compare, parts))
    return bits


def _lowest(bits: npt.NDArray[np.int32], count: int) -> Int64:
    """Return where the ``count`` lowest stand, and all that tie with the last of them, rising."""
    return np.flatnonzero(bits <= np.partition(bits, count - 1)[count - 1])


def _taken(codes: UInt8, nodes: Int64) -> UInt8:
    """Return the codes of some nodes; "clip", for what is known to exist, is five times as fast as indexing."""
    return np.take(codes, nodes, axis=0, mode="clip")


def _compared(asked: UInt8, codes: UInt8, count: int) -> tuple[npt.NDArray[np.int32], Int64]:
    # faiss gives the lowest (bits, node): ties at the last place go by node, whatever the batch.
    bits, node = faiss.knn_hamming(np.ascontiguousarray(asked), codes, count)
    return bits, node.astype(np.int64)
