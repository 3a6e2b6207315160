"""Inverted lists of product-quantised descriptors."""

from __future__ import annotations

from typing import Any

import faiss

from vpr_eval.index.engine import faiss_metric
from vpr_eval.index.ivf import IVFIndex
from vpr_eval.index.metric import Metric
from vpr_eval.index.validation import check_count

__all__ = ["IVFPQIndex"]


class IVFPQIndex(IVFIndex):
    """Inverted lists of product-quantised descriptors: ``parts`` bytes each. For tens of millions of images.

    Source: Jegou, Douze and Schmid, "Product quantization for nearest neighbor search", PAMI 2011.

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        lists: number of lists; None: ``4 sqrt(N)``, at most one for 39 descriptors, chosen at the first search.
        probes: lists that a query visits; more finds more and takes longer.
        rescore: candidates that are compared with the original rows, where these are at hand; 0: none.
        parts: pieces a descriptor is cut into, each coded by one of 256 centres; must divide ``D``.
        seed: of k-means.
    """

    kind = "ivf_pq"
    engine = faiss.IndexIVFPQ
    least = 256

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        lists: int | None = None,
        probes: int = 16,
        rescore: int = 100,
        parts: int = 64,
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
        self.parts = check_count("parts", parts, most=self.dim)
        if self.dim % self.parts:
            fitting = [part for part in (128, 64, 32, 16, 8, 4, 2, 1) if self.dim % part == 0]
            raise ValueError(
                f"parts: {self.parts} does not divide the dimension {self.dim}; "
                f"these do: {', '.join(map(str, fitting))}"
            )

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed``, ``rescore`` and ``parts``."""
        return {**super().parameters(), "parts": self.parts}

    def _check_enough(self, count: int) -> None:
        if count < self.least:
            raise ValueError(
                f"descriptors: product quantisation learns {self.least} centres and needs at least as many "
                f"descriptors, {count} were added; use ivf_sq or flat for so few"
            )

    def _new_engine(self, coarse: Any, lists: int) -> Any:
        engine = faiss.IndexIVFPQ(coarse, self.dim, lists, self.parts, 8, faiss_metric(self.metric))
        engine.pq.cp.seed = self.seed
        engine.pq.cp.min_points_per_centroid = 1
        return engine
