"""The cropped query of Oxford and Paris."""

from __future__ import annotations

import math

__all__ = ["grow_query_box"]


def grow_query_box(
    box: tuple[float, float, float, float], *, receptive_field: float, width: int, height: int
) -> tuple[int, int, int, int]:
    """Return the box to cut a query image by, grown by half the receptive field on each side and kept in the image.

    So the features at the border of the query region see what they would have seen in the whole image. Source: protocol
    of NetVLAD (arXiv 1511.07247), section 5.3: 98 pixels for VGG-16 (196), 81.5 for AlexNet (163).

    Args:
        box: ``(left, top, right, bottom)`` in pixels, right and bottom excluded.
        receptive_field: of the last convolution, in pixels.
        width: of the image.
        height: of the image.

    Returns:
        Whole pixels ``(left, top, right, bottom)``, rounded outwards.

    Raises:
        ValueError: the box is empty, not finite or outside the image.

    Example:
        >>> grow_query_box((100, 50, 300, 400), receptive_field=196, width=1024, height=768)
        (2, 0, 398, 498)
    """
    left, top, right, bottom = box
    if not all(map(math.isfinite, box)) or not (left < right and top < bottom):
        raise ValueError(f"box: {box} must be finite, with left < right and top < bottom")
    if receptive_field < 0 or not math.isfinite(receptive_field):
        raise ValueError(f"receptive_field: must be finite and at least 0, got {receptive_field}")
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        raise ValueError(f"box: {box} lies outside the image of {width} x {height} pixels")
    margin = receptive_field / 2
    return (
        max(0, math.floor(left - margin)),
        max(0, math.floor(top - margin)),
        min(width, math.ceil(right + margin)),
        min(height, math.ceil(bottom + margin)),
    )
