"""Answers that come in, and answers that go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Found", "Neighbours", "check_answers", "in_order", "together"]


class Found(Protocol):
    """What a search found, of whatever package: ``K`` answers to each of ``Q`` queries, best first."""

    @property
    def distance(self) -> npt.NDArray[np.float32]:
        """``(Q, K)``, what the search measured."""
        ...

    @property
    def index(self) -> npt.NDArray[np.int64]:
        """``(Q, K)`` positions in the database."""
        ...


@dataclass(frozen=True, eq=False)
class Neighbours:
    """``K`` answers to each of ``Q`` queries, best first.

    Attributes:
        distance: ``(Q, K)`` float32, the re-ranker's own cost.
        index: ``(Q, K)`` int64 positions in the database.
    """

    distance: npt.NDArray[np.float32]
    index: npt.NDArray[np.int64]


def check_answers(queries: Any, database: Any, neighbours: Found) -> npt.NDArray[np.int64]:
    """Return the positions ``(Q, K)`` that came in, after everything was looked at that can be wrong.

    Raises:
        ValueError: shapes that do not belong together, a position outside the database, NaN or infinity.
    """
    index = np.asarray(neighbours.index)
    if queries.ndim != 2 or database.ndim != 2 or queries.shape[1] != database.shape[1]:
        raise ValueError(
            f"queries: shape {queries.shape} beside a database of shape {database.shape}; both are (n, D) with one D, "
            "from one model"
        )
    if index.ndim != 2 or len(index) != len(queries):
        raise ValueError(f"neighbours: shape {index.shape} for {len(queries)} queries; must be (Q, K)")
    if index.size and not (int(index.min()) >= 0 and int(index.max()) < len(database)):
        wrong = int(index[(index < 0) | (index >= len(database))][0])
        raise ValueError(f"neighbours: position {wrong} in a database of {len(database)}; leave out what was not found")
    if not np.isfinite(queries).all():
        raise ValueError("queries: NaN or infinity; leave out the image it came from, or mend the model")
    return index.astype(np.int64)


def in_order(cost: npt.NDArray[np.float64], index: npt.NDArray[np.int64]) -> Neighbours:
    """Return one query's answers by rising ``cost``; equal costs, as float32, keep the order in which they came."""
    rounded = cost.astype(np.float32)
    order = np.argsort(rounded, kind="stable")
    return Neighbours(rounded[order][None], index[order][None])


def together(rows: list[Neighbours], *, answers: int) -> Neighbours:
    """Return the answers of queries one below another; ``answers`` is their number when there is no query."""
    if not rows:
        return Neighbours(np.zeros((0, answers), np.float32), np.zeros((0, answers), np.int64))
    return Neighbours(np.concatenate([row.distance for row in rows]), np.concatenate([row.index for row in rows]))
