"""SALAD: local features aggregated by optimal transport, beside a global token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_modern_pooling.checks import check_at_least_zero
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import linear
from vpr_modern_pooling.transport import dustbin_assignment
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["SALAD", "Perceptron"]


class Perceptron(nn.Module):
    """``W2 ReLU(dropout(W1 x + b1)) + b2`` over the last axis."""

    def __init__(self, *, inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.inner = nn.Linear(inputs, hidden)
        self.outer = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., inputs) -> (..., outputs)``."""
        return linear(self.outer, F.dropout(linear(self.inner, x), self.dropout, self.training).relu())


class SALAD(nn.Module):
    """Local features reduced to ``l`` numbers and shared out to ``m`` clusters by optimal transport, with a dustbin.

    ``V_k = sum_n P_kn f(x_n)`` with `vpr_modern_pooling.transport.dustbin_assignment` for ``P``; each ``V_k`` to unit
    length; the descriptor is ``L2([L2(t(token)), V])``: the token's ``token_dim`` numbers, then ``V``, where number
    ``i`` of cluster ``k`` is element ``i * m + k``. The sum over locations is one matrix product,
    never a ``B x l x m x n`` tensor.

    Needs more locations than clusters. With ``token_dim > 0`` it is called with the backbone's global token too (a
    ViT's class token); ``token_dim = 0`` leaves that branch out, for convolutional backbones.

    ``dustbin`` and the bias of the scores are loaded and kept as published but not trained: the transport takes up
    whatever is constant along a row, so that their gradient is zero.

    Source: Izquierdo and Civera, Optimal transport aggregation for visual place recognition, CVPR 2024, arXiv
    2311.15937. Published: DINOv2 ViT-B/14, 64 clusters of 128 numbers, a token of 256, hidden 512, dropout 0.3, 3
    iterations: 8448 numbers.

    Args:
        in_channels: ``C``, channels of the feature map and of the token.
        num_clusters: ``m``.
        cluster_dim: ``l``, numbers of a local feature after reduction.
        token_dim: numbers of the token after reduction; 0: no token.
        hidden: units of the hidden layers.
        dropout: share of hidden units dropped in training (not in the token's branch).
        iterations: of Sinkhorn.

    State: ``reduce``, ``score`` and, with a token, ``token``, each ``inner`` and ``outer`` of ``weight`` and ``bias``;
    ``dustbin ()``.

    Example:
        >>> import torch
        >>> layer = SALAD(in_channels=768).eval()
        >>> layer(torch.randn(2, 768, 16, 16), torch.randn(2, 768)).shape
        torch.Size([2, 8448])
    """

    orderless: bool = True

    def __init__(
        self,
        *,
        in_channels: int,
        num_clusters: int = 64,
        cluster_dim: int = 128,
        token_dim: int = 256,
        hidden: int = 512,
        dropout: float = 0.3,
        iterations: int = 3,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.num_clusters = check_positive("num_clusters", num_clusters)
        self.cluster_dim = check_positive("cluster_dim", cluster_dim)
        self.token_dim = check_at_least_zero("token_dim", token_dim)
        self.iterations = check_positive("iterations", iterations)
        check_positive("hidden", hidden)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {dropout!r}")
        self.uses_global_token = token_dim > 0
        self.out_dim = token_dim + num_clusters * cluster_dim
        self.token = Perceptron(inputs=in_channels, hidden=hidden, outputs=token_dim) if token_dim else None
        self.reduce = Perceptron(inputs=in_channels, hidden=hidden, outputs=cluster_dim, dropout=dropout)
        self.score = Perceptron(inputs=in_channels, hidden=hidden, outputs=num_clusters, dropout=dropout)
        self.score.outer.bias.requires_grad_(False)
        self.dustbin = nn.Parameter(torch.tensor(1.0), requires_grad=False)

    def assignment(self, features: Tensor) -> Tensor:
        """Return ``P``, what each cluster takes of each location, ``(B, C, h, w) -> (B, num_clusters, h, w)``."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            weights = self._assignment(raised(features).flatten(2).transpose(1, 2))
            return weights.reshape(*weights.shape[:2], *features.shape[2:])

    def _assignment(self, x: Tensor) -> Tensor:
        return dustbin_assignment(self.score(x).transpose(1, 2), self.dustbin, iterations=self.iterations)

    def forward(self, features: Tensor, token: Tensor | None = None) -> Tensor:
        """Return unit descriptors ``(B, token_dim + num_clusters * cluster_dim)``.

        Args:
            features: ``(B, in_channels, h, w)`` with ``h * w > num_clusters``.
            token: ``(B, in_channels)``; needed when ``token_dim > 0``, else unused.

        Raises:
            ValueError: another shape, too few locations, or no token where one is needed.
        """
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            x = raised(features).flatten(2).transpose(1, 2)
            sums = torch.bmm(self.reduce(x).transpose(1, 2), self._assignment(x).transpose(1, 2))
            parts = [l2_normalize(sums, dim=1).flatten(1)]
            if self.token is not None:
                parts.insert(0, l2_normalize(self.token(self._checked(token, features))))
            return l2_normalize(torch.cat(parts, dim=1))

    def _checked(self, token: Tensor | None, features: Tensor) -> Tensor:
        wanted = (features.shape[0], self.in_channels)
        if token is None:
            raise ValueError(
                f"token must have shape {wanted}, got none: take a backbone with a global token, or token_dim=0"
            )
        if tuple(token.shape) != wanted:
            raise ValueError(f"token must have shape {wanted}, got {tuple(token.shape)}")
        return token.to(raised(features).dtype)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return (
            f"in_channels={self.in_channels}, num_clusters={self.num_clusters}, cluster_dim={self.cluster_dim}, "
            f"token_dim={self.token_dim}, dropout={self.reduce.dropout}, iterations={self.iterations}"
        )
