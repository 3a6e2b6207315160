"""The mean of the last descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpr_sequences.matcher import DescriptorMatcher
from vpr_sequences.windows import unit_rows, window_means

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["SequenceMean"]


class SequenceMean(DescriptorMatcher):
    """Compares means of the last ``length`` descriptors of a drive, on both sides.

    ``m_t = (1 / n) sum_{a < n} x_{t - a}`` with ``n = min(length, images so far)``; the cost is ``|m_t - m_j|``, of
    unit vectors when ``normalize``. The simplest fusion of a sequence; it smooths noise away and does not care for the
    order of images. Baseline of Garg, Milford: SeqNet, RA-L 2021, arXiv:2102.11603, and of Warburg et al.: Mapillary
    Street-Level Sequences, CVPR 2020.

    Args:
        length: images of a sequence; at the beginning of a drive there are fewer.
        normalize: scale means to length 1.

    Raises:
        ValueError: ``length`` is below 1.
    """

    def __init__(self, *, length: int = 5, normalize: bool = True) -> None:
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        self.length, self.normalize = length, normalize

    def _of_queries(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        means = window_means(rows, before=self.length - 1, after=0)
        return unit_rows(means) if self.normalize else means
