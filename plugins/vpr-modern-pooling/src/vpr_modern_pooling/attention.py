"""Multi-head attention and the post-norm encoder block, in at least float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_modern_pooling.precision import layer_norm, linear

__all__ = ["Attention", "EncoderBlock"]


class Attention(nn.Module):
    """``O concat_h(softmax(q_h k_h^T / sqrt(d/heads)) v_h) + o``, with ``q``, ``k``, ``v`` linear in the inputs.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017, arXiv 1706.03762.

    State: ``in_weight (3 d, d)`` and ``in_bias (3 d,)``, rows of q, then k, then v; ``output``.
    """

    def __init__(self, *, channels: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"heads must divide channels={channels}, got {heads}")
        self.heads = heads
        self.in_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_bias = nn.Parameter(torch.zeros(3 * channels))
        self.output = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """``(B or 1, Q, d)`` and ``(B, N, d)`` give ``(B, Q, d)``."""
        weights = self.in_weight.to(context.dtype).chunk(3)
        biases = self.in_bias.to(context.dtype).chunk(3)
        inputs = (queries, context, context)
        q, k, v = (self._split(F.linear(x, w, b)) for x, w, b in zip(inputs, weights, biases, strict=True))
        mixed = F.scaled_dot_product_attention(q.expand(k.shape[0], -1, -1, -1), k, v)
        return linear(self.output, mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class EncoderBlock(nn.Module):
    """``x = LN(x + attention(x, x))``, then ``LN(x + W2 ReLU(W1 x + b1) + b2)``."""

    def __init__(self, *, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(channels=channels, heads=heads)
        self.attention_norm = nn.LayerNorm(channels)
        self.inner = nn.Linear(channels, hidden)
        self.outer = nn.Linear(hidden, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, N, channels)`` to the same shape."""
        x = layer_norm(self.attention_norm, x + self.attention(x, x))
        return layer_norm(self.norm, x + linear(self.outer, linear(self.inner, x).relu()))
