"""NetVLAD's residual sums with the gradient written by hand: one pass over the feature map where autograd makes six."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vpr_pooling.functional import EPSILON, inverse_norm, soft_assignment, vlad_aggregate
from vpr_pooling.precision import raised, without_autocast

__all__ = ["soft_residuals"]


def soft_residuals(
    features: Tensor, weight: Tensor, bias: Tensor | None, centroids: Tensor, *, normalize: bool
) -> Tensor:
    """Return ``V_k = sum_n a_k(x_n) (x_n - c_k)`` with ``a = softmax_k(w_k . x + b_k)``, ``x`` of unit norm if asked.

    Eager mode goes through a hand-written gradient (first order only), `torch.compile` and export through the plain
    formulas, which a compiler fuses itself. Both are the same numbers up to rounding.

    Args:
        features: ``(B, D, N)`` local features.
        weight: ``(K, D)`` assignment weights.
        bias: ``(K,)`` assignment biases or None.
        centroids: ``(K, D)`` centres.
        normalize: divide each feature by its norm first.

    Returns:
        ``(B, K, D)``, at least float32.
    """
    with without_autocast(features):
        x = raised(features)
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
            scale = inverse_norm(x, dim=1) if normalize else None
            return vlad_aggregate(x, soft_assignment(x, weight, bias, scale), centroids, scale)
        b = None if bias is None else bias.to(x.dtype)
        return cast(Tensor, _SoftResiduals.apply(x, weight.to(x.dtype), b, centroids.to(x.dtype), normalize))


def _inverse_norms(x: Tensor) -> Tensor:
    """Return `inverse_norm` over channels; on a CPU image by image, whose squares then stay in its cache."""
    if x.device.type != "cpu" or not len(x):
        return inverse_norm(x, dim=1)
    squared = torch.stack([image.square().sum(dim=0, keepdim=True) for image in x])
    return torch.where(squared > 0, torch.rsqrt(squared + EPSILON), torch.zeros_like(squared))


class _SoftResiduals(torch.autograd.Function):
    """``z = r (W X) + b``, ``A = softmax_K(z)``, ``V = (A r) X^T - diag(A 1) C``, with ``r = 1 / |x|`` or 1.

    Backwards, with ``G = dL/dV`` and ``P = r (G X)``: ``dz = softmax'(A)(P - G . c)``, and

        ``dL/dX = [W; G]^T [r dz; r A] - x r^2 sum_k (dz (z - b) + A P)``

    whose last term is that of the norm; both products are one, added in place to the only other pass over ``X``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, centroids: Tensor, normalize: bool) -> Tensor:
        w = weight.expand(len(x), -1, -1)
        scale = _inverse_norms(x) if normalize else None
        scores = torch.bmm(w, x)
        if scale is not None:
            scores.mul_(scale)
        biased = scores if bias is None else scores + bias.unsqueeze(-1)
        assignment = torch.softmax(biased, dim=1)
        mass = assignment.sum(dim=2, keepdim=True)
        weighted = assignment if scale is None else assignment * scale
        ctx.save_for_backward(x, weight, centroids, scale, scores if normalize else None, assignment, mass)
        ctx.has_bias = bias is not None
        return torch.bmm(weighted, x.transpose(1, 2)).sub_(mass * centroids)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, centroids, scale, scores, assignment, mass = ctx.saved_tensors
        with without_autocast(x):
            product = torch.bmm(grad, x)
            if scale is not None:
                product.mul_(scale)
            # softmax': dz = A (dA - sum_k A dA)
            dz = product - (grad * centroids).sum(dim=2, keepdim=True)
            dz.sub_((assignment * dz).sum(dim=1, keepdim=True)).mul_(assignment)
            dw_scores = dz if scale is None else dz * scale
            dx = dweight = dbias = dcentroids = None
            if ctx.needs_input_grad[0]:
                weighted = assignment if scale is None else assignment * scale
                left = torch.cat([weight.expand(len(x), -1, -1), grad], dim=1).transpose(1, 2)
                right = torch.cat([dw_scores, weighted], dim=1)
                if scale is None:
                    dx = torch.bmm(left, right)
                else:
                    radial = (dz * scores + assignment * product).sum(dim=1, keepdim=True)
                    dx = (x * (-radial * scale * scale)).baddbmm_(left, right)
            if ctx.needs_input_grad[1]:
                dweight = torch.bmm(dw_scores, x.transpose(1, 2)).sum(dim=0)
            if ctx.has_bias and ctx.needs_input_grad[2]:
                dbias = dz.sum(dim=(0, 2))
            if ctx.needs_input_grad[3]:
                dcentroids = -(mass * grad).sum(dim=0)
        return dx, dweight, dbias, dcentroids, None
