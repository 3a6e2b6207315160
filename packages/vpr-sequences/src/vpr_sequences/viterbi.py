"""The most likely way through a hidden Markov model over places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.belief import BeliefMatcher

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.belief import Moves

    Float64Array = npt.NDArray[np.float64]

__all__ = ["Viterbi"]


class Viterbi(BeliefMatcher):
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

    def _before(self, size: int) -> Float64Array:
        return np.full(size, -np.log(size))

    def _weighed(
        self, belief: Float64Array, distances: Float64Array, sharpness: float
    ) -> tuple[Float64Array, Float64Array]:
        best = belief - sharpness * distances
        best -= best.max() + np.log(np.exp(best - best.max()).sum())
        return best, -best

    def _moved(self, belief: Float64Array, ways: Float64Array, moves: Moves) -> Float64Array:
        """Return the likelihood of the best way to each image after a step; a jump may end where a step does."""
        jump, size = self.motion.jump, len(belief)
        anywhere = belief.max() + np.log(jump / size)
        arrived = np.full(size, anywhere)
        # One image is reached by a step and by a jump at once: their probabilities add up, as in the filter's T.
        steps = belief + np.log((1 - jump) / ways + jump / size)
        for to, origin, one_drive in moves:
            np.maximum(arrived[to], np.where(one_drive, steps[origin], -np.inf), out=arrived[to])
        return arrived
