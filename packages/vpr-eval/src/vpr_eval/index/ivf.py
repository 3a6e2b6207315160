"""Approximate search in inverted lists of compressed descriptors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import faiss
import numpy as np

from vpr_eval.index.approximate import ApproximateIndex
from vpr_eval.index.engine import faiss_metric, read_engine, write_engine
from vpr_eval.index.exact import search_checked
from vpr_eval.index.identical import IdenticalRows
from vpr_eval.index.metric import Metric
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count, checked_rows, row_norms

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.approximate import Int64
    from vpr_eval.index.base import Float32, Float64
    from vpr_eval.index.container import IndexHeader, Payload

__all__ = ["IVFIndex"]

_PER_LIST = 39
"""Descriptors per list below which k-means is poor, by faiss's own advice."""
_SAMPLE_PER_LIST = 64
_SAMPLE_VALUES = 2**27


class IVFIndex(ApproximateIndex):
    """What the kinds with inverted lists share: lists around k-means centres, of which a query visits ``probes``.

    The centres are learnt from an even sample of the rows by `build`; else from the first descriptors added, as soon as
    there are 39 for each list, or before the first search. Until then descriptors are kept as they are. Distances are
    those to the *compressed* descriptors, unless the original rows are at hand.
    """

    engine: type[Any]
    least: ClassVar[int] = 1
    """Rows that training needs."""
    advice = "raise probes, or rescore with the original rows at hand"

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric,
        fingerprint: str | None,
        lists: int | None,
        probes: int,
        seed: int,
        rescore: int,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint, rescore=rescore)
        self.lists = None if lists is None else check_count("lists", lists)
        self.probes = check_count("probes", probes)
        self.seed = check_count("seed", seed, least=0, most=2**31 - 1)
        self._waiting: list[Float32] = []
        self._engine: Any = None
        self._centres = StoredRows(np.empty((0, dim), dtype=np.float32))

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed`` and ``rescore``."""
        return {"lists": self.lists, "probes": self.probes, "seed": self.seed, "rescore": self.rescore}

    @abstractmethod
    def _new_engine(self, coarse: Any, lists: int) -> Any:
        """Return an untrained faiss index."""

    def _turned(self, rows: Float32) -> Float32:
        """Return rows as the engine sees them."""
        return rows

    def _prepare(self, stored: StoredRows) -> None:
        count = len(stored)
        if count == 0:
            return
        wanted = self.lists if self.lists is not None else round(4 * count**0.5)
        size = min(count, max(_SAMPLE_PER_LIST * wanted, 10_000), max(wanted, _SAMPLE_VALUES // self.dim))
        sample = stored.take(np.unique(np.linspace(0, count - 1, size).astype(np.int64)))
        checked_rows(sample, name="descriptors", unit=self.metric == "ip")
        self._check_codes(sample)
        self._train(sample[IdenticalRows().add(sample)], count)

    def _add_distinct(self, rows: Float32) -> None:
        if self._engine is not None:
            self._engine.add(self._turned(rows))
            return
        self._waiting.append(rows.copy())
        if self.lists is not None and len(self) >= self.lists * _PER_LIST:
            self._ready()

    def _ready(self) -> None:
        if self._engine is not None or not self._waiting:
            return
        rows = np.concatenate(self._waiting)
        self._train(rows, len(self))
        self._waiting = []
        self._add_distinct(rows)
        self.checked = self._compare(self._originals or StoredRows(rows))

    def _train(self, rows: Float32, count: int) -> None:
        """Learn from distinct rows that stand for ``count`` descriptors."""
        lists = self.lists or max(1, min(round(4 * count**0.5), len(rows) // _PER_LIST))
        if lists > count:
            raise ValueError(
                f"lists: {lists} lists need at least as many descriptors, {count} were added; choose fewer lists, "
                "or null to have their number chosen"
            )
        self._check_enough(count)
        coarse = faiss.IndexFlat(self.dim, faiss_metric(self.metric))
        engine = self._new_engine(coarse, min(lists, len(rows)))
        # faiss's Python keeps the quantiser alive for the kinds it knows; before 1.13 ivf_rabitq was not among them.
        coarse.this.disown()
        engine.own_fields = True
        engine.cp.seed = self.seed
        engine.cp.min_points_per_centroid = 1  # fewer than 39 are allowed; faiss would print a warning
        # Few distinct rows among many: as often as it takes.
        turned = self._turned(rows)
        engine.train(turned if len(rows) >= self.least else np.resize(turned, (self.least, self.dim)))
        self._take(engine)

    def _check_enough(self, count: int) -> None:
        """Refuse to learn from so few descriptors."""

    def _take(self, engine: Any) -> None:
        coarse = faiss.downcast_index(engine.quantizer)
        rows = np.asarray(faiss.rev_swig_ptr(coarse.get_xb(), coarse.ntotal * self.dim)).reshape(-1, self.dim)
        self._engine, self._centres = engine, StoredRows(rows)
        self._centres.keep_norms(row_norms(rows))  # means of unit rows are not unit

    def _propose(self, queries: Float32, norms: Float64, fetch: int) -> tuple[npt.NDArray[np.floating], Int64]:
        asked = self._turned(queries)
        self._engine.nprobe = min(self.probes, self._engine.nlist)
        # faiss chooses lists by arithmetic that depends on the number of queries; ours does not.
        near = search_checked(
            asked, self._centres, self._engine.nprobe, metric=self.metric, query_norms=row_norms(asked)
        )
        score = near.distance**2 if self.metric == "l2" else 1 - near.distance
        cost, node = self._engine.search_preassigned(asked, fetch, near.index, score)
        return (cost if self.metric == "l2" else -cost), node

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        self._ready()
        return super()._arrays()

    def _write(self, write: Callable[[Any], int]) -> None:
        if self._engine is None:
            raise ValueError("save: the index is empty, and has learnt nothing yet; add descriptors first")
        write_engine(self._engine, write)

    def _read(self, header: IndexHeader, payload: Payload, arrays: dict[str, npt.NDArray[Any]]) -> None:
        count = len(arrays["identical_keys"]) if "identical_keys" in arrays else header.count
        engine = read_engine(payload, header, self.engine, count=count)
        self._restore(arrays, rows=header.count, about=header.check)
        self._take(engine)
        self._waiting = []
