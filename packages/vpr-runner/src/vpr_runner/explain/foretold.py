"""What pictures will cost, measured on the network itself before minutes are spent."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from vpr_runner.explain.occlusion import square_positions

__all__ = ["SPENT_SILENTLY", "foretold", "seconds_of"]

SPENT_SILENTLY = 10.0
"""Seconds that are spent without a word."""


@torch.inference_mode()
def seconds_of(describe: Callable[[Tensor], Tensor], image: Tensor, *, batch: int) -> float:
    """Return how long one square of an occlusion map takes, in a batch as it will be computed.

    The second of two calls is measured: the first one warms up.

    Args:
        describe: images ``(B, 3, H, W)`` to descriptors.
        image: ``(3, H, W)``.
        batch: squares in one call; at most four are tried.
    """
    few = image.repeat(min(batch, 4), 1, 1, 1)
    describe(few)
    start = time.perf_counter()
    describe(few)
    if image.is_cuda:
        torch.cuda.synchronize(image.device)
    return (time.perf_counter() - start) / len(few)


def foretold(seconds: float, *, height: int, width: int, stride: int, images: int) -> str:
    """Say what occlusion maps will take, and which option makes it less; empty for a few seconds.

    Args:
        seconds: for one square.
        height: of an image, in pixels.
        width: likewise.
        stride: pixels between two squares.
        images: that are going to be drawn.

    Example:
        >>> foretold(0.1, height=480, width=640, stride=16, images=4).partition(";")[0]
        'occlusion maps: 1200 squares on each of 4 images, about 8 min. --stride 32 takes about 2 min'
        >>> foretold(0.1, height=48, width=64, stride=16, images=1)
        ''
    """
    squares = _squares(height, width, stride)
    whole = seconds * squares * images
    if whole <= SPENT_SILENTLY:
        return ""
    less = seconds * _squares(height, width, 2 * stride) * images
    each = f"on each of {images} images" if images > 1 else "on one image"
    return (
        f"occlusion maps: {squares} squares {each}, about {_spoken(whole)}. --stride {2 * stride} takes about "
        f"{_spoken(less)}; --what retrieval or --what assignment needs none"
    )


def _squares(height: int, width: int, stride: int) -> int:
    return len(square_positions(height, stride)) * len(square_positions(width, stride))


def _spoken(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
