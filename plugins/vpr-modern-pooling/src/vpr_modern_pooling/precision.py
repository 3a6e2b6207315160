"""Keeping a layer's arithmetic in float32, whatever its input or autocast say.

Squares of activations overflow float16 above 256, sums over a map lose bits in bfloat16, and these layers cost little
beside the backbone. So each raises its input and switches autocast off inside (`vpr_pooling.precision`), and uses its
weights in the input's precision.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["convolve", "layer_norm", "linear"]


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return ``layer(x)`` in the precision of ``x``, ``(..., in) -> (..., out)``."""
    return F.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return ``layer(x)`` in the precision of ``x``, for a convolution of stride 1 that keeps the map's size."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.conv2d(x, layer.weight.to(x.dtype), bias, padding=layer.kernel_size[0] // 2)


def layer_norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """Return ``layer(x)`` in the precision of ``x``."""
    return F.layer_norm(x, layer.normalized_shape, layer.weight.to(x.dtype), layer.bias.to(x.dtype), layer.eps)
