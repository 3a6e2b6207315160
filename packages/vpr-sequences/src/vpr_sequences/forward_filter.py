"""The forward filter of a hidden Markov model over places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.belief import BeliefMatcher

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.belief import Moves

    Float64Array = npt.NDArray[np.float64]

__all__ = ["ForwardFilter"]


class ForwardFilter(BeliefMatcher):
    """Keeps a belief of where the vehicle is, and answers with the most likely places.

    Discrete Bayes filter over the database's images: ``p_t(j) = c exp(-lambda d_t(j)) sum_i T(i, j) p_{t - 1}(i)``,
    with the Euclidean distance ``d_t(j)`` of query and image, a uniform belief before the first image, ``T`` of
    `vpr_sequences.places.Motion` and ``lambda`` of `vpr_sequences.places.sharpness_of`. The cost is ``-ln p_t(j)``.
    After Xu, Sunderhauf, Milford: Probabilistic Visual Place Recognition for Hierarchical Localization, RA-L 2021,
    arXiv:2105.03091; the jump is added, so that a detour does not lose the vehicle for good. ``ratio``, ``back`` and
    ``ahead`` are the defaults of the authors' code (mingu6/ProbFiltersVPR: ``delta = 5``, a window from -2 to 10, of
    which that code leaves out the upper end).

    Args:
        ratio: how many times as likely a near image is as a far one.
        back: images that a vehicle may be behind where it was a query ago.
        ahead: images that it may be further on.
        jump: probability of being anywhere.

    Raises:
        ValueError: a parameter is out of range.
    """

    def _before(self, size: int) -> Float64Array:
        return np.full(size, 1 / size)

    def _weighed(
        self, belief: Float64Array, distances: Float64Array, sharpness: float
    ) -> tuple[Float64Array, Float64Array]:
        belief = belief * np.exp(-sharpness * (distances - distances.min()))
        belief /= belief.sum()
        return belief, -np.log(np.maximum(belief, 1e-300))

    def _moved(self, belief: Float64Array, ways: Float64Array, moves: Moves) -> Float64Array:
        shares = belief / ways  # what each image sends to each that it may go to
        arrived = np.zeros_like(shares)
        for to, origin, one_drive in moves:
            arrived[to] += np.where(one_drive, shares[origin], 0)
        return (1 - self.motion.jump) * arrived + self.motion.jump / len(shares)
