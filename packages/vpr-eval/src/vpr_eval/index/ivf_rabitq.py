"""Inverted lists of descriptors in one bit a dimension, with unbiased estimates of the distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss

from vpr_eval.index.engine import faiss_metric
from vpr_eval.index.ivf import IVFIndex
from vpr_eval.index.metric import Metric
from vpr_eval.index.rotation import Rotation
from vpr_eval.index.validation import check_count

if TYPE_CHECKING:
    from vpr_eval.index.base import Float32

__all__ = ["IVFRaBitQIndex"]


class IVFRaBitQIndex(IVFIndex):
    """Inverted lists of randomly rotated residuals, one bit a dimension: ``D / 8 + 8`` bytes a descriptor.

    The query is kept in ``query_bits`` bits a dimension, and distances are estimated without bias from the bits and two
    numbers a descriptor. The rotation (`Rotation`) makes all dimensions matter alike: without it, descriptors whose
    numbers are principal components lose half of their neighbours.

    Source: Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical error bound for approximate
    nearest neighbor search", SIGMOD 2024, arXiv 2405.12497.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        lists: number of lists; None: ``4 sqrt(N)``, at most one for 39 descriptors, chosen when it is built.
        probes: lists that a query visits; more finds more and takes longer.
        rescore: candidates that are compared with the original rows, where these are at hand; 0: none.
        query_bits: bits of a query's numbers; more is more precise and slower.
        seed: of k-means and of the rotation.

    Raises:
        ImportError: the installed faiss is older than 1.11.
    """

    kind = "ivf_rabitq"

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        lists: int | None = None,
        probes: int = 16,
        rescore: int = 100,
        query_bits: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(
            dim=dim,
            metric=metric,
            fingerprint=fingerprint,
            lists=lists,
            probes=probes,
            seed=seed,
            rescore=rescore,
        )
        if not hasattr(faiss, "IndexIVFRaBitQ"):
            raise ImportError(
                f"ivf_rabitq needs faiss 1.11 or later, {faiss.__version__} is installed; "
                "`pip install -U faiss-cpu`, or use binary"
            )
        self.engine = faiss.IndexIVFRaBitQ
        self.query_bits = check_count("query_bits", query_bits, most=8)
        self._rotation = Rotation(dim=self.dim, seed=self.seed)

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed``, ``rescore`` and ``query_bits``."""
        return {**super().parameters(), "query_bits": self.query_bits}

    def _turned(self, rows: Float32) -> Float32:
        return self._rotation(rows)

    def _new_engine(self, coarse: Any, lists: int) -> Any:
        return faiss.IndexIVFRaBitQ(coarse, self.dim, lists, faiss_metric(self.metric))

    def _take(self, engine: Any) -> None:
        engine.qb = self.query_bits
        super()._take(engine)
