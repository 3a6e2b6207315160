"""Occlusion sensitivity: what changes when a grey square hides a part of the image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["OcclusionMap", "occlusion_map", "square_positions"]


@dataclass(frozen=True, kw_only=True)
class OcclusionMap:
    """Heat maps over the positions of a square, ``R`` rows and ``C`` columns of them.

    Attributes:
        change: ``(R, C)``, ``|f(I) - f(I with the square there)|``.
        farther: ``(R, C)``, by how much the distance to the match grows, ``|f(I with the square) - m| - |f(I) - m|``
            (negative: hiding that part brings the match nearer); None without a match.
        rows, columns: centres of the squares in pixels.
        window: side of the square in pixels.
    """

    change: Tensor
    farther: Tensor | None
    rows: tuple[float, ...]
    columns: tuple[float, ...]
    window: int


@torch.inference_mode()
def occlusion_map(
    describe: Callable[[Tensor], Tensor],
    image: Tensor,
    *,
    fill: tuple[float, float, float],
    window: int = 100,
    stride: int = 16,
    match: Tensor | None = None,
    batch: int = 32,
    tick: Callable[[int], None] | None = None,
) -> OcclusionMap:
    """Slide a square over ``image`` and measure what its descriptor loses.

    Squares stand ``stride`` pixels apart and are cut at the border, so that every pixel is hidden about as often. They
    are computed ``batch`` at a time; the result does not depend on it.

    Source: after Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014, arXiv 1311.2901, as
    NetVLAD (arXiv 1511.07247) applies it to descriptors, with a square of 100 pixels at 640 x 480.

    Args:
        describe: images ``(B, 3, H, W)`` in 0..1 to descriptors ``(B, D)``.
        image: ``(3, H, W)`` in 0..1.
        fill: colour of the square in 0..1, usually what the network's normalisation maps to zero.
        window: side of the square.
        stride: pixels between two squares.
        match: ``(D,)`` descriptor of the image that was found.
        batch: squares in one call of ``describe``.
        tick: told how many squares are done.

    Raises:
        ValueError: ``image`` has another shape, or a number is less than 1.
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"image must have the shape (3, H, W), got {tuple(image.shape)}")
    for name, value in (("window", window), ("stride", stride), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    height, width = image.shape[1:]
    rows, columns = square_positions(height, stride), square_positions(width, stride)
    colour = torch.tensor(fill, dtype=image.dtype, device=image.device).view(3, 1, 1)
    whole = describe(image[None])[0]
    places = [(row, column) for row in rows for column in columns]
    change, distance = [], []
    for start in range(0, len(places), batch):
        part = places[start : start + batch]
        hidden = image.repeat(len(part), 1, 1, 1)
        for one, (row, column) in zip(hidden, part, strict=True):
            top, bottom = _span(row, window, height)
            left, right = _span(column, window, width)
            one[:, top:bottom, left:right] = colour
        descriptors = describe(hidden)
        change.append((descriptors - whole).norm(dim=1))
        if match is not None:
            distance.append((descriptors - match).norm(dim=1))
        if tick is not None:
            tick(len(part))
    shape = (len(rows), len(columns))
    return OcclusionMap(
        change=torch.cat(change).reshape(shape),
        farther=None if match is None else torch.cat(distance).reshape(shape) - (whole - match).norm(),
        rows=rows,
        columns=columns,
        window=window,
    )


def square_positions(side: int, stride: int) -> tuple[float, ...]:
    """Centres of squares along a side of ``side`` pixels: ``stride`` apart, equally far from both ends."""
    count = max(1, side // stride)
    first = (side - (count - 1) * stride) / 2
    return tuple(first + stride * number for number in range(count))


def _span(centre: float, window: int, side: int) -> tuple[int, int]:
    """First pixel of a square inside the image, and the one behind its last."""
    start = math.floor(centre - window / 2 + 0.5)
    return max(0, start), min(side, start + window)
