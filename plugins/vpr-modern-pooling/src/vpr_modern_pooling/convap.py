"""Convolution and average pooling (GSV-Cities)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_modern_pooling.intervals import interval_means, recording, side_length
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import linear
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["ConvAP", "cell_means"]


def cell_means(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the mean over each cell of a grid, ``(B, C, h, w) -> (B, C, rows, columns)``.

    Cell ``i`` of ``r`` along a side of ``n`` goes from ``floor(i n / r)`` to ``ceil((i + 1) n / r)``.
    """
    if not recording():
        return F.adaptive_avg_pool2d(x, grid)
    borders = []
    for dim, count in zip((2, 3), grid, strict=True):
        i, n = torch.arange(count, device=x.device), side_length(x, dim)
        borders.append((i * n // count, ((i + 1) * n + count - 1) // count))
    return interval_means(x, borders[0], borders[1])


class ConvAP(nn.Module):
    """1x1 convolution to fewer channels, mean over each cell of a coarse grid, then L2.

    ``f = L2(flatten(mean_cell(W x + b)))``, flattened channel-major: element ``c * rows * columns + cell``. Both steps
    are linear and the weights of a mean sum to one, so the means are taken first and the convolution sees ``rows *
    columns`` locations instead of ``h * w``: the same in real numbers.

    Source: Ali-bey, Chaib-draa and Giguere, GSV-Cities: toward appropriate supervised visual place recognition,
    Neurocomputing 2022, arXiv 2210.10239. Their defaults: 512 channels, a grid of 2 x 2; published numbers also use
    1024 and 2048 channels.

    Args:
        in_channels: ``C``, channels of the feature map.
        channels: ``d``, channels of the descriptor.
        grid: ``(rows, columns)`` of cells, as equal as the map allows; (1, 1) forgets where a feature was.

    State: ``projection.weight (d, C)``, ``projection.bias (d,)``.

    Example:
        >>> import torch
        >>> ConvAP(in_channels=1024)(torch.rand(2, 1024, 20, 20)).shape
        torch.Size([2, 2048])
    """

    def __init__(self, *, in_channels: int, channels: int = 512, grid: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.channels = check_positive("channels", channels)
        if len(grid) != 2:
            raise ValueError(f"grid must be (rows, columns), got {grid!r}")
        self.grid = (check_positive("grid", grid[0]), check_positive("grid", grid[1]))
        self.out_dim = channels * self.grid[0] * self.grid[1]
        self.orderless = self.grid == (1, 1)
        self.projection = nn.Linear(in_channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, channels * rows * columns)``."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            cells = cell_means(raised(features), self.grid).flatten(2)
            return l2_normalize(linear(self.projection, cells.transpose(1, 2)).transpose(1, 2).flatten(1))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, channels={self.channels}, grid={self.grid}"
