"""The head of CosPlace and EigenPlaces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpr_modern_pooling.checks import check_number
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import linear
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["CosPlaceHead", "generalized_mean"]


def generalized_mean(features: Tensor, p: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Return ``(1/N sum_n max(x_cn, eps)^p)^(1/p)``, ``(B, C, N) -> (B, C)``.

    The largest entry of a channel is taken out before the power and put back after the root, so that small entries do
    not vanish nor large ones overflow.
    """
    x = features.clamp(min=eps)
    exponent = p.to(x.dtype)
    top = x.detach().amax(dim=2, keepdim=True)
    return top.squeeze(2) * (x / top).pow(exponent).mean(dim=2).pow(1.0 / exponent)


class CosPlaceHead(nn.Module):
    """Local features at unit length, generalised mean with a trained exponent, linear layer, L2.

    ``f = L2(W GeM_p(x / |x|) + b)``. CosPlace and EigenPlaces differ in how they are trained, not in this layer.

    Source: Berton, Masone and Caputo, Rethinking visual geo-localization for large-scale applications, CVPR 2022, arXiv
    2204.02287 (512 numbers); Berton, Trivigno, Caputo and Masone, EigenPlaces, ICCV 2023, arXiv 2308.10832 (2048
    with ResNet-50, 512 with VGG-16).

    Args:
        in_channels: ``C``, channels of the feature map.
        dim: length of the descriptor.
        p: first value of the exponent.
        eps: floor of the activations.

    State: ``p (1,)``, ``projection.weight (dim, C)``, ``projection.bias (dim,)``.

    Example:
        >>> import torch
        >>> CosPlaceHead(in_channels=512)(torch.rand(2, 512, 15, 20)).shape
        torch.Size([2, 512])
    """

    orderless: bool = True

    def __init__(self, *, in_channels: int, dim: int = 512, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.out_dim = check_positive("dim", dim)
        self.eps = check_number("eps", eps)
        self.p = nn.Parameter(torch.full((1,), check_number("p", p)))
        self.projection = nn.Linear(in_channels, dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, dim)``."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            x = l2_normalize(raised(features).flatten(2), dim=1)
            return l2_normalize(linear(self.projection, generalized_mean(x, self.p, eps=self.eps)))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, dim={self.out_dim}, p={float(self.p.detach()):.4g}, eps={self.eps}"
