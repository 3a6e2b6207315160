"""MixVPR: holistic mixing over all locations of a map of fixed size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpr_modern_pooling.checks import check_number
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import layer_norm, linear
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["MixVPR", "Mixer"]


class Mixer(nn.Module):
    """``x + W2 ReLU(W1 LN(x) + b1) + b2`` over the last axis, ``(..., locations) -> (..., locations)``.

    Weights start from a normal distribution of standard deviation 0.02 cut at two units, biases from zero.
    """

    def __init__(self, *, locations: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(locations)
        self.inner = nn.Linear(locations, hidden)
        self.outer = nn.Linear(hidden, locations)
        for layer in (self.inner, self.outer):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Mix the last axis."""
        return x + linear(self.outer, linear(self.inner, layer_norm(self.norm, x)).relu())


class MixVPR(nn.Module):
    """Each channel's map is mixed over its locations by small networks, then both axes are projected, then L2.

    ``x (C, N)`` through ``depth`` mixers, then ``y_dr = sum_n R_rn (sum_c P_dc x_cn + a_d) + b_r``, flattened
    channel-major: element ``d * rows + r``. The sums are taken over locations first, which is the same number at a
    fraction of the cost: ``y = P (x R^T) + a (R 1)^T + b``.

    The mixers' weights belong to locations, so the layer takes maps of one size only.

    Source: Ali-bey, Chaib-draa and Giguere, MixVPR: feature mixing for visual place recognition, WACV 2023, arXiv
    2303.02190. Published: 1024 channels, 4 rows, depth 4, maps of 20 x 20 (ResNet-50 to layer3, images of 320 x 320).

    Args:
        in_channels: ``C``, channels of the feature map.
        map_size: ``(h, w)`` of every map.
        channels: ``d``, channels of the descriptor.
        rows: numbers a channel.
        depth: number of mixers.
        mlp_ratio: hidden units of a mixer as a multiple of ``h * w``.

    State: ``mixers.i.{norm, inner, outer}``, ``channel_projection``, ``row_projection``, each ``weight`` and ``bias``.

    Example:
        >>> import torch
        >>> MixVPR(in_channels=256, map_size=(7, 7), channels=64)(torch.rand(2, 256, 7, 7)).shape
        torch.Size([2, 256])
    """

    orderless: bool = False

    def __init__(
        self,
        *,
        in_channels: int,
        map_size: tuple[int, int],
        channels: int = 1024,
        rows: int = 4,
        depth: int = 4,
        mlp_ratio: float = 1.0,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        if len(map_size) != 2:
            raise ValueError(f"map_size must be (h, w), got {map_size!r}")
        self.map_size = (check_positive("map_size", map_size[0]), check_positive("map_size", map_size[1]))
        self.channels, self.rows = check_positive("channels", channels), check_positive("rows", rows)
        self.depth = check_positive("depth", depth)
        locations = self.map_size[0] * self.map_size[1]
        hidden = int(locations * check_number("mlp_ratio", mlp_ratio))
        if hidden < 1:
            raise ValueError(f"mlp_ratio must leave a hidden unit of {locations} locations, got {mlp_ratio}")
        self.out_dim = channels * rows
        self.mixers = nn.ModuleList(Mixer(locations=locations, hidden=hidden) for _ in range(depth))
        self.channel_projection = nn.Linear(in_channels, channels)
        self.row_projection = nn.Linear(locations, rows)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, channels * rows)``.

        Raises:
            ValueError: maps of another size than ``map_size``.
        """
        check_feature_map(features, self.in_channels)
        size = tuple(features.shape[2:])
        if size != self.map_size:
            raise ValueError(
                f"features has a map of {size[0]} x {size[1]}, this layer was made for {self.map_size[0]} x "
                f"{self.map_size[1]} (its weights belong to locations): resize every image to the size it was built "
                "with, image.size in a run file"
            )
        with without_autocast(features):
            x = raised(features).flatten(2)
            for mixer in self.mixers:
                x = mixer(x)
            channel, row = self.channel_projection, self.row_projection
            weight = row.weight.to(x.dtype)
            by_row = torch.matmul(channel.weight.to(x.dtype), torch.matmul(x, weight.T))
            shift = torch.outer(channel.bias.to(x.dtype), weight.sum(dim=1)) + row.bias.to(x.dtype)
            return l2_normalize((by_row + shift).flatten(1))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return (
            f"in_channels={self.in_channels}, map_size={self.map_size}, channels={self.channels}, rows={self.rows}, "
            f"depth={self.depth}"
        )
