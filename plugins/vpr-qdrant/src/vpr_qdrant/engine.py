"""What the engine in this process is told, and its failures in words that help."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import qdrant_edge as edge

from vpr_qdrant.place import LOCATION, Approximation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]

__all__ = ["engine_config", "failing", "require_room", "search_params", "within"]

_DISTANCES = {"l2": edge.Distance.Euclid, "ip": edge.Distance.Dot}
"""Not the engine's cosine, which would normalise, and so round, what it stores; of unit rows it is the same."""

_INDEXED_ABOVE = 4000
"""Kilobytes of descriptors above which the engine puts them in order and builds graph and codes; below, it compares
all, which takes a fraction of a millisecond."""

_SPARE_BYTES = 128 * 2**20
_COPIES = 4
"""The engine keeps the log of what came, the descriptors, and while it puts them in order a second copy."""


def engine_config(dim: int, metric: str, approximation: Approximation | None, *, logged: bool) -> edge.EdgeConfig:
    """Return how a collection is kept; ``logged``: what comes is first written to a log, and outlives a kill."""
    how = approximation or Approximation(links=0)
    codes: edge.ScalarQuantizationConfig | edge.BinaryQuantizationConfig | None = None
    if how.quantization == "int8":
        codes = edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8)
    elif how.quantization == "binary":
        codes = edge.BinaryQuantizationConfig()
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(size=dim, distance=_DISTANCES[metric]),
        hnsw_config=edge.HnswIndexConfig(
            m=how.links, ef_construct=how.ef_construction, full_scan_threshold=_INDEXED_ABOVE
        ),
        quantization_config=codes,
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_INDEXED_ABOVE),
        wal_enabled=logged,
    )


def search_params(how: Approximation | None) -> edge.SearchParams:
    """Say that what codes propose is compared again by the descriptors: the engine does so only when told."""
    if how is None:
        return edge.SearchParams(exact=True)
    again = None
    if how.quantization is not None:
        again = edge.QuantizationSearchParams(ignore=False, rescore=True, oversampling=how.oversampling)
    return edge.SearchParams(exact=False, hnsw_ef=how.ef_search, quantization=again)


def within(near: Float64, radius: float | None) -> edge.Filter:
    """Return a filter that leaves points taken within ``radius`` metres of latitude and longitude ``near``."""
    circle = edge.GeoRadius(center=edge.GeoPoint(lat=float(near[0]), lon=float(near[1])), radius=float(radius or 0.0))
    return edge.Filter(must=[edge.FieldCondition(key=LOCATION, geo_radius=circle)])


def require_room(folder: Path, added: int) -> None:
    """Refuse a disk that is too full: the engine maps its files, and a process that runs out of room there dies."""
    free, wanted = shutil.disk_usage(folder).free, _COPIES * added + _SPARE_BYTES
    if free < wanted:
        raise OSError(
            errno.ENOSPC,
            f"path: the disk of {folder} has {free / 2**20:.0f} MiB left, the collection wants {wanted / 2**20:.0f} "
            "MiB to grow; make room, or name another place with path (without one: the environment variable TMPDIR)",
        )


@contextmanager
def failing(folder: Path, remedy: str = "") -> Iterator[None]:
    """Turn the engine's failures, which have no type of their own, into an error that names the folder."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise OSError(f"path: the Qdrant engine fails in {folder}: {error}{'; ' * bool(remedy)}{remedy}") from error
