"""Choosing the nearest of a query's candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

__all__ = ["blocks", "nearest", "padded"]

_TABLE_ELEMENTS = 1 << 23
"""Entries of a table with one row a query: 32 MiB of distances, 64 MiB of positions."""


def blocks(count: int, width: int) -> Iterator[slice]:
    """Cut ``count`` queries into parts whose table of ``width`` entries a query stays small."""
    height = max(1, _TABLE_ELEMENTS // max(1, width))
    for start in range(0, count, height):
        yield slice(start, min(start + height, count))


def padded(rows: Sequence[Tensor]) -> Tensor:
    """Return rows of positions as one tensor ``(len(rows), longest)``, filled up with -1."""
    return pad_sequence(list(rows), batch_first=True, padding_value=-1)


def nearest(squared_distance: Tensor, positions: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the ``count`` nearest of each row, nearest first, equal ones by position.

    Args:
        squared_distance: ``(T, L)``, infinite where there is no candidate.
        positions: ``(T, L)`` database positions, rising within a row apart from -1.
        count: ``k``.

    Returns:
        Squared distances ``(T, k)``, infinite where there is none, and positions ``(T, k)``, -1 there.
    """
    ordered = torch.sort(squared_distance, dim=1, stable=True)
    values, order = ordered.values[:, :count], ordered.indices[:, :count]
    chosen = torch.where(torch.isinf(values), -1, positions.gather(1, order))
    short = count - values.shape[1]
    if short > 0:
        values = torch.nn.functional.pad(values, (0, short), value=torch.inf)
        chosen = torch.nn.functional.pad(chosen, (0, short), value=-1)
    return values, chosen
