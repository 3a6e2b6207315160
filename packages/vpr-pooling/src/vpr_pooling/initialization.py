"""From k-means centres to the assignment parameters of NetVLAD: the published rule for alpha."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vpr_pooling.functional import l2_normalize
from vpr_pooling.precision import raised

__all__ = ["Assignment", "assignment_v1", "assignment_v2", "mean_gap"]

LOG_RATIO = math.log(100.0)
"""The largest assignment weight of a descriptor is on (geometric) average 100 times the second largest."""

_ROWS = 8192
_ROUNDING = 1e-6

Assignment = tuple[Tensor, Tensor | None, float]
"""Weight ``(K, D)``, bias ``(K,)`` or None, and the alpha that they were made with."""


def mean_gap(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> float:
    """Return the mean over ``features (N, D)`` of the best minus the second best of ``w_k . x + b_k``, in float64.

    Raises:
        ValueError: the gap is zero, or no more than the rounding of the scores.
    """
    total = magnitude = 0.0
    for start in range(0, len(features), _ROWS):
        scores = raised(features[start : start + _ROWS]).to(weight.dtype) @ weight.T
        if bias is not None:
            scores += bias
        best = torch.topk(scores, 2, dim=1).values
        total += float((best[:, 0] - best[:, 1]).sum(dtype=torch.float64))
        magnitude += float(best[:, 0].abs().sum(dtype=torch.float64))
    if not total > _ROUNDING * magnitude or not math.isfinite(total):
        raise ValueError(
            f"features has a mean gap of {total / len(features):.3g} between the scores of its two best clusters, so "
            f"alpha = ln 100 / gap is undefined: the sample must hold distinct local features (were the images all "
            f"blank, or the backbone all zero?)"
        )
    return total / len(features)


def assignment_v1(centroids: Tensor, features: Tensor) -> Assignment:
    """Return ``w_k = alpha c_k / |c_k|``, no bias: the form behind all published numbers; needs unit ``features``.

    ``alpha = ln 100 / mean_n (s_1 - s_2)``, with ``s_1, s_2`` the two largest ``x_n . c_k / |c_k|`` of a descriptor.
    Source: layerVLAD of the authors' code, 652dbe7; with one cluster there is no second and alpha is 1.

    Args:
        centroids: ``(K, D)`` raw k-means centres.
        features: ``(N, D)`` descriptors, the same that were clustered.
    """
    directions = l2_normalize(centroids, dim=1)
    alpha = 1.0 if len(centroids) == 1 else LOG_RATIO / mean_gap(features, directions)
    return alpha * directions, None, alpha


def assignment_v2(centroids: Tensor, features: Tensor) -> Assignment:
    """Return ``w_k = 2 alpha c_k``, ``b_k = -alpha |c_k|^2``: equation 3 of the paper.

    ``alpha = ln 100 / mean_n (d2_2 - d2_1)``, with ``d2_1, d2_2`` the squared distances of a *descriptor* to its two
    nearest *centres* (several re-implementations swap the roles, or use neighbour indices for distances).
    Source: layerVLADv2 of the authors' code, 652dbe7; with one cluster there is no second and alpha is 1.
    """
    c = raised(centroids)
    weight, bias = 2.0 * c, -c.square().sum(dim=1)  # |x|^2 - (w . x + b) = |x - c|^2
    alpha = 1.0 if len(c) == 1 else LOG_RATIO / mean_gap(features, weight, bias)
    return alpha * weight, alpha * bias, alpha
