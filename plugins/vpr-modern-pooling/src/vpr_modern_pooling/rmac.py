"""R-MAC: maxima of square regions at several scales."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from vpr_modern_pooling.intervals import inside, recording, side_length
from vpr_modern_pooling.normalization import l2_normalize
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["RMAC", "region_starts", "regions_along"]

CHOICES = range(2, 8)
"""Numbers of regions along the longer side that are considered."""


def regions_along(longer: int, shorter: int) -> int:
    """Return ``m``, how many squares of side ``shorter`` along ``longer`` overlap by as near to 40 % as can be.

    >>> regions_along(40, 30), regions_along(30, 30), regions_along(90, 30)
    (2, 1, 4)
    """
    if longer == shorter:
        return 1
    off = [_off(longer, shorter, m) for m in CHOICES]
    return CHOICES[off.index(min(off))]  # not min(..., key=...), which torch 2.10 cannot compile for a range


def _off(longer: Any, shorter: Any, m: int) -> Any:
    """Return how far the overlap of ``m`` regions is from 40 %, in whole numbers, so that equal is equal.

    Neighbours are ``(longer - shorter) / (m - 1)`` apart, so ``|1 - (longer - shorter) / ((m - 1) shorter) - 2/5|`` is
    to be small; this is 300 ``shorter`` times that.
    """
    return abs(3 * (m - 1) * shorter - 5 * (longer - shorter)) * (60 // (m - 1))


def region_starts(length: int, side: int, count: int) -> list[int]:
    """Return where ``count`` regions of ``side`` begin that are spread evenly over ``length``.

    >>> region_starts(40, 30, 2), region_starts(40, 20, 3), region_starts(5, 5, 1)
    ([0, 10], [0, 10, 20], [0])
    """
    return [i * (length - side) // max(count - 1, 1) for i in range(count)]


def _regions(x: Tensor, levels: int) -> Iterator[Tensor]:
    """Yield the maxima over the regions of each scale, ``(B, C, h, w) -> (B, C, rows, columns)``."""
    height, width = x.shape[2:]
    shorter, more = min(height, width), regions_along(max(height, width), min(height, width)) - 1
    for level in range(1, levels + 1):
        side = 2 * shorter // (level + 1)
        if side == 0:
            return
        tops = region_starts(height, side, level + (more if height > width else 0))
        lefts = region_starts(width, side, level + (more if width > height else 0))
        # Along rows, then along columns: a region's maximum is the maximum of its rows' maxima.
        bands = torch.stack([x[:, :, top : top + side].amax(dim=2) for top in tops], dim=2)
        yield torch.stack([bands[..., left : left + side].amax(dim=3) for left in lefts], dim=3)


def _regions_of_any_size(x: Tensor, levels: int) -> Iterator[Tensor]:
    """Yield what `_regions` does, with borders that an exported graph computes from the map that it is given.

    There are as many rows and columns of regions as a map of any shape can have; those that this map has not are zero,
    and add nothing to the sum.
    """
    height, width = side_length(x, 2), side_length(x, 3)
    shorter, longer = torch.minimum(height, width), torch.maximum(height, width)
    off = torch.stack([_off(longer, shorter, m) for m in CHOICES])
    more = torch.where(longer > shorter, off.double().argmin() + CHOICES[0] - 1, 0)
    for level in range(1, levels + 1):
        side = 2 * shorter // (level + 1)
        number = torch.arange(level + CHOICES[-1] - 1, device=x.device)
        bands, down = _maxima(x, 2, side, number, level + torch.where(height > width, more, 0))
        maxima, across = _maxima(bands, 3, side, number, level + torch.where(width > height, more, 0))
        yield torch.where(down.unsqueeze(1) & across, maxima, 0.0)


def _maxima(x: Tensor, dim: int, side: Tensor, number: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maxima over ``count`` windows along ``dim``, in places ``number``, and which of these there are."""
    starts = number * (side_length(x, dim) - side) // (count - 1).clamp(min=1)
    windows = inside(starts, starts + side, x.shape[dim])
    shape = [1, -1, 1] if dim == 2 else [-1]
    found = [x.masked_fill(~window.view(shape), -torch.inf).amax(dim=dim) for window in windows.unbind()]
    return torch.stack(found, dim=dim), (number < count) & (side > 0)


class RMAC(nn.Module):
    """Maximum of each channel over the map and over square regions, each to unit length; their sum, then L2.

    At scale ``l = 1 .. levels`` the regions have the side ``floor(2 min(h, w) / (l + 1))`` and lie evenly in a grid of
    ``l`` by ``l + m - 1``, the larger number along the longer side; ``m`` is such that neighbours at ``l = 1`` overlap
    by about 40 %. Nothing is trained.

    Source: Tolias, Sicre and Jegou, Particular object retrieval with integral max-pooling of CNN activations, ICLR
    2016, arXiv 1511.05879, with the whole map's maximum as one more region, as Radenovic et al. have it (arXiv
    1711.02512). The paper's PCA whitening of each region is not part of the layer: whiten the descriptor instead.

    Args:
        in_channels: ``C``, channels of the feature map, and the dimension of the descriptor.
        levels: number of scales.

    Example:
        >>> import torch
        >>> RMAC(in_channels=512)(torch.rand(2, 512, 15, 20)).shape
        torch.Size([2, 512])
    """

    orderless: bool = False

    def __init__(self, *, in_channels: int, levels: int = 3) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.levels = check_positive("levels", levels)
        self.out_dim = in_channels

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, in_channels)``; a zero map stays zero."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            x = raised(features)
            total = l2_normalize(x.amax(dim=(2, 3)), dim=1)
            regions = _regions_of_any_size if recording() else _regions
            for maxima in regions(x, self.levels):
                total = total + l2_normalize(maxima, dim=1).sum(dim=(2, 3))
            return l2_normalize(total, dim=1)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, levels={self.levels}"
