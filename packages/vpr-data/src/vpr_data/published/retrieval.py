"""Ground truth of the retrieval benchmarks Oxford 5k, Paris 6k and Holidays, from their official files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_data.places.fingerprint import add_files
from vpr_data.places.rows import Rows

__all__ = ["RetrievalSet", "grown_box"]

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrievalSet:
    """``N`` images, ``Q`` of which are asked for; ranked lists are scored by mean average precision.

    Attributes:
        name: of the benchmark.
        root: folder of the images.
        names: ``N`` relative paths.
        queries: int64 ``(Q,)``, the queries' positions among the images.
        good: for each query, images that show the object well.
        ok: images that show more than a quarter of it.
        junk: images that count neither for nor against: they are taken out of the ranking.
        boxes: float64 ``(Q, 4)``, left, top, right, bottom of the object in the query, in pixels from 1; or None.
        ignore_query: the query itself is taken out of its ranking (Holidays); elsewhere it counts as an answer.
        max_pixels: images above this area are shrunk to it before use, or None.
    """

    name: str
    root: Path
    names: tuple[str, ...]
    queries: Int64Array
    good: Rows
    ok: Rows
    junk: Rows
    boxes: Float64Array | None = None
    ignore_query: bool = False
    max_pixels: int | None = None

    def __len__(self) -> int:
        return len(self.names)

    def path(self, position: int) -> Path:
        """Return the file of image ``position``."""
        return self.root / self.names[position]

    def positives(self) -> Rows:
        """Return for each query the images that are right: good and ok."""
        return self.good.union(self.ok)

    def ignored(self) -> Rows:
        """Return for each query the images that are taken out of its ranking: junk, and the query where so ruled."""
        if not self.ignore_query:
            return self.junk
        return self.junk.union(Rows.from_rows(self.queries[:, None]))

    def fingerprint(self) -> str:
        """Return SHA-256 of names, file sizes, queries, their boxes, ground truth and rules."""
        digest = hashlib.sha256(f"{self.name}\n{self.ignore_query} {self.max_pixels}\n".encode())
        add_files(digest, self)
        for rows in (self.good, self.ok, self.junk):
            digest.update(f"{rows.offsets.tolist()} {rows.values.tolist()}\n".encode())
        digest.update(f"{self.queries.tolist()} {None if self.boxes is None else self.boxes.tolist()}".encode())
        return digest.hexdigest()


def grown_box(box: Sequence[float], *, by: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Return a query box grown by ``by`` pixels on each side, rounded, clipped to the image.

    The result is left, top (inclusive) and right, bottom (exclusive) counted from 0, ready for slicing. The paper's
    "crop" protocol grows by half the receptive field (98 px for VGG-16 conv5, 81.5 for AlexNet conv5), so that a
    feature counts if its centre lies in the box. Boxes count pixels from 1 and halves round up, as in the authors'
    MATLAB code.
    """
    left, top, right, bottom = (
        math.floor(edge + sign * by + 0.5) for edge, sign in zip(box, (-1, -1, 1, 1), strict=True)
    )
    return max(left, 1) - 1, max(top, 1) - 1, min(right, width), min(bottom, height)
