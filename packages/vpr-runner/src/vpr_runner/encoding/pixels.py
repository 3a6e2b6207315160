"""Decoded images that a training run asks for again and again, held in memory as far as it reaches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["MOST_BYTES", "PixelMemory"]

MOST_BYTES = 192 * 2**20
"""Of one memory: 5,400 images of 96 x 128, 218 of 480 x 640. Less than what may wait for a batch to fill (256 MiB in
`vpr_data.images.batches`), so that no batch of remembered images would have been cut short when it was read."""


class PixelMemory:
    """The first images that it is shown, uint8 ``(3, H, W)`` of the first one's shape, until it is full.

    Nothing is dropped to make room: a run comes back to all of its images in every epoch, in an order under which
    whatever came last would always be gone when it is wanted. What is not here is read again, the same pixels.

    Args:
        count: of images, numbered from 0.
        most: bytes.
    """

    def __init__(self, count: int, *, most: int = MOST_BYTES) -> None:
        self._row = np.full(count, -1, dtype=np.int64)
        self._most, self._used = most, 0
        self._pixels: Tensor | None = None

    def remember(self, positions: npt.NDArray[np.int64], images: Tensor) -> None:
        """Keep those of ``images (B, 3, H, W)`` that are new and for which there is room."""
        if self._pixels is None:
            if not len(images):
                return
            rows = min(len(self._row), self._most // max(1, images[0].numel()))
            with torch.inference_mode(False):  # the first images may come while encoding, later ones while training
                # Pages of memory are taken when they are written.
                self._pixels = torch.empty((rows, *images.shape[1:]), dtype=torch.uint8)
        room = len(self._pixels) - self._used
        if not room or images.shape[1:] != self._pixels.shape[1:] or self.holds(positions):
            return
        _, first = np.unique(positions, return_index=True)
        new = np.sort(first[self._row[positions[first]] < 0])[:room]
        rows_of_new = np.arange(self._used, self._used + len(new))
        self._pixels[self._used : self._used + len(new)] = images[torch.from_numpy(new)]
        self._row[positions[new]] = rows_of_new
        self._used += len(new)

    def holds(self, positions: npt.NDArray[np.int64]) -> bool:
        """Return whether all of ``positions`` are here."""
        return bool((self._row[positions] >= 0).all())

    def one(self, position: int) -> Tensor | None:
        """Return an image, not to be written to, or None."""
        row = int(self._row[position])
        return None if row < 0 or self._pixels is None else self._pixels[row]

    def take(self, positions: npt.NDArray[np.int64]) -> Tensor:
        """Return copies ``(B, 3, H, W)`` of images that are all here; at least one."""
        assert self._pixels is not None
        return self._pixels[torch.from_numpy(self._row[positions])]
