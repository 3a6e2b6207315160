"""A memory of earlier batches, whose descriptors serve as further positives and negatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vpr_metric_learning.labelled import LabelledLoss, check_batch

__all__ = ["CrossBatchMemory"]


class CrossBatchMemory(nn.Module):
    """``l(X) + weight l(X | M)``: a loss in the batch ``X``, and of the batch against a memory ``M``.

    ``M`` holds the last ``size`` descriptors of *earlier* batches, without gradient, oldest dropped first. The authors
    let ``M`` hold the batch itself too; here a pair within the batch counts once, in the first term.

    Memory and count are buffers: a checkpoint holds them, and a resumed run goes on with the same memory. A batch whose
    loss is not finite is not remembered; neither, in a training run of ``vpr``, is one whose step was not taken.

    Args:
        loss: the loss of both terms.
        size: descriptors remembered.
        weight: of the second term.
        start: batches after which the second term counts; the memory fills meanwhile.

    Source: Wang et al., Cross-batch memory for embedding learning, CVPR 2020, arXiv 1912.06798.
    """

    descriptors: Tensor
    places: Tensor
    seen: Tensor

    def __init__(self, *, loss: LabelledLoss, size: int = 1024, weight: float = 1.0, start: int = 0) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        self.loss, self.size, self.weight, self.start = loss, size, weight, start
        self.register_buffer("descriptors", torch.zeros(0, 0))
        self.register_buffer("places", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_load_state_dict_pre_hook(_take_shapes)  # type: ignore[no-untyped-call]

    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        """Return the loss of a batch ``(B, D)``, ``(B,)`` and remember it.

        Raises:
            ValueError: the shapes are wrong, or the descriptors' dimension is not that of the memory.
        """
        check_batch(descriptors, places)
        if len(self.places) and descriptors.shape[1] != self.descriptors.shape[1]:
            raise ValueError(
                f"descriptors must have the memory's dimension {self.descriptors.shape[1]}, got {descriptors.shape[1]}"
            )
        value: Tensor = self.loss(descriptors, places)
        if len(self.places) and int(self.seen) >= self.start:
            memory = self.descriptors.to(descriptors.device), self.places.to(places.device)
            value = value + self.weight * self.loss.against(descriptors, places, *memory)
        if bool(torch.isfinite(value)):
            self._remember(descriptors.detach(), places)
        return value

    def extra_repr(self) -> str:
        """Say the parameters."""
        return f"size={self.size}, weight={self.weight:g}, start={self.start}"

    @torch.no_grad()
    def _remember(self, descriptors: Tensor, places: Tensor) -> None:
        rows = descriptors.float() if descriptors.dtype != torch.float64 else descriptors
        earlier = self.descriptors.to(rows) if len(self.places) else rows[:0]
        self.descriptors = torch.cat((earlier, rows))[-self.size :].clone()
        self.places = torch.cat((self.places.to(places.device), places))[-self.size :].clone()
        self.seen = self.seen + 1


def _take_shapes(module: Any, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Let the memory have the length and dimension of the one that is loaded."""
    for name in ("descriptors", "places"):
        if f"{prefix}{name}" in state:
            setattr(module, name, torch.empty_like(state[f"{prefix}{name}"], device=getattr(module, name).device))
