"""MixVPR and ConvAP in GSV-Cities' layout: ``backbone.model`` is a ResNet50, ``aggregator`` the layer."""

from __future__ import annotations

import torchvision.models
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

__all__ = ["ConvAPNetwork", "MixVPRNetwork"]

CHANNELS = {3: 1024, 4: 2048}
"""Of ResNet50, by its last layer."""
DEPTH = 4
LOCATIONS = 20 * 20


class _Trunk(nn.Module):
    """ResNet50 up to ``layer3`` or ``layer4``, ``(B, 3, H, W) -> (B, C, h, w)``."""

    def __init__(self, *, last: int) -> None:
        super().__init__()
        self.model = torchvision.models.resnet50(weights=None)
        self.layers = [f"layer{number}" for number in range(1, last + 1)]
        for name in ("avgpool", "fc", *(f"layer{number}" for number in range(last + 1, 5))):
            delattr(self.model, name)

    def forward(self, images: Tensor) -> Tensor:
        net = self.model
        x: Tensor = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        for name in self.layers:
            x = getattr(net, name)(x)
        return x


class _Mixer(nn.Module):
    """``x + W2 ReLU(W1 LN(x) + b1) + b2`` over the locations of a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.LayerNorm(LOCATIONS), nn.Linear(LOCATIONS, LOCATIONS), nn.ReLU(), nn.Linear(LOCATIONS, LOCATIONS)
        )

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = x + self.mix(x)
        return mixed


class _MixVPR(nn.Module):
    """Mixers, then ``y_dr = sum_n R_rn (sum_c P_dc x_cn + a_d) + b_r``, flattened channel-major, unit length."""

    def __init__(self, *, channels: int, rows: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(*(_Mixer() for _ in range(DEPTH)))
        self.channel_proj = nn.Linear(CHANNELS[3], channels)
        self.row_proj = nn.Linear(LOCATIONS, rows)

    def forward(self, features: Tensor) -> Tensor:
        x = self.mix(features.flatten(2))
        x = self.row_proj(self.channel_proj(x.transpose(1, 2)).transpose(1, 2))
        return normalize(x.flatten(1), dim=1)


class _ConvAP(nn.Module):
    """1x1 convolution, mean over the cells of a grid of 2 x 2, flattened channel-major, unit length."""

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.channel_pool = nn.Conv2d(CHANNELS[4], channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return normalize(adaptive_avg_pool2d(self.channel_pool(features), (2, 2)).flatten(1), dim=1)


class MixVPRNetwork(nn.Module):
    """Images ``(B, 3, 320, 320)`` to ``(B, channels * rows)``.

    Source: Ali-bey, Chaib-draa and Giguere, MixVPR, WACV 2023, arXiv 2303.02190.
    """

    def __init__(self, *, channels: int, rows: int) -> None:
        super().__init__()
        self.backbone = _Trunk(last=3)
        self.aggregator = _MixVPR(channels=channels, rows=rows)

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors."""
        descriptors: Tensor = self.aggregator(self.backbone(images))
        return descriptors


class ConvAPNetwork(nn.Module):
    """Images ``(B, 3, H, W)`` to ``(B, 4 * channels)``.

    Source: Ali-bey, Chaib-draa and Giguere, GSV-Cities, Neurocomputing 2022, arXiv 2210.10239.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.backbone = _Trunk(last=4)
        self.aggregator = _ConvAP(channels=channels)

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors."""
        descriptors: Tensor = self.aggregator(self.backbone(images))
        return descriptors
