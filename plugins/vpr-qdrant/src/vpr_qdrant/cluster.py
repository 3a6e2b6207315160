"""A collection on a server or cluster, through qdrant-client."""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qdrant_client import models

from vpr_qdrant.place import LOCATION, Approximation, Place
from vpr_qdrant.server import answering, logged_warnings, open_client, release

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["ClusterStore"]

_DISTANCES = {"l2": models.Distance.EUCLID, "ip": models.Distance.DOT}
"""Not the database's cosine, which would normalise, and so round, what it stores; of unit rows it is the same."""


class ClusterStore:
    """A collection of this object's own: made here, filled here, and deleted with it unless it has a name.

    Args:
        place: the database.
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        approximation: how the server proposes neighbours; None: compare with everything.
        batch: vectors or queries in one request.

    Raises:
        ConnectionError: the server does not answer.
        PermissionError: it refuses the API key.
        ValueError: a collection of that name is there and may not be replaced, or the key's variable is not set.
    """

    def __init__(self, place: Place, *, dim: int, metric: str, approximation: Approximation | None, batch: int) -> None:
        self._place, self._dim, self._metric = place, dim, metric
        self._approximation, self._batch = approximation, batch
        self._name = place.collection or f"vpr-{secrets.token_hex(8)}"
        self._client = open_client(place)
        temporary = place.collection is None
        self._finalizer = weakref.finalize(self, release, self._client, self._name, temporary=temporary)
        with answering(place):
            if self._client.collection_exists(self._name):
                if not place.replace:
                    size = self._client.count(self._name).count
                    raise ValueError(
                        f"collection: {self._name!r} is there already, with {size} points; name another, leave the "
                        "name out, or allow its deletion with replace=true"
                    )
                self._client.delete_collection(self._name)
            self._create()

    def _create(self) -> None:
        how = self._approximation
        self._client.create_collection(
            self._name,
            vectors_config=models.VectorParams(size=self._dim, distance=_DISTANCES[self._metric]),
            hnsw_config=None if how is None else models.HnswConfigDiff(m=how.links, ef_construct=how.ef_construction),
            quantization_config=None if how is None else _codes(how),
            # Nobody asks an exact index's graph: the server is spared building one.
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0) if how is None else None,
        )

    def close(self, *, finished: bool = True) -> None:
        """Close the connection; delete the collection unless it has a name."""
        self._finalizer()

    def clear(self) -> None:
        """Delete everything in the collection."""
        with answering(self._place):
            self._client.delete_collection(self._name)
            self._create()

    def make_positions_searchable(self) -> None:
        """Have the server index positions."""
        with answering(self._place):
            self._client.create_payload_index(self._name, LOCATION, models.PayloadSchemaType.GEO)

    def insert(self, first: int, rows: Float32, positions: Float64 | None) -> None:
        """Add ``rows`` as points ``first``, ``first + 1``, ..."""
        for start in range(0, len(rows), self._batch):
            part = slice(start, start + self._batch)
            vectors = rows[part]
            payloads: list[Any] | None = None
            if positions is not None:
                payloads = [{LOCATION: {"lat": lat, "lon": lon}} for lat, lon in positions[part].tolist()]
            points = models.Batch(
                ids=list(range(first + start, first + start + len(vectors))),
                vectors=vectors.tolist(),
                payloads=payloads,
            )
            with answering(self._place), logged_warnings():
                self._client.upsert(self._name, points, wait=True)

    def remove_from(self, first: int, end: int) -> None:
        """Remove points ``first`` to ``end - 1``, those that are there."""
        for start in range(first, end, self._batch):
            there = models.HasIdCondition(has_id=list(range(start, min(start + self._batch, end))))
            with answering(self._place):
                self._client.delete(self._name, models.FilterSelector(filter=models.Filter(must=[there])), wait=True)

    def propose(
        self, queries: Float32, limit: int, *, near: Float64 | None, radius: float | None, exact: bool
    ) -> list[tuple[Int64, Float64]]:
        """Return ids and costs of the ``limit`` nearest of each query by the engine's own arithmetic, in its order."""
        how = None if exact else self._approximation
        params = models.SearchParams(exact=True) if how is None else _search_params(how)
        found = []
        for start in range(0, len(queries), self._batch):
            requests = [
                models.QueryRequest(
                    query=query.tolist(),
                    limit=limit,
                    params=params,
                    filter=None if near is None else _within(near[start + row], radius),
                )
                for row, query in enumerate(queries[start : start + self._batch])
            ]
            with answering(self._place):
                answers = self._client.query_batch_points(self._name, requests)
            for answer in answers:
                ids = np.array([point.id for point in answer.points], dtype=np.int64)
                score = np.array([point.score for point in answer.points], dtype=np.float64)
                found.append((ids, score**2 if self._metric == "l2" else -score))
        return found

    def rows(self, ids: Sequence[int]) -> Float32:
        """Return the vectors of points, ``(len(ids), D)`` in the order asked for.

        Raises:
            ValueError: some are not there any more.
        """
        out = np.empty((len(ids), self._dim), dtype=np.float32)
        for start in range(0, len(ids), self._batch):
            part = list(ids[start : start + self._batch])
            with answering(self._place):
                records = self._client.retrieve(self._name, list(part), with_payload=False, with_vectors=True)
            place = {number: start + row for row, number in enumerate(part)}
            if len(records) != len(part):
                raise ValueError(
                    f"collection: {len(part) - len(records)} of {len(part)} points asked of {self._name!r} are gone; "
                    "somebody else changed it: build the index anew"
                )
            for record in records:
                out[place[int(record.id)]] = np.asarray(record.vector, dtype=np.float32)
        return out


def _codes(how: Approximation) -> models.ScalarQuantization | models.BinaryQuantization | None:
    if how.quantization == "int8":
        return models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8))
    if how.quantization == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig())
    return None


def _search_params(how: Approximation) -> models.SearchParams:
    """Say that what codes propose is compared again by the descriptors: the server would leave that to itself."""
    again = None
    if how.quantization is not None:
        again = models.QuantizationSearchParams(rescore=True, oversampling=how.oversampling)
    return models.SearchParams(exact=False, hnsw_ef=how.ef_search, quantization=again)


def _within(near: Float64, radius: float | None) -> models.Filter:
    center = models.GeoPoint(lat=float(near[0]), lon=float(near[1]))
    circle = models.GeoRadius(center=center, radius=float(radius or 0.0))
    return models.Filter(must=[models.FieldCondition(key=LOCATION, geo_radius=circle)])
