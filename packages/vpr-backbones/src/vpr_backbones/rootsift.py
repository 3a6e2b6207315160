"""RootSIFT on a dense grid: the hand-made local features that the NetVLAD paper compares with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_backbones.normalization import Normalization
from vpr_backbones.staged import StagedBackbone

__all__ = ["DenseRootSIFT", "build_rootsift", "root_sift"]

CHANNELS = 128
_MAGNIFICATION = 6.0
"""VLFeat's dense SIFT smooths an image by a sixth of the bin size first."""
_BIN_OF_KEYPOINT = 1.5
"""OpenCV makes a bin of 3 sigma for a keypoint of diameter 2 sigma."""


def build_rootsift(*, step: int = 8, bin_sizes: Sequence[int] = (4, 6, 8, 10)) -> StagedBackbone:
    """Build a backbone of one frozen stage: images 0..255 to RootSIFT, ``(B, 3, H, W) -> (B, 128, S h, w)``.

    ``h x w`` locations a step apart, ``h = H // step``; the ``S`` bin sizes lie one below the other, which an orderless
    pooling layer does not see. There is nothing to train.

    Args:
        step: pixels between two descriptors.
        bin_sizes: side in pixels of one of the 4 x 4 bins of a descriptor, for each scale.

    Raises:
        ModuleNotFoundError: OpenCV is not installed.
        ValueError: an argument out of range.
    """
    return StagedBackbone(
        stages={"rootsift": DenseRootSIFT(step=step, bin_sizes=bin_sizes)},
        out_channels=CHANNELS,
        stride=step,
        normalization=Normalization(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale=255.0),
        train_from="none",
    )


class DenseRootSIFT(nn.Module):
    """Upright SIFT by OpenCV at the points of a grid, then RootSIFT.

    The same number of descriptors for every image of a size, so nothing is padded. A patch without any gradient has no
    descriptor: its location is zero (the pooling layer `vlad` leaves such locations out with ``ignore_zeros``).

    Sources: Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 2004; Arandjelovic and Zisserman,
    Three things everyone should know to improve object retrieval, CVPR 2012.
    """

    def __init__(self, *, step: int, bin_sizes: Sequence[int]) -> None:
        super().__init__()
        if step < 1:
            raise ValueError(f"step must be at least 1 pixel, got {step}")
        if not bin_sizes or min(bin_sizes) < 1 or len(set(bin_sizes)) != len(bin_sizes):
            raise ValueError(f"bin_sizes must be different numbers of pixels, each at least 1, got {tuple(bin_sizes)}")
        self.step = step
        self.bin_sizes = tuple(bin_sizes)
        self._opencv = _opencv()

    @torch.no_grad()
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, 128, S h, w)`` for images ``(B, 3, H, W)`` in 0..255; computed on the CPU, in float32.

        Raises:
            ValueError: an image is smaller than a step.
        """
        height, width = images.shape[-2:]
        if min(height, width) < self.step:
            raise ValueError(f"images of {height} x {width} pixels are smaller than step ({self.step})")
        bytes_ = images.float().clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        maps = np.stack([np.concatenate([self._map(pixels, size) for size in self.bin_sizes]) for pixels in bytes_])
        return torch.from_numpy(root_sift(maps)).permute(0, 3, 1, 2).contiguous().to(images.device)

    def _map(self, pixels: npt.NDArray[np.uint8], bin_size: int) -> npt.NDArray[np.float32]:
        """SIFT ``(h, w, 128)`` of an RGB image."""
        cv2 = self._opencv
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        rows, columns = (
            np.arange(side // self.step) * self.step + (self.step - 1) / 2 + (side % self.step) / 2
            for side in grey.shape
        )
        diameter = bin_size / _BIN_OF_KEYPOINT
        points = [cv2.KeyPoint(float(x), float(y), diameter, 0.0) for y in rows for x in columns]
        _, found = cv2.SIFT_create(sigma=bin_size / _MAGNIFICATION).compute(grey, points)
        return np.asarray(found, dtype=np.float32).reshape(len(rows), len(columns), CHANNELS)


def root_sift(descriptors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ``sqrt(x / |x|_1)`` along the last axis of non-negative SIFT descriptors; zero stays zero.

    Rows have unit length, and their scalar product is the Hellinger kernel of the histograms.

    Example:
        >>> root_sift(np.array([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]], dtype=np.float32)).round(3).tolist()
        [[0.5, 0.0, 0.8659999966621399], [0.0, 0.0, 0.0]]
    """
    total = descriptors.sum(axis=-1, keepdims=True)
    shares: npt.NDArray[np.float32] = np.sqrt(descriptors / np.where(total > 0, total, np.float32(1)))
    return shares


def _opencv() -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "backbone: rootsift needs OpenCV; install it: pip install 'vpr-backbones[sift]'"
        ) from error
    return cv2
