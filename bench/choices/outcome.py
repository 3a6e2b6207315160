"""From two sets of descriptors to one row: recall, its paired interval, cosine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval import Neighbours, paired_test, recall_at, search_exact
from vpr_runner.evaluation.ranking import ranking

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_data import PlaceSplit

__all__ = ["AT", "compare", "cosines", "first_hits"]

AT = (1, 5)
DEPTH = 10


def first_hits(
    database: np.ndarray, queries: np.ndarray, split: PlaceSplit, *, search: Callable[[int], Neighbours] | None = None
) -> npt.NDArray[np.int64]:
    """Return the rank of the first right image of each query under the split's protocol, 0: none of ten.

    ``search`` (``k`` to neighbours) takes the place of exact search by Euclidean distance.
    """
    asked = search or (lambda k: search_exact(queries, database, k))
    size = len(split.database)
    found = ranking(asked, split, size=size, depth=min(DEPTH, size))
    rule = split.protocol.queries_without_positives
    result = recall_at(found.index, split.positives(), at=AT, without_positives=rule, database_size=size)
    return result.first_hit[result.evaluated]


def compare(plain: npt.NDArray[np.int64], choice: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return recall of both, and for recall@1 and @5 the difference in points, its 95 % interval, and p by McNemar."""
    row: dict[str, Any] = {"queries": len(plain)}
    for at in AT:
        before, after = (plain >= 1) & (plain <= at), (choice >= 1) & (choice <= at)
        test = paired_test(after, before)
        row[f"plain@{at}"] = round(100 * float(before.mean()), 2)
        row[f"recall@{at}"] = round(100 * float(after.mean()), 2)
        row[f"difference@{at}"] = [round(100 * value, 2) for value in (test.difference, test.low, test.high)]
        row[f"p@{at}"] = round(test.p_value, 5)
    return row


def cosines(first: np.ndarray, second: np.ndarray) -> list[float] | None:
    """Return median and 5 % quantile of the cosine between rows, in float64; None where dimensions differ."""
    if first.shape != second.shape:
        return None
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    values = np.einsum("nd,nd->n", a, b) / np.maximum(norms, 1e-30)
    return [round(float(np.quantile(values, share)), 7) for share in (0.5, 0.05)]
