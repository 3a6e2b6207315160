"""NetVLAD (Arandjelovic et al. 2016) and the hard-assignment VLAD that it generalises."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor, nn

from vpr_pooling.checks import check_feature_map, check_feature_sample, check_positive
from vpr_pooling.functional import (
    hard_assignment,
    inverse_norm,
    l2_normalize,
    soft_assignment,
    vlad_aggregate,
    vlad_flatten,
)
from vpr_pooling.fused import soft_residuals
from vpr_pooling.initialization import Assignment, assignment_v1, assignment_v2
from vpr_pooling.lloyd import kmeans
from vpr_pooling.precision import raised

__all__ = ["VLAD", "NetVLAD"]

_RANDOM_ALPHA = 100.0


class NetVLAD(nn.Module):
    """VLAD with a soft assignment that is trained: ``V_k = sum_n a_k(x_n) (x_n - c_k)``.

    ``a(x) = softmax_k(w_k . x + b_k)``, each ``V_k`` L2-normalised (intra-normalisation), all of them flattened
    cluster-major (element ``k * D + d``) and L2-normalised. Weights ``w``, biases ``b`` and centres ``c`` are separate
    parameters that start from the same k-means centres:

    - ``form="v1"`` (default, behind all the authors' numbers): ``w_k = alpha c_k / |c_k|``, no ``b``, unit inputs.
    - ``form="v2"`` (equation 3 of the paper): ``w_k = 2 alpha c_k``, ``b_k = -alpha |c_k|^2``.

    **Call** `init_from_features` **(or load a checkpoint) before use.** The constructor's random parameters only give
    the layer its shape: trained from them, recall@1 on Pitts30k has been reported at 42 % where 85 % is usual.

    Runs in float32 (float64 for float64 inputs) under autocast too, and returns no less. Never builds a ``B x K x D x
    N`` tensor nor a normalised copy of its input.

    Source: NetVLAD: CNN architecture for weakly supervised place recognition, CVPR 2016, arXiv 1511.07247; reference
    code Relja/netvlad 652dbe7 (which stores ``-c`` and flattens cluster-minor).

    Args:
        in_channels: ``D``, channels of the feature map.
        num_clusters: ``K``.
        form: see above.
        normalize_input: L2-normalise each local feature over its channels first.
        intra_normalize: L2-normalise each cluster's residual sum before the whole.

    State: ``assignment_weight (K, D)``, ``assignment_bias (K,)`` (v2 only), ``centroids (K, D)``.

    Example:
        >>> import torch
        >>> layer = NetVLAD(in_channels=512, num_clusters=64)
        >>> layer.init_from_features(torch.randn(1000, 512), generator=torch.Generator().manual_seed(0))
        >>> layer(torch.randn(2, 512, 15, 20)).shape
        torch.Size([2, 32768])
    """

    orderless: bool = True
    assignment_bias: nn.Parameter | None

    def __init__(
        self,
        *,
        in_channels: int,
        num_clusters: int = 64,
        form: Literal["v1", "v2"] = "v1",
        normalize_input: bool = True,
        intra_normalize: bool = True,
    ) -> None:
        super().__init__()
        if form not in ("v1", "v2"):
            raise ValueError(f"form must be 'v1' or 'v2', got {form!r}")
        if form == "v1" and not normalize_input:
            raise ValueError(
                "normalize_input must be True with form='v1', whose scalar-product assignment is only right for unit "
                "features; use form='v2' for features that are not normalised"
            )
        self.in_channels = check_positive("in_channels", in_channels)
        self.num_clusters = check_positive("num_clusters", num_clusters)
        self.form = form
        self.normalize_input = normalize_input
        self.intra_normalize = intra_normalize
        self.out_dim = num_clusters * in_channels
        self.assignment_weight = nn.Parameter(torch.empty(num_clusters, in_channels))
        self.register_parameter("assignment_bias", nn.Parameter(torch.empty(num_clusters)) if form == "v2" else None)
        self.centroids = nn.Parameter(torch.empty(num_clusters, in_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw random unit centres, and an assignment that fits them; no substitute for `init_from_features`."""
        with torch.no_grad():
            self.centroids.copy_(l2_normalize(nn.init.normal_(self.centroids), dim=1))
            self.assignment_weight.copy_(_RANDOM_ALPHA * self.centroids)
            if self.assignment_bias is not None:
                self.assignment_bias.fill_(-0.5 * _RANDOM_ALPHA)

    @torch.no_grad()
    def init_from_features(self, features: Tensor, *, generator: Generator | None = None) -> None:
        """Set centres and assignment from a sample of local features: k-means, then the published rule for alpha.

        The paper's sample: 50,000 features, 100 from each of 500 training database images. All of it is used.

        Args:
            features: ``(N, in_channels)`` local features as the backbone gives them, ``N >= num_clusters``.
            generator: for the random start of k-means; None: torch's global one.

        Raises:
            ValueError: wrong shape, fewer features than clusters, NaN or infinity, or all features alike.
        """
        check_feature_sample(features, self.in_channels)
        x = l2_normalize(features, dim=1) if self.normalize_input else features
        result = kmeans(x, num_clusters=self.num_clusters, generator=generator)
        self._set(result.centroids, self._assignment(result.centroids, x))

    @torch.no_grad()
    def init_from_centroids(self, centroids: Tensor, *, features: Tensor) -> None:
        """Set the layer from centres found elsewhere; ``features (N, in_channels)`` fix alpha.

        Args:
            centroids: ``(num_clusters, in_channels)``, clustered from features normalised as this layer does.
            features: local features as the backbone gives them.
        """
        check_feature_sample(features, self.in_channels)
        if tuple(centroids.shape) != tuple(self.centroids.shape):
            raise ValueError(f"centroids must have shape {tuple(self.centroids.shape)}, got {tuple(centroids.shape)}")
        x = l2_normalize(features, dim=1) if self.normalize_input else features
        self._set(centroids, self._assignment(raised(centroids), x))

    def _assignment(self, centroids: Tensor, features: Tensor) -> Assignment:
        rule = assignment_v1 if self.form == "v1" else assignment_v2
        return rule(centroids, features)

    def _set(self, centroids: Tensor, assignment: Assignment) -> None:
        weight, bias, _ = assignment
        self.centroids.copy_(centroids)
        self.assignment_weight.copy_(weight)
        if self.assignment_bias is not None and bias is not None:
            self.assignment_bias.copy_(bias)

    def assignment(self, features: Tensor) -> Tensor:
        """Return the soft assignment of each location, ``(B, D, h, w) -> (B, K, h, w)``, summing to one over ``K``."""
        check_feature_map(features, self.in_channels)
        x = features.flatten(2)
        scale = inverse_norm(x, dim=1) if self.normalize_input else None
        weights = soft_assignment(x, self.assignment_weight, self.assignment_bias, scale)
        return weights.reshape(*weights.shape[:2], *features.shape[2:])

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, num_clusters * in_channels)``, cluster-major.

        A location whose features are all zero is at distance ``|c_k|`` of every centre, so a zero map still has a unit
        descriptor; no gradient flows through such a location.
        """
        check_feature_map(features, self.in_channels)
        residuals = soft_residuals(
            features.flatten(2),
            self.assignment_weight,
            self.assignment_bias,
            self.centroids,
            normalize=self.normalize_input,
        )
        return vlad_flatten(residuals, intra_normalize=self.intra_normalize)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return (
            f"in_channels={self.in_channels}, num_clusters={self.num_clusters}, form={self.form!r}, "
            f"normalize_input={self.normalize_input}, intra_normalize={self.intra_normalize}"
        )


class VLAD(nn.Module):
    """VLAD with hard assignment: ``V_k`` is the sum of ``x_n - c_k`` over the locations nearest to ``c_k``.

    What NetVLAD (v2) becomes as alpha grows; nothing in it is trained, its k-means centres are a buffer. **Call**
    `init_from_features` **before use**; until then the centres are random.

    Source: Jegou et al., Aggregating local descriptors into a compact image representation, CVPR 2010; intra-
    normalisation: Arandjelovic and Zisserman, All about VLAD, CVPR 2013.

    Args:
        in_channels: ``D``, channels of the feature map.
        num_clusters: ``K``.
        normalize_input: L2-normalise each local feature over its channels first.
        intra_normalize: L2-normalise each cluster's residual sum before the whole.
        ignore_zeros: a location whose features are all zero has no descriptor (a patch without gradient has no SIFT):
            it is left out of the sums and of k-means. A map of nothing else has a zero descriptor then.

    State: ``centroids (K, D)``.
    """

    orderless: bool = True
    centroids: Tensor

    def __init__(
        self,
        *,
        in_channels: int,
        num_clusters: int = 64,
        normalize_input: bool = True,
        intra_normalize: bool = True,
        ignore_zeros: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.num_clusters = check_positive("num_clusters", num_clusters)
        self.normalize_input = normalize_input
        self.intra_normalize = intra_normalize
        self.ignore_zeros = ignore_zeros
        self.out_dim = num_clusters * in_channels
        self.register_buffer("centroids", l2_normalize(torch.randn(num_clusters, in_channels), dim=1))

    @torch.no_grad()
    def init_from_features(self, features: Tensor, *, generator: Generator | None = None) -> None:
        """Set the centres by k-means on ``(N, in_channels)`` local features; see `NetVLAD.init_from_features`."""
        check_feature_sample(features, self.in_channels)
        kept = features[features.any(dim=1)] if self.ignore_zeros else features
        x = l2_normalize(kept, dim=1) if self.normalize_input else kept
        self.centroids.copy_(kmeans(x, num_clusters=self.num_clusters, generator=generator).centroids)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, num_clusters * in_channels)``, cluster-major."""
        check_feature_map(features, self.in_channels)
        x = features.flatten(2)
        scale = inverse_norm(x, dim=1) if self.normalize_input else None
        assignment = hard_assignment(x, self.centroids, scale)
        if self.ignore_zeros:
            assignment = assignment * x.ne(0).any(dim=1, keepdim=True)
        residuals = vlad_aggregate(x, assignment, self.centroids, scale)
        return vlad_flatten(residuals, intra_normalize=self.intra_normalize)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return (
            f"in_channels={self.in_channels}, num_clusters={self.num_clusters}, "
            f"normalize_input={self.normalize_input}, intra_normalize={self.intra_normalize}, "
            f"ignore_zeros={self.ignore_zeros}"
        )
