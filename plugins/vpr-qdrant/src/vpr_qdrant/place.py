"""Where a collection lies, and how it is searched: what a user says, and no engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["LOCATION", "Approximation", "Place", "Store", "open_store"]

LOCATION = "location"
"""Key under which a point keeps ``{lat, lon}``."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A database: of this process alone, in a folder, or on a server.

    Attributes:
        path: folder of embedded databases, one below it for each collection.
        url: of a server or cluster; with neither, the database is in a temporary folder.
        api_key_variable: environment variable that holds the key.
        collection: name that outlives the index; None: a new name, deleted with it.
        replace: delete a collection of that name first.
        prefer_grpc: speak gRPC where the server can.
        grpc_port: its port for that.
        timeout: seconds to wait for an answer.
    """

    path: Path | None = None
    url: str | None = None
    api_key_variable: str | None = None
    collection: str | None = None
    replace: bool = False
    prefer_grpc: bool = False
    grpc_port: int = 6334
    timeout: int = 60

    def __str__(self) -> str:
        return self.url or (str(self.path) if self.path else "memory")


@dataclass(frozen=True, kw_only=True)
class Approximation:
    """How neighbours are proposed when not everything is compared.

    Attributes:
        links: neighbours of a node in the HNSW graph; 0: no graph, a scan.
        ef_construction: width of the search while building the graph.
        ef_search: width of the search in it.
        quantization: codes that propose in place of the descriptors; None: the descriptors themselves.
        oversampling: how many times as many are proposed by codes and compared again by the descriptors.
    """

    links: int = 16
    ef_construction: int = 128
    ef_search: int = 128
    quantization: Literal["int8", "binary"] | None = None
    oversampling: float = 4.0


class Store(Protocol):
    """One collection: what goes in and what comes out. Numbers are checked elsewhere."""

    def close(self, *, finished: bool = True) -> None:
        """Let go of the collection; delete it unless it has a name. ``finished``: nothing more was to come."""

    def clear(self) -> None:
        """Delete everything in the collection."""

    def make_positions_searchable(self) -> None:
        """Have positions indexed, of what is there and of what comes."""

    def insert(self, first: int, rows: Float32, positions: Float64 | None) -> None:
        """Add ``rows`` as points ``first``, ``first + 1``, ..."""

    def remove_from(self, first: int, end: int) -> None:
        """Remove points ``first`` to ``end - 1``, those that are there."""

    def propose(
        self, queries: Float32, limit: int, *, near: Float64 | None, radius: float | None, exact: bool
    ) -> list[tuple[Int64, Float64]]:
        """Return ids and costs of the ``limit`` nearest of each query by the engine's own arithmetic, in its order."""

    def rows(self, ids: Sequence[int]) -> Float32:
        """Return the vectors of points, ``(len(ids), D)`` in the order asked for.

        Raises:
            ValueError: some are not there any more.
        """


def open_store(place: Place, *, dim: int, metric: str, approximation: Approximation | None, batch: int) -> Store:
    """Make the collection of an index.

    Args:
        place: the database.
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        approximation: how neighbours are proposed; None: compare with everything.
        batch: vectors or queries in one request.

    Raises:
        ConnectionError: the server does not answer.
        PermissionError: it refuses the API key.
        ValueError: a collection of that name is there and may not be replaced, or the key's variable is not set.
    """
    if place.url is not None:
        from vpr_qdrant.cluster import ClusterStore  # the client takes a second to import: only for a server

        return ClusterStore(place, dim=dim, metric=metric, approximation=approximation, batch=batch)
    from vpr_qdrant.edge import EdgeStore

    return EdgeStore(place, dim=dim, metric=metric, approximation=approximation, batch=batch)
