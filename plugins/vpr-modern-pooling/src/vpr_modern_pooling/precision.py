"""Keeping a layer's arithmetic in float32, whatever its input or autocast say.

Squares of activations overflow float16 above 256, sums over a map lose bits in bfloat16, and these layers cost little
beside the backbone. So each raises its input, switches autocast off inside, and uses its weights in the input's
precision.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["convolve", "layer_norm", "linear", "raised", "without_autocast"]


def raised(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or unchanged when it is float32 or float64 already."""
    return x if x.dtype == torch.float64 else x.float()


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which autocast leaves operations on ``x``'s device alone."""
    kind = x.device.type
    if _knows_autocast(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(device_type=kind, enabled=False)
    return nullcontext()


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


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch 2.10 cannot trace the question
def _knows_autocast(kind: str) -> bool:
    return torch.amp.is_autocast_available(kind)
