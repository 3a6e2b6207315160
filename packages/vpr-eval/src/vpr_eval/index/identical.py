"""Identical descriptors, kept once: placeholders, black frames, a car standing still."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]

__all__ = ["IdenticalRows"]

_KEY = np.dtype([("high", "<u8"), ("low", "<u8"), ("node", "<i8")])


class IdenticalRows:
    """Numbers distinct rows (*nodes*) in the order in which they first come, and remembers which rows are copies.

    A graph or an inverted list that holds a thousand equal rows is blocked by them: whatever the search meets there is
    as near as what it has, and nothing leads out. Rows are compared by 128 bits of SHA-256; 0.0 and -0.0 are equal.
    Memory: 24 bytes a distinct row and 16 a copy.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.nodes = 0
        # Sorted by hash; merged like the runs of a log-structured merge tree, so that growing costs N log N in all.
        self._runs: list[npt.NDArray[Any]] = []
        self._copies = np.empty((0, 2), dtype=np.int64)  # (row, node), rising in row

    def add(self, rows: Float32) -> Int64:
        """Take note of ``rows (n, D)``; returns the positions of those that were not known."""
        keys = _keys(rows)
        node = self._find(keys)
        # Within these rows, too, only the first counts: `unique` gives first positions.
        _, first, group = np.unique(keys[["high", "low"]], return_index=True, return_inverse=True)
        new = first[node[first] < 0]
        fresh = np.sort(new)
        number = np.full(len(first), -1, dtype=np.int64)
        number[group.ravel()[fresh]] = self.nodes + np.arange(len(fresh))
        node = np.where(node < 0, number[group.ravel()], node)
        is_copy = np.ones(len(rows), dtype=bool)
        is_copy[fresh] = False
        where = np.flatnonzero(is_copy)
        if len(where):
            self._copies = np.concatenate([self._copies, np.stack([where + self.rows, node[where]], axis=1)])
        run = keys[fresh]
        run["node"] = node[fresh]
        self._keep(np.sort(run, order=("high", "low")))
        self.rows += len(rows)
        self.nodes += len(fresh)
        return fresh

    def find(self, rows: Float32) -> Int64:
        """Return the node of each of some rows, -1 for one that is not known."""
        return self._find(_keys(rows))

    def node_of(self, rows: Int64) -> Int64:
        """Return the node of each of some row numbers."""
        before = np.searchsorted(self._copies[:, 0], rows)
        copied = np.zeros(len(rows), dtype=bool)
        if len(self._copies):
            place = np.minimum(before, len(self._copies) - 1)
            copied = self._copies[place, 0] == rows
            return np.where(copied, self._copies[place, 1], rows - before)
        return rows - before

    def first_row(self, nodes: Int64) -> Int64:
        """Return the first row of each node."""
        # The j-th copy (from 0) stands at a row r_j with r_j - j rows before it that are none.
        distinct_before = self._copies[:, 0] - np.arange(len(self._copies))
        return nodes + np.searchsorted(distinct_before, nodes, side="right")

    @property
    def copies(self) -> Int64:
        """Row numbers that repeat an earlier row, rising."""
        return self._copies[:, 0]

    def rows_of(self, nodes: Int64, most: int) -> tuple[Int64, Int64]:
        """Return the first ``most`` rows of each node as pairs (position in ``nodes``, row); none of node -1."""
        place = np.flatnonzero(nodes >= 0)
        position, row = place, self.first_row(nodes[place])
        if len(self._copies) and most > 1:
            order = np.argsort(self._copies[:, 1], kind="stable")
            owner, copy = self._copies[order, 1], self._copies[order, 0]
            start = np.searchsorted(owner, nodes[place])
            count = np.minimum(np.searchsorted(owner, nodes[place], side="right") - start, most - 1)
            inside = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
            position = np.concatenate([position, np.repeat(place, count)])
            row = np.concatenate([row, copy[np.repeat(start, count) + inside]])
        return position, row

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that a file has to keep."""
        keys = np.sort(np.concatenate([np.empty(0, dtype=_KEY), *self._runs]), order=("high", "low"))
        plain = np.stack([keys["high"].view("<i8"), keys["low"].view("<i8"), keys["node"]], axis=1)
        return {"identical_keys": plain, "identical_copies": self._copies}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], *, rows: int) -> IdenticalRows:
        """Read what `to_arrays` returned.

        Raises:
            ValueError: the numbers do not fit each other.
        """
        plain, copies = (np.asarray(arrays[name], dtype=np.int64) for name in ("identical_keys", "identical_copies"))
        same = cls()
        same.rows, same.nodes = rows, len(plain)
        fits = plain.shape == (rows - len(copies), 3) and copies.shape == (len(copies), 2)
        if not fits or not _are_all(plain[:, 2]):
            raise ValueError("payload: identical_keys do not fit the number of descriptors; rebuild the index")
        if len(copies) and (
            (np.diff(copies[:, 0]) <= 0).any()
            or copies[0, 0] < 1
            or copies[-1, 0] >= rows
            or (copies[:, 1] < 0).any()
            or (copies[:, 1] >= same.nodes).any()
        ):
            raise ValueError("payload: identical_copies do not fit the number of descriptors; rebuild the index")
        keys = np.empty(len(plain), dtype=_KEY)
        keys["high"], keys["low"], keys["node"] = plain[:, 0].view("<u8"), plain[:, 1].view("<u8"), plain[:, 2]
        if not _rises(keys):  # as `to_arrays` wrote them they do; sorting a million takes a second
            keys = np.sort(keys, order=("high", "low"))
        same._runs, same._copies = [keys], copies.copy()
        return same

    def _keep(self, run: npt.NDArray[Any]) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-1]) * 2 > len(self._runs[-2]):
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate([before, last]), order=("high", "low")))

    def _find(self, keys: npt.NDArray[Any]) -> Int64:
        node = np.full(len(keys), -1, dtype=np.int64)
        for run in self._runs:
            if not len(run):
                continue
            place = np.minimum(np.searchsorted(run["high"], keys["high"]), len(run) - 1)
            # Two rows of one ``high`` and different ``low``: 2^-64; they are taken for new, which is never wrong.
            same = (run["high"][place] == keys["high"]) & (run["low"][place] == keys["low"])
            node[same] = run["node"][place[same]]
        return node


def _are_all(numbers: Int64) -> bool:
    """Whether these are 0 to N - 1, each once."""
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(numbers):
        return False
    return bool((np.bincount(numbers, minlength=len(numbers)) == 1).all())


def _rises(keys: npt.NDArray[Any]) -> bool:
    before, after = keys[:-1], keys[1:]
    ties = before["high"] == after["high"]
    return bool(((before["high"] < after["high"]) | (ties & (before["low"] <= after["low"]))).all())


def _keys(rows: Float32) -> npt.NDArray[Any]:
    plain = np.ascontiguousarray(rows + np.float32(0))  # -0.0 becomes 0.0
    digests = b"".join(hashlib.sha256(row.data).digest()[:16] for row in plain)
    keys = np.zeros(len(plain), dtype=_KEY)
    halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    keys["high"], keys["low"] = halves[:, 0], halves[:, 1]
    return keys
