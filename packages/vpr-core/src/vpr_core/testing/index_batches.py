"""Does an index answer a query the same way alone as among many? Engines change their arithmetic with the number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_core.testing.case import Case

__all__ = ["check_batches"]


def check_batches(case: Case, index: Any, *, dim: int, switch: int) -> None:
    """Ask an empty index of dimension ``dim`` for many queries at once, for a few, and for one at a time.

    faiss 1.13 multiplies matrices from 20 queries on, faiss 1.15 from ``queries * dimension >= 128,000`` on;
    descriptors that lie close together then change places. So ``queries * dimension`` is ``switch`` here, and the
    nearest 43 descriptors are such that float32 arithmetic from norms and products cannot tell them apart.
    """
    count = max(20, -(-switch // dim))
    generator = np.random.default_rng(7)
    spread = np.where(np.arange(300) % 7 == 0, 2e-3, 0.3)[:, None]
    base = generator.normal(size=(1, dim))
    index.add(_unit(base + spread * generator.normal(size=(300, dim))))
    queries = _unit(base + 2e-3 * generator.normal(size=(count, dim)))
    together = index.search(queries, 10)
    some = range(0, count, count // 8)
    wrong = [
        number
        for number in some
        for found in [index.search(queries[number : number + 1], 10)]
        if not np.array_equal(found.index[0], together.index[number])
        or not np.array_equal(found.distance[0], together.distance[number])
    ]
    case.require(
        not wrong,
        f"{len(wrong)} of {len(some)} queries of dimension {dim} find other neighbours or distances alone than among "
        f"{count}: the engine changes its arithmetic with their number. Compute the distances of what it proposes "
        "again, one way for all, and fetch what its rounding may have left out",
    )
    few = index.search(queries[:19], 10)
    case.require(
        np.array_equal(few.index, together.index[:19]) and np.array_equal(few.distance, together.distance[:19]),
        f"19 queries of dimension {dim} find other neighbours or distances than among {count}",
    )


def _unit(rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
