"""Distances from squared distances."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["distance"]


def distance(squared: Tensor) -> Tensor:
    """Return the square root, whose gradient at 0 is taken as 0 instead of infinity."""
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, torch.ones_like(squared)).sqrt(), 0.0)
