"""SeqSLAM: straight lines through a contrast-enhanced difference matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.lines import along_lines, lines_of
from vpr_sequences.matcher import CostMatcher

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

    Float64Array = npt.NDArray[np.float64]

__all__ = ["SeqSLAM", "local_contrast"]


class SeqSLAM(CostMatcher):
    """Searches for the straight line with the least sum of local, contrast-enhanced differences.

    Milford, Wyeth: SeqSLAM, ICRA 2012. With ``D_t(j) = 1 - q_t . d_j``, the difference of two unit descriptors in the
    place of the paper's sums of absolute pixel differences:

    - contrast: ``D'_t(j) = (D_t(j) - mean) / std`` over the ``contrast`` database images around ``j`` in its drive,
    - search: ``S_t(j) = min_V (1 / n) sum_{a < n} D'_{t - a}(j - V a)`` over velocities ``V`` from ``slowest`` to
      ``fastest`` in steps of ``step``, in database images a query image, ``V a`` rounded, ``n = min(length, images so
      far)``.

    The line ends at the query, so nothing later is used, while the paper looks at a line around it. It may not leave a
    drive: before its first image it stands there.

    The defaults are those of OpenSeqSLAM (Sünderhauf 2013), which the field compares with: ``ds = 10`` and ``R = 10``,
    both counted without the image itself, velocities 0.8 to 1.2. It divides by the deviation with ``n - 1``, here it is
    with ``n``: one factor for all but the ends of a drive. Its line begins where the query's half window does and it
    tries every velocity that makes another line; ``step`` is written down there and not used.

    Args:
        length: images of a line (the paper's ``d_s``, and one); at the beginning of a drive there are fewer.
        slowest: least velocity; 0 stands still.
        fastest: largest velocity; 2 is a drive at twice the database's speed, or half its rate of images.
        step: between velocities.
        contrast: database images whose mean and deviation enhance a difference, itself among them; 0: as it is.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(
        self, *, length: int = 11, slowest: float = 0.8, fastest: float = 1.2, step: float = 0.1, contrast: int = 11
    ) -> None:
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        if not (0 <= slowest <= fastest < np.inf):
            raise ValueError(f"slowest must lie in 0..fastest, got slowest={slowest}, fastest={fastest}")
        if not 0 < step < np.inf:
            raise ValueError(f"step must be above 0, got {step}")
        if contrast < 0 or contrast == 1:
            raise ValueError(f"contrast must be 0 (none) or at least 2 images, got {contrast}")
        self.length, self.contrast = length, contrast
        count = int(np.floor((fastest - slowest) / step + 1e-9)) + 1
        self.velocities = tuple(slowest + number * step for number in range(count))

    def _of_drive(self, squared: Iterator[Float64Array], drives: Drives) -> Iterator[Float64Array]:
        differences = (block / 2 for block in squared)  # of unit rows: 1 - cosine
        if self.contrast:
            differences = (local_contrast(block, drives, self.contrast) for block in differences)
        return along_lines(differences, drives, lines_of(self.velocities, self.length))


def local_contrast(differences: Float64Array, drives: Drives, window: int) -> Float64Array:
    """Return ``(D(j) - mean) / std`` over images ``j - window // 2 .. j + (window - 1) // 2``, ends of drives cut off.

    Where the differences around an image are all alike, it is 0. ``differences`` is ``(b, N)``, sorted by drive.
    """
    here = np.arange(len(drives))
    low = np.maximum(here - window // 2, drives.first)
    high = np.minimum(here + (window - 1) // 2, drives.last) + 1
    count = (high - low).astype(np.float64)
    centred = differences - differences.mean(axis=1, keepdims=True)  # sums of squares cancel less
    mean = _sums(centred, low, high) / count
    variance = _sums(np.square(centred), low, high) / count - np.square(mean)
    std = np.sqrt(np.maximum(variance, 0))
    flat = variance <= 1e-12
    return np.where(flat, 0.0, (centred - mean) / np.where(flat, 1.0, std))


def _sums(rows: Float64Array, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Float64Array:
    running = np.zeros((len(rows), rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=running[:, 1:])
    return running[:, high] - running[:, low]
