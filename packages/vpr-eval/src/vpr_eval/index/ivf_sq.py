"""Inverted lists of descriptors in 8 or 16 bits a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import faiss
import numpy as np

from vpr_eval.index.engine import faiss_metric
from vpr_eval.index.ivf import IVFIndex
from vpr_eval.index.metric import Metric

if TYPE_CHECKING:
    from vpr_eval.index.base import Float32

__all__ = ["IVFSQIndex"]

_LARGEST_HALF = 65504.0


class IVFSQIndex(IVFIndex):
    """Inverted lists of descriptors with each number rounded to 16 or 8 bits: ``2 D`` or ``D`` bytes a descriptor.

    Source: Sivic and Zisserman, "Video Google", ICCV 2003 (inverted lists).

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        lists: number of lists; None: ``4 sqrt(N)``, at most one for 39 descriptors, chosen at the first search.
        probes: lists that a query visits; more finds more and takes longer.
        rescore: candidates that are compared with the original rows, where these are at hand; 0: none.
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
        rescore: int = 100,
        code: Literal["fp16", "int8"] = "fp16",
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
        if code not in ("fp16", "int8"):
            raise ValueError(f'code: {code!r} is unknown; choose "fp16" or "int8"')
        self.code = code

    def parameters(self) -> dict[str, Any]:
        """Return ``lists``, ``probes``, ``seed``, ``rescore`` and ``code``."""
        return {**super().parameters(), "code": self.code}

    def _check_codes(self, rows: Float32) -> None:
        if self.code != "fp16":
            return
        large = np.abs(rows) > _LARGEST_HALF
        if large.any():
            row, column = (int(place[0]) for place in np.nonzero(large))
            raise ValueError(
                f"descriptors: row {row + len(self)} has {rows[row, column]:g} in column {column} "
                f"({int(large.any(axis=1).sum())} of {len(rows)} rows), and half precision ends at {_LARGEST_HALF:g}: "
                'nothing would be found. Normalise the descriptors, or use code "int8", or flat'
            )

    def _new_engine(self, coarse: Any, lists: int) -> Any:
        kind = faiss.ScalarQuantizer.QT_fp16 if self.code == "fp16" else faiss.ScalarQuantizer.QT_8bit
        # Codes of the descriptors themselves, not of residuals: equal descriptors have equal codes in any list.
        return faiss.IndexIVFScalarQuantizer(coarse, self.dim, lists, kind, faiss_metric(self.metric), False)
