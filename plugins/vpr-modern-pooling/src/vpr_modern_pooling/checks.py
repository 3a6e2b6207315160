"""What every layer here asks of its arguments."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["check_at_least_zero", "check_feature_map", "check_number", "check_positive"]


def check_positive(name: str, value: int) -> int:
    """Return ``value`` if it is an integer above zero."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be an integer of 1 or more, got {value!r}")
    return value


def check_at_least_zero(name: str, value: int) -> int:
    """Return ``value`` if it is an integer of zero or more."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} must be an integer of 0 or more, got {value!r}")
    return value


def check_number(name: str, value: float) -> float:
    """Return ``value`` if it is finite and above zero."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)


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
