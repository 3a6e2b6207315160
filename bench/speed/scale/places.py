"""Synthetic descriptors with a measured spectrum, in float16 chunk files, as an extraction leaves them.

A place is a draw from the spectrum between places, each of its views adds a draw from the spectrum within places
(``spectrum.json``), all of it about the measured mean, turned at random and normalised. The spectrum was measured along
1,024 components of 4,096-dimensional descriptors of length 1. Beyond these the variance falls as a power law that
begins at the last measured value and adds up to the measured rest of the length, and all of it is within places, as it
is for the last measured components.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vpr_eval import StoredRows
from vpr_eval.index.rotation import Rotation
from vpr_runner.files.atomic import atomic_file

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CHUNK", "VIEWS", "Places", "power_law"]

SPECTRUM = Path(__file__).parents[1] / "spectrum.json"
VIEWS = 4
CHUNK = 8192


class Places:
    """``count`` descriptors below ``folder``, and ``queries`` more, of known places. What is written is kept.

    Row ``i`` shows place ``i // VIEWS``; query ``j`` shows that of row ``j * (count // queries)``.
    """

    def __init__(self, folder: Path, *, count: int, dim: int, queries: int, seed: int = 0) -> None:
        self.folder, self.count, self.dim, self.queries, self.seed = folder, count, dim, queries, seed

    @property
    def chunks(self) -> range:
        """Numbers of the chunk files."""
        return range(-(-self.count // CHUNK))

    def place_of_query(self) -> npt.NDArray[np.int64]:
        """Return the place that each query shows, ``(Q,)``."""
        return np.arange(self.queries) * (self.count // self.queries) // VIEWS

    def rows(self) -> StoredRows:
        """Return the descriptors where they lie."""
        return StoredRows([self.chunk(number) for number in self.chunks])

    def chunk(self, number: int) -> npt.NDArray[np.float16]:
        """Return the rows of one chunk file where they lie."""
        rows: npt.NDArray[np.float16] = np.load(self._file(number), mmap_mode="r")
        return rows

    def first_row(self, number: int) -> int:
        """Return the number of a chunk's first row."""
        return number * CHUNK

    def asked(self) -> npt.NDArray[np.float32]:
        """Return the queries, ``(Q, D)``."""
        return np.concatenate([np.load(self._file(number, "asked")) for number in self.chunks])

    def write(self, number: int) -> None:
        """Write one chunk and the queries of its places, unless they are there."""
        if self._file(number, "asked").is_file():
            return
        within, between, mean = self._spectrum()
        turn = Rotation(dim=self.dim, seed=self.seed)
        generator = np.random.default_rng((self.seed, 1, number))
        start, size = number * CHUNK, min(CHUNK, self.count - number * CHUNK)
        places = between * generator.standard_normal((-(-size // VIEWS), self.dim), dtype=np.float32) + mean
        every = self.count // self.queries
        row = np.arange(self.queries) * every
        mine = row[(row >= start) & (row < start + size)] - start
        shown = np.concatenate([np.repeat(places, VIEWS, axis=0)[:size], places[mine // VIEWS]])
        for first in range(0, len(shown), 1024):
            part = shown[first : first + 1024]
            part += within * generator.standard_normal(part.shape, dtype=np.float32)
            part[:] = turn(part)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        self._save(self._file(number), shown[:size].astype(np.float16))
        self._save(self._file(number, "asked"), shown[size:])

    def _file(self, number: int, what: str = "rows") -> Path:
        return self.folder / f"{what}-{number:06d}.npy"

    @staticmethod
    def _save(path: Path, array: npt.NDArray[np.floating]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            np.save(file, array, allow_pickle=False)

    def _spectrum(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return standard deviations within and between places, and the mean, each ``(D,)``."""
        known = json.loads(SPECTRUM.read_text(encoding="utf-8"))
        total, within = np.array(known["total"]), np.array(known["within"])
        more = self.dim - len(total)
        if more > 0:
            rest = power_law(total[-1], first=len(total), count=more, adding_up_to=1 - known["mean"] - total.sum())
            total, within = np.concatenate([total, rest]), np.concatenate([within, rest])
        total, within = total[: self.dim], within[: self.dim]
        mean = np.random.default_rng(self.seed).standard_normal(self.dim)
        mean *= known["mean"] ** 0.5 / np.linalg.norm(mean)
        deviations = np.sqrt(within), np.sqrt(np.maximum(total - within, 0)), mean
        return tuple(one.astype(np.float32) for one in deviations)  # type: ignore[return-value]


def power_law(last: float, *, first: int, count: int, adding_up_to: float) -> npt.NDArray[np.float64]:
    """Return ``last * (i / first) ** -a`` for ``i = first + 1 .. first + count`` with the ``a`` that gives the sum."""
    place = np.arange(first + 1, first + count + 1) / first
    low, high = 0.0, 64.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (last * place**-middle).sum() > adding_up_to else (low, middle)
    return last * place**-low
