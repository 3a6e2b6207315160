"""R-MAC: maxima of square regions at several scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpr_modern_pooling.normalization import l2_normalize
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["RMAC", "region_starts", "regions_along"]

OVERLAP = 0.4
"""Share that neighbouring regions of the coarsest scale should have in common."""
CHOICES = range(2, 8)
"""Numbers of regions along the longer side that are considered."""


def regions_along(longer: int, shorter: int) -> int:
    """Return ``m``, how many squares of side ``shorter`` along ``longer`` overlap by as near to 40 % as can be.

    >>> regions_along(40, 30), regions_along(30, 30), regions_along(90, 30)
    (2, 1, 4)
    """
    if longer == shorter:
        return 1
    # Neighbours are (longer - shorter) / (m - 1) apart; the smallest m where two are as near.
    off = [abs(1 - (longer - shorter) / ((m - 1) * shorter) - OVERLAP) for m in CHOICES]
    return CHOICES[off.index(min(off))]  # not min(..., key=...), which torch 2.10 cannot compile for a range


def region_starts(length: int, side: int, count: int) -> list[int]:
    """Return where ``count`` regions of ``side`` begin that are spread evenly over ``length``.

    >>> region_starts(40, 30, 2), region_starts(40, 20, 3), region_starts(5, 5, 1)
    ([0, 10], [0, 10, 20], [0])
    """
    return [i * (length - side) // max(count - 1, 1) for i in range(count)]


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
            height, width = x.shape[2:]
            shorter, more = min(height, width), regions_along(max(height, width), min(height, width)) - 1
            total = l2_normalize(x.amax(dim=(2, 3)), dim=1)
            for level in range(1, self.levels + 1):
                side = 2 * shorter // (level + 1)
                if side == 0:
                    break
                tops = region_starts(height, side, level + (more if height > width else 0))
                lefts = region_starts(width, side, level + (more if width > height else 0))
                # Along rows, then along columns: a region's maximum is the maximum of its rows' maxima.
                bands = torch.stack([x[:, :, top : top + side].amax(dim=2) for top in tops], dim=2)
                maxima = torch.stack([bands[..., left : left + side].amax(dim=3) for left in lefts], dim=3)
                total = total + l2_normalize(maxima, dim=1).sum(dim=(2, 3))
            return l2_normalize(total, dim=1)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, levels={self.levels}"
