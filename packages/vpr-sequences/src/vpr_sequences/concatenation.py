"""The last descriptors, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.lines import along_lines
from vpr_sequences.matcher import CostMatcher

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

__all__ = ["SequenceConcatenation"]


class SequenceConcatenation(CostMatcher):
    """Compares the last ``length`` descriptors of a drive, one behind the other, on both sides.

    The cost is ``sqrt((1 / n) sum_{a < n} |q_{t - a} - d_{j - a}|^2)`` with ``n = min(length, images so far)``: the
    distance of the concatenated vectors, to the scale of one image, without making them. Order counts, and both drives
    must have one pace. Where the database's drive has begun later, its first image stands for those that are missing.
    Called concatenation in Facil, Olid, Montesano, Civera: Condition-Invariant Multi-View Place Recognition, 2019,
    arXiv:1902.09516.

    Args:
        length: images of a sequence; at the beginning of a drive there are fewer.

    Raises:
        ValueError: ``length`` is below 1.
    """

    def __init__(self, *, length: int = 5) -> None:
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        self.length = length

    def _of_drive(
        self, squared: Iterator[npt.NDArray[np.float64]], drives: Drives
    ) -> Iterator[npt.NDArray[np.float64]]:
        for block in along_lines(squared, drives, [tuple(range(self.length))]):
            yield np.sqrt(block)
