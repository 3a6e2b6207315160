"""What the approximate indexes share: identical rows once, originals to compare with, and a check of what is found."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.check import SelfCheck, compare_with_exact
from vpr_eval.index.engine import in_order, spare
from vpr_eval.index.identical import IdenticalRows
from vpr_eval.index.metric import Metric, exact_cost
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count, check_matrix, checked_rows, row_norms

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.base import Float32, Float64, Stored
    from vpr_eval.neighbours import Neighbours

    Int64 = npt.NDArray[np.int64]

__all__ = ["ApproximateIndex"]

_LOG = logging.getLogger("vpr_eval.index")
_PAIR_VALUES = 2**20
_SAMPLE = 100
_DEPTH = 10


class ApproximateIndex(DescriptorIndex):
    """An index that may miss neighbours, and knows how many.

    Identical descriptors are held once, as one *node* with the list of their rows, and all of them are found. With the
    original rows at hand (`build`, `attach`) the first ``rescore`` candidates are compared with them, so that distances
    are exact.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        rescore: candidates to compare exactly; 0: none.

    Attributes:
        checked: what the last `check` found; None before the first. It is kept in the file.
    """

    advice: ClassVar[str]
    """What to change so that more is found."""

    def __init__(self, *, dim: int, metric: Metric, fingerprint: str | None, rescore: int = 0) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint)
        self.rescore = check_count("rescore", rescore, least=0)
        self.checked: SelfCheck | None = None
        self._same = IdenticalRows()
        self._originals: StoredRows | None = None
        self._proven = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return self._same.rows

    # -- filling ----------------------------------------------------------------------------------------------------

    def build(self, rows: Stored, *, queries: Float32 | None = None) -> None:
        """Fill an empty index from rows where they lie, learn from all of them, keep them at hand, and `check` it.

        Args:
            rows: ``(N, D)`` arrays or memory maps, one or several, that stay as they are while this lives.
            queries: ``(Q, D)`` to check it with, beside its own descriptors.

        Raises:
            ValueError: the index is not empty; or as for `add`.
        """
        stored = self._to_build(rows)
        self._prepare(stored)
        super().build(stored)
        self.attach(stored)
        if len(self):
            self.check(queries)

    def attach(self, rows: Stored) -> None:
        """Hand over the rows that were added, for exact comparison: nothing is copied.

        Raises:
            ValueError: they are not those that the index was made of.
        """
        stored = StoredRows.of(rows)
        if stored.shape != (len(self), self.dim):
            raise ValueError(f"rows: shape {stored.shape}, the index holds {(len(self), self.dim)}")
        sample = np.unique(np.linspace(0, len(stored) - 1, min(len(stored), 64)).astype(np.int64))
        if not np.array_equal(self._same.find(stored.take(sample)), self._same.node_of(sample)):
            raise ValueError("rows: others than the index was made of (or in another order); build it anew from these")
        # In the index's own numbering, without copies.
        self._originals = stored.without(self._same.copies)
        self._proven = np.zeros(self._same.nodes, dtype=bool)

    def _prepare(self, stored: StoredRows) -> None:
        """Learn from all rows that will be added, before the first is."""

    def _add(self, rows: Float32, norms: Float64) -> None:
        self._check_codes(rows)
        fresh = self._same.add(rows)
        if len(fresh):
            distinct = np.ascontiguousarray(rows[fresh])
            if self._originals is not None:
                self._originals = self._originals.followed_by(distinct.copy())
            self._add_distinct(distinct)

    def _check_codes(self, rows: Float32) -> None:
        """Refuse rows that cannot be coded."""

    @abstractmethod
    def _add_distinct(self, rows: Float32) -> None: ...

    # -- searching --------------------------------------------------------------------------------------------------

    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours:
        self._ready()
        cost, node = self._costs(queries, norms, k)
        if not len(self._same.copies):
            return in_order(cost, node, k, self.metric)
        pair, row = self._same.rows_of(node.ravel(), k)
        query = pair // node.shape[1]
        # From pairs to one row a query: as wide as the query that has most.
        order = np.argsort(query, kind="stable")
        count = np.bincount(query, minlength=len(queries))
        width = max(k, int(count.max(initial=0)))
        place = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
        wide_cost = np.full((len(queries), width), np.inf)
        wide_row = np.full((len(queries), width), -1, dtype=np.int64)
        wide_cost[query[order], place] = cost.ravel()[pair[order]]
        wide_row[query[order], place] = row[order]
        return in_order(wide_cost, wide_row, k, self.metric)

    def _costs(self, queries: Float32, norms: Float64, k: int) -> tuple[Float64, Int64]:
        """Return cost and node of the candidates of each query, exact ones where the originals are at hand."""
        rescored = self.rescore > 0 and self._originals is not None
        fetch = min(self._same.nodes, max(spare(k, self._same.nodes), self.rescore if rescored else 0))
        proposed, node = self._propose(queries, norms, fetch)
        cost = proposed.astype(np.float64)
        if rescored and self._originals is not None:
            query, place = np.nonzero(node >= 0)
            cost[query, place] = self._exact(self._originals, queries, query, node[query, place])
        return cost, node

    def _exact(self, rows: StoredRows, queries: Float32, query: Int64, node: Int64) -> Float64:
        """Return the `exact_cost` of pairs of a query and an original row; rows are read in their order, each once."""
        cost = np.empty(len(node))
        order = np.argsort(node, kind="stable")
        step = max(1, _PAIR_VALUES // self.dim)
        for first in range(0, len(order), step):
            part = order[first : first + step]
            nodes, place = np.unique(node[part], return_inverse=True)
            originals = rows.take(nodes)
            self._prove(originals, nodes)
            cost[part] = exact_cost(queries[query[part]], originals[place.reshape(-1)], self.metric)
        return cost

    def _prove(self, originals: Float32, nodes: Int64) -> None:
        """Compare original rows with the SHA-256 that the index keeps of each, when they are read first.

        Raises:
            ValueError: one is not the row that was added: its file was changed or damaged.
        """
        if len(self._proven) < self._same.nodes:
            self._proven = np.concatenate([self._proven, np.zeros(self._same.nodes - len(self._proven), dtype=bool)])
        new = np.flatnonzero(~self._proven[nodes])
        wrong = nodes[new[self._same.find(originals[new]) != nodes[new]]]
        if len(wrong):
            raise ValueError(
                f"rows: row {int(self._same.first_row(wrong[:1])[0])} is not what the index was made of: its file "
                "was changed or damaged since; build the index anew"
            )
        self._proven[nodes[new]] = True

    def _ready(self) -> None:
        """Do what is left to do before the first search."""

    @abstractmethod
    def _propose(self, queries: Float32, norms: Float64, fetch: int) -> tuple[npt.NDArray[np.floating], Int64]:
        """Return costs and nodes ``(Q, fetch)`` of the nearest by this index's own lights; node -1 for none."""

    # -- checking ---------------------------------------------------------------------------------------------------

    def check(self, queries: Float32 | None = None) -> SelfCheck:
        """Search for a sample of stored descriptors, and for ``queries``, here and exactly; keep, log and return what
        was found.

        Raises:
            ValueError: the index is empty, the original rows are not at hand (`attach`), or queries are as `search`
                refuses them.
        """
        if not len(self):
            raise ValueError("check: the index is empty; add descriptors first")
        self._ready()
        rows = self._rows_of_nodes()
        if rows is None:
            raise ValueError(
                f"check: {self.kind} keeps codes only, and exact search needs the original rows; hand them over with "
                "attach()"
            )
        self.checked = self._compare(rows, queries)
        return self.checked

    def _rows_of_nodes(self) -> StoredRows | None:
        return self._originals

    def _compare(self, rows: StoredRows, queries: Float32 | None = None) -> SelfCheck:
        if not rows.knows_norms():  # checked when they were added
            rows.keep_norms(np.concatenate([row_norms(piece) for _, piece in rows.pieces(max(1, 2**22 // self.dim))]))

        def propose(asked: Float32, norms: Float64, k: int) -> Int64:
            cost, node = self._costs(asked, norms, k)
            return in_order(cost, node, k, self.metric).index

        nodes = len(rows)
        depth = max(1, min(_DEPTH, nodes - 1))
        own = np.sort(np.random.default_rng(0).choice(nodes, size=min(nodes, _SAMPLE), replace=False))
        shares = (1.0, 1.0)
        if nodes > 1:
            asked = rows.take(own)
            shares = compare_with_exact(
                propose, rows, asked, row_norms(asked), depth=depth, metric=self.metric, own=own
            )
        of_queries: tuple[float, float] | tuple[None, None] = (None, None)
        count = 0
        if queries is not None and len(queries):
            check_matrix(queries, name="queries", dim=self.dim)
            asked, norms = checked_rows(queries, name="queries", unit=self.metric == "ip")
            count = len(asked)
            of_queries = compare_with_exact(propose, rows, asked, norms, depth=min(_DEPTH, nodes), metric=self.metric)
        check = SelfCheck(
            kind=self.kind,
            count=len(self),
            depth=depth,
            stored=len(own),
            stored_nearest=shares[0],
            stored_all=shares[1],
            queries=count,
            queries_nearest=of_queries[0],
            queries_all=of_queries[1],
        )
        if check.low:
            _LOG.warning("%s; %s, or use flat, which is exact", check, self.advice)
        else:
            _LOG.info("%s", check)
        return check

    # -- files ------------------------------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self._same.to_arrays()

    def _about(self) -> dict[str, Any] | None:
        return None if self.checked is None else self.checked.to_dict()

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], *, rows: int, about: Mapping[str, Any] | None) -> None:
        """Take over what a file says; an older one knows of no identical rows."""
        same = IdenticalRows()
        if "identical_keys" in arrays:
            same = IdenticalRows.from_arrays(arrays, rows=rows)
        else:
            same.rows = same.nodes = rows
        self.checked = None if about is None else SelfCheck.from_dict(about)
        self._same, self._originals = same, None
