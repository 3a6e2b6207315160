"""The NetVLAD that Patch-NetVLAD's files hold: ``encoder`` is VGG16, ``pool`` the layer, ``WPCA`` whitens."""

from __future__ import annotations

import torch
import torchvision.models
from torch import Tensor, nn
from torch.nn.functional import normalize

__all__ = ["PatchNetVLADNetwork"]

CLUSTERS, CHANNELS = 64, 512


class _NetVLAD(nn.Module):
    """``V_k = sum_i a_k(x_i) (x_i - c_k)`` of unit features, each cluster then the whole at unit length.

    Source: Arandjelovic et al., NetVLAD, CVPR 2016, arXiv 1511.07247, equation 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, CLUSTERS, 1, bias=False)
        self.centroids = nn.Parameter(torch.zeros(CLUSTERS, CHANNELS))

    def forward(self, features: Tensor) -> Tensor:
        x = normalize(features, dim=1)
        assignment = self.conv(x).flatten(2).softmax(dim=1)  # (B, K, N)
        sums = torch.einsum("bkn,bdn->bkd", assignment, x.flatten(2))
        residuals = sums - assignment.sum(dim=2)[:, :, None] * self.centroids
        return normalize(normalize(residuals, dim=2).flatten(1), dim=1)


class PatchNetVLADNetwork(nn.Module):
    """Images ``(B, 3, H, W)`` to ``(B, dim)``: VGG16 to conv5 before its last ReLU, NetVLAD, whitening, unit length.

    Source: Hausler et al., Patch-NetVLAD, CVPR 2021, arXiv 2103.01486, section 3.1.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.encoder = torchvision.models.vgg16(weights=None).features[:-2]
        self.pool = _NetVLAD()
        self.WPCA = nn.Sequential(nn.Conv2d(CLUSTERS * CHANNELS, dim, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors."""
        flat = self.pool(self.encoder(images))
        return normalize(self.WPCA(flat[:, :, None, None]).flatten(1), dim=1)
