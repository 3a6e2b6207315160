"""One bit a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval.index.approximate import ApproximateIndex
from vpr_eval.index.codes import Codes
from vpr_eval.index.metric import Metric
from vpr_eval.index.rotation import Rotation
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.approximate import Int64
    from vpr_eval.index.base import Float32, Float64
    from vpr_eval.index.container import IndexHeader, Payload

__all__ = ["BinaryIndex"]

_LEARN = 10_000
_BLOCK = 2**20


class BinaryIndex(ApproximateIndex):
    """The signs of centred descriptors, compared by Hamming distance: ``D / 8`` bytes a descriptor, a 32nd of float32.

    ``code(x) = [x_j > m_j]`` with the mean ``m`` of the descriptors that were learnt from (all, by `build`; else the
    first 10,000, or those added before the first search). Descriptors that are not negative, such as GeM's, would have
    one code without the mean. The expected share of bits that differ is ``angle / pi`` for directions drawn at random
    (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002), from which distances are told
    when the original rows are not at hand: ``|q - d|^2 = a^2 + b^2 - 2 a b cos(pi h / D)``, ``h`` bits of ``D``
    differing, ``a = |q - m|``, ``b = |d - m|`` (4 bytes more a descriptor).

    Args:
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        fingerprint: of the model that makes the descriptors.
        rescore: candidates that are compared with the original rows, where these are at hand; 0: none.
        rotate: turn centred descriptors at random first (`Rotation`): for numbers of which few carry most, such as
            principal components.
        seed: of the rotation.
    """

    kind = "binary"
    advice = "raise rescore with the original rows at hand, or set rotate where it is not"

    def __init__(
        self,
        *,
        dim: int,
        metric: Metric = "l2",
        fingerprint: str | None = None,
        rescore: int = 100,
        rotate: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(dim=dim, metric=metric, fingerprint=fingerprint, rescore=rescore)
        self.rotate = bool(rotate)
        self.seed = check_count("seed", seed, least=0, most=2**31 - 1)
        self._rotation = Rotation(dim=self.dim, seed=self.seed) if self.rotate else None
        self._waiting: list[Float32] = []
        self._mean: Float64 | None = None
        self._lengths = np.empty(0, dtype=np.float32)
        self._codes = Codes(-(-self.dim // 8))

    def parameters(self) -> dict[str, Any]:
        """Return ``rescore``, ``rotate`` and ``seed``."""
        return {"rescore": self.rescore, "rotate": self.rotate, "seed": self.seed}

    def _prepare(self, stored: StoredRows) -> None:
        self._codes.reserve(len(stored))
        total = np.zeros(self.dim)
        for _, piece in stored.pieces(max(1, 2**22 // self.dim)):
            total += piece.sum(axis=0, dtype=np.float64)
        if len(stored) and np.isfinite(total).all():  # what is not finite is refused when it is added
            self._mean = total / len(stored)

    def _add_distinct(self, rows: Float32) -> None:
        if self._mean is None:
            self._waiting.append(rows.copy())
            if sum(map(len, self._waiting)) < _LEARN:
                return
            self._ready()
            return
        codes, lengths = self._code(rows, self._mean)
        self._codes.add(codes)
        self._lengths = np.concatenate([self._lengths, lengths])

    def _ready(self) -> None:
        if self._mean is None and self._waiting:
            rows = np.concatenate(self._waiting)
            self._mean, self._waiting = rows.mean(axis=0, dtype=np.float64), []
            self._add_distinct(rows)
            self.checked = self._compare(self._originals or StoredRows(rows))

    def _code(self, rows: Float32, mean: Float64) -> tuple[npt.NDArray[np.uint8], Float32]:
        codes = np.empty((len(rows), -(-self.dim // 8)), dtype=np.uint8)
        lengths = np.empty(len(rows), dtype=np.float32)
        step = max(1, 2**20 // self.dim)
        for first in range(0, len(rows), step):
            part = (rows[first : first + step] - mean).astype(np.float32)
            if self._rotation is not None:
                part = self._rotation(part)
            codes[first : first + step] = np.packbits(part > 0, axis=1)
            lengths[first : first + step] = np.sqrt(np.einsum("nd,nd->n", part, part))
        return codes, lengths

    def _propose(self, queries: Float32, norms: Float64, fetch: int) -> tuple[npt.NDArray[np.floating], Int64]:
        if self._mean is None or not len(queries):
            return np.empty((len(queries), fetch)), np.empty((len(queries), fetch), dtype=np.int64)
        codes, lengths = self._code(queries, self._mean)
        bits, node = self._codes.nearest(codes, fetch)
        mine, its = lengths[:, None].astype(np.float64), self._lengths[node].astype(np.float64)
        squared = mine**2 + its**2 - 2 * mine * its * np.cos(np.pi * np.minimum(bits / self.dim, 1.0))
        return (squared if self.metric == "l2" else squared / 2 - 1), node

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        self._ready()
        mean = np.zeros(self.dim) if self._mean is None else self._mean
        return {**super()._arrays(), "mean": mean, "lengths": self._lengths}

    def _write(self, write: Callable[[Any], int]) -> None:
        codes = self._codes.rows
        for first in range(0, len(codes), _BLOCK):
            write(codes[first : first + _BLOCK].data.cast("B"))

    def _read(self, header: IndexHeader, payload: Payload, arrays: dict[str, npt.NDArray[Any]]) -> None:
        nodes, width = len(arrays["lengths"]), -(-self.dim // 8)
        if arrays["mean"].shape != (self.dim,) or payload.left != nodes * width:
            raise ValueError(
                f"count: the file says {nodes} codes of {width} bytes but holds {payload.left} bytes of them"
            )
        codes = Codes(width)
        payload.read_into(codes.reserve(nodes))
        codes.take(nodes)
        self._restore(arrays, rows=header.count, about=header.check)
        if self._same.nodes != nodes:
            raise ValueError("payload: codes and identical_keys do not fit each other; rebuild the index")
        self._codes, self._mean, self._waiting = codes, arrays["mean"], []
        self._lengths = arrays["lengths"].astype(np.float32)
