"""Keyed randomness: every number is a function of integers, never of a generator's history."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["F32", "F64", "I64", "U32", "Bool", "keyed_rng", "noise", "unit_hash"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]


def keyed_rng(*keys: int) -> np.random.Generator:
    """A generator that is a function of ``keys`` (non-negative integers)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(keys)))


def _mix(x: U32) -> U32:
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x2C1B3C6D)
    x = x ^ (x >> np.uint32(12))
    x = x * np.uint32(0x297A2D39)
    return x ^ (x >> np.uint32(15))


def unit_hash(*keys: npt.ArrayLike) -> F32:
    """Hash integer arrays, broadcast together, to float32 in [0, 1).

    >>> float(unit_hash(np.array([3]), 7)[0]) == float(unit_hash(np.array([3]), 7)[0])
    True
    """
    state: U32 = np.zeros(1, dtype=np.uint32)
    for key in keys:
        part = np.asarray(key)
        part = part.astype(np.int64).astype(np.uint32) if part.dtype != np.uint32 else part
        state = _mix((state + np.uint32(0x9E3779B9)) * np.uint32(0x85EBCA77) ^ np.atleast_1d(part))
    return (state >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


@lru_cache(maxsize=1)
def _noise_tile() -> F32:
    size = 256
    total = np.zeros((size, size), dtype=np.float64)
    for octave, weight in ((8, 1.0), (16, 0.7), (32, 0.5), (64, 0.35), (128, 0.25), (256, 0.2)):
        grid = keyed_rng(71, octave).random((octave, octave))
        t = np.arange(size) * octave / size
        i, f = np.floor(t).astype(np.int64), t - np.floor(t)
        f = f * f * (3 - 2 * f)
        rows = grid[i % octave] * (1 - f)[:, None] + grid[(i + 1) % octave] * f[:, None]
        total += weight * (rows[:, i % octave] * (1 - f) + rows[:, (i + 1) % octave] * f)
    total -= total.mean()
    tile: F32 = (total / total.std()).astype(np.float32)
    return tile


def noise(u: F32, v: F32, scale: float = 1.0, offset: npt.ArrayLike = 0) -> F32:
    """Tileable cloud noise, zero mean and unit variance; one tile spans ``256 / scale`` units; ``offset`` shifts it."""
    tile = _noise_tile()
    i = (u * np.float32(scale)).astype(np.int32) + np.asarray(offset, dtype=np.int32)
    j = (v * np.float32(scale)).astype(np.int32) + np.asarray(offset, dtype=np.int32) * 7
    values: F32 = tile[j & 255, i & 255]
    return values
