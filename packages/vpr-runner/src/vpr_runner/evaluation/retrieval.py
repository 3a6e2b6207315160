"""Answering the queries of a split: encode both sides, whiten, search, and rank by the protocol."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_eval import ApproximateIndex, FlatIndex, Neighbours, Whitening, search_exact
from vpr_runner.distributed import ONE_PROCESS, Ranks
from vpr_runner.encoding.cache import descriptor_rows
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import Encoded, encode_all
from vpr_runner.encoding.source import Source
from vpr_runner.evaluation.memo import Memo
from vpr_runner.evaluation.ranking import ranking
from vpr_runner.evaluation.sequences import SequenceSearch, drive_of
from vpr_runner.evaluation.views import Views, nearest_of_views
from vpr_runner.reranking.reorder import Reranked

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import PlaceSplit
    from vpr_runner.network.retriever import Retriever
    from vpr_runner.reranking.asking import Reordering

__all__ = ["Answers", "answer", "check_answerable"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Rankings of a split's queries.

    Attributes:
        index: ``(Q, depth)`` database positions, best first; all -1 for a query that could not be read.
        distance: ``(Q, depth)``, what the index measured.
        dim: of the descriptors that were searched.
        encoded: of queries followed by database.
        unreadable_queries: positions; they count as failed.
        unreadable_database: positions; they cannot be found.
        before: ``(Q, depth)`` positions as the search found them, and ``reranked``, what it cost to reorder them; None
            without a re-ranker.
    """

    index: npt.NDArray[np.int64]
    distance: npt.NDArray[np.float32]
    dim: int
    encoded: Encoded
    unreadable_queries: dict[int, str]
    unreadable_database: dict[int, str]
    before: npt.NDArray[np.int64] | None = None
    reranked: Reranked | None = None


def check_answerable(split: PlaceSplit, positives: Sequence[npt.NDArray[np.int64]]) -> None:
    """Refuse a split whose recall would mean nothing.

    Raises:
        UsageError: a set is empty, no query has a positive, or nobody here knows what is right.
    """
    if getattr(split, "secret", False):
        raise UsageError(
            f"dataset: what is right on split {split.name!r} is known to the benchmark's server alone, so there is no "
            f"recall; `vpr eval MODEL --split {split.name} --predictions answers.zip` writes what it takes"
        )
    for role, images in (("database", split.database), ("queries", split.queries)):
        if len(images) == 0:
            raise UsageError(f"dataset: the {role} of split {split.name!r} is empty; there is nothing to evaluate")
    if not any(len(row) for row in positives):
        raise UsageError(
            f"dataset: none of the {len(positives)} queries of split {split.name!r} has a right database image under "
            f"{split.protocol}; look at the radius and at the coordinates (latitude and longitude swapped?)"
        )


