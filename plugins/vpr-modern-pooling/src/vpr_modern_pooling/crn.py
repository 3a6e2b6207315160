"""CRN: a contextual reweighting network in front of NetVLAD."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_modern_pooling.intervals import interval_means, recording, side_length
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import convolve
from vpr_pooling import NetVLAD
from vpr_pooling.checks import check_feature_map
from vpr_pooling.precision import without_autocast

__all__ = ["CRN", "halved"]

FILTERS = {3: 32, 5: 32, 7: 20}
"""Size of the context filters: how many of them."""


def halved(x: Tensor) -> Tensor:
    """Return the mean over 3 x 3 windows at every second location, cut off at the border, about half the size."""
    height, width = x.shape[2:]
    if not recording():
        return F.avg_pool2d(x, (min(3, height), min(3, width)), stride=2, ceil_mode=True)
    borders = []
    for dim, length in ((2, height), (3, width)):
        starts = 2 * torch.arange(length // 2 + 1 // length, device=x.device)  # one window where there is one location
        borders.append((starts, torch.minimum(starts + 3, side_length(x, dim))))
    return interval_means(x, borders[0], borders[1])


class CRN(NetVLAD):
    """NetVLAD whose soft assignment is weighed by how much a location's surroundings are worth.

    On unit local features ``x``: ``m = up(sum_f ReLU(g_f * down(x) + b_f))``, where ``down`` averages over 3 x 3 with a
    stride of 2, the filters ``g`` are 32 of 3 x 3, 32 of 5 x 5 and 20 of 7 x 7, and ``up`` is bilinear; then
    ``V_k = sum_n m_n a_kn (x_n - c_k)`` with ``a = softmax_k(w_k . x)``, each ``V_k`` and the whole to unit length,
    cluster-major: element ``k * C + c``. (The reference code only takes maps of even sides; other sides are scaled to
    fit.)

    **Train NetVLAD first** and start from it with `start_from_netvlad`; the published rates are 5e-3 for the filters
    and 5e-4 for the rest. `init_from_features` starts the NetVLAD part by k-means.

    Source: Kim, Dunn and Frahm, Learned contextual feature reweighting for image geo-localization, CVPR 2017, doi
    10.1109/CVPR.2017.346.

    Args:
        in_channels: ``C``, channels of the feature map.
        num_clusters: ``K``.

    State: that of `vpr_pooling.NetVLAD` in its form v1, and ``context.{3, 5, 7}``.

    Example:
        >>> import torch
        >>> CRN(in_channels=32, num_clusters=8)(torch.rand(2, 32, 12, 16)).shape
        torch.Size([2, 256])
    """

    orderless: bool = False

    def __init__(self, *, in_channels: int, num_clusters: int = 64) -> None:
        super().__init__(in_channels=in_channels, num_clusters=num_clusters)
        self.context = nn.ModuleDict(
            {str(size): nn.Conv2d(in_channels, count, size, padding=size // 2) for size, count in FILTERS.items()}
        )
        for layer in self.filters():
            nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def filters(self) -> list[nn.Conv2d]:
        """Return the context filters, smallest first."""
        return [layer for layer in self.context.values() if isinstance(layer, nn.Conv2d)]

    @torch.no_grad()
    def start_from_netvlad(self, state: Mapping[str, Tensor]) -> None:
        """Take ``assignment_weight (K, C)`` and ``centroids (K, C)`` of a trained NetVLAD (form v1), leave the filters.

        Raises:
            ValueError: one of them is missing or has another shape.
        """
        mine = {"assignment_weight": self.assignment_weight, "centroids": self.centroids}
        for name, parameter in mine.items():
            if name not in state:
                raise ValueError(f"state has no {name!r}, it has {', '.join(state) or 'nothing'}")
            if state[name].shape != parameter.shape:
                raise ValueError(f"{name} must have shape {tuple(parameter.shape)}, got {tuple(state[name].shape)}")
        for name, parameter in mine.items():
            parameter.copy_(state[name])

    def reweighting(self, features: Tensor) -> Tensor:
        """Return the weight ``m`` of each location, ``(B, in_channels, h, w) -> (B, 1, h, w)``, zero or more."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            return self._reweighting(l2_normalize(features, dim=1))

    def _reweighting(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        coarse = halved(x)
        found = [convolve(layer, coarse).relu().sum(dim=1, keepdim=True) for layer in self.filters()]
        return F.interpolate(sum(found[1:], found[0]), size=(height, width), mode="bilinear", align_corners=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, num_clusters * in_channels)``, cluster-major."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            unit = l2_normalize(features, dim=1)
            x = unit.flatten(2)
            w, c = self.assignment_weight.to(x.dtype), self.centroids.to(x.dtype)
            a = torch.softmax(torch.matmul(w, x), dim=1) * self._reweighting(unit).flatten(2)
            residuals = torch.bmm(a, x.transpose(1, 2)) - a.sum(dim=2, keepdim=True) * c
            return l2_normalize(l2_normalize(residuals, dim=2).flatten(1))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, num_clusters={self.num_clusters}"
