"""Reading an extraction: its rows where they lie, compared with their SHA-256 when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path
from vpr_runner.extraction.verifying import Verifying, verify_chunks

__all__ = ["Descriptors", "load_descriptors"]


class Descriptors:
    """The rows of an extraction, read from its chunks as they are asked for.

    Attributes:
        names: relative path of each row's image.
        shape: ``(N, D)``.
        fingerprint: of the model that made them.
        computed: what executed it, and in which precision: ``torch float32``.
        failures: name and reason of each image that could not be read; its row is NaN.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self.names: Sequence[str] = manifest.names
        self.shape = (len(manifest.names), manifest.dim)
        self.dtype = np.dtype(manifest.dtype)
        self.fingerprint = manifest.fingerprint
        self.computed = manifest.runtime or f"torch {manifest.precision}"
        self.failures: dict[str, str] = {}
        self._chunks: list[npt.NDArray[Any]] = []
        self._verifying: Verifying | None = None
        for number in range(manifest.chunks):
            record, path = ChunkRecord.read(folder, number), chunk_path(folder, number)
            if record is None and path.with_suffix(".json").is_file():
                raise UsageError(f"{path.with_suffix('.json')} is damaged; run `vpr extract` again, it does it anew")
            if record is None or not path.is_file():
                raise UsageError(
                    f"{folder}: chunk {number} of {manifest.chunks} is missing; run `vpr extract` again, it does what "
                    "is missing"
                )
            rows = _rows(path)
            if rows.shape != (len(manifest.rows_of(number)), manifest.dim):
                raise UsageError(
                    f"{path}: shape {rows.shape}, the manifest says "
                    f"{(len(manifest.rows_of(number)), manifest.dim)}; delete it and run `vpr extract` again"
                )
            self.failures.update(record.failures)
            self._chunks.append(rows)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: int | slice | Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return one row ``(D,)``, or several ``(n, D)`` as a copy in memory."""
        if isinstance(where, int | np.integer):
            position = range(len(self))[int(where)]
            return np.array(self._chunks[position // self._manifest.chunk][position % self._manifest.chunk])
        positions = np.arange(len(self))[where]
        out = np.empty((len(positions), self.shape[1]), dtype=self.dtype)
        chunks = positions // self._manifest.chunk
        for number in np.unique(chunks):
            mine = chunks == number
            out[mine] = self._chunks[int(number)][positions[mine] % self._manifest.chunk]
        return out

    def blocks(self) -> Iterator[npt.NDArray[Any]]:
        """Yield the rows in order, chunk by chunk, as memory maps."""
        yield from self._chunks

    def verify_ahead(self) -> None:
        """Begin `verify` in a thread of its own; the next call of it takes over what that finds."""
        if self._verifying is None:
            self._verifying = Verifying(self._folder, self._manifest)

    def verify(self) -> None:
        """Compare every chunk with its SHA-256.

        Raises:
            UsageError: names the damaged file.
        """
        begun, self._verifying = self._verifying, None
        if begun is not None:
            begun.result()
        else:
            verify_chunks(self._folder, self._manifest)

    def verify_no_more(self) -> None:
        """End what `verify_ahead` began: rows are compared one by one where they are read."""
        begun, self._verifying = self._verifying, None
        if begun is not None:
            begun.stop()


def load_descriptors(folder: Path) -> Descriptors:
    """Open the descriptors that `vpr_runner.extract` wrote to ``folder``.

    Raises:
        UsageError: no extraction is there, or it is not finished.
    """
    manifest = Manifest.read(folder)
    if manifest is None:
        raise UsageError(f"{folder}: no manifest.json; `vpr extract` writes one")
    return Descriptors(folder, manifest)


def _rows(path: Path) -> npt.NDArray[Any]:
    try:
        rows: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, TypeError, SyntaxError, TokenError, MemoryError) as error:  # of its header
        raise UsageError(f"{path} is damaged ({error}); run `vpr extract` again, it replaces damaged chunks") from error
    return rows
