"""A collection in this process: Qdrant's own engine, through qdrant-edge-py, in a folder of this machine."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import qdrant_edge as edge

from vpr_qdrant.engine import engine_config, failing, require_room, search_params, within
from vpr_qdrant.folder import Folder
from vpr_qdrant.place import LOCATION, Approximation, Place

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["EdgeStore"]

log = logging.getLogger(__name__)


class EdgeStore:
    """A collection of this object's own: made here, filled here, and deleted with it unless it has a name.

    Points whose filling was cut short (the process was killed) are taken up: what is inserted again is compared with
    them, number by number, and written only where it is not there yet.

    Args:
        place: a folder, or neither folder nor server.
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        approximation: how the engine proposes neighbours; None: compare with everything.
        batch: vectors or queries handed over at once.

    Raises:
        ValueError: a collection of that name is there and may not be replaced.
        OSError: the engine cannot write, or cannot read what a killed process left.
    """

    def __init__(self, place: Place, *, dim: int, metric: str, approximation: Approximation | None, batch: int) -> None:
        self._dim, self._metric = dim, metric
        self._approximation, self._batch = approximation, batch
        self._folder = Folder(place, dim=dim, metric=metric)
        # Nobody goes on with a temporary collection: it needs no log of what came.
        self._config = engine_config(dim, metric, approximation, logged=not self._folder.temporary)
        self._held = self._filled = 0
        self._settled = True
        opened: list[edge.EdgeShard] = []
        self._opened = opened
        self._finalizer = weakref.finalize(self, _release, opened, self._folder)
        try:
            self._open()
        except BaseException:
            self._finalizer()
            raise

    @property
    def _shard(self) -> edge.EdgeShard:
        if not self._opened:
            raise ValueError(f"collection: {self._folder.path} is closed; make another index")
        return self._opened[0]

    def _open(self) -> None:
        folder = self._folder
        with failing(folder.path, "it may be damaged: allow its deletion with replace=true" if folder.taken_up else ""):
            if not folder.taken_up:
                require_room(folder.path, 0)
                folder.shard.mkdir(exist_ok=True)
                self._opened.append(edge.EdgeShard.create(str(folder.shard), self._config))
                return
            self._opened.append(edge.EdgeShard.load(str(folder.shard), self._config))
            self._held = self._shard.count(edge.CountRequest(exact=True))
            found = sum(len(self._records(part)) for part in _parts(range(self._held), self._batch))
        if found != self._held:
            raise ValueError(
                f"collection: {folder.path} was left unfinished and lacks {self._held - found} of its first "
                f"{self._held} points; allow its deletion with replace=true"
            )
        if self._held:
            log.info("qdrant: %s was left unfinished with %d points; going on from there", folder.path, self._held)

    def close(self, *, finished: bool = True) -> None:
        """Close the collection; delete it unless it has a name. ``finished``: the next of its name is refused."""
        if finished and self._finalizer.alive and not self._folder.temporary:
            with failing(self._folder.path):
                self._shard.flush()
            self._folder.finish()
        self._finalizer()

    def clear(self) -> None:
        """Delete everything in the collection."""
        with failing(self._folder.path):
            self._opened.pop().close()
        self._folder.empty()
        self._folder.taken_up, self._held, self._filled = False, 0, 0
        self._open()

    def make_positions_searchable(self) -> None:
        """Have the engine index positions."""
        with failing(self._folder.path):
            self._shard.update(edge.UpdateOperation.create_field_index(LOCATION, edge.PayloadSchemaType.Geo))

    def insert(self, first: int, rows: Float32, positions: Float64 | None) -> None:
        """Add ``rows`` as points ``first``, ``first + 1``, ...; those found there are only compared.

        Raises:
            ValueError: others are there.
            OSError: no room on the disk, of which the engine would die.
        """
        require_room(self._folder.path, rows.nbytes)
        for start in range(0, len(rows), self._batch):
            part = slice(start, start + self._batch)
            where = None if positions is None else positions[part]
            there = min(max(self._held - first - start, 0), len(rows[part]))
            self._compare(first + start, rows[part][:there], None if where is None else where[:there])
            self._upsert(first + start + there, rows[part][there:], None if where is None else where[there:])
        self._filled = max(self._filled, first + len(rows))
        self._settled = False

    def _upsert(self, first: int, rows: Float32, positions: Float64 | None) -> None:
        if len(rows) == 0:
            return
        payloads: list[Any] = [None] * len(rows)
        if positions is not None:
            payloads = [{LOCATION: {"lat": lat, "lon": lon}} for lat, lon in positions.tolist()]
        points = [
            edge.Point(id=first + row, vector=vector, payload=payload)
            for row, (vector, payload) in enumerate(zip(rows.tolist(), payloads, strict=True))
        ]
        with failing(self._folder.path):
            self._shard.update(edge.UpdateOperation.upsert_points(points))

    def _compare(self, first: int, rows: Float32, positions: Float64 | None) -> None:
        records = {int(record.id): record for record in self._records(range(first, first + len(rows)), payload=True)}
        for row, vector in enumerate(rows):
            record = records[first + row]
            there = (record.payload or {}).get(LOCATION)
            wanted = None if positions is None else positions[row]
            same = np.array_equal(np.asarray(record.vector, dtype=np.float32), vector)
            if not same or not _same_place(there, wanted):
                raise ValueError(
                    f"collection: {self._folder.path} was left unfinished by an index of other descriptors or "
                    f"positions (row {first + row} differs); name another, or allow its deletion with replace=true"
                )

    def remove_from(self, first: int, end: int) -> None:
        """Remove points ``first`` to ``end - 1``, those that are there and were not found there."""
        self._filled = min(self._filled, first)
        for part in _parts(range(max(first, self._held), end), self._batch):
            with failing(self._folder.path):
                self._shard.update(edge.UpdateOperation.delete_points(list(part)))

    def propose(
        self, queries: Float32, limit: int, *, near: Float64 | None, radius: float | None, exact: bool
    ) -> list[tuple[Int64, Float64]]:
        """Return ids and costs of the ``limit`` nearest of each query by the engine's own arithmetic, in its order."""
        self._settle()
        params = search_params(None if exact else self._approximation)
        found = []
        for start in range(0, len(queries), self._batch):
            requests = [
                edge.QueryRequest(
                    query=edge.Query.Nearest(query.tolist()),
                    limit=limit,
                    params=params,
                    filter=None if near is None else within(near[start + row], radius),
                )
                for row, query in enumerate(queries[start : start + self._batch])
            ]
            with failing(self._folder.path):
                answers = self._shard.query_batch(edge.QueryBatchRequest(queries=requests))
            for answer in answers:
                ids = np.array([point.id for point in answer], dtype=np.int64)
                score = np.array([point.score for point in answer], dtype=np.float64)
                found.append((ids, score**2 if self._metric == "l2" else -score))
        return found

    def _settle(self) -> None:
        """Have what was added put in order, and graph and codes built: an engine does so only when told."""
        if self._filled < self._held:
            raise ValueError(
                f"collection: {self._folder.path} was left unfinished with {self._held} points, of which "
                f"{self._filled} were added again; add all, name another, or allow its deletion with replace=true"
            )
        if not self._settled:
            with failing(self._folder.path):
                self._shard.optimize()
            self._settled = True

    def rows(self, ids: Sequence[int]) -> Float32:
        """Return the vectors of points, ``(len(ids), D)`` in the order asked for.

        Raises:
            ValueError: some are not there any more.
        """
        out = np.empty((len(ids), self._dim), dtype=np.float32)
        for start in range(0, len(ids), self._batch):
            part = ids[start : start + self._batch]
            place = {number: start + row for row, number in enumerate(part)}
            records = self._records(part)
            if len(records) != len(part):
                raise ValueError(
                    f"collection: {len(part) - len(records)} of {len(part)} points asked of {self._folder.path} are "
                    "gone; build the index anew"
                )
            for record in records:
                out[place[int(record.id)]] = record.vector
        return out

    def _records(self, ids: Sequence[int], *, payload: bool = False) -> list[Any]:
        with failing(self._folder.path):
            return list(self._shard.retrieve(list(ids), with_payload=payload, with_vector=True))


def _same_place(there: Any, wanted: Float64 | None) -> bool:
    """Compare to a tenth of a millimetre: what the engine keeps may be off by the last digit of a float64."""
    if there is None or wanted is None:
        return there is None and wanted is None
    return bool(np.abs(np.array([there["lat"], there["lon"]]) - wanted).max() <= 1e-9)


def _parts(ids: range, step: int) -> Iterator[range]:
    for start in range(0, len(ids), step):
        yield ids[start : start + step]


def _release(opened: list[edge.EdgeShard], folder: Folder) -> None:
    """Close the engine, then give the folder back. Whatever fails is left: nobody waits for it."""
    while opened:
        with suppress(Exception):
            opened.pop().close()
    folder.release()
