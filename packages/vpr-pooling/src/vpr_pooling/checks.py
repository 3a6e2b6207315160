"""What every pooling layer asks of its arguments."""

from __future__ import annotations

from torch import Tensor

__all__ = ["check_feature_map", "check_feature_sample", "check_positive"]


def check_positive(name: str, value: int) -> int:
    """Return ``value`` if it is an integer above zero."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be an integer of 1 or more, got {value!r}")
    return value


def check_feature_map(features: Tensor, in_channels: int) -> None:
    """Raise ``ValueError`` unless ``features`` is a floating ``(B, in_channels, h, w)`` with at least one location."""
    shape = tuple(features.shape)
    if features.dim() != 4:
        raise ValueError(f"features must have shape (B, {in_channels}, h, w), got {shape}")
    if features.shape[1] != in_channels:
        raise ValueError(
            f"features has {features.shape[1]} channels (shape {shape}), this layer was made for "
            f"in_channels={in_channels}: use the backbone's out_channels"
        )
    if not features.is_floating_point():
        raise ValueError(f"features must be floating point, got {features.dtype}")
    if features.shape[2] == 0 or features.shape[3] == 0:
        raise ValueError(f"features has no locations (shape {shape}): the image is smaller than the backbone's stride")


def check_feature_sample(features: Tensor, in_channels: int) -> None:
    """Raise ``ValueError`` unless ``features`` is a floating ``(N, in_channels)``."""
    if features.dim() != 2 or features.shape[1] != in_channels:
        raise ValueError(f"features must have shape (N, {in_channels}), got {tuple(features.shape)}")
    if not features.is_floating_point():
        raise ValueError(f"features must be floating point, got {features.dtype}")
