"""Random draws that are a function of a key, not of a generator's history."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from vpr_losses.ragged import sorted_unique

__all__ = ["draw_outside", "keyed_generator"]

_MASK = (1 << 64) - 1
_DENSE = 8
"""Up to this many times the number drawn, shuffling the whole range is cheaper than drawing until enough differ."""


def keyed_generator(*key: int) -> Generator:
    """Return a generator whose state depends on the whole numbers of ``key`` alone (mixed by splitmix64)."""
    state = 0
    for part in key:
        state = (state + (part & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return Generator().manual_seed(state & 0xFFFFFFFF)  # torch's CPU generator reads 32 bits of a seed


def draw_outside(count: int, size: int, excluded: Tensor, generator: Generator) -> Tensor:
    """Draw ``count`` different positions of ``0 .. size - 1`` that are not in ``excluded``, all equally likely.

    Args:
        count: how many; all that are left if they are fewer.
        size: number of positions.
        excluded: ``(E,)`` int64 positions, sorted and unique.
        generator: source of randomness.

    Returns:
        Sorted int64 positions.
    """
    allowed = size - len(excluded)
    ranks = _draw_ranks(count, allowed, generator)
    # The r-th allowed position is r plus the number of excluded ones before it.
    before = excluded - torch.arange(len(excluded))
    return ranks + torch.searchsorted(before, ranks, right=True)


def _draw_ranks(count: int, size: int, generator: Generator) -> Tensor:
    if count >= size:
        return torch.arange(size)
    if size <= _DENSE * count:
        return torch.randperm(size, generator=generator)[:count].sort().values
    drawn = torch.zeros(0, dtype=torch.int64)
    while len(drawn) < count:
        fresh = torch.randint(size, (count + count // 4 + 16,), generator=generator)
        drawn = sorted_unique(torch.cat([drawn, fresh]))
    # What was drawn is a random set of random size: leave a random part of it out, not its largest.
    kept = torch.randperm(len(drawn), generator=generator)[:count]
    return drawn[kept].sort().values
