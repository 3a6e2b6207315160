"""What all indexes share: checks before the engine, ties by index after it, files with a hash."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vpr_eval.index.container import IndexHeader, Payload, listing, reading, write_container
from vpr_eval.index.metric import Metric, check_metric
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count, check_fingerprint, check_k, check_matrix, checked_rows
from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Matrix = npt.NDArray[np.floating]
    Stored = Matrix | Sequence[Matrix] | StoredRows

__all__ = ["DescriptorIndex"]


_PIECE_VALUES = 2**24


class DescriptorIndex(ABC):
    """Nearest-neighbour search over ``(N, D)`` descriptors; row ``i`` of all that was added has index ``i``.

    Args:
        dim: ``D``.
        metric: ``l2`` (Euclidean) or ``ip`` (inner product; rows must have norm 1).
        fingerprint: names the model that makes the descriptors; kept in the file and compared by `load`.
    """

    kind: ClassVar[str]

    def __init__(self, *, dim: int, metric: Metric = "l2", fingerprint: str | None = None) -> None:
        check_metric(metric)
        self.dim = check_count("dim", dim)
        self.metric: Metric = metric
        self.fingerprint = fingerprint

    @abstractmethod
    def __len__(self) -> int: ...

    def add(self, descriptors: Float32) -> None:
        """Append ``(N, D)`` float32 rows.

        Raises:
            TypeError: not a float32 numpy array.
            ValueError: another dimension, NaN or infinity, rows not of norm 1 under ``ip``. Nothing is added then.
        """
        check_matrix(descriptors, name="descriptors", dim=self.dim)
        rows, norms = checked_rows(descriptors, name="descriptors", unit=self.metric == "ip", offset=len(self))
        if len(rows):
            self._add(rows, norms)

    def build(self, rows: Stored) -> None:
        """Fill an empty index from rows where they lie, piece by piece.

        Args:
            rows: ``(N, D)`` float32 or float16 arrays or memory maps, one or several (`StoredRows` also leaves out
                some). Row ``i`` of them all has index ``i``.

        Raises:
            TypeError: no float32 or float16 numpy arrays.
            ValueError: the index is not empty; or as for `add`.
        """
        for _, piece in self._to_build(rows).pieces(max(1, _PIECE_VALUES // self.dim)):
            self.add(piece)

    def _to_build(self, rows: Stored) -> StoredRows:
        if len(self):
            raise ValueError(f"rows: this index holds {len(self)} descriptors; build a new one, or use add()")
        stored = StoredRows.of(rows)
        if stored.shape[1] != self.dim:
            raise ValueError(f"rows: dimension {stored.shape[1]}, the index has {self.dim}")
        return stored

    def search(self, queries: Float32, k: int) -> Neighbours:
        """Return the ``k`` nearest of each of ``(Q, D)`` float32 queries, nearest first, ties by index.

        Raises:
            TypeError: not a float32 numpy array.
            ValueError: as for `add`, and when ``k`` is more than there are descriptors.
        """
        wanted = check_k(k, len(self))
        check_matrix(queries, name="queries", dim=self.dim)
        rows, norms = checked_rows(queries, name="queries", unit=self.metric == "ip")
        return self._search(rows, norms, wanted)

    def save(self, path: Path) -> None:
        """Write the index to one file, atomically."""
        arrays = self._arrays()
        header = IndexHeader(
            kind=self.kind,
            dim=self.dim,
            metric=self.metric,
            count=len(self),
            fingerprint=self.fingerprint,
            parameters=self.parameters(),
            arrays=listing(arrays),
            check=self._about(),
        )
        write_container(Path(path), header, self._write, arrays)

    def load(self, path: Path) -> None:
        """Replace the content by that of a file; nothing changes when it is refused.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, of another kind, dimension or metric, or made by another model.
        """
        path = Path(path)
        with reading(path) as (header, payload):
            for name, mine, its in (
                ("kind", self.kind, header.kind),
                ("dim", self.dim, header.dim),
                ("metric", self.metric, header.metric),
            ):
                if mine != its:
                    raise ValueError(f"{name}: this index has {mine!r}, the file {path} has {its!r}")
            check_fingerprint(header.fingerprint, self.fingerprint, where=f"path: {path}")
            self._read(header, payload, payload.arrays(header.arrays))
        self.fingerprint = header.fingerprint if header.fingerprint is not None else self.fingerprint

    def parameters(self) -> dict[str, Any]:
        """Return the keyword arguments, beside those of this class, that make an empty index like this one."""
        return {}

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what a file holds before the engine's bytes."""
        return {}

    def _about(self) -> dict[str, Any] | None:
        """Return what is known about how much this index finds."""
        return None

    @abstractmethod
    def _add(self, rows: Float32, norms: Float64) -> None: ...
    @abstractmethod
    def _search(self, queries: Float32, norms: Float64, k: int) -> Neighbours: ...
    @abstractmethod
    def _write(self, write: Callable[[Any], int]) -> None: ...
    @abstractmethod
    def _read(self, header: IndexHeader, payload: Payload, arrays: dict[str, npt.NDArray[Any]]) -> None: ...
