"""What is kept of a drive from image to image: one number for each place, moved on and weighed by what is seen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.matcher import CostMatcher
from vpr_sequences.places import Motion, sharpness_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

    Float64Array = npt.NDArray[np.float64]
    Moves = list[tuple[slice, slice, npt.NDArray[np.bool_]]]

__all__ = ["BeliefMatcher"]


class BeliefMatcher(CostMatcher):
    """Recursions of a hidden Markov model over places.

    Args:
        ratio: how many times as likely a near image is as a far one.
        back: images that a vehicle may be behind where it was a query ago.
        ahead: images that it may be further on.
        jump: probability of being anywhere.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(self, *, ratio: float = 5.0, back: int = 2, ahead: int = 10, jump: float = 0.01) -> None:
        if not 1 < ratio < np.inf:
            raise ValueError(f"ratio must be above 1, got {ratio}")
        self.ratio, self.motion = ratio, Motion(back=back, ahead=ahead, jump=jump)

    def _of_drive(self, squared: Iterator[Float64Array], drives: Drives) -> Iterator[Float64Array]:
        ways, moves = self.motion.ways(drives), list(self.motion.moves(drives))
        belief: Float64Array | None = None
        sharpness = 0.0
        for block in squared:
            costs = np.empty(block.shape)
            for row, distances in enumerate(np.sqrt(block)):
                if belief is None:
                    sharpness = sharpness_of(distances, self.ratio)
                    belief = self._before(len(drives))
                else:
                    belief = self._moved(belief, ways, moves)
                belief, costs[row] = self._weighed(belief, distances, sharpness)
            yield costs

    @abstractmethod
    def _before(self, size: int) -> Float64Array:
        """Return what is believed before the first image, ``(N,)``."""

    @abstractmethod
    def _moved(self, belief: Float64Array, ways: Float64Array, moves: Moves) -> Float64Array:
        """Return what is believed after a step, before anything is seen."""

    @abstractmethod
    def _weighed(
        self, belief: Float64Array, distances: Float64Array, sharpness: float
    ) -> tuple[Float64Array, Float64Array]:
        """Return what is believed once an image is seen, and the cost of each place."""
