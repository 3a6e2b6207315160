"""A network that looks at an image at several scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from vpr_runner.network.retriever import Retriever

__all__ = ["MultiScale"]


class MultiScale(nn.Module):
    """``L2(sum over s of f(x_s))``, with ``x_s`` the image whose sides are ``s`` times as long.

    The mean of the unit descriptors over scales, at unit length again, as image retrieval does (Radenovic et al.,
    arXiv 1711.02512, section 5.3; there with a generalised mean of exponent 1 for NetVLAD-like descriptors).

    Args:
        retriever: ``f``, from ``(B, 3, H, W)`` to unit rows.
        scales: each above 0.
        multiple: sides are rounded to multiples of this, at least one.
        interpolation: filter of the resizing, with antialiasing; of a scale of 1 the image is taken as it is.
    """

    def __init__(
        self,
        *,
        retriever: Retriever,
        scales: Sequence[float],
        multiple: int = 1,
        interpolation: Literal["bilinear", "bicubic"] = "bilinear",
    ) -> None:
        super().__init__()
        if not scales or not all(math.isfinite(scale) and scale > 0 for scale in scales):
            raise ValueError(f"scales must be numbers above 0, at least one, got {list(scales)}")
        self.retriever = retriever
        self.scales, self.multiple, self.interpolation = tuple(scales), multiple, interpolation

    @classmethod
    def of(
        cls,
        retriever: Retriever,
        *,
        scales: Sequence[float],
        multiple: int = 1,
        interpolation: Literal["bilinear", "bicubic"] = "bilinear",
    ) -> Any:
        """Return the network at several scales, which is asked like it, or itself where the one scale is 1."""
        if tuple(scales) == (1.0,):
            return retriever
        return cls(retriever=retriever, scales=scales, multiple=multiple, interpolation=interpolation)

    @property
    def out_dim(self) -> int:
        """Length of a descriptor."""
        return self.retriever.out_dim

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors ``(B, out_dim)`` of ``(B, 3, H, W)``, uint8 or float in 0..1."""
        total = torch.zeros((), device=images.device)
        for scale in self.scales:
            total = total + self.retriever(self._scaled(images, scale)).float()
        return nn.functional.normalize(total, dim=1)

    def _scaled(self, images: Tensor, scale: float) -> Tensor:
        size = [self.multiple * max(1, round(side * scale / self.multiple)) for side in images.shape[2:]]
        if size == list(images.shape[2:]):
            return images
        values = images.float() / 255 if images.dtype == torch.uint8 else images  # not every device resizes uint8
        resized = nn.functional.interpolate(
            values, size=size, mode=self.interpolation, antialias=True, align_corners=False
        )
        return resized.clamp(0, 1)
