"""L2 normalisation as these methods' authors use it, without overflow and with a gradient at zero."""

from __future__ import annotations

import torch
from torch import Tensor

from vpr_pooling.precision import raised, without_autocast

__all__ = ["l2_normalize"]


def l2_normalize(x: Tensor, *, dim: int = -1, eps: float = 1e-12) -> Tensor:
    """Return ``x / max(|x|, eps)`` along ``dim``, in at least float32.

    A vector is first divided by its largest entry, which changes neither the result nor the gradient but keeps its
    square from overflowing. A zero vector has no direction: it stays zero, and no gradient flows back through it.

    Example:
        >>> import torch
        >>> l2_normalize(torch.tensor([[0.0, 4e30], [0.0, 0.0]])).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """
    with without_autocast(x):
        v = raised(x)
        largest = v.detach().abs().amax(dim=dim, keepdim=True).clamp(min=eps)
        v = v / largest
        norm = torch.linalg.vector_norm(v, dim=dim, keepdim=True)
        inverse = torch.maximum(norm, eps / largest).reciprocal()
        return v * torch.where(norm > 0, inverse, torch.zeros_like(norm))
