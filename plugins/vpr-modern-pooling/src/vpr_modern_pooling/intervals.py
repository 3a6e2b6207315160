"""Means and maxima over intervals of rows and columns, in operations that hold for maps of every size.

torch's own pooling layers and Python's loops over regions leave the sizes of the example in an exported graph: ONNX
then gives wrong numbers, or other shapes, for maps of another size, in silence. Here the borders are tensors that the
graph computes from the map it is given.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["inside", "interval_means", "recording", "side_length"]


def recording() -> bool:
    """Whether a graph is being exported or traced, which will be given maps of other sizes."""
    return torch.compiler.is_exporting() or torch._C._get_tracing_state() is not None


def side_length(x: Tensor, dim: int) -> Tensor:
    """Return the length of ``x`` along ``dim`` as an int64 tensor ``()`` that an exported graph computes anew."""
    return torch.full((), x.shape[dim], dtype=torch.int64, device=x.device)


def inside(starts: Tensor, ends: Tensor, length: int) -> Tensor:
    """Return which of ``0 .. length - 1`` lie in ``[start, end)``, from ``(count,)`` each to ``(count, length)``."""
    at = torch.arange(length, device=starts.device)
    return (at >= starts.unsqueeze(1)) & (at < ends.unsqueeze(1))


def interval_means(x: Tensor, rows: tuple[Tensor, Tensor], columns: tuple[Tensor, Tensor]) -> Tensor:
    """Return the means over boxes, ``(B, C, h, w) -> (B, C, r, c)``, as two matrix products.

    Args:
        x: the maps.
        rows: starts and ends ``(r,)`` of the boxes along ``h``, none of them empty.
        columns: starts and ends ``(c,)`` along ``w``.
    """
    down, across = (
        inside(*borders, x.shape[dim]).to(x.dtype) / (borders[1] - borders[0]).to(x.dtype).unsqueeze(1)
        for dim, borders in ((2, rows), (3, columns))
    )
    return torch.matmul(down, torch.matmul(x, across.T))
