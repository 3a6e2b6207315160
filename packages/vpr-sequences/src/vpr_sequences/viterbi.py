"""The most likely way through a hidden Markov model over places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.matcher import CostMatcher
from vpr_sequences.places import Motion, sharpness_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

    Float64Array = npt.NDArray[np.float64]

__all__ = ["Viterbi"]


class Viterbi(CostMatcher):
    """Answers with the ends of the most likely ways that a vehicle may have come.

    ``v_t(j) = -lambda d_t(j) + max_i (ln T(i, j) + v_{t - 1}(i))``, the recursion of Viterbi over the model of
    `vpr_sequences.ForwardFilter`; the cost is ``-v_t(j) + ln sum_i exp v_t(i)``. It is asked while the drive goes on:
    an answer is the end of the best way so far and is not changed when later images would tell better. After Hansen,
    Browning: Visual Place Recognition Using HMM Sequence Matching, IROS 2014.

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
        best: Float64Array | None = None
        sharpness = 0.0
        for block in squared:
            costs = np.empty(block.shape)
            for row, distances in enumerate(np.sqrt(block)):
                if best is None:
                    sharpness = sharpness_of(distances, self.ratio)
                    best = np.full(len(drives), -np.log(len(drives)))
                else:
                    best = self._moved(best, ways, moves)
                best = best - sharpness * distances
                best -= best.max() + np.log(np.exp(best - best.max()).sum())
                costs[row] = -best
            yield costs

    def _moved(
        self,
        best: Float64Array,
        ways: Float64Array,
        moves: list[tuple[slice, slice, npt.NDArray[np.bool_]]],
    ) -> Float64Array:
        """Return the likelihood of the best way to each image after a step; a jump may end where a step does."""
        jump, size = self.motion.jump, len(best)
        anywhere = best.max() + np.log(jump / size)
        arrived = np.full(size, anywhere)
        # One image is reached by a step and by a jump at once: their probabilities add up, as in the filter's T.
        steps = best + np.log((1 - jump) / ways + jump / size)
        for to, origin, one_drive in moves:
            np.maximum(arrived[to], np.where(one_drive, steps[origin], -np.inf), out=arrived[to])
        return arrived
