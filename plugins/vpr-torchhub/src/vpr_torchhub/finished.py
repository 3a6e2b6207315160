"""The pooling layer behind a network that has pooled already."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Finished"]


class Finished(nn.Module):
    """``y = x / |x|`` of a map with one location: ``(B, C, 1, 1) -> (B, C)``, in float32. Has no parameters.

    Args:
        channels: ``C``.
    """

    orderless = True

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.out_dim = channels

    def forward(self, features: Tensor) -> Tensor:
        """Return unit rows ``(B, C)``; a row of zeros stays one.

        Raises:
            ValueError: ``features`` is not ``(B, C, 1, 1)``.
        """
        if features.ndim != 4 or tuple(features.shape[1:]) != (self.out_dim, 1, 1):
            raise ValueError(
                f"features must be finished descriptors (B, {self.out_dim}, 1, 1), got {tuple(features.shape)}; "
                "pooling 'finished' goes with backbones that are whole networks, such as hub_megaloc"
            )
        rows = features.flatten(1)
        wide = rows if rows.dtype.itemsize >= 4 else rows.float()
        return nn.functional.normalize(wide, dim=1)
