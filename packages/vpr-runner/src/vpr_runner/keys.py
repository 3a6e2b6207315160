"""Randomness as a function of names and numbers, never of generator state.

``key(seed, "order", epoch)`` is the same number in every process, on every machine and after every restart, so that
nothing random has to be saved with a checkpoint.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

__all__ = ["generator", "key", "permutation", "sample"]


def key(seed: int, *parts: int | str) -> int:
    """Return 63 well-mixed bits of ``(seed, *parts)``."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *parts: int | str) -> torch.Generator:
    """Return a CPU generator for ``(seed, *parts)``."""
    return torch.Generator().manual_seed(key(seed, *parts))


def permutation(count: int, seed: int, *parts: int | str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return a permutation of ``0 .. count - 1`` drawn for ``(seed, *parts)``."""
    return np.random.Generator(np.random.Philox(key=key(seed, *parts))).permutation(count).astype(np.int64)


def sample(count: int, size: int, seed: int, *parts: int | str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return ``min(size, count)`` different sorted numbers below ``count``, drawn for ``(seed, *parts)``."""
    return np.sort(permutation(count, seed, *parts)[:size])