def answer(
    retriever: Retriever,
    split: PlaceSplit,
    source: Source,
    index: ComponentConfig,
    registry: Registry,
    *,
    depth: int,
    compute: Compute,
    whitening: Whitening | None = None,
    views: Views | None = None,
    reordering: Reordering | None = None,
    sequence: ComponentConfig | None = None,
    memo: Memo | None = None,
    key: str = "",
    ranks: Ranks = ONE_PROCESS,
    shown: bool = False,
) -> Answers:
    """Rank the database for every query of ``split``.

    ``source`` numbers the split's queries (each of their ``views``), then its database. ``sequence`` answers in the
    place of the index, drive by drive. With ``reordering`` the first answers, as the protocol ranks them, are put in
    its order. ``memo`` keeps descriptors under ``key``; those beyond `vpr_runner.encoding.cache.IN_MEMORY` go to a
    half-precision file in the system's temporary folder.
    """
    queries, count = len(split.queries), 1 if views is None else views.count
    first = queries * count
    total = first + len(split.database)
    merged = views if views is not None and count > 1 and not views.averaged else None
    if merged is not None and sequence is not None:
        raise UsageError("sequence: takes one descriptor a query; leave out eval.test_method, or average its views")
    if merged is not None and reordering is not None:
        raise UsageError("rerank: a query of several views has no one descriptor; leave out eval.test_method")
    with tempfile.TemporaryDirectory(prefix="vpr-") as scratch:
        known_rows = memo.get(key) if memo is not None else None
        if known_rows is None:
            out = descriptor_rows(total, retriever.out_dim, file=Path(scratch) / "descriptors.f16")
            known_rows = encode_all(
                retriever, source, compute=compute, out=out, ranks=ranks, label=f"encode {split.name}", shown=shown
            )
            if memo is not None:
                memo.keep(key, *known_rows)
        rows, encoded = known_rows
        bad = encoded.failures
        good = np.array([row for row in range(total) if row not in bad], dtype=np.int64) if bad else np.arange(total)
        unreadable = {row // count: why for row, why in bad.items() if row < first}
        asked = np.array([query for query in range(queries) if query not in unreadable], dtype=np.int64)
        known = good[good >= first]
        if len(asked) == 0 or len(known) == 0:
            raise UsageError(f"dataset: no image of the {'queries' if len(asked) == 0 else 'database'} can be read")
        seen = (asked[:, None] * count + np.arange(count)).ravel()
        if views is not None and views.averaged:
            query_rows = _averaged(rows, seen, count, whitening)
        else:
            query_rows = _prepared(rows, seen, whitening, whole=not bad)
        database_rows = _prepared(rows, known, whitening, whole=not bad)
        search: Callable[[int], Neighbours]
        if sequence is None:
            search = _Search(registry.build("index", index, database_rows.shape[1]), query_rows, database_rows)
        else:
            search = SequenceSearch(
                registry.build("sequence", sequence),
                query_rows,
                database_rows,
                query_drive=drive_of(split.queries)[asked],
                database_drive=drive_of(split.database)[known - first],
            )

        def nearest(k: int) -> Neighbours:
            found = search(k) if merged is None else nearest_of_views(search(k), merged)
            return _as_positions(found, known - first, asked, queries)

        reach = depth if reordering is None else max(depth, reordering.first)
        found = ranking(nearest, split, size=len(known), depth=reach)
        reranked = None
        if reordering is not None:
            reranked = reordering(
                found,
                asked=asked,
                known=known - first,
                query_rows=query_rows,
                database_rows=database_rows,
                shown=shown,
            )
        last = found if reranked is None else reranked.found
        return Answers(
            index=last.index[:, :depth],
            distance=last.distance[:, :depth],
            dim=int(database_rows.shape[1]),
            encoded=encoded,
            unreadable_queries=unreadable,
            unreadable_database={row - first: why for row, why in bad.items() if row >= first},
            before=None if reranked is None else found.index[:, :depth],
            reranked=reranked,
        )


def _prepared(
    rows: npt.NDArray[Any], where: npt.NDArray[np.int64], whitening: Whitening | None, *, whole: bool
) -> npt.NDArray[Any]:
    """Return the rows at ``where``, whitened; a slice of a memory map stays one."""
    chosen = rows[where[0] : where[-1] + 1] if whole else rows[where]
    if whitening is None:
        return chosen
    out = np.empty((len(chosen), whitening.out_dim), dtype=np.float32)
    for start in range(0, len(chosen), 4096):
        out[start : start + 4096] = whitening.transform(chosen[start : start + 4096])
    return out


def _averaged(
    rows: npt.NDArray[Any], where: npt.NDArray[np.int64], count: int, whitening: Whitening | None
) -> npt.NDArray[np.float32]:
    """Return the mean of every ``count`` rows, whitened, at unit length."""
    mean = np.empty((len(where) // count, rows.shape[1]), dtype=np.float32)
    for start in range(0, len(mean), 512):
        part = rows[where[start * count : (start + 512) * count]].astype(np.float32)
        mean[start : start + 512] = part.reshape(-1, count, rows.shape[1]).mean(axis=1)
    if whitening is not None:
        return np.asarray(whitening.transform(mean), dtype=np.float32)
    unit: npt.NDArray[np.float32] = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    return unit


class _Search:
    """The ``k`` nearest, by the index of the run file; an exact one leaves the database where it is."""

    def __init__(self, index: Any, queries: npt.NDArray[Any], database: npt.NDArray[Any]) -> None:
        self._index, self._queries, self._database = index, queries, database
        if isinstance(index, ApproximateIndex):
            some = np.linspace(0, len(queries) - 1, min(len(queries), 200)).astype(np.int64)
            index.build(database, queries=np.ascontiguousarray(queries[some], dtype=np.float32))
            if index.checked is not None and not index.checked.low:  # a low one has warned already
                log.info("%s", index.checked)
        elif type(index) is not FlatIndex:
            index.add(np.ascontiguousarray(database, dtype=np.float32))

    def __call__(self, k: int) -> Neighbours:
        if type(self._index) is FlatIndex:
            return search_exact(self._queries, self._database, k, metric=self._index.metric)
        found = self._index.search(np.ascontiguousarray(self._queries, dtype=np.float32), k)
        return Neighbours(np.asarray(found.distance), np.asarray(found.index))


def _as_positions(
    found: Neighbours, database: npt.NDArray[np.int64], asked: npt.NDArray[np.int64], queries: int
) -> Neighbours:
    """Number rows of what could be read as positions in the split."""
    if len(asked) == queries and len(database) and database[-1] == len(database) - 1:
        return found
    index = np.full((queries, found.index.shape[1]), -1, dtype=np.int64)
    distance = np.full(index.shape, np.inf, dtype=np.float32)
    index[asked] = np.where(found.index >= 0, database[found.index], -1)
    distance[asked] = found.distance
    return Neighbours(distance, index)
