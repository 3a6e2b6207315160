"""The formulas of the VLAD family, without state.

Letters: ``B`` images, ``D`` channels of a local feature, ``N`` locations of a feature map (``h * w``), ``K`` clusters.
Every function works in float32, or float64 when it is given that; half-precision inputs are raised first and autocast
is switched off inside, because squares of activations overflow float16 and sums over ``N`` lose bits in bfloat16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vpr_pooling.precision import raised, without_autocast

__all__ = [
    "EPSILON",
    "hard_assignment",
    "inverse_norm",
    "l2_normalize",
    "soft_assignment",
    "unit_rows",
    "vlad_aggregate",
    "vlad_flatten",
]

EPSILON = 1e-12
"""Added under the root of every L2 norm, as in the authors' MATLAB code: ``x / sqrt(1e-12 + |x|^2)``."""


def inverse_norm(x: Tensor, *, dim: int, eps: float = EPSILON) -> Tensor:
    """Return ``1 / sqrt(|x|^2 + eps)`` along ``dim``, kept; 0 for a zero vector.

    A zero vector has no direction, so nothing flows back through it: without that rule its gradient would be
    multiplied by ``1 / sqrt(eps)``, a million.
    """
    with without_autocast(x):
        norm = torch.linalg.vector_norm(raised(x), dim=dim, keepdim=True)
        # The root taken about the larger of |x| and sqrt(eps): no overflow, and no "+ 1e-12", which the ONNX exporter
        # takes for zero and drops, so that clusters of little weight would come out differently.
        root = math.sqrt(eps)
        larger = norm.detach().clamp(min=root)
        inverse = torch.rsqrt((norm / larger).square() + (root / larger).square()) / larger
        return torch.where(norm > 0, inverse, torch.zeros_like(norm))


def l2_normalize(x: Tensor, *, dim: int = -1, eps: float = EPSILON) -> Tensor:
    """Return ``x / sqrt(|x|^2 + eps)`` along ``dim``, in at least float32.

    Unit vectors for every ``|x|`` well above ``sqrt(eps)``; a zero vector stays zero with zero gradient, and elsewhere
    the gradient is at most ``1 / sqrt(eps)`` times that of the output.

    Example:
        >>> import torch
        >>> l2_normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    with without_autocast(x):
        return raised(x) * inverse_norm(x, dim=dim, eps=eps)


def unit_rows(x: Tensor) -> Tensor:
    """Return the rows of ``x (B, D)`` at length one, the last step of every descriptor; a zero row stays zero.

    The official code divides by ``|x| + 1e-12`` here, a millionth of what it adds to the other norms, so that weak but
    honest descriptors come out with unit length. Same reach, and no overflow: each row is first divided by its
    largest entry (at least 1e-6), which changes neither the direction nor the gradient.
    """
    with without_autocast(x):
        v = raised(x)
        largest = v.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
        return l2_normalize(v / largest, dim=1)


def soft_assignment(
    features: Tensor, weight: Tensor, bias: Tensor | None = None, scale: Tensor | None = None
) -> Tensor:
    """Return ``a_k(x_n) = softmax_k(w_k . x_n * s_n + b_k)``: how much of each location each cluster takes.

    Args:
        features: ``(B, D, N)`` local features ``x``.
        weight: ``(K, D)`` assignment weights ``w``.
        bias: ``(K,)`` assignment biases ``b``; None: zero.
        scale: ``(B, 1, N)`` factor ``s`` of each feature, usually its inverse norm; None: one. Given so, the normalised
            features need never be written out: ``w . (s x) = s (w . x)``.

    Returns:
        ``(B, K, N)``, at least float32; sums to one over ``K``.
    """
    with without_autocast(features):
        x = raised(features)
        scores = torch.bmm(weight.to(x.dtype).expand(x.shape[0], -1, -1), x)
        if scale is not None:
            scores = scores * scale
        if bias is not None:
            scores = scores + bias.to(x.dtype).unsqueeze(-1)
        return torch.softmax(scores, dim=1)


def hard_assignment(features: Tensor, centroids: Tensor, scale: Tensor | None = None) -> Tensor:
    """Return 1 for the nearest centroid of each location and 0 for the others, the lowest ``k`` where two are as near.

    Args:
        features: ``(B, D, N)`` local features.
        centroids: ``(K, D)`` cluster centres.
        scale: ``(B, 1, N)`` factor of each feature; None: one.

    Returns:
        ``(B, K, N)``, at least float32, without gradient.
    """
    with without_autocast(features), torch.no_grad():
        x = raised(features)
        c = centroids.to(x.dtype)
        scores = torch.bmm(c.expand(x.shape[0], -1, -1), x)
        if scale is not None:
            scores = scores * scale
        # |x - c|^2 / 2 = |x|^2 / 2 - (x . c - |c|^2 / 2): the nearest centre has the largest bracket.
        scores = scores - 0.5 * c.square().sum(dim=1, keepdim=True)
        nearest = scores.argmax(dim=1, keepdim=True)
        return torch.zeros_like(scores).scatter(1, nearest, 1.0)


def vlad_aggregate(features: Tensor, assignment: Tensor, centroids: Tensor, scale: Tensor | None = None) -> Tensor:
    """Return ``V_k = sum_n a_k(x_n) (s_n x_n - c_k)`` as ``A X^T - diag(sum_n A) C``.

    The identity replaces the ``B x K x D x N`` residual tensor by one batched matrix product (exact in real numbers).

    Args:
        features: ``(B, D, N)`` local features ``x``.
        assignment: ``(B, K, N)`` weights ``a``.
        centroids: ``(K, D)`` centres ``c``.
        scale: ``(B, 1, N)`` factor ``s`` of each feature; None: one.

    Returns:
        ``(B, K, D)`` residual sums, at least float32.
    """
    with without_autocast(features):
        x = raised(features)
        a = raised(assignment)
        weighted = a if scale is None else a * scale
        return torch.bmm(weighted, x.transpose(1, 2)) - a.sum(dim=2, keepdim=True) * centroids.to(x.dtype)


def vlad_flatten(residuals: Tensor, *, intra_normalize: bool = True) -> Tensor:
    """Return the descriptor of residual sums: L2 of each cluster over ``D`` if asked, then L2 of the whole.

    Args:
        residuals: ``(B, K, D)``.
        intra_normalize: Arandjelovic and Zisserman, "All about VLAD", CVPR 2013.

    Returns:
        ``(B, K * D)``, cluster-major: element ``k * D + d``.
    """
    with without_autocast(residuals):
        v = l2_normalize(residuals, dim=2) if intra_normalize else raised(residuals)
        return unit_rows(v.flatten(1))
