"""How a vehicle moves along known drives, and how well an image fits each place: what filters are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

    Float64Array = npt.NDArray[np.float64]

__all__ = ["Motion", "sharpness_of"]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """From one query to the next a vehicle goes on along the database's drive, or is somewhere else.

    With probability ``1 - jump`` it is ``-back .. ahead`` images further on in the same drive, each alike, as far as
    the drive has them; with probability ``jump`` it is at any image of the database: a detour, another street.

    Raises:
        ValueError: a parameter is out of range.
    """

    back: int
    ahead: int
    jump: float

    def __post_init__(self) -> None:
        if self.back < 0 or self.ahead < 0:
            raise ValueError(f"back and ahead must be at least 0, got back={self.back}, ahead={self.ahead}")
        if not 0 < self.jump < 1:
            raise ValueError(f"jump must lie between 0 and 1, both excluded, got {self.jump}")

    def ways(self, drives: Drives) -> Float64Array:
        """Return how many images each image ``(N,)`` may go on to, itself among them."""
        here = np.arange(len(drives))
        low = np.maximum(here - self.back, drives.first)
        return (np.minimum(here + self.ahead, drives.last) - low + 1).astype(np.float64)

    def moves(self, drives: Drives) -> Iterator[tuple[slice, slice, npt.NDArray[np.bool_]]]:
        """Yield for each step where one arrives, where one came from, and which of these pairs lie in one drive."""
        size = len(drives)
        for step in range(-min(self.back, size - 1), min(self.ahead, size - 1) + 1):
            to, origin = slice(max(0, step), size + min(0, step)), slice(max(0, -step), size - max(0, step))
            yield to, origin, drives.first[to] == drives.first[origin]


def sharpness_of(distances: Float64Array, ratio: float) -> float:
    """Return the ``lambda`` of the likelihood ``exp(-lambda d)`` from the distances ``(N,)`` of a drive's first image.

    ``lambda = ln(ratio) / (q_0.975 - q_0.025)`` of the distances' quantiles: a place near the best is ``ratio`` times
    as likely as one near the worst (Xu, Sunderhauf, Milford: Probabilistic Visual Place Recognition for Hierarchical
    Localization, RA-L 2021, arXiv:2105.03091). 0 where all distances are alike.
    """
    low, high = np.quantile(distances, [0.025, 0.975])
    return float(np.log(ratio) / (high - low)) if high - low > 1e-12 else 0.0
