"""Delta descriptors: how the last images differ from those before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.distances import SquaredDistances, block_rows
from vpr_sequences.lines import along_lines
from vpr_sequences.matcher import DescriptorMatcher
from vpr_sequences.windows import unit_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.matcher import Known

    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]

__all__ = ["DeltaDescriptors"]


class DeltaDescriptors(DescriptorMatcher):
    """Compares changes along a drive in the place of what is seen: an offset that weather adds to all images cancels.

    Garg, Harwood, Anand, Milford: Delta Descriptors, RA-L 2020, arXiv:2006.05700. The descriptors of a drive are
    filtered along time with ``-2 / length`` over the first and ``+2 / length`` over the second half of a window:
    ``delta_t = (2 / L) (sum_{a < L / 2} x_{t - a} - sum_{L / 2 <= a < L} x_{t - a})``. The cost is the cosine distance
    ``1 - cos(delta_t, delta_j)``, averaged over the last ``matched`` images at one pace, the paper's sequential
    matching. The window ends at the query, while the paper centres it.

    Before a drive begins its first image stands still, so the first image itself shows no change, nor does one where
    the vehicle has not moved. Its cost is ``1 - 0.001 x_t . x_j``: next to nothing, in the order of single images.

    Args:
        length: images of the window, an even number.
        matched: images whose costs are averaged; 1: none but the query's.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(self, *, length: int = 8, matched: int = 1) -> None:
        if length < 2 or length % 2:
            raise ValueError(f"length must be an even number of at least 2, got {length}")
        if matched < 1:
            raise ValueError(f"matched must be at least 1, got {matched}")
        self.length, self.matched = length, matched

    def _of_queries(self, rows: Float64Array) -> Float64Array:
        half = self.length // 2
        delta, here = np.zeros_like(rows), np.arange(len(rows))
        for a in range(self.length):
            sign = 1 if a < half else -1
            delta += sign * rows[np.maximum(here - a, 0)]
        return unit_rows(delta / half)

    def _costs(self, queries: Float32Array, known: Known) -> Iterator[Float64Array]:
        rows, step = self._of_queries(queries.astype(np.float64)), block_rows(len(known.rows))
        blocks = (slice(start, start + step) for start in range(0, len(rows), step))
        differences = (_cosine_distances(rows[some], queries[some], known) for some in blocks)
        return along_lines(differences, known.drives, [tuple(range(self.matched))])


def _cosine_distances(delta: Float64Array, single: Float32Array, known: Known) -> Float64Array:
    found = 1 - known.distances.products(delta)
    still = np.flatnonzero(~delta.any(axis=1))
    if len(still):
        found[still] = 1 - 0.001 * SquaredDistances(known.rows).products(single[still])
    return found
