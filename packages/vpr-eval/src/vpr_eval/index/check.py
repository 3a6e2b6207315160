"""What an approximate index finds of what it should: measured when it is built, kept in its file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval.index.exact import search_checked
from vpr_eval.index.metric import Metric, distance_of_cost
from vpr_eval.index.pairs import pair_costs

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.stored import StoredRows

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["LOW", "SelfCheck", "compare_with_exact"]

LOW = 0.9
"""A share of neighbours found below which a warning is logged."""


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """Share of the true nearest descriptors that an approximate index finds, by exact search over all of them.

    Attributes:
        kind: of index.
        count: descriptors in the index when it was checked.
        depth: how many nearest were compared, at most 10.
        stored: how many stored descriptors were asked for their nearest others.
        stored_nearest, stored_all: share of them for which the nearest is found; share of the ``depth`` nearest found.
        queries: how many queries were asked; 0 when none were given.
        queries_nearest, queries_all: the same shares; None without queries.

    A descriptor that is exactly as far as the true one counts as found.
    """

    kind: str
    count: int
    depth: int
    stored: int
    stored_nearest: float
    stored_all: float
    queries: int = 0
    queries_nearest: float | None = None
    queries_all: float | None = None

    @property
    def low(self) -> bool:
        """Whether fewer than nine of ten neighbours are found."""
        return min(self.stored_all, 1.0 if self.queries_all is None else self.queries_all) < LOW

    def __str__(self) -> str:
        text = (
            f"index {self.kind} of {self.count:,} descriptors finds {100 * self.stored_nearest:.1f} % of the nearest "
            f"and {100 * self.stored_all:.1f} % of the {self.depth} nearest (asked with {self.stored} of its own"
        )
        if self.queries_nearest is None or self.queries_all is None:
            return text + ")"
        first, all_of_them = 100 * self.queries_nearest, 100 * self.queries_all
        return f"{text}); {first:.1f} % and {all_of_them:.1f} % (asked with {self.queries} queries)"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SelfCheck:
        """Read what `to_dict` returned.

        Raises:
            ValueError: something else stands there.
        """
        try:
            check = cls(**values)
        except TypeError as error:
            raise ValueError(f"check: {values!r} is no check of an index") from error
        shares = [check.stored_nearest, check.stored_all, check.queries_nearest, check.queries_all]
        whole = all(type(value) is int for value in (check.count, check.depth, check.stored, check.queries))
        if not whole or not all(share is None or _is_share(share) for share in shares) or None in shares[:2]:
            raise ValueError(f"check: {values!r} is no check of an index")
        return check


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1 and not math.isnan(value)  # type: ignore[operator,arg-type]


def compare_with_exact(
    propose: Callable[[Float32, Float64, int], Int64],
    rows: StoredRows,
    asked: Float32,
    norms: Float64,
    *,
    depth: int,
    metric: Metric,
    own: Int64 | None = None,
) -> tuple[float, float]:
    """Return which share of the nearest, and of the ``depth`` nearest, ``propose`` finds.

    Args:
        propose: ``(queries, norms, k) -> (Q, k)`` positions in ``rows``, -1 for none.
        rows: all that could be found.
        asked: ``(Q, D)`` queries, and their ``norms``.
        depth: how many are compared.
        metric: of both.
        own: of stored descriptors their own positions, which do not count.
    """
    wide = depth + (own is not None)
    truth = search_checked(asked, rows, wide, metric=metric, query_norms=norms)
    found = propose(asked, norms, wide)
    query = np.repeat(np.arange(len(asked)), wide)
    seen = found.ravel() >= 0
    cost = np.full(found.size, np.inf)
    cost[seen] = pair_costs(asked, query[seen], rows, found.ravel()[seen], metric)
    distance = distance_of_cost(cost, metric).reshape(found.shape)
    true, mine = truth.distance, distance
    if own is not None:
        true = _without(truth.index, truth.distance, own)
        mine = _without(found, distance, own)
    # By distance, for equal ones are as good as each other.
    return float((mine.min(axis=1) <= true[:, 0]).mean()), float((mine <= true[:, -1:]).mean())


def _without(index: Int64, distance: Float32, own: Int64) -> Float32:
    """Take each query's own place out of its row, or the last place when it is not there."""
    is_own = index == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    return np.asarray(distance[~is_own].reshape(len(index), -1))
