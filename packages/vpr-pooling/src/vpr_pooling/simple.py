"""Global maximum and average pooling, the paper's baselines f_max and f_avg."""

from __future__ import annotations

from torch import Tensor, nn

from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.functional import l2_normalize, unit_rows
from vpr_pooling.precision import raised, without_autocast

__all__ = ["AveragePooling", "MaxPooling"]


class _GlobalPooling(nn.Module):
    """What the two share: they have no parameters and keep the number of channels."""

    orderless: bool = True

    def __init__(self, *, in_channels: int, normalize_input: bool = False) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.out_dim = in_channels
        self.normalize_input = normalize_input

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, in_channels)``; a zero map stays zero."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            x = raised(features.flatten(2))
            if self.normalize_input:
                x = l2_normalize(x, dim=1)
            return unit_rows(self.pool(x))

    def pool(self, features: Tensor) -> Tensor:
        """Return one number a channel, ``(B, C, N) -> (B, C)``."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"in_channels={self.in_channels}, normalize_input={self.normalize_input}"


class MaxPooling(_GlobalPooling):
    """Maximum of each channel over all locations, then L2: ``f_max`` of the NetVLAD paper (MAC elsewhere).

    Source: Arandjelovic et al., CVPR 2016, arXiv 1511.07247; Razavian et al., arXiv 1412.6574.

    Args:
        in_channels: ``C``, channels of the feature map, and the dimension of the descriptor.
        normalize_input: L2-normalise each local feature over its channels first; the paper does not.
    """

    def pool(self, features: Tensor) -> Tensor:
        """Return the maximum over locations, ``(B, C, N) -> (B, C)``; where several share it, one gets the gradient."""
        return features.max(dim=2).values


class AveragePooling(_GlobalPooling):
    """Mean of each channel over all locations, then L2: ``f_avg`` of the NetVLAD code (SPoC elsewhere).

    Source: Babenko and Lempitsky, Aggregating deep convolutional features for image retrieval, ICCV 2015, arXiv
    1510.07493.

    Args:
        in_channels: ``C``, channels of the feature map, and the dimension of the descriptor.
        normalize_input: L2-normalise each local feature over its channels first; the paper does not.
    """

    def pool(self, features: Tensor) -> Tensor:
        """Return the mean over locations, ``(B, C, N) -> (B, C)``."""
        return features.mean(dim=2)
