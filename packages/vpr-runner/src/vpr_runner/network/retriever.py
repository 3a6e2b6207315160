"""The network that is trained and served: images in, unit descriptors out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Retriever", "WhiteningLayer"]


class WhiteningLayer(nn.Module):
    """``y = L2(W x + b)``: PCA whitening as the last layer, ``(B, D) -> (B, d)`` with unit rows.

    Args:
        weight: ``(d, D)``.
        bias: ``(d,)``.

    Source: NetVLAD (Arandjelovic et al., 2016, arXiv 1511.07247), section 5, which whitens to 4,096 dimensions.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, *, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    @property
    def out_dim(self) -> int:
        """``d``."""
        return int(self.weight.shape[0])

    def truncated(self, dim: int) -> WhiteningLayer:
        """Return the layer that keeps the first ``dim`` numbers at unit length, those of the largest components.

        Raises:
            ValueError: there are fewer.
        """
        if not 1 <= dim <= self.out_dim:
            raise ValueError(f"dim must be 1 .. {self.out_dim}, got {dim}")
        return WhiteningLayer(weight=self.weight[:dim].clone(), bias=self.bias[:dim].clone())

    def forward(self, descriptors: Tensor) -> Tensor:
        """Return ``(B, d)`` unit rows."""
        with torch.autocast(descriptors.device.type, enabled=False):
            return nn.functional.normalize(
                nn.functional.linear(descriptors.float(), self.weight.float(), self.bias.float()), dim=1
            )


class Retriever(nn.Module):
    """``L2(whitening(pooling(backbone((image * scale - mean) / std))))``.

    Takes images ``(B, 3, H, W)`` as uint8 in 0..255 or float in 0..1 and returns unit descriptors ``(B, out_dim)`` in
    float32. ``forward`` equals ``from_activations(frozen_activations(images))``: the first half is the part of the
    backbone below ``train_from``, which a training run may cache.

    Args:
        backbone: a `vpr_core.types.Backbone`.
        pooling: a `vpr_core.types.Pooling`; with ``uses_global_token = True`` it is called with the feature map and
            the backbone's token.
        whitening: last layer, or None.

    Attributes:
        untrained: of a network that was never trained, which of its parts hold random numbers
            (`vpr_runner.network.untrained`).
        execution: what executes the network from images on, instead of torch; None: torch.
    """

    execution: Callable[[Tensor], Tensor] | None = None
    _mean: Tensor
    _std: Tensor

    def __init__(self, *, backbone: Any, pooling: Any, whitening: WhiteningLayer | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.whitening = whitening
        self.untrained: tuple[str, ...] = ()
        self.uses_global_token = bool(getattr(pooling, "uses_global_token", False))
        if self.uses_global_token and not hasattr(backbone, "forward_with_token"):
            raise ValueError(
                f"pooling: {type(pooling).__name__} needs a backbone with a global token (a ViT's class token); "
                f"{type(backbone).__name__} gives none"
            )
        self.register_buffer("_mean", torch.tensor(backbone.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(backbone.std).view(1, 3, 1, 1), persistent=False)

    @property
    def out_dim(self) -> int:
        """Length of a descriptor."""
        return int((self.whitening or self.pooling).out_dim)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._mean.device

    def normalize(self, images: Tensor) -> Tensor:
        """Return float images as the backbone wants them, ``(image * input_scale - mean) / std``."""
        scale = float(self.backbone.input_scale)
        if images.dtype == torch.uint8:
            scale /= 255.0
        # One multiplication and one subtraction a pixel, instead of three passes over a large tensor.
        gain, shift = scale / self._std, self._mean / self._std
        return (
            images.to(self._mean.dtype).mul_(gain).sub_(shift) if images.dtype == torch.uint8 else images * gain - shift
        )

    def features(self, images: Tensor) -> Tensor:
        """Return the feature map ``(B, C, h, w)`` of raw images."""
        features: Tensor = self.backbone(self.normalize(images))
        return features

    def pool(self, features: Tensor, token: Tensor | None = None) -> Tensor:
        """Return unit descriptors ``(B, out_dim)`` of a feature map."""
        descriptors: Tensor = self.pooling(features, token) if self.uses_global_token else self.pooling(features)
        return self.whitening(descriptors) if self.whitening is not None else descriptors

    def frozen_activations(self, images: Tensor) -> Tensor:
        """Return what the frozen part of the backbone makes of raw images: the trainable part's input."""
        activations: Tensor = self.backbone.frozen(self.normalize(images))
        return activations

    def from_activations(self, activations: Tensor) -> Tensor:
        """Return unit descriptors of ``frozen_activations``."""
        if self.uses_global_token:
            return self.pool(*self.backbone.trainable_with_token(activations))
        return self.pool(self.backbone.trainable(activations))

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors ``(B, out_dim)`` of raw images."""
        if self.execution is not None:
            return self.execution(images)
        if self.uses_global_token:
            return self.pool(*self.backbone.forward_with_token(self.normalize(images)))
        return self.pool(self.features(images))
