"""SuperVLAD over DINOv2's patch tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

__all__ = ["SuperVLADNetwork"]

CHANNELS = 768


class _SuperVLAD(nn.Module):
    """``V_k = sum_i a_k(x_i) x_i`` of unit features, for the first ``K`` of ``K + G`` clusters of the assignment.

    No centre is subtracted; the ``G`` ghost clusters take what should count nowhere.
    """

    def __init__(self, *, clusters: int, ghosts: int) -> None:
        super().__init__()
        self.clusters = clusters
        self.conv = nn.Conv2d(CHANNELS, clusters + ghosts, 1, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = normalize(tokens, dim=2).transpose(1, 2)  # (B, D, N)
        assignment = self.conv(x[..., None])[..., 0].softmax(dim=1)[:, : self.clusters]
        return normalize(torch.einsum("bkn,bdn->bkd", assignment, x), dim=2)


class SuperVLADNetwork(nn.Module):
    """Images ``(B, 3, H, W)``, sides multiples of 14, to ``(B, 768 * clusters)``.

    Source: Lu et al., SuperVLAD: compact and robust image descriptors for visual place recognition, NeurIPS 2024.

    Args:
        backbone: DINOv2's ViT-B/14; its ``forward_features`` gives ``x_norm_patchtokens`` ``(B, N, 768)``.
        clusters: ``K``.
        ghosts: ``G``.
        cross_image: an encoder of two layers looks from image to image of a batch, cluster by cluster.
    """

    def __init__(self, *, backbone: Any, clusters: int, ghosts: int, cross_image: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.aggregation = _SuperVLAD(clusters=clusters, ghosts=ghosts)
        if cross_image:
            layer = nn.TransformerEncoderLayer(CHANNELS, 16, dim_feedforward=2048, activation="gelu", dropout=0.1)
            self.encoder: nn.Module | None = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        else:
            self.encoder = None

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors."""
        vlad = normalize(
            self.aggregation(self.backbone.forward_features(images)["x_norm_patchtokens"]).flatten(1), dim=1
        )
        if self.encoder is not None:
            vlad = self.encoder(vlad.view(len(vlad), -1, CHANNELS)).flatten(1)
        return normalize(vlad, dim=1)
