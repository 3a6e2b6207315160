"""A random rotation that costs D log D: after it no dimension matters more than another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]

__all__ = ["Rotation"]

_STEP_VALUES = 2**19
_ROUNDS = 4


class Rotation:
    """``x -> S H D_4 .. S H D_1 x``: random signs ``D_i``, then a Walsh-Hadamard transform ``H``, four times.

    ``H`` covers the first ``n`` dimensions and the last ``n`` by turns, ``n`` the largest power of two up to ``D``, so
    that the map is orthogonal for any ``D``. Sums are taken one after the other, never by a matrix product: a row comes
    out the same alone as among many.

    Source: Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform and approximate nearest neighbors", SIAM J.
    Comput. 39(1), 2009 (signs and Hadamard).

    Args:
        dim: ``D``.
        seed: of the signs.
    """

    def __init__(self, *, dim: int, seed: int) -> None:
        self._dim, self._size = dim, 1 << (dim.bit_length() - 1)
        signs = np.random.default_rng(seed).integers(0, 2, size=(_ROUNDS, dim))
        self._signs = (2 * signs - 1).astype(np.float32)

    def __call__(self, rows: Float32) -> Float32:
        """Turn ``(N, D)`` rows; lengths and angles stay, within float32's rounding."""
        out = np.empty(rows.shape, dtype=np.float32)
        step = max(1, _STEP_VALUES // self._dim)
        for first in range(0, len(rows), step):
            # One row is one column here, so that each step of the transform runs over contiguous numbers.
            part = np.array(rows[first : first + step].T, dtype=np.float32, order="C")
            for number, signs in enumerate(self._signs):
                part *= signs[:, None]
                half = part[: self._size] if number % 2 == 0 else part[self._dim - self._size :]
                half[:] = _hadamard(half)
            out[first : first + step] = part.T
        return out


def _hadamard(columns: Float32) -> Float32:
    size, count = columns.shape
    now, then = columns.copy(), np.empty_like(columns)
    width = 1
    while width < size:
        pairs, result = (array.reshape(size // (2 * width), 2, width * count) for array in (now, then))
        np.add(pairs[:, 0], pairs[:, 1], out=result[:, 0])
        np.subtract(pairs[:, 0], pairs[:, 1], out=result[:, 1])
        now, then = then, now
        width *= 2
    now *= np.float32(size**-0.5)
    return now
