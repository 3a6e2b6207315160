"""What the approximate indexes share: faiss objects to and from files, its answers in our order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from vpr_eval.index.metric import Metric, distance_of_cost
from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.container import IndexHeader, Payload

__all__ = ["faiss_metric", "in_order", "read_engine", "spare", "write_engine"]

_BLOCK = 2**20


def faiss_metric(metric: Metric) -> int:
    """Return faiss's number for a metric."""
    return int(faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT)


def spare(k: int, size: int) -> int:
    """Return how many to fetch so that ties at the ``k``-th place are usually all there."""
    return min(size, k + max(16, k // 8))


def in_order(cost: npt.NDArray[np.floating], index: npt.NDArray[np.int64], k: int, metric: Metric) -> Neighbours:
    """Sort each row by (distance, index), put what was not found (-1) last, and cut to ``k``."""
    distance = distance_of_cost(np.where(index < 0, np.inf, cost), metric)
    place = np.lexsort((np.where(index < 0, np.iinfo(np.int64).max, index), distance), axis=1)[:, :k]
    return Neighbours(
        np.take_along_axis(distance, place, axis=1), np.take_along_axis(index.astype(np.int64), place, axis=1)
    )


def write_engine(engine: Any, write: Callable[[Any], int]) -> None:
    """Write a faiss index through ``write``. What ``write`` raises comes out as it was, not as faiss reports it."""
    failures: list[BaseException] = []

    def guarded(data: bytes) -> None:
        try:
            write(data)
        except BaseException as error:
            failures.append(error)
            raise

    try:
        faiss.write_index(engine, faiss.PyCallbackIOWriter(guarded, _BLOCK))
    except Exception as error:
        if failures:
            raise failures[0] from error
        raise


def read_engine(payload: Payload, header: IndexHeader, expected: type[Any], *, count: int) -> Any:
    """Read a faiss index and compare it with what the header says, and ``count``, how many it must hold."""
    try:
        engine = faiss.read_index(faiss.PyCallbackIOReader(payload.read, _BLOCK))
    except Exception as error:
        raise ValueError(
            f"payload: faiss cannot read the {header.kind} index; rebuild it from the descriptors"
        ) from error
    found = (engine.d, engine.ntotal, engine.metric_type)
    promised = (header.dim, count, faiss_metric(header.metric))  # type: ignore[arg-type]
    if not isinstance(engine, expected) or found != promised:
        raise ValueError(
            f"payload: holds {type(engine).__name__} with (dim, count, metric) {found}; the header promises "
            f"{expected.__name__} with {promised}; rebuild the index from the descriptors"
        )
    return engine
