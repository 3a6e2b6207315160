"""Rows of different length in two tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Ragged", "sorted_unique"]


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of int64 positions: row ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    Attributes:
        values: ``(V,)`` int64, all rows one after the other.
        offsets: ``(rows + 1,)`` int64, from 0 to ``V``, never falling.

    Example:
        >>> import torch
        >>> rows = Ragged.from_rows([[3, 1], [], [7]])
        >>> len(rows), rows.row(0).tolist(), rows.row(1).tolist()
        (3, [3, 1], [])
    """

    values: Tensor
    offsets: Tensor

    def __post_init__(self) -> None:
        for name, tensor in (("values", self.values), ("offsets", self.offsets)):
            if tensor.dim() != 1 or tensor.dtype != torch.int64:
                raise ValueError(f"{name} must be a 1-D int64 tensor, got {tensor.dtype} of {tuple(tensor.shape)}")
        ends = self.offsets
        if not len(ends) or int(ends[0]) != 0 or int(ends[-1]) != len(self.values) or bool((ends.diff() < 0).any()):
            raise ValueError(
                f"offsets must rise from 0 to the number of values ({len(self.values)}), "
                f"got {ends[:3].tolist()} ... {ends[-3:].tolist()}"
            )

    @classmethod
    def from_rows(cls, rows: Iterable[Any]) -> Ragged:
        """Join rows given as 1-D tensors, NumPy arrays or sequences of whole numbers."""
        tensors = [_row(index, row) for index, row in enumerate(rows)]
        lengths = torch.tensor([0, *(len(row) for row in tensors)], dtype=torch.int64)
        values = torch.cat(tensors) if tensors else torch.zeros(0, dtype=torch.int64)
        return cls(values, lengths.cumsum(0))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> Tensor:
        """Return row ``index`` as a view."""
        return self.values[int(self.offsets[index]) : int(self.offsets[index + 1])]

    def rows(self) -> list[Tensor]:
        """Return all rows as views."""
        return list(torch.split(self.values, self.offsets.diff().tolist()))


def _row(index: int, row: Any) -> Tensor:
    tensor = torch.as_tensor(row)
    if tensor.numel() == 0:
        return torch.zeros(0, dtype=torch.int64)
    if tensor.dim() != 1 or tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise ValueError(f"rows[{index}] must be 1-D whole numbers, got {tensor.dtype} of {tuple(tensor.shape)}")
    return tensor.to(torch.int64)


def sorted_unique(positions: Tensor) -> Tensor:
    """Return the different values of a 1-D tensor, rising."""
    unique: Tensor = torch.unique(positions)
    return unique
