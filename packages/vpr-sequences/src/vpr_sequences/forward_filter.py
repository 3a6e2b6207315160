"""The forward filter of a hidden Markov model over places."""

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

__all__ = ["ForwardFilter"]


class ForwardFilter(CostMatcher):
    """Keeps a belief of where the vehicle is, and answers with the most likely places.

    Discrete Bayes filter over the database's images: ``p_t(j) = c exp(-lambda d_t(j)) sum_i T(i, j) p_{t - 1}(i)``,
    with the Euclidean distance ``d_t(j)`` of query and image, a uniform belief before the first image, ``T`` of
    `vpr_sequences.places.Motion` and ``lambda`` of `vpr_sequences.places.sharpness_of`. The cost is ``-ln p_t(j)``.
    After Xu, Sunderhauf, Milford: Probabilistic Visual Place Recognition for Hierarchical Localization, RA-L 2021,
    arXiv:2105.03091; the jump is added, so that a detour does not lose the vehicle for good.

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
                    belief = np.full(len(drives), 1 / len(drives))
                else:
                    belief = self._moved(belief / ways, moves)
                belief = belief * np.exp(-sharpness * (distances - distances.min()))
                belief /= belief.sum()
                costs[row] = -np.log(np.maximum(belief, 1e-300))
            yield costs

    def _moved(self, shares: Float64Array, moves: list[tuple[slice, slice, npt.NDArray[np.bool_]]]) -> Float64Array:
        """Return where one is after a step, ``shares (N,)`` being what each image sends to each that it may go to."""
        arrived = np.zeros_like(shares)
        for to, origin, one_drive in moves:
            arrived[to] += np.where(one_drive, shares[origin], 0)
        return (1 - self.motion.jump) * arrived + self.motion.jump / len(shares)
