"""Small pictures inside a page, within a budget of bytes."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpr_data import ImageDecodeError, load_image

__all__ = ["BUDGET", "thumbnails"]

BUDGET = 1_700_000
"""Bytes of all pictures of a page, in base64; with the rest a page of 200 photos stays below 2 MB."""
SIZES = ((640, 82), (480, 80), (320, 76), (240, 72), (160, 66), (120, 60), (88, 50), (64, 42))
"""Longest side in pixels and JPEG quality that are tried, best first."""
TRIED = 6


def thumbnails(files: Iterable[Path], *, budget: int = BUDGET) -> dict[Path, str]:
    """Return a JPEG of each file as a ``data:`` address, all of one size, the largest that the budget allows.

    What cannot be read has none. Should the budget run out all the same, the last files have none: name those first
    that matter most.

    Args:
        files: images, each as often as a page shows it.
        budget: bytes of base64.
    """
    times = Counter(files)
    listed = list(times)
    if not listed:
        return {}
    some = [pixels for file in listed[:: max(1, len(listed) // TRIED)] if (pixels := _read(file)) is not None]
    side, quality = SIZES[-1]
    for side, quality in SIZES:
        mean = sum(len(_encoded(pixels, side, quality)) for pixels in some) / max(1, len(some))
        if 1.15 * mean * times.total() <= budget:
            break
    found: dict[Path, str] = {}
    for file in listed:
        pixels = _read(file)
        if pixels is None:
            continue
        picture = _encoded(pixels, side, quality)
        if len(picture) * times[file] <= budget:
            budget -= len(picture) * times[file]
            found[file] = picture
    return found


def _read(file: Path) -> npt.NDArray[np.uint8] | None:
    try:
        return load_image(file, longest=SIZES[0][0])
    except ImageDecodeError:
        return None


def _encoded(pixels: npt.NDArray[np.uint8], side: int, quality: int) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
