"""Approximate search in inverted lists of compressed descriptors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import faiss
import numpy as np

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.engine import faiss_metric, in_order, read_engine, spare, write_engine
from vpr_eval.index.exact import search_checked
from vpr_eval.index.metric import Metric
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count, row_norms

if TYPE_CHECKING:
    from vpr_eval.index.base import Float32, Float64
    from vpr_eval.index.container import IndexHeader, Payload
    from vpr_eval.neighbours import Neighbours

__all__ = ["IVFIndex", "IVFPQIndex", "IVFSQIndex"]

_PER_LIST = 39
"""Descriptors per list below which k-means is poor, by faiss's own advice."""


class IVFIndex(DescriptorIndex):
    """What `IVFSQIndex` and `IVFPQIndex` share: lists around k-means centres, of which a query visits ``probes``.

    The centres are learnt from the first descriptors added: as soon as there are 39 for each list, else before the
    first search. Until then descriptors are kept as they are. Distances are those to the *compressed* descriptors.
    """

    engine: ClassVar[type[Any]]

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric,
        fingerprint: str | None,
        lists: int | None,
        probes: int,
        seed: int,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint)
        self.lists = None if lists is None else check_count("lists", lists)
        self.probes = check_count("probes", probes)
        self.seed = check_count("seed", seed, least=0, most=2**31 - 1)
        self._waiting: list[Float32] = []
        self._engine: Any = None

    def __len__(self) -> int:
        built = 0 if self._engine is None else int(self._engine.ntotal)
        return built + sum(len(rows) for rows in self._waiting)

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes`` and ``seed``."""
        return {"lists": self.lists, "probes": self.probes, "seed": self.seed}

    @abstractmethod
    def _new_engine(self, coarse: Any, lists: int, count: int) -> Any:
        """Return an untrained faiss index, or raise ValueError when ``count`` descriptors cannot train it."""

    def _add(self, rows: Float32, norms: Float64) -> None:
        if self._engine is not None:
            self._engine.add(rows)
            return
        self._waiting.append(rows.copy())
        if self.lists is not None and len(self) >= self.lists * _PER_LIST:
            self._build()

    def _build(self) -> None:
        if self._engine is not None:
            return
        count = len(self)
        lists = self.lists or max(1, min(round(4 * count**0.5), count // _PER_LIST))
        if lists > count:
            raise ValueError(
                f"lists: {lists} lists need at least as many descriptors, {count} were added; choose fewer lists, "
                "or null to have their number chosen"
            )
        coarse = faiss.IndexFlat(self.dim, faiss_metric(self.metric))
        engine = self._new_engine(coarse, lists, count)
        engine.cp.seed = self.seed
        engine.cp.min_points_per_centroid = 1  # fewer than 39 are allowed; faiss would print a warning
        rows = np.concatenate(self._waiting)
        engine.train(rows)
        engine.add(rows)
        self._engine, self._waiting = engine, []

    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours:
        self._build()
        self._engine.nprobe = min(self.probes, self._engine.nlist)
        # faiss chooses lists by arithmetic that depends on the number of queries; ours does not.
        near = search_checked(queries, self._centres(), self._engine.nprobe, metric=self.metric, query_norms=norms)
        score = near.distance**2 if self.metric == "l2" else 1 - near.distance
        cost, index = self._engine.search_preassigned(queries, spare(k, len(self)), near.index, score)
        return in_order(cost if self.metric == "l2" else -cost, index, k, self.metric)

    def _centres(self) -> StoredRows:
        coarse = faiss.downcast_index(self._engine.quantizer)
        rows = np.asarray(faiss.rev_swig_ptr(coarse.get_xb(), coarse.ntotal * self.dim)).reshape(-1, self.dim)
        centres = StoredRows(rows)
        centres.keep_norms(row_norms(rows))  # means of unit rows are not unit
        return centres

    def _write(self, write: Callable[[Any], int]) -> None:
        self._build()
        write_engine(self._engine, write)

    def _read(self, header: IndexHeader, payload: Payload) -> None:
        self._engine, self._waiting = read_engine(payload, header, self.engine), []


class IVFSQIndex(IVFIndex):
    """Inverted lists of descriptors with each number rounded to 16 or 8 bits: ``2 D`` or ``D`` bytes a descriptor.

    Source: Sivic and Zisserman, "Video Google", ICCV 2003 (inverted lists).

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        lists: number of lists; None: ``4 sqrt(N)``, at most one for 39 descriptors, chosen at the first search.
        probes: lists that a query visits; more finds more and takes longer.
        code: ``fp16`` (half precision) or ``int8`` (256 even steps over the range of each dimension).
        seed: of k-means.
    """

    kind = "ivf_sq"
    engine = faiss.IndexIVFScalarQuantizer

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        lists: int | None = None,
        probes: int = 16,
        code: Literal["fp16", "int8"] = "fp16",
        seed: int = 0,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint, lists=lists, probes=probes, seed=seed)
        if code not in ("fp16", "int8"):
            raise ValueError(f'code: {code!r} is unknown; choose "fp16" or "int8"')
        self.code = code

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed`` and ``code``."""
        return {**super().parameters(), "code": self.code}

    def _new_engine(self, coarse: Any, lists: int, count: int) -> Any:
        kind = faiss.ScalarQuantizer.QT_fp16 if self.code == "fp16" else faiss.ScalarQuantizer.QT_8bit
        # Codes of the descriptors themselves, not of residuals: equal descriptors have equal codes in any list.
        return faiss.IndexIVFScalarQuantizer(coarse, self.dim, lists, kind, faiss_metric(self.metric), False)


class IVFPQIndex(IVFIndex):
    """Inverted lists of product-quantised descriptors: ``parts`` bytes each. For tens of millions of images.

    Source: Jegou, Douze and Schmid, "Product quantization for nearest neighbor search", PAMI 2011.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        lists: number of lists; None: ``4 sqrt(N)``, at most one for 39 descriptors, chosen at the first search.
        probes: lists that a query visits; more finds more and takes longer.
        parts: pieces a descriptor is cut into, each coded by one of 256 centres; must divide ``D``.
        seed: of k-means.
    """

    kind = "ivf_pq"
    engine = faiss.IndexIVFPQ
    _CENTRES = 256

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        lists: int | None = None,
        probes: int = 16,
        parts: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint, lists=lists, probes=probes, seed=seed)
        self.parts = check_count("parts", parts, most=self.dim)
        if self.dim % self.parts:
            fitting = [part for part in (128, 64, 32, 16, 8, 4, 2, 1) if self.dim % part == 0]
            raise ValueError(
                f"parts: {self.parts} does not divide the dimension {self.dim}; "
                f"these do: {', '.join(map(str, fitting))}"
            )

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed`` and ``parts``."""
        return {**super().parameters(), "parts": self.parts}

    def _new_engine(self, coarse: Any, lists: int, count: int) -> Any:
        if count < self._CENTRES:
            raise ValueError(
                f"descriptors: product quantisation learns {self._CENTRES} centres and needs at least as many "
                f"descriptors, {count} were added; use ivf_sq or flat for so few"
            )
        engine = faiss.IndexIVFPQ(coarse, self.dim, lists, self.parts, 8, faiss_metric(self.metric))
        engine.pq.cp.seed = self.seed
        engine.pq.cp.min_points_per_centroid = 1
        return engine
