"""The index: exact order and distances, whatever the engine's arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from vpr_qdrant.checks import check_k, check_positions, check_radius, checked_rows
from vpr_qdrant.neighbours import Neighbours, distance_of_cost, exact_distance, rounding_bound
from vpr_qdrant.place import Approximation, Place, open_store
from vpr_qdrant.sample import recall_of_sample, warn_of_one_sign
from vpr_qdrant.snapshot import Header, read_snapshot, write_snapshot

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["QdrantIndex"]

_SPARE = 16
_VALUES = 2**20
"""Numbers in one request, at most: as JSON that is 20 MB, and servers take 32."""


class QdrantIndex:
    """Nearest-neighbour search in a Qdrant database; row ``i`` of all that was added is point ``i`` of the collection.

    The engine proposes more neighbours than asked for; their distances are then computed in float64 from the stored
    vectors and ordered by (distance, index). If, by a bound on the engine's float32 arithmetic, one that was not
    proposed could still belong, it is asked for more: ties, also across the ``k``-th place, go by index everywhere.
    An approximate index (``exact=False``) of more than a million numbers is first tried on some of its own rows, and
    the log says what it finds of the true neighbours (``sampled_recall``).

    Args:
        dim: ``D``.
        metric: ``l2`` (Euclidean) or ``ip`` (inner product; rows must have norm 1).
        path: folder of an embedded database; with neither this nor ``url`` it is in a temporary folder.
        url: of a server or cluster.
        api_key_variable: environment variable that holds the server's API key.
        collection: name that outlives this object; None: a new name, deleted with it.
        replace: delete a collection of that name first.
        prefer_grpc: speak gRPC where the server can.
        grpc_port: its port for that.
        timeout: seconds to wait for an answer.
        batch: descriptors or queries in one request.
        exact: compare with everything; False: an HNSW graph, codes, or both propose (above some megabytes).
        links: neighbours of a node in the graph; 0: no graph.
        ef_construction: width of the search while building it.
        ef_search: width of the search in it.
        quantization: ``int8`` (a byte a number) or ``binary`` (its sign) propose; what they propose is compared again.
        oversampling: how many times as many as asked for the codes propose.

    Raises:
        ConnectionError: the server does not answer.
        PermissionError: it refuses the API key.
        ValueError: the collection is there already, or the key's variable is not set.

    Example:
        >>> import numpy as np
        >>> index = QdrantIndex(dim=2)
        >>> index.add(np.array([[0, 0], [3, 4]], dtype=np.float32), positions=[[48.2, 16.37], [48.2, 16.38]])
        >>> index.search(np.array([[3, 0]], dtype=np.float32), 2)
        Neighbours(distance=array([[3., 4.]], dtype=float32), index=array([[0, 1]]))
        >>> index.search(np.array([[3, 0]], dtype=np.float32), 2, near=[48.2, 16.38], radius=100.0).index
        array([[ 1, -1]])
    """

    def __init__(
        self,
        *,
        dim: int,
        metric: Literal["l2", "ip"] = "l2",
        path: Path | None = None,
        url: str | None = None,
        api_key_variable: str | None = None,
        collection: str | None = None,
        replace: bool = False,
        prefer_grpc: bool = False,
        grpc_port: int = 6334,
        timeout: int = 60,
        batch: int = 256,
        exact: bool = True,
        links: int = 16,
        ef_construction: int = 128,
        ef_search: int = 128,
        quantization: Literal["int8", "binary"] | None = None,
        oversampling: float = 4.0,
    ) -> None:
        if metric not in ("l2", "ip"):
            raise ValueError(f'metric: {metric!r} is unknown; choose "l2" (Euclidean) or "ip" (unit rows)')
        if dim < 1:
            raise ValueError(f"dim: must be at least 1, got {dim}")
        if batch < 1:
            raise ValueError(f"batch: must be at least 1, got {batch}")
        if exact and quantization is not None:
            raise ValueError(f"quantization: {quantization} codes are approximate; set exact=False with them")
        self.dim, self.metric, self.exact = dim, metric, exact
        self._signs = quantization == "binary"
        self._batch = min(batch, max(1, _VALUES // dim))
        place = Place(
            path=None if path is None else Path(path),
            url=url,
            api_key_variable=api_key_variable,
            collection=collection,
            replace=replace,
            prefer_grpc=prefer_grpc,
            grpc_port=grpc_port,
            timeout=timeout,
        )
        approximation = Approximation(
            links=links,
            ef_construction=ef_construction,
            ef_search=ef_search,
            quantization=quantization,
            oversampling=oversampling,
        )
        self._store = open_store(
            place, dim=dim, metric=metric, approximation=None if exact else approximation, batch=self._batch
        )
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._largest_norm = 0.0
        self._positions: Float64 | None = None
        self.sampled_recall: float | None = None

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._store.close(finished=kind is None)

    def close(self) -> None:
        """Close the connection now, and delete the collection unless it has a name."""
        self._store.close()

    def add(self, descriptors: Float32, *, positions: npt.ArrayLike | None = None) -> None:
        """Append ``(N, D)`` float32 rows, with the ``(N, 2)`` latitudes and longitudes of their images or without.

        Raises:
            TypeError: not a float32 numpy array.
            ValueError: another dimension, NaN or infinity, rows not of norm 1 under ``ip``, positions out of range, or
                positions for some rows and not for others. Nothing is added then.
        """
        rows = checked_rows(descriptors, name="descriptors", dim=self.dim, unit=self.metric == "ip", offset=len(self))
        if len(rows) == 0:
            return
        if self._signs and len(self) == 0:
            warn_of_one_sign(rows)
        where = None if positions is None else check_positions(positions, name="positions", count=len(rows))
        if len(self) and (where is None) != (self._positions is None):
            had = "without" if self._positions is None else "with"
            raise ValueError(f"positions: earlier descriptors came {had} them; give them for all or for none")
        try:
            if where is not None and len(self) == 0:
                self._store.make_positions_searchable()
            self._store.insert(len(self), rows, where)
        except BaseException:
            self._store.remove_from(len(self), len(self) + len(rows))
            raise
        self._count += len(rows)
        self.sampled_recall = None
        self._largest_norm = max(self._largest_norm, float(np.linalg.norm(rows.astype(np.float64), axis=1).max()))
        if where is not None:
            self._positions = where if self._positions is None else np.concatenate([self._positions, where])

    def search(
        self, queries: Float32, k: int, *, near: npt.ArrayLike | None = None, radius: float | None = None
    ) -> Neighbours:
        """Return the ``k`` nearest of each of ``(Q, D)`` float32 queries, nearest first, ties by index.

        Args:
            queries: descriptors.
            k: how many, at most ``len(self)``.
            near: latitude and longitude, ``(2,)`` for all queries or ``(Q, 2)``: only descriptors taken within
                ``radius`` of it. Where there are fewer than ``k``, index -1 at infinite distance fills the row.
            radius: metres, on a sphere.

        Raises:
            TypeError: not a float32 numpy array.
            ValueError: as for `add`; ``k`` is more than there are descriptors; ``near`` without ``radius`` or without
                positions in the database.
        """
        wanted = check_k(k, len(self))
        rows = checked_rows(queries, name="queries", dim=self.dim, unit=self.metric == "ip")
        centers, metres = self._area(near, radius, len(rows))
        if not self.exact and self.sampled_recall is None and len(self) * self.dim > _VALUES:
            self.sampled_recall = recall_of_sample(
                len(self), self._store.rows, lambda given, k, exact: self._nearest(given, k, exact=exact).index
            )
        return self._nearest(rows, wanted, centers=centers, metres=metres, exact=self.exact)

    def _nearest(
        self, rows: Float32, wanted: int, *, centers: Float64 | None = None, metres: float | None = None, exact: bool
    ) -> Neighbours:
        distance = np.full((len(rows), wanted), np.inf, dtype=np.float32)
        index = np.full((len(rows), wanted), -1, dtype=np.int64)
        norms = np.linalg.norm(rows.astype(np.float64), axis=1)
        pending = np.arange(len(rows))
        limit = min(len(self), wanted + max(_SPARE, wanted // 8))
        while len(pending):
            proposed = self._store.propose(
                rows[pending],
                limit,
                near=None if centers is None else centers[pending],
                radius=metres,
                exact=exact,
            )
            unsure = []
            for query, (ids, cost), found in self._ordered(rows, pending, proposed):
                best = found[0][:wanted]
                distance[query, : len(best)], index[query, : len(best)] = best, found[1][:wanted]
                if exact:
                    complete = len(ids) < limit or limit == len(self)
                    sure = complete or self._beyond(cost, norms[query]) > distance[query, -1]
                else:  # a graph may lead nowhere: then look everywhere
                    sure = len(ids) >= wanted
                if not sure:
                    unsure.append(query)
            pending = np.array(unsure, dtype=np.int64)
            limit, exact = (min(len(self), 4 * limit), True) if exact else (limit, True)
        return Neighbours(distance, index)

    def _area(
        self, near: npt.ArrayLike | None, radius: float | None, count: int
    ) -> tuple[Float64 | None, float | None]:
        if near is None:
            if radius is not None:
                raise ValueError("near: radius alone says nothing; give latitude and longitude of its centre")
            return None, None
        if self._positions is None:
            raise ValueError("near: the descriptors have no positions; give them to add(..., positions=)")
        given = np.asarray(near, dtype=np.float64)
        if given.shape == (2,):
            given = np.broadcast_to(given, (count, 2))
        return check_positions(given, name="near", count=count), check_radius(radius)

    def _ordered(
        self, rows: Float32, pending: Int64, proposed: list[tuple[Int64, Float64]]
    ) -> Iterator[tuple[int, tuple[Int64, Float64], tuple[Float32, Int64]]]:
        """Yield each query with what was proposed for it and the same by (distance, index); vectors fetched once."""
        for start in range(0, len(pending), self._batch):
            part = proposed[start : start + self._batch]
            known = np.unique(np.concatenate([ids for ids, _ in part]))
            vectors = self._store.rows(known.tolist())
            for row, (ids, cost) in enumerate(part):
                query = int(pending[start + row])
                exact = exact_distance(rows[query], vectors[np.searchsorted(known, ids)], self.metric)
                order = np.lexsort((ids, exact))
                yield query, (ids, cost), (exact[order], ids[order])

    def _beyond(self, cost: Float64, norm: float) -> float:
        """Least distance that a descriptor may have which was not proposed."""
        least = cost.max() - rounding_bound(self.dim, float(norm), self._largest_norm)
        return float(distance_of_cost(np.asarray(least), self.metric))

    def save(self, path: Path) -> None:
        """Write descriptors and positions to one file, atomically; it needs no Qdrant to be read again."""
        header = Header(dim=self.dim, metric=self.metric, count=len(self), positions=self._positions is not None)
        step = self._batch
        parts = (self._store.rows(range(start, min(start + step, len(self)))) for start in range(0, len(self), step))
        write_snapshot(Path(path), header, parts, self._positions)

    def load(self, path: Path) -> None:
        """Replace the content by that of a file; nothing changes when the file is refused.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, or of another dimension or metric.
            ConnectionError: the server failed on the way; the index is empty then.
        """
        path = Path(path)
        with read_snapshot(path) as file:
            for name, mine, its in (("dim", self.dim, file.header.dim), ("metric", self.metric, file.header.metric)):
                if mine != its:
                    raise ValueError(f"{name}: this index has {mine!r}, the file {path} has {its!r}")
            positions = file.positions()
            if positions is not None:
                check_positions(positions, name=f"{path}, positions", count=file.header.count)
            for rows in file.rows(self._batch):
                checked_rows(rows, name=f"{path}", dim=self.dim, unit=self.metric == "ip")
            self._store.clear()
            self._forget()
            for rows in file.rows(self._batch):
                start = len(self)
                self.add(rows, positions=None if positions is None else positions[start : start + len(rows)])
