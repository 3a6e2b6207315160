"""Generalised-mean pooling."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vpr_pooling.checks import check_feature_map, check_positive
from vpr_pooling.functional import l2_normalize, unit_rows
from vpr_pooling.precision import raised, without_autocast

__all__ = ["GeM", "generalized_mean"]


def generalized_mean(features: Tensor, p: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Return ``f_c = (1/N sum_n max(x_cn, eps)^p_c)^(1/p_c)``.

    The largest activation of each channel is taken out before the power and put back after the root: the value is the
    same for any such factor, and ``x^p`` can then neither overflow (6e4 cubed is beyond float16, 6e4^9 beyond float32)
    nor vanish.

    Args:
        features: ``(B, C, N)``.
        p: ``(1,)`` or ``(C,)`` exponents above zero; 1 is the mean, infinity the maximum.
        eps: floor of the activations; below it no gradient flows.

    Returns:
        ``(B, C)``, at least float32.
    """
    with without_autocast(features):
        x = raised(features).clamp(min=eps)
        exponent = p.to(x.dtype)
        top = x.detach().amax(dim=2, keepdim=True)
        mean = (x / top).pow(exponent.unsqueeze(-1)).mean(dim=2)
        return top.squeeze(2) * mean.pow(1.0 / exponent)


class GeM(nn.Module):
    """Generalised-mean pooling with a trained exponent, then L2.

    Source: Radenovic, Tolias and Chum, Fine-tuning CNN image retrieval with no human annotation, TPAMI 2019, arXiv
    1711.02512.

    Args:
        in_channels: ``C``, channels of the feature map, and the dimension of the descriptor.
        p: first value of the exponent.
        eps: floor of the activations.
        per_channel: one exponent a channel instead of one for all.
        trainable: train the exponent.
        normalize_input: L2-normalise each local feature over its channels first (as CosPlace's head does).

    State: ``p (1,)`` or ``(C,)``.

    Example:
        >>> import torch
        >>> GeM(in_channels=512)(torch.rand(2, 512, 15, 20)).shape
        torch.Size([2, 512])
    """

    orderless: bool = True

    def __init__(
        self,
        *,
        in_channels: int,
        p: float = 3.0,
        eps: float = 1e-6,
        per_channel: bool = False,
        trainable: bool = True,
        normalize_input: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("p", p), ("eps", eps)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be a finite number above 0, got {value}")
        self.in_channels = check_positive("in_channels", in_channels)
        self.out_dim = in_channels
        self.eps = eps
        self.normalize_input = normalize_input
        self.p = nn.Parameter(torch.full((in_channels if per_channel else 1,), float(p)), requires_grad=trainable)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit descriptors, ``(B, in_channels, h, w) -> (B, in_channels)``.

        A zero map has every activation at the floor, so its descriptor is the unit vector of equal entries.
        """
        check_feature_map(features, self.in_channels)
        x = features.flatten(2)
        if self.normalize_input:
            x = l2_normalize(x, dim=1)
        return unit_rows(generalized_mean(x, self.p, eps=self.eps))

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        per_channel = self.p.numel() == self.in_channels and self.in_channels > 1
        start = "per channel" if per_channel else f"{float(self.p.detach()[0]):.4g}"
        return f"in_channels={self.in_channels}, p={start}, eps={self.eps}, normalize_input={self.normalize_input}"
