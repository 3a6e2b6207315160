"""How images are prepared for a network: ``(image * scale - mean) / std`` with images in 0..1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["NORMALIZATIONS", "Normalization"]

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """``(image * scale - mean) / std`` per RGB channel, images in 0..1.

    Args:
        mean: what is subtracted, in units of ``image * scale``.
        std: what is divided by; no zero in it.
        scale: 1 for weights trained on 0..1, 255 for weights trained on 0..255 (Caffe, MatConvNet).
    """

    mean: Triple
    std: Triple
    scale: float = 1.0

    def __post_init__(self) -> None:
        for field, values in (("mean", tuple(self.mean)), ("std", tuple(self.std))):
            if len(values) != len(("R", "G", "B")):
                raise ValueError(f"{field} must have one value for each of R, G and B, got {values}")
        if not all(value > 0 for value in (*self.std, self.scale)):
            raise ValueError(f"std and scale must be greater than 0, got std={self.std} scale={self.scale}")

    @classmethod
    def named(cls, name: str) -> Normalization:
        """Return one of `NORMALIZATIONS`.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in NORMALIZATIONS:
            raise ValueError(f"normalization must be one of {', '.join(NORMALIZATIONS)}, got {name!r}")
        return NORMALIZATIONS[name]


NORMALIZATIONS: Mapping[str, Normalization] = MappingProxyType(
    {
        "imagenet": Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        "caffe": Normalization(mean=(123.68, 116.779, 103.939), std=(1.0, 1.0, 1.0), scale=255.0),
        "half": Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        "none": Normalization(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    }
)
"""``imagenet`` torchvision's and most of timm's weights; ``caffe`` RGB 0..255 minus the mean, never divided (the
NetVLAD paper's networks, MatConvNet); ``half`` -1..1; ``none`` 0..1 as decoded."""
