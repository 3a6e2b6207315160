"""Mean differences along lines through the matrix of queries by database images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives

    Float64Array = npt.NDArray[np.float64]

__all__ = ["Line", "along_lines", "lines_of"]

Line = tuple[int, ...]
"""How many database images back one has to go for the query of ``a`` images ago, for ``a = 0 .. length - 1``."""


def lines_of(velocities: Sequence[float], length: int) -> list[Line]:
    """Return the different lines of some velocities, in database images a query image; halves are rounded up.

    >>> lines_of([1.0, 1.1, 2.0], 3)
    [(0, 1, 2), (0, 2, 4)]
    """
    found = [tuple(int(np.floor(velocity * a + 0.5)) for a in range(length)) for velocity in velocities]
    return list(dict.fromkeys(found))


def along_lines(differences: Iterable[Float64Array], drives: Drives, lines: Sequence[Line]) -> Iterator[Float64Array]:
    """Yield for each block ``(b, N)`` of one drive's differences the least mean along any line that ends there.

    ``S_t(j) = min_line (1 / n) sum_{a < n} D_{t - a}(max(first(j), j - line_a))``, ``n = min(length, images so far)``:
    a line that would begin before the drive stands at the drive's first image, as a vehicle does before it starts.
    """
    length = len(lines[0])
    before: Float64Array = np.zeros((0, len(drives)))
    for block in differences:
        rows = np.concatenate([before, block])
        own = np.arange(len(before), len(rows))
        count = np.minimum(own + 1, length)[:, None]  # what is kept of the rows before is all, or as much as is needed
        best = np.full(block.shape, np.inf)
        for line in lines:
            total = np.zeros(block.shape)
            for a, back in enumerate(line):
                there = own >= a
                total[there] += np.take(rows[own[there] - a], drives.back(back), axis=1)
            np.minimum(best, total, out=best)
        yield best / count
        before = rows[max(0, len(rows) - length + 1) :]
