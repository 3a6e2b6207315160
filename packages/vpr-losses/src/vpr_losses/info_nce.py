"""InfoNCE over a batch of labelled images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpr_losses.precision import raised, without_autocast

__all__ = ["InfoNCE"]


class InfoNCE(nn.Module):
    """Each image tells another one of its place from all other images of the batch.

    ``L = mean over i of  mean over p in P(i) of  -ln( e^(s_ip / t) / sum_{a != i} e^(s_ia / t) )`` with the cosine
    similarity ``s`` of unit descriptors, the temperature ``t`` and ``P(i)``, the other images of place ``i``. Images
    alone in their place are counted by no one but the others, as negatives.

    Source: van den Oord, Li and Vinyals 2018, arXiv 1807.03748; over several positives as Khosla et al. 2020,
    arXiv 2004.11362, equation 2.

    Args:
        temperature: ``t``, greater than 0.
    """

    def __init__(self, *, temperature: float = 0.1) -> None:
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be a finite number greater than 0, got {temperature!r}")
        self.temperature = temperature

    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        """Return the scalar loss of unit descriptors ``(B, D)`` and their places ``(B,)``; 0 without a pair.

        Raises:
            ValueError: the shapes do not belong together.
        """
        if descriptors.ndim != 2 or places.shape != descriptors.shape[:1]:
            raise ValueError(
                f"descriptors and places must be (B, D) and (B,), got {tuple(descriptors.shape)}, {tuple(places.shape)}"
            )
        with without_autocast(descriptors):
            x = raised(descriptors)
            itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
            logits = (x @ x.T / self.temperature).masked_fill(itself, -torch.inf)
            positive = (places[:, None] == places[None, :]) & ~itself
            count = positive.sum(dim=1)
            log_share = (logits - logits.logsumexp(dim=1, keepdim=True)).masked_fill(~positive, 0.0)
            each = -log_share.sum(dim=1) / count.clamp(min=1)
            return each.sum() / (count > 0).sum().clamp(min=1)

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        return f"temperature={self.temperature:.4g}"
