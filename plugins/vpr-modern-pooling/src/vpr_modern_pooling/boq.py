"""BoQ: a bag of learned queries that attend to the map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpr_modern_pooling.attention import Attention, EncoderBlock
from vpr_modern_pooling.normalization import l2_normalize
from vpr_modern_pooling.precision import convolve, layer_norm, linear
from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.precision import raised, without_autocast

__all__ = ["BoQ", "QueryBlock"]


class QueryBlock(nn.Module):
    """Encode the tokens, let the queries look at each other, then at the tokens.

    ``x = encoder(x)``, ``q = LN(q + attention(q, q))``, ``o = LN(attention(q, x))``. The queries' look at each other
    does not depend on the image, so it is computed once a batch.

    State: ``encoder``, ``queries (1, Q, d)``, ``self_attention``, ``query_norm``, ``cross_attention``, ``output_norm``.
    """

    def __init__(self, *, channels: int, heads: int, num_queries: int) -> None:
        super().__init__()
        self.encoder = EncoderBlock(channels=channels, heads=heads, hidden=4 * channels)
        self.queries = nn.Parameter(torch.randn(1, num_queries, channels))
        self.self_attention = Attention(channels=channels, heads=heads)
        self.query_norm = nn.LayerNorm(channels)
        self.cross_attention = Attention(channels=channels, heads=heads)
        self.output_norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return encoded tokens ``(B, N, d)`` and what the queries found, ``(B, Q, d)``."""
        x = self.encoder(x)
        q = self.queries.to(x.dtype)
        q = layer_norm(self.query_norm, q + self.self_attention(q, q))
        return x, layer_norm(self.output_norm, self.cross_attention(q, x))


class BoQ(nn.Module):
    """3x3 convolution to ``d`` channels, layer norm, blocks of learned queries, linear over the queries, then L2.

    The answers of all blocks' queries are joined to ``(L * Q, d)`` and ``y_dr = sum_q W_rq o_qd + b_r``, flattened
    channel-major: element ``d * rows + r``.

    Source: Ali-bey, Chaib-draa and Giguere, BoQ: a place is worth a bag of learnable queries, CVPR 2024, arXiv
    2405.07364. Published: 2 blocks of 64 queries, 32 rows; 512 channels with ResNet-50 (16384 numbers), 384 with
    DINOv2 (12288); heads of 64 channels.

    Args:
        in_channels: ``C``, channels of the feature map.
        channels: ``d``.
        num_queries: ``Q`` of each block.
        num_blocks: ``L``.
        rows: numbers a channel.
        head_dim: channels of an attention head; divides ``channels``.

    State: ``projection``, ``norm``, ``blocks.i`` (`QueryBlock`), ``row_projection``.

    Example:
        >>> import torch
        >>> BoQ(in_channels=96, channels=64, num_queries=8)(torch.rand(2, 96, 7, 9)).shape
        torch.Size([2, 2048])
    """

    orderless: bool = False

    def __init__(
        self,
        *,
        in_channels: int,
        channels: int = 512,
        num_queries: int = 64,
        num_blocks: int = 2,
        rows: int = 32,
        head_dim: int = 64,
    ) -> None:
        super().__init__()
        self.in_channels = check_positive("in_channels", in_channels)
        self.channels, self.head_dim = check_positive("channels", channels), check_positive("head_dim", head_dim)
        self.num_queries, self.num_blocks = num_queries, num_blocks
        check_positive("num_queries", num_queries)
        check_positive("num_blocks", num_blocks)
        if channels % head_dim:
            raise ValueError(f"head_dim must divide channels={channels}, got {head_dim}")
        self.out_dim = channels * check_positive("rows", rows)
        self.projection = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(
            QueryBlock(channels=channels, heads=channels // head_dim, num_queries=num_queries)
            for _ in range(num_blocks)
        )
        self.row_projection = nn.Linear(num_blocks * num_queries, rows)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, channels * rows)``."""
        check_feature_map(features, self.in_channels)
        with without_autocast(features):
            x = convolve(self.projection, raised(features)).flatten(2).transpose(1, 2)
            x = layer_norm(self.norm, x)
            found = []
            for block in self.blocks:
                x, answers = block(x)
                found.append(answers)
            joined = torch.cat(found, dim=1).transpose(1, 2)
            return l2_normalize(linear(self.row_projection, joined).flatten(1))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return (
            f"in_channels={self.in_channels}, channels={self.channels}, num_queries={self.num_queries}, "
            f"num_blocks={self.num_blocks}, rows={self.row_projection.out_features}, head_dim={self.head_dim}"
        )
