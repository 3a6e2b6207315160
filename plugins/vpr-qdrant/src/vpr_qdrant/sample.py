"""What an approximate index finds of the true neighbours, tried on some of its own descriptors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]

__all__ = ["recall_of_sample", "warn_of_one_sign"]

log = logging.getLogger(__name__)

_ONE_SIGN = (
    "quantization: binary keeps the sign of each number, and none of these descriptors has a negative one (GeM, max or "
    "average pooling after a ReLU): all codes are alike. Measured recall@1 by signs of such descriptors: "
    "0.0 to 2.7, where float32 has 10.0 to 84.7 "
    "(docs/choices.md of the toolkit, Storage of descriptors); whiten them first, take int8, or index: {type: binary}, "
    "which takes the mean off"
)
"""Said at the first rows; the numbers are those of docs/choices.md."""

_QUERIES = 50
_NEIGHBOURS = 10
_LITTLE = 0.9


def recall_of_sample(
    count: int, rows: Callable[[list[int]], Float32], search: Callable[[Float32, int, bool], Int64]
) -> float:
    """Return and log the share of the ten true neighbours that are found, over 50 stored rows.

    A stored row finds itself, like a query its own place; the other nine are what is asked. A real query may lie
    further from the database than these, and find less.

    Args:
        count: number of rows.
        rows: gives rows by position.
        search: gives the positions ``(Q, k)`` found for queries, k, and exactly or not.
    """
    queries = rows(np.unique(np.linspace(0, count - 1, _QUERIES).astype(np.int64)).tolist())
    k = min(_NEIGHBOURS, count)
    pairs = zip(search(queries, k, False), search(queries, k, True), strict=True)
    recall = float(np.mean([len(np.intersect1d(found, true)) / k for found, true in pairs]))
    said = f"index qdrant: finds {recall:.1%} of the {k} nearest, tried on {len(queries)} of its own descriptors"
    if recall < _LITTLE:
        log.warning("%s; raise index.ef_search or index.oversampling, or set index.exact=true", said)
    else:
        log.info("%s", said)
    return recall


def warn_of_one_sign(rows: npt.NDArray[np.float32]) -> None:
    """Warn where no number is negative: the sign of each then says nothing."""
    if not (rows < 0).any():
        log.warning(_ONE_SIGN)
